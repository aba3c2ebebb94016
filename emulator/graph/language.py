"""Which KQL Resource Graph takes: less than Kusto does, and less than DuckDB could run.

It knows the tabular operators, join flavours and limits of the page "Understanding the Azure Resource Graph query
language" (supported tabular operators; where the page's editions differ, the lower limit), and turns what may pass into
SQL. It refuses what the page does not list, and what DuckDB's translation would silently do otherwise: names without
regard to case, an `mv-expand` without Azure's row limit.
"""

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import duckdb_kql
from duckdb_kql import ir
from duckdb_kql.lower import lower

from emulator.graph.rows import COLUMNS

TABLE = "resources"
MOST_JOINS = 3
MOST_EXPANSIONS = 2
MOST_EXPANDED = 400
_FLAVOURS = ("innerunique", "inner", "leftouter", "fullouter")
_OPERATORS = (
    "Count", "Distinct", "Extend", "Join", "Mvexpand", "Parse", "ProjectAway", "Project", "Sort", "Summarize", "Take",
    "Top", "Union", "Where",
)  # fmt: skip
# Nodes of the grammar whose children are tabular operators, and those that every query has.
_PIPES = ("AfterPipeOperator", "BeforePipeExpression")
_STATEMENTS = ("QueryStatement", "Statement")
_PARAMETERS = ("kind", "withsource")


class LanguageError(Exception):
    """A query that Resource Graph does not take."""


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A query that may run: its SQL, and whether its rows come in pages.

    `limited`: `limit` and `take` switch off paging and skipping; `first_page`: so does a `summarize` at the end, which
    the page calls "simplified first page only".
    """

    sql: str
    limited: bool
    first_page: bool


@lru_cache(maxsize=64)
def translate(text: str) -> Question:
    """The question in a text; LanguageError or duckdb_kql.KqlError where there is none."""
    _check_grammar(duckdb_kql.parse(text).tree)
    query = lower(text)
    nodes = list(_walk(query))
    _check_tables(nodes)
    _check_joins(nodes)
    _check_expansions(nodes)
    _check_names(nodes)
    schema = {one.name: list(COLUMNS) for one in nodes if isinstance(one, ir.TableRef)}
    limited = any(isinstance(one, ir.Take) for one in query.operators)
    summed = any(isinstance(one, ir.Summarize) for one in query.operators)
    return Question(str(duckdb_kql.to_sql(text, schema=schema, allow_write=False)), limited, summed)


def _walk(value: object) -> Iterator[object]:
    """Every node of a query, subqueries included."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for one in dataclasses.fields(value):
            yield from _walk(getattr(value, one.name))


def _check_grammar(tree: Any) -> None:  # noqa: ANN401  # ANTLR's trees have no types.
    """Statements, operators and their parameters, as they are written."""
    if tree is None:
        raise LanguageError("Control commands are not supported.")
    name = _name(tree)
    if name.endswith("Statement") and name not in _STATEMENTS:
        raise LanguageError(f"{name} is not supported.")
    if name == "RelaxedQueryOperatorParameter":
        parameter = tree.getText().partition("=")[0].lower()
        if parameter not in _PARAMETERS:
            raise LanguageError(f"The parameter {parameter} is not supported.")
    for child in getattr(tree, "children", None) or ():
        operator = _name(child) if name in _PIPES else ""
        if operator.endswith("Operator") and operator.removesuffix("Operator") not in _OPERATORS:
            raise LanguageError(f"{operator} is not supported here: {child.getText()}.")
        _check_grammar(child)


def _name(tree: object) -> str:
    return type(tree).__name__.removesuffix("Context")


def _check_tables(nodes: list[object]) -> None:
    for node in nodes:
        if isinstance(node, ir.ToScalar) or getattr(node, "subquery", None) is not None:
            raise LanguageError("A query inside an expression is not supported.")
        if not isinstance(node, ir.Source):
            continue
        own = isinstance(node, ir.TableRef) and node.database is None and node.cluster is None
        if not own or getattr(node, "name", "").lower() != TABLE:
            raise LanguageError(f"{getattr(node, 'name', type(node).__name__)} is not a table of this box.")


def _check_joins(nodes: list[object]) -> None:
    joins = [one for one in nodes if isinstance(one, ir.Join)]
    legs = sum(len(one.branches) for one in nodes if isinstance(one, ir.Union))
    if len(joins) + legs > MOST_JOINS:
        raise LanguageError(f"A query holds at most {MOST_JOINS} joins and legs of unions, not {len(joins) + legs}.")
    for one in joins:
        if one.kind not in _FLAVOURS:
            raise LanguageError(f"The join kind {one.kind} is not supported.")


def _check_expansions(nodes: list[object]) -> None:
    expansions = [one for one in nodes if isinstance(one, ir.MvExpand)]
    if len(expansions) > MOST_EXPANSIONS:
        raise LanguageError(f"A query holds at most {MOST_EXPANSIONS} mv-expand.")
    if any(one.limit is None or one.limit > MOST_EXPANDED for one in expansions):
        raise LanguageError(f"Say how many rows mv-expand may give, at most {MOST_EXPANDED}: Azure's default is 128.")


def _check_names(nodes: list[object]) -> None:
    """Kusto's names have a case, DuckDB's have none."""
    named = {one.name for one in nodes if isinstance(one, ir.NamedExpr)}
    proper = {column.lower(): column for column in COLUMNS}
    for used in _used(nodes):
        if used not in named and used != proper.get(used.lower(), used):
            raise LanguageError(f"There is no column {used}; there is {proper[used.lower()]}.")


def _used(nodes: list[object]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ir.ColumnRef(name=name):
                yield name
            case ir.JoinKey(left=left, right=right):
                yield from (left, right)
            case ir.ProjectAway(columns=columns):
                yield from columns
            case _:
                continue
