"""The table `resources` in DuckDB: filled in bulk, kept between queries, mended row by row.

It knows DuckDB's ways of loading and typing. It refuses to know KQL's limits and HTTP. Importing it loads DuckDB, which
takes as long as the rest of the box together: nobody imports it before the first query.
"""

import datetime as dt
import json
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import duckdb_kql
from duckdb_kql.types import kusto_type

from emulator.arm.errors import Json
from emulator.graph.rows import COLUMNS, TEXTS

_TYPES = {"key": "VARCHAR"} | {name: "VARCHAR" if name in TEXTS else "JSON" for name in COLUMNS}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name and its types in Kusto and in DuckDB."""

    name: str
    kusto: str
    duckdb: str


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a query, as DuckDB gave them: turning them into JSON is done page by page."""

    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]

    def page(self, start: int, count: int) -> list[list[Any]]:
        """Some rows as JSON values."""
        kinds = [one.duckdb for one in self.columns]
        return [
            [_value(kind, value) for kind, value in zip(kinds, row, strict=True)]
            for row in self.rows[start : start + count]
        ]


class Table:
    """The table, in a database of its own in memory."""

    def __init__(self, rows: Iterable[Json]) -> None:
        self._database = duckdb_kql.connect()
        self._database.execute(f"CREATE TABLE everything ({', '.join(f'{key} {of}' for key, of in _TYPES.items())})")
        self._load(rows)

    def close(self) -> None:
        """Let go of the memory."""
        self._database.close()

    def replace(self, keys: Collection[str], rows: Iterable[Json]) -> None:
        """Put these rows in place of those with these keys."""
        self._database.execute("DELETE FROM everything WHERE key IN (SELECT unnest(?::VARCHAR[]))", [[*keys]])
        self._load(rows)

    def _load(self, rows: Iterable[Json]) -> None:
        """Twenty thousand rows through a file take 0.3 s; as parameters they take twice as long, one by one minutes."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            options = {"format": "newline_delimited", "columns": _TYPES, "maximum_object_size": 1 << 27}
            read = "read_json($file, format = $format, columns = $columns, maximum_object_size = $maximum_object_size)"
            self._database.execute(f"INSERT INTO everything FROM {read}", {"file": file.name, **options})

    def run(self, sql: str, shown: Collection[tuple[str, str]]) -> Result:
        """Run a query that reads from `resources`, which shows these subscriptions, and in each these types."""
        with self._database.cursor() as session:
            session.execute(
                "CREATE TEMP TABLE scope AS SELECT unnest(?::VARCHAR[]) AS subscription, unnest(?::VARCHAR[]) AS type",
                [[subscription for subscription, _ in shown], [type_ for _, type_ in shown]],
            )
            session.execute(
                "CREATE TEMP VIEW resources AS "
                "SELECT * EXCLUDE (key) FROM everything "
                "WHERE (subscriptionId, type) IN (SELECT subscription, type FROM scope)"
            )
            session.execute(sql)
            columns = [Column(name, kusto_type(kind), str(kind)) for name, kind, *_ in session.description or ()]
            return Result(tuple(columns), session.fetchall())


def is_query_error(error: Exception) -> bool:
    """Whether it is the query's fault: KQL that does not parse or translate, or SQL that DuckDB cannot run."""
    return isinstance(error, duckdb.Error | duckdb_kql.KqlError)


def _value(kind: str, value: Any) -> Any:  # noqa: ANN401  # A cell may hold anything.
    """A cell as JSON. Kusto's texts are never null: a missing one is empty."""
    if value is None:
        return "" if kind == "VARCHAR" else None
    if kind == "JSON":
        return json.loads(value)
    if kind.endswith("[]"):
        return [_value(kind.removesuffix("[]"), one) for one in value]
    return _plain(value)


def _plain(value: object) -> object:
    match value:
        case dt.datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Decimal():
            return float(value)
        case bool() | int() | float() | str():
            return value
        case _:
            return str(value)
