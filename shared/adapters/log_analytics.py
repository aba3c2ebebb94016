"""Log Analytics: all that a view asks for in one batch of queries, and what could not be answered as gaps.

What was told is used again for a while, by all who ask the same, so that turning a page asks nobody.

Source: azure-monitor-query; Azure Monitor documentation, "Log Analytics workspace limits", "Batch queries".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from azure.core.exceptions import AzureError, HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryError, LogsQueryPartialResult, LogsQueryResult
from azure.monitor.query.aio import LogsQueryClient

from shared.adapters.connections import DIRECTLY
from shared.adapters.log_queries import MOST_MACHINES, QUERIES, is_whole, newest, query
from shared.adapters.log_rows import READERS, time_of
from shared.domain.evidence import FLOW_TABLES, Evidence, Gap, Lack, Part, Scope
from shared.ports import Clock

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

type Answer = LogsQueryResult | LogsQueryPartialResult | LogsQueryError

_PUBLIC: Final = "https://api.loganalytics.io"
# Records of flows come up to some hours after the flows, and have the time at which they came.
_COMES_LATER: Final = timedelta(hours=6)
_ON_THE_WAY: Final = timedelta(seconds=4)
_ANSWERS_KEPT: Final = 16
_UNRESOLVED: Final = re.compile(r"Failed to resolve table.*?'([\w-]+)'", re.IGNORECASE)
_LACKS: Final[Mapping[str, Lack]] = {
    **dict.fromkeys(("InsufficientAccessError", "AuthorizationFailed", "Forbidden"), Lack.FORBIDDEN),
    **dict.fromkeys(("GatewayTimeout", "QueryTimeout", "RequestTimeout"), Lack.TIMED_OUT),
    **dict.fromkeys(("ThrottledError", "TooManyRequests", "429"), Lack.THROTTLED),
}
_CLOSED: Final = "Postern may not read this workspace: give its identity Log Analytics Reader on it."
_TEXTS: Final[Mapping[Lack, str]] = {
    Lack.FORBIDDEN: "Postern may not read {subject}: give its identity Log Analytics Reader.",
    Lack.TIMED_OUT: "The query for {subject} took too long: ask about a shorter time.",
    Lack.THROTTLED: "The query for {subject} was refused: too many at a time. Look again soon.",
    Lack.FAILED: "The query for {subject} failed: {code}.",
}


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the logs are, and as whom Postern changes things: its own changes are no news."""

    id: str
    endpoint: str = _PUBLIC
    identities: tuple[str, ...] = ()
    patience: timedelta = timedelta(seconds=20)  # For one view.
    age: timedelta = timedelta(minutes=1)  # How long what was told is used again.


class LogAnalytics:
    """The `Logs` port."""

    def __init__(self, credential: AsyncTokenCredential, workspace: Workspace, clock: Clock) -> None:
        self._credential = credential
        self._place = workspace
        self._clock = clock
        self._client: LogsQueryClient | None = None
        self._kept: dict[object, tuple[datetime, asyncio.Task[Evidence]]] = {}

    @property
    def workspace(self) -> str:
        """The id of the workspace."""
        return self._place.id

    async def close(self) -> None:
        """Close the connection."""
        if self._client:
            await self._client.close()

    async def tell(self, scope: Scope, about: Collection[Part], patience: timedelta | None = None) -> Evidence:
        """What the logs tell; what was told of the same not long ago is told again, unless something had failed."""
        parts, now = tuple(sorted(about)), self._clock.now()
        at, task = self._kept.get((scope, parts), (now, None))
        if task is None or (task.done() and (now - at > self._place.age or _is_to_be_asked_again(task))):
            task = asyncio.create_task(self._ask(scope, parts, patience or self._place.patience))
            self._keep((scope, parts), now, task)
        return await asyncio.shield(task)

    def _keep(self, key: object, now: datetime, task: asyncio.Task[Evidence]) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (now, task)
        while len(self._kept) > _ANSWERS_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _ask(self, scope: Scope, parts: Sequence[Part], patience: timedelta) -> Evidence:
        tables = sorted({table for part in parts for table in QUERIES[part].tables})
        texts = [*(query(part, scope, self._place.identities) for part in parts), *map(newest, tables)]
        try:
            async with asyncio.timeout(patience.total_seconds()):
                answers = await self._send(texts, scope, patience)
        except TimeoutError:
            return _nothing(parts, Lack.TIMED_OUT, "Log Analytics did not answer in time. Look again later.")
        except HttpResponseError as error:
            return _nothing(parts, *_refused(error))
        except AzureError:
            return _nothing(parts, Lack.UNAVAILABLE, "Log Analytics cannot be reached. Look again later.")
        except (KeyError, TypeError, ValueError):
            return _nothing(parts, Lack.UNAVAILABLE, "Log Analytics answered in an unknown way.")
        if all(isinstance(one, LogsQueryError) and _LACKS.get(str(one.code)) is Lack.FORBIDDEN for one in answers):
            # It is the workspace then, and not one table after the other.
            return _nothing(parts, Lack.FORBIDDEN, _CLOSED)
        found = _read(dict(zip(parts, answers, strict=False)), dict(zip(tables, answers[len(parts) :], strict=True)))
        return replace(found, gaps=(*found.gaps, *self._limits(scope, parts)))

    async def _send(self, texts: Sequence[str], scope: Scope, patience: timedelta) -> Sequence[Answer]:
        if self._client is None:
            # Whoever looks waits for the answer: a queue of retries would only make it later. Without an audience the
            # SDK asks for a token for the endpoint, which is right in every cloud.
            self._client = LogsQueryClient(
                self._credential, endpoint=self._place.endpoint, retry_total=1, retry_backoff_max=2, **DIRECTLY
            )
        # The service gives up on a slow query before we do on all: the others are told all the same.
        wait = max(1, int((patience - _ON_THE_WAY).total_seconds()))
        span = (scope.since, scope.until + _COMES_LATER)
        batch = [LogsBatchQuery(self._place.id, text, timespan=span, server_timeout=wait) for text in texts]
        answers: Sequence[Answer] = await self._client.query_batch(batch)
        return answers

    def _limits(self, scope: Scope, parts: Sequence[Part]) -> Iterator[Gap]:
        if is_whole(scope) and scope.machines is not None:
            text = f"More than {MOST_MACHINES} machines are asked about: the numbers are those of whole subscriptions."
            yield Gap(Lack.TOO_MANY_MACHINES, "machines", text)
        if Part.EDITS in parts and not self._place.identities:
            text = "Postern's own changes of rules are shown with those of others: set POSTERN_IDENTITY."
            yield Gap(Lack.IDENTITY_UNKNOWN, "POSTERN_IDENTITY", text)


def _is_to_be_asked_again(task: asyncio.Task[Evidence]) -> bool:
    failed = {Lack.UNAVAILABLE, Lack.THROTTLED, Lack.TIMED_OUT, Lack.PARTIAL}
    return task.cancelled() or bool(task.exception()) or any(gap.lack in failed for gap in task.result().gaps)


def _nothing(parts: Sequence[Part], lack: Lack, text: str) -> Evidence:
    return Evidence(lacking=frozenset(parts), gaps=(Gap(lack, "Log Analytics", text),))


def _refused(error: HttpResponseError) -> tuple[Lack, str]:
    match error.status_code:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Lack.THROTTLED, "Log Analytics is asked too often just now. Look again in half a minute."
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Lack.FORBIDDEN, _CLOSED
        case HTTPStatus.GATEWAY_TIMEOUT | HTTPStatus.REQUEST_TIMEOUT:
            return Lack.TIMED_OUT, "Log Analytics did not answer in time. Ask about a shorter time."
    return Lack.UNAVAILABLE, f"Log Analytics answered {error.status_code}. Look again later."


def _read(answers: Mapping[Part, Answer], ages: Mapping[str, Answer]) -> Evidence:
    """The evidence that answers give: what each part is, how new each table is, and what is missing."""
    parts: dict[str, tuple[object, ...]] = {}
    gaps, lacking = list(_missing_tables(ages)), set[Part]()
    missing = {gap.subject for gap in gaps if gap.lack is Lack.TABLE_MISSING}
    for part, answer in answers.items():
        found = _gap(part, answer)
        if found:
            lacking.add(part)
            if not missing.issuperset(QUERIES[part].tables):
                gaps.append(found)
        rows = _rows(answer)
        try:
            parts[part] = tuple(READERS[part](row) for row in rows)
        except (KeyError, TypeError, ValueError, AttributeError):
            lacking.add(part)
            gaps.append(Gap(Lack.FAILED, part, f"What the logs tell of {part} is told in an unknown way."))
        if len(rows) == QUERIES[part].rows:
            lacking.add(part)
            gaps.append(Gap(Lack.CAPPED, part, f"Only the first {len(rows)} of {part} are told: ask about less."))
    known: dict[str, Any] = {
        **parts,
        "newest": {table: at for table, answer in ages.items() if (at := _newest(answer))},
        "lacking": frozenset(lacking),
        "gaps": tuple(dict.fromkeys(gaps)),
    }
    return Evidence(**known)


def _missing_tables(ages: Mapping[str, Answer]) -> Iterator[Gap]:
    """The tables that cannot be read. The older table of flows is only missed where there is no newer one."""
    states = {table: _gap(table, answer) for table, answer in ages.items()}
    newer, older = FLOW_TABLES
    for table, gap in states.items():
        if gap and not (table == older and states.get(newer) is None and gap.lack is Lack.TABLE_MISSING):
            yield gap


def _gap(subject: str, answer: Answer) -> Gap | None:
    if isinstance(answer, LogsQueryResult):
        return None
    if isinstance(answer, LogsQueryPartialResult):
        return Gap(Lack.PARTIAL, subject, f"What the logs tell of {subject} is not whole: ask about a shorter time.")
    if unresolved := _UNRESOLVED.search(str(answer.message)):
        table = unresolved[1]
        return Gap(Lack.TABLE_MISSING, table, f"The workspace has no table {table}: nothing fills it, or not yet.")
    lack = _LACKS.get(str(answer.code), Lack.FAILED)
    return Gap(lack, subject, _TEXTS[lack].format(subject=subject, code=answer.code))


def _rows(answer: Answer) -> list[Mapping[str, Any]]:
    if isinstance(answer, LogsQueryError):
        return []
    tables = answer.tables if isinstance(answer, LogsQueryResult) else answer.partial_data
    return [dict(zip(table.columns, row, strict=True)) for table in tables[:1] for row in table.rows]


def _newest(answer: Answer) -> datetime | None:
    return next((time_of(row["Newest"]) for row in _rows(answer) if row.get("Newest")), None)
