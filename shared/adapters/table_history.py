"""The audit, read back: the newest first, day by day, and never more than is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from azure.data.tables.aio import TableClient

from shared.adapters.storage import Tables, read_all
from shared.adapters.table_audit import TABLE
from shared.domain.evidence import Scope
from shared.domain.people import Person
from shared.domain.records import Record
from shared.history import Recorded

type Entity = Mapping[str, Any]

_DAYS_AT_ONCE: Final = 4
# A query of Table Storage has at most 15 comparisons; four are taken by the keys and the requestor.
_ASKED_BY_NAME: Final = 10
_DAY: Final = timedelta(days=1)


class TableHistory:
    """The `History` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def between(self, scope: Scope, most: int, requestor: str | None = None) -> Recorded:
        """What is on record about a scope, the newest first."""
        if scope.machines is not None and not scope.machines and not scope.groups:
            return Recorded(())
        table = await self._tables.table(TABLE)
        found: list[Record] = []
        for days in _some_at_a_time(scope):
            read = await asyncio.gather(*(_on_day(table, day, scope, requestor) for day in days))
            for records in read:
                found += reversed(records)
            if len(found) > most:
                return Recorded(found[:most], capped=True)
        return Recorded(found)


def _some_at_a_time(scope: Scope) -> Iterator[Sequence[date]]:
    """The days of a scope, the newest first."""
    last, first = (scope.until - timedelta(microseconds=1)).date(), scope.since.date()
    days = [last - number * _DAY for number in range((last - first).days + 1)]
    for start in range(0, len(days), _DAYS_AT_ONCE):
        yield days[start : start + _DAYS_AT_ONCE]


async def _on_day(table: TableClient, day: date, scope: Scope, requestor: str | None) -> list[Record]:
    query = "PartitionKey eq @day"
    names: dict[str, object] = {"day": f"{day:%Y-%m-%d}"}
    if scope.since.date() == day:
        query, names["first"] = f"{query} and RowKey ge @first", f"{scope.since:%H:%M:%S.%f}"
    if scope.until.date() == day:
        query, names["end"] = f"{query} and RowKey lt @end", f"{scope.until:%H:%M:%S.%f}"
    if requestor is not None:
        query, names["requestor"] = f"{query} and requestorId eq @requestor", requestor
    abouts = _abouts(scope)
    if abouts is not None and len(abouts) <= _ASKED_BY_NAME:
        # Names are only put in where they stand between spaces.
        query += f" and ( {' or '.join(f'about eq @about{number}' for number in range(len(abouts)))} )"
        names |= {f"about{number}": about for number, about in enumerate(abouts)}
    entities = [one async for one in read_all(table, query, **names)]
    wanted = None if abouts is None else frozenset(abouts)
    return [_record(one) for one in entities if _is_about(_about(one), wanted, scope)]


def _abouts(scope: Scope) -> Sequence[str] | None:
    """The resources that records have to be about, in lower case; None: any of the subscriptions."""
    if scope.machines is None:
        return None
    return sorted({*(str(machine).lower() for machine in scope.machines), *scope.groups})


def _about(entity: Entity) -> str:
    """The resource that a record is about, in lower case; records of before there was a column for it tell it too."""
    return str(entity.get("about") or entity.get("machine") or entity["subject"]).lower()


def _is_about(about: str, wanted: frozenset[str] | None, scope: Scope) -> bool:
    if wanted is not None:
        return about in wanted
    return about.split("/")[2] in scope.subscriptions


def _record(entity: Entity) -> Record:
    at = entity["at"]
    return Record(
        key=f"{entity['PartitionKey']}|{entity['RowKey']}",
        at=datetime.fromtimestamp(at.timestamp(), UTC),
        kind=str(entity["kind"]),
        subject=str(entity.get("machine") or entity["subject"]),
        by=_person(entity),
        grant=str(entity.get("grant") or ""),
        requestor=str(entity.get("requestorId") or ""),
        ports=str(entity.get("ports") or ""),
        justification=str(entity.get("justification") or ""),
        ticket=str(entity.get("ticket") or ""),
        break_glass=entity.get("breakGlass") == "yes",
        reason=str(entity.get("reason") or ""),
        detail=str(entity.get("detail") or ""),
    )


def _person(entity: Entity) -> Person | None:
    if not entity["byId"]:
        return None
    names = (str(entity[name]) for name in ("byId", "byName", "byAddress", "byVia"))
    id_, name, address, via = names
    return Person(id_, name, address or None, via or None)
