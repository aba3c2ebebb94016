"""Policies in Table Storage: partition = subscription, row = machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from azure.core import MatchConditions

from shared.adapters.codec import Codec
from shared.adapters.storage import Entity, Tables, checked, etag_of, read_all, safe_key, translated
from shared.domain.guarding import Guarded
from shared.domain.machines import MachineId
from shared.ports import Conflict, NotFound, Stored

_TABLE = "policies"


class TablePolicies:
    """The `Policies` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._codec: Codec[Guarded] = Codec(Guarded)

    async def get(self, id_: MachineId) -> Stored[Guarded] | None:
        """The machine's policy, if it has one."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("reading a policy"):
                entity = await table.get_entity(id_.subscription, safe_key(str(id_)))
        except NotFound:
            return None
        return self._stored(entity)

    async def put(self, guarded: Guarded, etag: str | None) -> Stored[Guarded]:
        """Create (no `etag`) or replace. Raises Conflict."""
        id_ = guarded.machine.id
        entity = {
            "PartitionKey": id_.subscription,
            "RowKey": safe_key(str(id_)),
            "machine": str(id_),
            "body": checked(self._codec.write(guarded)),
        }
        table = await self._tables.table(_TABLE)
        try:
            with translated("writing a policy"):
                if etag is None:
                    answer = await table.create_entity(entity)
                else:
                    answer = await table.update_entity(
                        entity, mode="replace", etag=etag, match_condition=MatchConditions.IfNotModified
                    )
        except NotFound as gone:
            raise Conflict("the policy has been removed meanwhile") from gone
        return Stored(guarded, etag_of(answer))

    async def remove(self, stored: Stored[Guarded]) -> None:
        """Forget a policy. Raises Conflict; one that is gone already is no error."""
        id_ = stored.value.machine.id
        table = await self._tables.table(_TABLE)
        with suppress(NotFound), translated("removing a policy"):
            await table.delete_entity(
                id_.subscription,
                safe_key(str(id_)),
                etag=stored.etag,
                match_condition=MatchConditions.IfNotModified,
            )

    async def all(self, subscription: str) -> AsyncIterator[Stored[Guarded]]:
        """Every policy of a subscription."""
        table = await self._tables.table(_TABLE)
        async for entity in read_all(table, "PartitionKey eq @partition", partition=subscription.lower()):
            yield self._stored(entity)

    def _stored(self, entity: Entity) -> Stored[Guarded]:
        return Stored(self._codec.read(entity["body"]), etag_of(entity))
