"""Grants in Table Storage: partition = machine's key, row = grant id, and an index for lists.

A grant's id names its partition, so that one is found without an index. Lists show the newest first; the index
(`listings`) has for each grant a row under its machine, its requestor and everybody, keyed by the id turned
around. Index rows are written before the grant: one without a grant is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime

from azure.core import MatchConditions

from shared.adapters.codec import Codec
from shared.adapters.storage import Entity, Tables, checked, etag_of, read_all, safe_key, translated
from shared.adapters.table_audit import TableAudit
from shared.domain.grants import Grant, GrantFilter
from shared.domain.keys import earliest_grant_id, is_grant_id, machine_key_of, turned_around
from shared.domain.lifecycle import UNFINISHED, WAITING
from shared.domain.machines import MachineId
from shared.ports import NotFound, Stored, Unavailable

_TABLE, _INDEX = "grants", "listings"
_LOOK_AT_MOST = 1000


class TableGrants:
    """The `Grants` port."""

    def __init__(self, tables: Tables, audit: TableAudit) -> None:
        self._tables = tables
        self._audit = audit
        self._codec: Codec[Grant] = Codec(Grant)

    async def add(self, grant: Grant) -> Stored[Grant]:
        """Keep a new grant. Raises Conflict when its id is taken."""
        await asyncio.gather(*(self._list(partition, grant.id) for partition in _listed_under(grant)))
        table = await self._tables.table(_TABLE)
        with translated("adding a grant"):
            answer = await table.create_entity(self._entity(grant))
        await self._audit.grant_changed(grant)
        return Stored(grant, etag_of(answer))

    async def get(self, id_: str) -> Stored[Grant] | None:
        """One grant."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("reading a grant"):
                return self._stored(await table.get_entity(machine_key_of(id_), id_))
        except NotFound:
            return None

    async def save(self, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
        """Replace a grant with its next state, and record what happened exactly once. Raises Conflict.

        The occurrence is stored in the grant and recorded afterwards; should the process die in between, the next
        change records it first.
        """
        await self._audit.grant_changed(stored.value)
        table = await self._tables.table(_TABLE)
        with translated("saving a grant"):
            answer = await table.update_entity(
                self._entity(changed),
                mode="replace",
                etag=stored.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        await self._audit.grant_changed(changed)
        if stored.value.state in WAITING and changed.state not in WAITING:
            await self._unlist(_waiting_of(changed.requestor.id), changed.id)
        return Stored(changed, etag_of(answer))

    async def record(self, grant: Grant) -> None:
        """Make sure that what last happened to a grant is on record."""
        await self._audit.grant_changed(grant)

    async def unfinished(self, machine: MachineId) -> Sequence[Stored[Grant]]:
        """The grants of a machine that are not over."""
        states = " or ".join(f"state eq '{state}'" for state in sorted(UNFINISHED))
        table = await self._tables.table(_TABLE)
        query = read_all(table, f"PartitionKey eq @partition and ({states})", partition=machine.key)
        return [self._stored(entity) async for entity in query]

    async def waiting(self, requestor: str) -> Sequence[Grant]:
        """The grants of a caller, on whatever machine, that wait for approval or for their start."""
        found = [await self.get(id_) async for id_ in self._listed(_waiting_of(requestor), None)]
        return [stored.value for stored in found if stored and stored.value.state in WAITING]

    async def since(self, machine: MachineId, at: datetime) -> Sequence[Grant]:
        """The grants of a machine that were asked for at or after a time, the oldest first."""
        table = await self._tables.table(_TABLE)
        first = earliest_grant_id(at)
        query = read_all(table, "PartitionKey eq @partition and RowKey ge @first", partition=machine.key, first=first)
        return [self._stored(entity).value async for entity in query]

    async def page(self, wanted: GrantFilter, size: int, token: str | None) -> tuple[Sequence[Grant], str | None]:
        """A page of grants and the token of the next. Raises ValueError for a token that is none of ours."""
        if token is not None and not is_grant_id(token):
            raise ValueError("not a page token of this list")
        found: list[Grant] = []
        looked_at, last = 0, token
        async for id_ in self._listed(_partition(wanted), token):
            stored = await self.get(id_)
            looked_at, last = looked_at + 1, id_
            if stored and _matches(stored.value, wanted):
                found.append(stored.value)
            if len(found) == size or looked_at == _LOOK_AT_MOST:
                return found, last
        return found, None

    async def _listed(self, partition: str, after: str | None) -> AsyncIterator[str]:
        table = await self._tables.table(_INDEX)
        row = turned_around(after) if after else ""
        query = read_all(table, "PartitionKey eq @partition and RowKey gt @row", partition=partition, row=row)
        async for entity in query:
            yield turned_around(str(entity["RowKey"]))

    async def _list(self, partition: str, id_: str) -> None:
        table = await self._tables.table(_INDEX)
        with translated("listing a grant"):
            await table.upsert_entity({"PartitionKey": partition, "RowKey": turned_around(id_)})

    async def _unlist(self, partition: str, id_: str) -> None:
        """Take a row of the index away. The grant has been stored: a row that stays is looked at and passed over."""
        table = await self._tables.table(_INDEX)
        with suppress(Unavailable, NotFound), translated("taking a grant off a list"):
            await table.delete_entity(partition, turned_around(id_))

    def _entity(self, grant: Grant) -> Entity:
        return {
            "PartitionKey": machine_key_of(grant.id),
            "RowKey": grant.id,
            "machine": str(grant.machine),
            "state": str(grant.state),
            "endsAt": grant.ends_at,
            "body": checked(self._codec.write(grant)),
        }

    def _stored(self, entity: Entity) -> Stored[Grant]:
        return Stored(self._codec.read(entity["body"]), etag_of(entity))


def _listed_under(grant: Grant) -> tuple[str, ...]:
    waiting = (_waiting_of(grant.requestor.id),) if grant.state in WAITING else ()
    return ("all", f"on|{grant.machine.key}", f"by|{safe_key(grant.requestor.id)}", *waiting)


def _waiting_of(requestor: str) -> str:
    return f"waiting|{safe_key(requestor)}"


def _partition(wanted: GrantFilter) -> str:
    if wanted.machine:
        return f"on|{wanted.machine.key}"
    return f"by|{safe_key(wanted.requestor)}" if wanted.requestor else "all"


def _matches(grant: Grant, wanted: GrantFilter) -> bool:
    return (
        (wanted.machine is None or grant.machine == wanted.machine)
        and (wanted.requestor is None or grant.requestor.id == wanted.requestor)
        and (wanted.states is None or grant.state in wanted.states)
    )
