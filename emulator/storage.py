"""Empties this box's Azurite: every entity, every message; the tables and queues themselves stay.

It knows Azurite's addresses and gets its token from the box's own signer. The SDKs are imported when first used: they
take longer to load than the whole emulator takes to start.
"""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from itertools import batched, groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError

from emulator.identity import Identity
from emulator.tokens import LIFETIME_SECONDS

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

AUDIENCE = "https://storage.azure.com"
BATCH = 100
_AT_ONCE = 8
_MOST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class Storage:
    """Azurite's tables and queues. `port` is the blob port; queues and tables are on the next two."""

    port: int
    identity: Identity
    cert: Path

    async def empty(self) -> None:
        """Delete all entities and messages; raises azure.core.exceptions.AzureError where Azurite does not answer."""
        await asyncio.gather(self._empty_tables(), self._empty_queues())

    def _address(self, offset: int) -> str:
        return f"https://127.0.0.1:{self.port + offset}/devstoreaccount1"

    async def _empty_tables(self) -> None:
        from azure.data.tables.aio import TableServiceClient  # noqa: PLC0415  # See the module's docstring.

        limit = asyncio.Semaphore(_AT_ONCE)
        async with TableServiceClient(
            self._address(2), credential=_Credential(self.identity), connection_verify=str(self.cert), retry_total=1
        ) as service:
            names = [table.name async for table in service.list_tables()]
            await asyncio.gather(*(_empty_table(service.get_table_client(name), limit) for name in names))

    async def _empty_queues(self) -> None:
        from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415  # See the module's docstring.

        async with QueueServiceClient(
            self._address(1), credential=_Credential(self.identity), connection_verify=str(self.cert), retry_total=1
        ) as service:
            names = [queue.name async for queue in service.list_queues()]
            await asyncio.gather(*(service.get_queue_client(name).clear_messages() for name in names))


async def _empty_table(table: "TableClient", limit: asyncio.Semaphore) -> None:
    """Delete in transactions of a hundred, which must not cross a partition; entities come sorted by it.

    The app may still be working in the table: what it has deleted first fails a transaction, so the table is looked at
    again until nothing is left.
    """

    async def delete(rows: tuple[tuple[str, str], ...]) -> None:
        async with limit:
            await table.submit_transaction([("delete", {"PartitionKey": pk, "RowKey": rk}) for pk, rk in rows])

    for looks_left in reversed(range(_MOST_LOOKS)):
        every = table.list_entities(select=["PartitionKey", "RowKey"])
        keys = [(one["PartitionKey"], one["RowKey"]) async for one in every]
        partitions = (list(rows) for _, rows in groupby(keys, key=lambda one: one[0]))
        batches = (batch for rows in partitions for batch in batched(rows, BATCH, strict=False))
        results = await asyncio.gather(*(delete(batch) for batch in batches), return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if not failed:
            return
        for error in failed:
            if looks_left == 0 or not _was_gone(error):
                raise error


def _was_gone(error: BaseException) -> bool:
    """Whether somebody else had deleted an entity; in a transaction that comes without a class of its own."""
    return isinstance(error, HttpResponseError) and error.status_code == HTTPStatus.NOT_FOUND


@dataclass(frozen=True, slots=True)
class _Credential:
    """The box's own token for storage, as azure-core wants it."""

    identity: Identity

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.identity.for_app(AUDIENCE), int(time.time()) + LIFETIME_SECONDS)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()
