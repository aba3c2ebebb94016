"""Arc-enabled servers as the list of machines has them, each behind its gate: the `Inventory` port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.computers import ArcServer
from shared.domain.hosts import guarded_addresses, sight
from shared.domain.inventory import Attached, Occupied, ResourceLock, Snapshot
from shared.domain.machines import MachineId
from shared.domain.rules import Nsg
from shared.outside import Servers
from shared.ports import Clock

_READS_AT_ONCE = 16
_log = logging.getLogger("postern")


class Recent(Protocol):
    """Gates, as they were read not long ago."""

    async def recent(self, nsg: str, age: timedelta) -> Nsg:
        """The gate. Raises NotFound, Conflict, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Seeing:
    """Which subscriptions' servers are looked at, and how long what was read of one is used again.

    All are asked about together, since Resource Graph counts questions; and a server tells of changes to its gate only
    when it is asked.
    """

    subscriptions: tuple[str, ...]
    age: timedelta


class ArcInventory:
    """The `Inventory` port for Arc-enabled servers."""

    def __init__(self, servers: Servers, gates: Recent, clock: Clock, seeing: Seeing) -> None:
        self._index = servers
        self._gates = gates
        self._clock = clock
        self._seeing = seeing
        self._unread: dict[str, datetime] = {}  # When a gate could not be read.
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every server."""
        found = await self._index.servers(self._seeing.subscriptions)
        wanted = [one for one in found.servers if one.subscription in subscriptions]
        return Snapshot(found.at, [sight(one, found.at) for one in wanted], {}, found.unreadable)

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """The gate of every server, before all of its addresses."""
        servers = await self._servers(subscription)
        return await asyncio.gather(*(self._gate(MachineId(one.id)) for one in servers))

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which server has which address; behind its gate nobody else can be."""
        servers = await self._servers(subscription)
        ids = [(MachineId(one.id), guarded_addresses(one.addresses)) for one in servers]
        return [Occupied(id_, address, "", id_.gate) for id_, addresses in ids for address in addresses]

    async def resource_locks(self, _subscription: str) -> Sequence[ResourceLock]:
        """None of its own."""
        return ()

    async def _servers(self, subscription: str) -> list[ArcServer]:
        found = await self._index.servers(self._seeing.subscriptions)
        return [one for one in found.servers if one.subscription == subscription]

    async def _gate(self, server: MachineId) -> Attached:
        """The gate of a server; without rules where it cannot be read, which is not tried again at once."""
        now, key = self._clock.now(), server.gate.lower()
        nsg: Nsg | None = None
        if key not in self._unread or now - self._unread[key] > self._seeing.age:
            self._unread.pop(key, None)
            try:
                async with self._reads:
                    nsg = await self._gates.recent(server.gate, self._seeing.age)
            except Exception as error:  # noqa: BLE001 - whatever one server answers, the others are shown.
                _log.warning("%s could not be read: %s", server.gate, error)
                self._unread[key] = now
        return Attached(server.gate, nsg, (str(server),), ())
