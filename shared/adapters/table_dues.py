"""The index of deadlines, and what was asked under which Idempotency-Key, in Table Storage.

`due`: partition = UTC hour, row = time and grant. It holds only what is still to be done, so reading all that is due
is a short read however long Postern has been running. `idempotency`: partition = requestor, row = digest of the key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from shared.adapters.storage import Tables, read_all, safe_key, translated
from shared.domain.grants import Attempt
from shared.domain.keys import short_hash
from shared.ports import Conflict, Due, NotFound

_DUE, _IDEMPOTENCY = "due", "idempotency"
_DIGEST_LENGTH = 40


class TableDues:
    """The `Dues` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, due: Due) -> None:
        """Note a deadline; noting it again changes nothing."""
        partition, row = _keys(due)
        table = await self._tables.table(_DUE)
        with translated("noting a deadline"):
            await table.upsert_entity({"PartitionKey": partition, "RowKey": row, "at": due.at, "grant": due.grant})

    async def remove(self, due: Due) -> None:
        """Strike a deadline off; one that is gone already is no error."""
        table = await self._tables.table(_DUE)
        with suppress(NotFound), translated("striking a deadline off"):
            await table.delete_entity(*_keys(due))

    async def until(self, now: datetime) -> AsyncIterator[Due]:
        """What is due at `now`, the earliest first."""
        table = await self._tables.table(_DUE)
        # Keys sort by time, so both bounds are on keys and nothing later is read. (The SDK finds parameters by
        # splitting at spaces, so each bracket stands alone.)
        query = "PartitionKey lt @hour or ( PartitionKey eq @hour and RowKey le @row )"
        async for entity in read_all(table, query, hour=_hour(now), row=f"{_time(now)}~"):
            yield Due(entity["at"], entity["grant"])


class TableAttempts:
    """The `Attempts` port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def first(self, requestor: str, key: str, attempt: Attempt) -> Attempt:
        """Note an attempt, or return the one noted earlier under this key."""
        keys = {"PartitionKey": safe_key(requestor), "RowKey": short_hash(key, _DIGEST_LENGTH)}
        table = await self._tables.table(_IDEMPOTENCY)
        try:
            with translated("noting an attempt"):
                await table.create_entity({**keys, "digest": attempt.digest, "grant": attempt.grant})
        except Conflict:
            with translated("reading an attempt"):
                entity = await table.get_entity(keys["PartitionKey"], keys["RowKey"])
            return Attempt(entity["digest"], entity["grant"])
        return attempt


def _keys(due: Due) -> tuple[str, str]:
    return _hour(due.at), f"{_time(due.at)}|{due.grant}"


def _hour(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}"
