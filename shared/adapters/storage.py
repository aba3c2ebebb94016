"""Table Storage: clients made on first use, tables made when missing, keys that are safe, failures translated.

Sources: "Understanding the Table service data model" (keys, sizes), azure-data-tables.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.adapters.connections import DIRECTLY
from shared.ports import Conflict, NotFound, Unavailable

type Entity = Mapping[str, Any]

# A lease lasts seconds: whoever holds one must know soon whether storage answers.
_IMPATIENT: Final[dict[str, Any]] = {
    **DIRECTLY,
    "retry_total": 3,
    "retry_backoff_max": 2,
    "connection_timeout": 5,
    "read_timeout": 10,
}
_RETRY_AFTER: Final = timedelta(seconds=5)
_UNSAFE: Final = re.compile(r"[\\#?%\x00-\x1f\x7f-\x9f]")
# A text property holds 64 KiB of UTF-16. Azurite takes more, so we look ourselves.
_LONGEST_TEXT: Final = 32_000


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the service's failures into the three that the use cases know."""
    try:
        yield
    except ResourceExistsError as error:
        raise Conflict(f"{what}: it exists already") from error
    except ResourceNotFoundError as error:
        raise NotFound(f"{what}: it does not exist") from error
    except (HttpResponseError, TableTransactionError) as error:
        if error.status_code == HTTPStatus.NOT_FOUND:  # In a transaction it comes without its own class.
            raise NotFound(f"{what}: it does not exist") from error
        if error.status_code in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}:
            raise Conflict(f"{what}: it has changed meanwhile") from error
        raise Unavailable(f"{what}: storage answered {error.status_code}", _RETRY_AFTER) from error
    except AzureError as error:
        raise Unavailable(f"{what}: storage cannot be reached", _RETRY_AFTER) from error


class Tables:
    """The account's tables. A table is created once in the life of a process, when it is first used."""

    def __init__(self, service: TableServiceClient) -> None:
        self._service = service
        self._ready: dict[str, asyncio.Task[TableClient]] = {}

    @classmethod
    def at(cls, endpoint: str, credential: AsyncTokenCredential) -> Tables:
        """The tables behind an endpoint such as `https://<account>.table.core.windows.net`."""
        return cls(TableServiceClient(endpoint, credential=credential, **_IMPATIENT))

    @classmethod
    def of(cls, connection_string: str) -> Tables:
        """The tables of a connection string: for a local storage emulator."""
        return cls(TableServiceClient.from_connection_string(connection_string, **_IMPATIENT))

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()

    async def table(self, name: str) -> TableClient:
        """The client of a table that is known to exist. Raises Unavailable."""
        task = self._ready.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._ready[name] = asyncio.create_task(self._create(name))
        return await asyncio.shield(task)

    async def _create(self, name: str) -> TableClient:
        with translated(f"making table {name}"):
            return await self._service.create_table_if_not_exists(name)


async def read_all(table: TableClient, query: str, **parameters: object) -> AsyncIterator[Entity]:
    """The entities that match a query, in the order of their keys."""
    with translated(f"querying {table.table_name}"):
        async for entity in table.query_entities(query, parameters=parameters):
            yield entity


def etag_of(entity: Entity | Mapping[str, str]) -> str:
    """The ETag in an entity as read, or in the answer to a write."""
    metadata = getattr(entity, "metadata", entity)
    return str(metadata["etag"])


def safe_key(text: str) -> str:
    """A text as a key: ids become one spelling, and what storage does not allow in a key is replaced."""
    return _UNSAFE.sub("_", text.lower().replace("/", "|"))


def checked(text: str) -> str:
    """A text that fits in one property. Raises ValueError."""
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"{len(text)} characters do not fit in one property of Table Storage")
    return text
