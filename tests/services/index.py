"""The inventory in memory: what an index and the groups themselves would show of the cloud."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.inventory import Attached, MachineKind, Occupied, PrivateAddress, ResourceLock, Sighting, Snapshot
from shared.domain.machines import Endpoint, Machine
from tests.services.clock import Clock
from tests.services.cloud import Cloud
from tests.services.process import Process


@dataclass(frozen=True, slots=True)
class MemoryInventory:
    """The `Inventory` port of one process."""

    cloud: Cloud
    process: Process
    clock: Clock
    others: Sequence[Sighting] = ()  # Machines of other kinds.
    locks: Sequence[ResourceLock] = field(default=())

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every machine."""
        await self.process.call("inventory.machines", self.clock)
        shown = (self.cloud.indexed.get(one.id, one) for one in self.cloud.machines.values())
        found = [one for one in shown if one and one.id.subscription in subscriptions]
        networks = {_subnet(place): place.network for one in found for place in one.endpoints}
        return Snapshot(self.clock.now(), [*map(_sighting, found), *self.others], networks)

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """Every group of a subscription."""
        await self.process.call("inventory.groups", self.clock)
        places = [place for machine in self.cloud.machines.values() for place in machine.endpoints]
        return [
            Attached(
                nsg.id,
                nsg,
                tuple(place.nic for place in places if (place.nic_nsg or "").lower() == key),
                tuple(_subnet(place) for place in places if (place.subnet_nsg or "").lower() == key),
            )
            for key, nsg in self.cloud.groups.items()
            if key.split("/")[2] == subscription
        ]

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Who has which address."""
        await self.process.call("inventory.interfaces", self.clock)
        return [
            Occupied(machine.id, place.address, _subnet(place), place.nic_nsg)
            for machine in self.cloud.machines.values()
            if machine.id.subscription == subscription
            for place in machine.endpoints
        ]

    async def resource_locks(self, subscription: str) -> Sequence[ResourceLock]:
        """What is read-only."""
        await self.process.call("inventory.locks", self.clock)
        return [lock for lock in self.locks if lock.scope.split("/")[2].lower() == subscription]


def _subnet(place: Endpoint) -> str:
    return f"{place.nic}/subnet".lower()


def _sighting(machine: Machine) -> Sighting:
    places = tuple(
        PrivateAddress(one.address, one.nic, _subnet(one), one.groups, one.probed) for one in machine.endpoints
    )
    return Sighting(
        str(machine.id),
        MachineKind.VIRTUAL_MACHINE,
        machine.location,
        machine.system,
        "running",
        managed_by=machine.managed_by,
        places=places,
        public_addresses=machine.public_addresses,
    )
