"""The audit in Table Storage: partition = UTC day, row = time and subject.

Append-only: nothing here updates or deletes. A record's key follows from what it records, so that recording the
same occurrence again finds it there and changes nothing. It is read back in `table_history`.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from shared.adapters.storage import Tables, checked, safe_key, translated
from shared.domain.findings import Found
from shared.domain.grants import Grant, Occurrence
from shared.domain.guarding import Guarded, Stage
from shared.domain.keys import short_hash
from shared.domain.people import Person
from shared.domain.records import POLICY_REMOVED, POLICY_SET, grant_kind
from shared.ports import Conflict, NotFound

TABLE = "audit"
_REMEMBERED = 10_000


class TableAudit:
    """The `Audit` port, and what `TableGrants` records of grants."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._recorded: set[tuple[str, int]] = set()  # Changes of grants that are on record, as this process knows.

    async def policy_changed(self, guarded: Guarded) -> None:
        """Record a change of a policy; recording it again changes nothing."""
        kind = POLICY_REMOVED if guarded.stage is Stage.REMOVING else POLICY_SET
        await self._append(
            guarded.changed_at,
            f"{guarded.machine.id.key}|{guarded.revision:06}",
            {"kind": kind, "machine": str(guarded.machine.id), **_person(guarded.changed_by)},
            str(guarded.machine.id),
        )

    async def grant_changed(self, grant: Grant) -> None:
        """Record what last happened to a grant; recording it again changes nothing."""
        occurrence = grant.occurrence
        if (grant.id, occurrence.number) in self._recorded:
            return
        await self._append(
            occurrence.at,
            _of_change(grant),
            {
                "kind": _kind(occurrence),
                "machine": str(grant.machine),
                "grant": grant.id,
                "requestorId": grant.requestor.id,
                "ports": ", ".join(f"{p.span[0]}-{p.span[1]}/{p.protocol} {' '.join(p.sources)}" for p in grant.ports),
                "justification": grant.justification,
                "ticket": grant.ticket,
                "breakGlass": "yes" if grant.break_glass else "",
                "reason": str(occurrence.reason or ""),
                "detail": occurrence.detail,
                **_person(occurrence.by),
            },
            str(grant.machine),
        )
        if len(self._recorded) >= _REMEMBERED:
            self._recorded.clear()
        self._recorded.add((grant.id, occurrence.number))

    async def found(self, found: Found) -> None:
        """Record a finding; recording it again changes nothing."""
        await self._append(
            found.at,
            _of_finding(found),
            {"kind": str(found.what), "subject": found.subject, "detail": found.detail, **_person(None)},
            found.subject,
        )

    async def has_change(self, grant: Grant) -> bool:
        """Whether the change that led to a grant as given is on record."""
        return await self._has(grant.occurrence.at, _of_change(grant))

    async def has_finding(self, found: Found) -> bool:
        """Whether a finding is on record."""
        return await self._has(found.at, _of_finding(found))

    async def _has(self, at: datetime, subject: str) -> bool:
        table = await self._tables.table(TABLE)
        try:
            with translated("looking into the audit"):
                await table.get_entity(*_keys(at, subject), select=["PartitionKey"])
        except NotFound:
            return False
        return True

    async def _append(self, at: datetime, subject: str, columns: dict[str, str], about: str) -> None:
        partition, row = _keys(at, subject)
        keys = {"PartitionKey": partition, "RowKey": row, "at": at, "about": about.lower()}
        table = await self._tables.table(TABLE)
        with suppress(Conflict), translated("recording in the audit"):
            await table.create_entity({**keys, **{name: checked(text) for name, text in columns.items()}})


def _keys(at: datetime, subject: str) -> tuple[str, str]:
    return f"{at:%Y-%m-%d}", safe_key(f"{at:%H:%M:%S.%f}|{subject}")


def _of_change(grant: Grant) -> str:
    return f"{grant.id}|{grant.occurrence.number:03}"


def _of_finding(found: Found) -> str:
    return f"{short_hash(found.subject.lower(), 8)}|{found.what}|{found.number:06}"


def _kind(occurrence: Occurrence) -> str:
    """What happened, in one word of a closed set: the event where the state does not tell it, else the state."""
    return grant_kind(occurrence.event or occurrence.state)


def _person(person: Person | None) -> dict[str, str]:
    if person is None:
        return {"byId": "", "byName": "Postern", "byAddress": "", "byVia": ""}
    known = {"byId": person.id, "byName": person.name}
    return {**known, "byAddress": person.address or "", "byVia": person.via or ""}
