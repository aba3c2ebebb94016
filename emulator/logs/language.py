"""KQL as Log Analytics takes it, turned into SQL: never more than Azure would run.

It knows which names a query may use and which values it may compare, since Kusto is strict where DuckDB is not: names
have a case, a number is no text. It refuses what no workspace has: other databases, query parameters, commands. What
Azure may take and DuckDB's translation cannot do is refused as such.
"""

import contextlib
import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import duckdb_kql
from duckdb_kql import ir
from duckdb_kql.lower import lower

from emulator.logs import errors, shapes
from emulator.logs.errors import LogsError
from emulator.logs.shortcuts import shorten
from emulator.logs.tables import TABLES

# DuckDB's ways to say that there is no such column; the second and third, where a result's column is to be named so.
_UNKNOWN = re.compile(
    r'(?:Referenced column|Column|Alias with name|column named) "([^"]+)"'
    r"(?: (?:was )?not found| referenced that exists| exists, but| in FROM|$)"
)
# How many queries are kept translated.
_KEPT = 200
_COMPARED = ("==", "!=", "=~", "!~", "<", "<=", ">", ">=")
_NUMBERS = ("int", "long", "real", "decimal")


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A query that may run: its SQL with values, the tables it reads, and its first operator, for messages."""

    sql: str
    values: Mapping[str, Any]
    tables: frozenset[str]
    operator: str


def translate(text: str, tables: Collection[str], now: dt.datetime) -> Question:
    """The question in a text, over these tables and at that time; LogsError where Azure or this box refuses it."""
    shape = shapes.shape_of(text)
    if shape:
        # Errors are told of the query itself, whose places are other ones.
        with contextlib.suppress(LogsError):
            known = _translate_once(shape.text, frozenset(tables))
            if sql := shape.fill(known.sql):
                return dataclasses.replace(known, sql=sql)
    return _translate(text, tables, now)


@functools.lru_cache(maxsize=_KEPT)
def _translate_once(text: str, tables: frozenset[str]) -> Question:
    """The question in a text that asks for no time of its own."""
    return _translate(text, tables, dt.datetime.fromtimestamp(0, dt.UTC))


def _translate(text: str, tables: Collection[str], now: dt.datetime) -> Question:
    try:
        query = _lower(text)
        nodes = list(_walk(query))
        operator = _operator(query)
        _check_statements(query, nodes)
        read = _check_tables(nodes, tables, operator)
        _check_names(nodes, read, operator)
        _check_types(nodes, read)
        schema = {name: list(TABLES[name]) for name in read}
        made = duckdb_kql.to_sql(text, schema=schema, allow_write=False, query_now=now)
    except duckdb_kql.KqlSyntaxError as error:
        raise errors.syntax(str(error)) from error
    except duckdb_kql.KqlError as error:
        # The translator says where Kusto, too, would refuse; everything else is what it cannot do itself.
        if "Kusto refuses it" in str(error):
            raise errors.semantic(str(error), "SEM0034") from error
        raise errors.unsupported(str(error)) from error
    return Question(shorten(str(made)), made.parameters, read, operator)


def explain(error: Exception, operator: str) -> LogsError:
    """What Azure says to a query that DuckDB's binder or engine has refused."""
    found = _UNKNOWN.search(str(error))
    if found:
        return errors.column_missing(operator, found[1])
    return errors.semantic(str(error).splitlines()[0])


def _lower(text: str) -> ir.Query:
    """The query; a command, which begins with a dot, is none."""
    if text.lstrip().startswith("."):
        raise errors.syntax("Query could not be parsed: control commands are not supported.")
    return lower(text)


def _walk(value: object) -> Iterator[object]:
    """Every node of a query, subqueries included."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for one in dataclasses.fields(value):
            yield from _walk(getattr(value, one.name))


def _operator(query: ir.Query) -> str:
    """The first operator as KQL spells it: MvExpand is mv-expand."""
    first = type(query.operators[0]).__name__ if query.operators else ""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", first).lower()


def _check_statements(query: ir.Query, nodes: list[object]) -> None:
    if query.parameters:
        raise errors.semantic("Query parameters are not supported by this API.")
    for node in nodes:
        if isinstance(node, ir.FunctionCall) and node.name in ("workspace", "app", "resource", "arg", "adx"):
            raise errors.unsupported(f"{node.name}() is another data source.")


def _check_tables(nodes: list[object], tables: Collection[str], operator: str) -> frozenset[str]:
    """The tables that a query reads, none of them missing but in a fuzzy union."""
    bound = {name for node in nodes if isinstance(node, ir.Query) for name, _ in node.lets}
    named = {_own(node) for node in nodes if isinstance(node, ir.Source)} - {"", *bound}
    missing = sorted(named - {*tables})
    fuzzy = any(isinstance(node, ir.Union) and node.isfuzzy for node in nodes)
    if missing and not (fuzzy and {*missing} <= _fuzzy(nodes) and named & {*tables}):
        raise errors.table_missing(operator, missing[0])
    return frozenset(named & {*tables})


def _own(source: ir.Source) -> str:
    """The name of a table, "" for a source that reads none."""
    match source:
        case ir.TableRef(name=name, database=None, cluster=None):
            return name
        case ir.TableRef():
            raise errors.table_missing("", source.name)
        case ir.WildcardTableRef():
            raise errors.unsupported(f"a union of all tables that match {source.pattern}.")
        case _:
            return ""


def _fuzzy(nodes: list[object]) -> set[str]:
    """Tables that a fuzzy union may do without: its branches', the first of which is the query's own source."""
    queries = [node for node in nodes if isinstance(node, ir.Query)]
    fuzzy = [
        (query.source, *(branch.source for branch in one.branches))
        for query in queries
        for one in query.operators
        if isinstance(one, ir.Union) and one.isfuzzy
    ]
    return {source.name for sources in fuzzy for source in sources if isinstance(source, ir.TableRef)}


def _check_names(nodes: list[object], read: Collection[str], operator: str) -> None:
    """Kusto's names have a case, DuckDB's have none."""
    named = {column for table in read for column in TABLES[table]} | {*_made(nodes)}
    folded = {name.lower() for name in named}
    for node in nodes:
        if isinstance(node, ir.ColumnRef) and node.name not in named and node.name.lower() in folded:
            raise errors.column_missing(operator, node.name)


def _made(nodes: list[object]) -> Iterator[str]:
    """The columns that a query itself names."""
    for node in nodes:
        match node:
            case (
                ir.NamedExpr(name=str(name))
                | ir.MvExpandTarget(name=str(name))
                | ir.ParseSegment(name=str(name))
                | ir.RangeSource(name=name)
            ):
                yield name
            case ir.ProjectRename(renames=pairs) | ir.DataTable(columns=pairs):
                yield from (name for pair in pairs for name in pair)
            case _:
                continue


def _check_types(nodes: list[object], read: Collection[str]) -> None:
    """A column is compared with a value of its type: Kusto casts no text to a number and no number to a text."""
    made = {*_made(nodes)}
    kinds = {name: kind for table in read for name, kind in TABLES[table].items() if name not in made}
    for node in nodes:
        match node:
            case ir.BinaryOp(op=op, left=ir.ColumnRef(name=name), right=right) if op in _COMPARED:
                _check_pair(kinds.get(name), right)
            case ir.InList(value=ir.ColumnRef(name=name), items=items):
                for item in items:
                    _check_pair(kinds.get(name), item)
            case _:
                continue


def _check_pair(kind: str | None, value: object) -> None:
    given = value.kind if isinstance(value, ir.Literal) else None
    texts = [one == "string" for one in (kind, given)]
    others = [one in (*_NUMBERS, "datetime", "bool") for one in (kind, given)]
    if (texts[0] and others[1]) or (texts[1] and others[0]):
        message = f"Cannot compare values of types {kind} and {given}. Try adding explicit casts"
        raise errors.semantic(message, "SEM0064")
