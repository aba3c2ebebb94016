"""Arc-enabled servers as the list of machines has them, each behind its gate: the `Inventory` port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.hosts import guarded_addresses, sight
from shared.domain.inventory import Attached, Occupied, ResourceLock, Snapshot
from shared.domain.machines import MachineId
from shared.domain.rules import Nsg
from shared.outside import Servers
from shared.ports import Clock, Conflict, Network, NotFound, Unavailable

_READS_AT_ONCE = 16


class ArcInventory:
    """What was read of a gate is used again for `age`: its server tells of changes only when it is asked."""

    def __init__(self, servers: Servers, hosts: Network, clock: Clock, age: timedelta) -> None:
        self._servers = servers
        self._hosts = hosts
        self._clock = clock
        self._age = age
        self._kept: dict[str, tuple[datetime, Nsg | None]] = {}
        self._reads = asyncio.Semaphore(_READS_AT_ONCE)

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every server."""
        found = await self._servers.servers(subscriptions)
        return Snapshot(found.at, [sight(one, found.at) for one in found.servers], {}, found.unreadable)

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """The gate of every server, before all of its addresses."""
        servers = (await self._servers.servers((subscription,))).servers
        return await asyncio.gather(*(self._gate(MachineId(one.id)) for one in servers))

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which server has which address; behind its gate nobody else can be."""
        servers = (await self._servers.servers((subscription,))).servers
        ids = [(MachineId(one.id), guarded_addresses(one.addresses)) for one in servers]
        return [Occupied(id_, address, "", id_.gate) for id_, addresses in ids for address in addresses]

    async def resource_locks(self, _subscription: str) -> Sequence[ResourceLock]:
        """None of its own."""
        return ()

    async def _gate(self, server: MachineId) -> Attached:
        now, key = self._clock.now(), server.gate.lower()
        if key not in self._kept or now - self._kept[key][0] > self._age:
            async with self._reads:
                self._kept[key] = (now, await self._read(server.gate))
        nsg = self._kept[key][1]
        return Attached(server.gate, nsg, (str(server),), ())

    async def _read(self, gate: str) -> Nsg | None:
        """What stands in a gate; None where that cannot be told."""
        try:
            return (await self._hosts.group(gate)).nsg
        except (NotFound, Conflict, Unavailable):
            return None
