"""The workspace: what it holds, from when on it can be seen, and who may read which table.

It knows the tables and the clock, keeps the rows in DuckDB and runs queries in threads, so that nobody else has to
wait. It refuses to know HTTP. DuckDB takes as long to load as the rest of the box together: it is loaded with the first
row or query.
"""

import asyncio
import datetime as dt
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.logs import errors, timespan
from emulator.logs.callers import Callers
from emulator.logs.cells import cell
from emulator.logs.tables import TABLES

if TYPE_CHECKING:
    from emulator.logs.database import Database, Session

# Azure Monitor service limits, "Query API": what a query returns at most.
MOST_ROWS = 500_000
MOST_BYTES = 100 * 1024 * 1024
# How many queries run at once here; more only wait longer.
_AT_ONCE = 5
_MEASURED_AT_ONCE = 1000
_PATIENCE_SECONDS = 0.05
_TOO_MANY = "Query result set has exceeded the internal record count limit {}"
_TOO_LARGE = "Query result set has exceeded the internal data size limit {}"
_SEE = " (E_QUERY_RESULT_SET_TOO_LARGE; see https://aka.ms/kustoquerylimits)"


type Reader = Callable[[str], bool]


def _anything(_table: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Result:
    """A query's result: columns with their Kusto types, rows as JSON values, and why rows are missing, if any are."""

    columns: list[tuple[str, str]]
    rows: list[list[Any]]
    cut: str = ""

    def document(self) -> dict[str, Any]:
        """As the API writes it: a partial result has an error beside its tables."""
        columns = [{"name": name, "type": kind} for name, kind in self.columns]
        body: dict[str, Any] = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": self.rows}]}
        return {**body, "error": errors.partial(self.cut)} if self.cut else body


@dataclass(slots=True)
class Logs:
    """One workspace. `clock` gives epoch seconds."""

    clock: Callable[[], float]
    callers: Callers = field(init=False)
    _missing: set[str] = field(default_factory=set)
    _forbidden: set[str] = field(default_factory=set)
    _database: "Database | None" = None
    _noted: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    _noting: threading.Lock = field(default_factory=threading.Lock)
    _making: threading.Lock = field(default_factory=threading.Lock)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def __post_init__(self) -> None:
        self.callers = Callers(self.clock)

    def add(self, table: str, rows: Iterable[Mapping[str, object]], lag: float = 0.0) -> int:
        """Put rows in, all or none, to be seen `lag` seconds from now; gives their number.

        ValueError names an unknown table or column, and a value that does not fit its column. What a row does not have
        is empty: "" for texts, null for others. TimeGenerated is now where it is missing, as in Azure.
        """
        if table not in TABLES:
            raise ValueError(f"There is no table {table!r}; there are {', '.join(TABLES)}.")
        now = self.clock()
        return self._open().add(table, rows, now, now + lag)

    def note(self, table: str, row: Mapping[str, object]) -> None:
        """Put a row in when somebody next asks: those who write many do not wait for the database."""
        self._noted.append((_known(table), row))

    def _take_noted(self) -> None:
        """Put in what was noted; a query that comes meanwhile waits until all of it is there."""
        with self._noting:
            noted, self._noted = self._noted, []
            for table in {name for name, _ in noted}:
                self.add(table, [row for name, row in noted if name == table])

    def clear(self) -> None:
        """Back to an empty workspace that has all its tables, and whose tables may all be read."""
        with self._making:
            self._database = None
        self._noted.clear()
        self._missing.clear()
        self._forbidden.clear()
        self.callers.clear()

    def forbid(self, table: str) -> None:
        """From now on the caller may not read this table."""
        self._forbidden.add(_known(table))

    def drop(self, table: str) -> None:
        """From now on the workspace does not have this table."""
        self._missing.add(_known(table))

    async def query(self, kql: str, span: str | None, may_read: Reader = _anything) -> Result:
        """Run a query over a time span (ISO 8601, None: all times); LogsError where Azure would refuse it.

        `may_read` is asked about each table. Cancelling it ends the query.
        """
        async with self._places:
            running: list[Session] = []
            work = asyncio.create_task(asyncio.to_thread(self._run, kql, span, may_read, running))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                await _end(work, running)
                raise

    def _run(self, kql: str, span: str | None, may_read: Reader, running: "list[Session]") -> Result:
        from emulator.logs import language  # noqa: PLC0415  # It loads DuckDB's translator.
        from emulator.logs.database import Sql, View, is_query_error  # noqa: PLC0415  # It loads DuckDB.

        self._take_noted()
        now = self.clock()
        moment = dt.datetime.fromtimestamp(now, dt.UTC)
        try:
            limits = timespan.parse(span, moment)
        except ValueError as error:
            raise errors.unreadable("InvalidTimespan", str(error)) from error
        question = language.translate(kql, TABLES.keys() - self._missing, moment)
        refused = {table for table in question.tables if not may_read(table)}
        if taken := sorted(refused | (question.tables & self._forbidden)):
            raise errors.insufficient(taken[0])
        session = self._open().session()
        running.append(session)
        try:
            sql, view = Sql(question.sql, question.values), View(question.tables, now, limits)
            columns, rows = session.run(sql, view, MOST_ROWS + 1)
        except Exception as error:
            if not is_query_error(error):
                raise
            raise language.explain(error, question.operator) from error
        return _result([(one.name, one.kusto) for one in columns], rows)

    def _open(self) -> "Database":
        from emulator.logs.database import Database  # noqa: PLC0415  # It loads DuckDB.

        with self._making:
            if self._database is None:
                self._database = Database()
            return self._database


async def _end(work: "asyncio.Task[Result]", running: "list[Session]") -> None:
    """Interrupt a query until it is over: where it has just not begun, an interruption is lost."""
    while not work.done():
        for session in running:
            session.interrupt()
        await asyncio.wait([work], timeout=_PATIENCE_SECONDS)
    work.exception()


def _known(table: str) -> str:
    if table not in TABLES:
        raise ValueError(f"There is no table {table!r}; there are {', '.join(TABLES)}.")
    return table


def _result(columns: list[tuple[str, str]], found: list[tuple[Any, ...]]) -> Result:
    """As many rows as Azure would give."""
    kinds = [kind for _, kind in columns]
    rows: list[list[Any]] = []
    size = 0
    for batch in itertools.batched(found[:MOST_ROWS], _MEASURED_AT_ONCE, strict=False):
        written = [[cell(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in batch]
        size += len(json.dumps(written))
        if size > MOST_BYTES:
            return Result(columns, rows, _TOO_LARGE.format(MOST_BYTES) + _SEE)
        rows += written
    return Result(columns, rows, _TOO_MANY.format(MOST_ROWS) + _SEE if len(found) > MOST_ROWS else "")
