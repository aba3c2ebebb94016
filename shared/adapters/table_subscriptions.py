"""Subscriptions in Table Storage: one partition, one row each. Their addresses are secrets and stay in there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from shared.adapters.codec import Codec
from shared.adapters.storage import Tables, checked, read_all, translated
from shared.domain.subscriptions import Subscription
from shared.ports import NotFound

_TABLE, _PARTITION = "subscriptions", "all"


class TableSubscriptions:
    """The `Subscriptions` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._codec: Codec[Subscription] = Codec(Subscription)

    async def put(self, subscription: Subscription) -> None:
        """Keep a subscription, in place of an earlier one of the same id."""
        table = await self._tables.table(_TABLE)
        body = checked(self._codec.write(subscription))
        with translated("keeping a subscription"):
            await table.upsert_entity({"PartitionKey": _PARTITION, "RowKey": subscription.id, "body": body})

    async def get(self, id_: str) -> Subscription | None:
        """One subscription."""
        table = await self._tables.table(_TABLE)
        try:
            with translated("reading a subscription"):
                return self._codec.read((await table.get_entity(_PARTITION, id_))["body"])
        except NotFound:
            return None

    async def remove(self, id_: str) -> None:
        """Forget a subscription; one that is gone already is no error."""
        table = await self._tables.table(_TABLE)
        with suppress(NotFound), translated("forgetting a subscription"):
            await table.delete_entity(_PARTITION, id_)

    async def all(self) -> Sequence[Subscription]:
        """Every subscription."""
        table = await self._tables.table(_TABLE)
        query = read_all(table, "PartitionKey eq @partition", partition=_PARTITION)
        return [self._codec.read(entity["body"]) async for entity in query]
