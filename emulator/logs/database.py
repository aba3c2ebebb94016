"""The tables in DuckDB: filled in bulk, each query with a view of its own.

It knows DuckDB's ways of loading and typing. It refuses to know KQL and HTTP. Importing it loads DuckDB: nobody imports
it before the first row or query.
"""

import csv
import datetime as dt
import itertools
import json
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, Any

import duckdb
import duckdb_kql
from duckdb_kql.types import kusto_type

from emulator.logs import WORKSPACE
from emulator.logs.tables import TABLES, Columns
from emulator.logs.timespan import Span

_TYPES: Mapping[str, str] = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "bool": "BOOLEAN",
    "dynamic": "JSON",
    "guid": "UUID",
}
# Rows are kept where no query can name them: it reads from the views of its own session.
_KEPT = "kept"
# When a row can be seen, in epoch seconds; no column of Azure's begins so.
_SEEN = "$seen"
_LONGEST_LINE = 1 << 25

type Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result and its type in Kusto."""

    name: str
    kusto: str


@dataclass(frozen=True, slots=True)
class View:
    """What a query sees: which tables, at which time (epoch seconds), and over which span, if any."""

    tables: Collection[str]
    now: float
    span: Span | None


@dataclass(frozen=True, slots=True)
class Sql:
    """A query that DuckDB can run, with the values of its placeholders."""

    text: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class _Part:
    """Rows that have the same columns, on their way through a file."""

    names: tuple[str, ...]
    file: IO[str]
    writer: Any


class Session:
    """One query, which another thread may interrupt."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def interrupt(self) -> None:
        """End the query, which then raises an error."""
        self._cursor.interrupt()

    def run(self, sql: Sql, view: View, most: int) -> tuple[list[Column], list[tuple[Any, ...]]]:
        """The columns and at most so many rows; duckdb.Error for what DuckDB cannot do."""
        with self._cursor as cursor:
            cursor.execute("SET TimeZone = 'UTC'")
            for table in view.tables:
                cursor.execute(_shown(table, view))
            cursor.execute(sql.text, dict(sql.values) or None)
            columns = [Column(name, kusto_type(kind)) for name, kind, *_ in cursor.description or ()]
            return columns, cursor.fetchmany(most)


class Database:
    """All tables, empty at first, in memory."""

    def __init__(self) -> None:
        self._database = duckdb_kql.connect()
        self._database.execute(f"CREATE SCHEMA {_KEPT}")
        for table, columns in TABLES.items():
            listed = ", ".join(f"{_quote(name)} {_declared(kind)}" for name, kind in columns.items())
            self._database.execute(f"CREATE TABLE {_KEPT}.{_quote(table)} ({_quote(_SEEN)} DOUBLE, {listed})")

    def session(self) -> Session:
        """A session for one query; this is quick, running it is not."""
        return Session(self._database.cursor())

    def add(self, table: str, rows: Iterable[Row], now: float, seen: float) -> int:
        """Put rows in, all or none; both times are epoch seconds. ValueError names what does not fit.

        A million rows of 16 columns go through a file in 10 s; one by one through DuckDB's own appender they take 15 s.
        """
        with ExitStack() as stack:
            parts, count = _write(stack, TABLES[table], table, rows)
            session = stack.enter_context(self._database.cursor())
            session.execute("SET TimeZone = 'UTC'")
            session.begin()
            try:
                for part in parts:
                    _load(session, table, part, now, seen)
            except duckdb.Error as error:
                session.rollback()
                raise ValueError(f"{table}: {error}") from error
            session.commit()
            return count


def is_query_error(error: Exception) -> bool:
    """Whether DuckDB could not make sense of a query."""
    return isinstance(error, duckdb.Error)


def _write(stack: ExitStack, columns: Columns, table: str, rows: Iterable[Row]) -> tuple[list[_Part], int]:
    """Files of rows with the same columns, and how many rows there are."""
    parts: dict[tuple[str, ...], _Part] = {}
    counted = itertools.count()
    # A line of a file with one column could be empty, which is no row.
    wide = (row if len(row) > 1 else {"Type": table, "TenantId": WORKSPACE, **row} for row in rows)
    for names, members in itertools.groupby(wide, key=tuple):
        part = parts.get(names)
        if part is None:
            part = parts[names] = _open(stack, columns, table, names)
        dynamic = any(columns[name] == "dynamic" for name in names)
        lines = (row.values() for row, _ in zip(members, counted, strict=False))
        part.writer.writerows(_texts(columns, names, lines) if dynamic else lines)
    for part in parts.values():
        part.file.flush()
    return list(parts.values()), next(counted)


def _open(stack: ExitStack, columns: Columns, table: str, names: tuple[str, ...]) -> _Part:
    if unknown := [name for name in names if name not in columns]:
        raise ValueError(f"{table} has no column {', '.join(map(str, unknown))}.")
    file = tempfile.NamedTemporaryFile("w", suffix=".csv", encoding="utf-8", newline="")  # noqa: SIM115  # Below.
    return _Part(names, stack.enter_context(file), csv.writer(file, lineterminator="\n"))


def _texts(columns: Columns, names: tuple[str, ...], rows: Iterable[Iterable[object]]) -> Iterator[list[object]]:
    """Rows whose dynamic values have become JSON."""
    kinds = [columns[name] for name in names]
    for row in rows:
        yield [
            json.dumps(value) if kind == "dynamic" and not isinstance(value, str | None) else value
            for kind, value in zip(kinds, row, strict=True)
        ]


def _load(session: duckdb.DuckDBPyConnection, table: str, part: _Part, now: float, seen: float) -> None:
    """One file into its table; what every row has in Azure is filled in."""
    columns = TABLES[table]
    at = dt.datetime.fromtimestamp(now, dt.UTC).replace(tzinfo=None)
    filled = {_SEEN: "$seen", "TimeGenerated": "$at", "Type": "$table", "TenantId": "$workspace"}
    chosen = {name: filled[name] for name in filled if name not in part.names}
    chosen |= {name: _taken(name, columns[name], filled) for name in part.names}
    source = (
        "read_csv($file, columns = $columns, header = false, auto_detect = false, delim = ',', quote = '\"', "
        "escape = '\"', new_line = '\\n', parallel = false, max_line_size = $longest)"
    )
    values = {"seen": seen, "at": at, "table": table, "workspace": WORKSPACE, "file": part.file.name}
    values |= {"columns": {name: _TYPES[columns[name]] for name in part.names}, "longest": _LONGEST_LINE}
    names, taken = ", ".join(map(_quote, chosen)), ", ".join(chosen.values())
    text = f"INSERT INTO {_KEPT}.{_quote(table)} ({names}) SELECT {taken} FROM {source}"  # noqa: S608  # Names of ours.
    session.execute(text, {name: value for name, value in values.items() if f"${name}" in text})


def _taken(name: str, kind: str, filled: Mapping[str, str]) -> str:
    if name in filled:
        return f"coalesce({_quote(name)}, {filled[name]})"
    return f"coalesce({_quote(name)}, '')" if kind == "string" else _quote(name)


def _shown(table: str, view: View) -> str:
    """The view that stands for a table in a session. A view takes no values, so they are written as literals."""
    listed = ", ".join(map(_quote, TABLES[table]))
    limits = [f"{_quote(_SEEN)} <= {view.now!r}"]
    if view.span:
        limits += [f"TimeGenerated BETWEEN {_literal(view.span.start)} AND {_literal(view.span.end)}"]
    source = f"{_KEPT}.{_quote(table)}"
    return f"CREATE TEMP VIEW {_quote(table)} AS SELECT {listed} FROM {source} WHERE {' AND '.join(limits)}"  # noqa: S608  # Names of ours.


def _literal(time: dt.datetime) -> str:
    return f"TIMESTAMP '{time.astimezone(dt.UTC).replace(tzinfo=None).isoformat()}'"


def _declared(kind: str) -> str:
    """Kusto's texts are never null."""
    return f"{_TYPES[kind]} DEFAULT ''" if kind == "string" else _TYPES[kind]


def _quote(name: str) -> str:
    return f'"{name}"'
