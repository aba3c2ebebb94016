"""All machines at a glance: the index of machines and, from ARM itself, the groups, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.inventory import Attached, ResourceLock, Sighting, Snapshot, Wiring
from shared.domain.machines import Machine, MachineId
from shared.domain.rules import Nsg
from shared.ports import Unavailable
from shared.services.world import World


@dataclass(frozen=True, slots=True)
class Panorama:
    """The machines of some subscriptions, how they are wired, and what could not be seen."""

    at: datetime
    sightings: Mapping[str, Sighting]  # By id in lower case.
    wiring: Wiring
    groups: Mapping[str, Nsg]  # By id in lower case.
    locks: Sequence[ResourceLock]
    warnings: tuple[str, ...] = ()

    def machine(self, id_: MachineId) -> Machine | None:
        """A machine as it is seen here; None when it is not."""
        found = self.sightings.get(str(id_).lower())
        return self.wiring.machine(found) if found else None

    def agrees(self, machine: Machine) -> bool:
        """Whether a machine is seen here with the very network path that it is known by."""
        seen = self.machine(machine.id)
        return seen is not None and seen.way == machine.way


async def panorama(world: World, subscriptions: Sequence[str]) -> Panorama:
    """Look at everything side by side. Raises Unavailable; what may be missing without harm is a warning."""
    snapshot, groups, locks = await asyncio.gather(
        world.inventory.machines(subscriptions),
        asyncio.gather(*(world.inventory.groups(one) for one in subscriptions)),
        asyncio.gather(*(world.inventory.resource_locks(one) for one in subscriptions), return_exceptions=True),
    )
    every = [one for some in groups for one in some]
    return Panorama(
        snapshot.at,
        {one.id.lower(): one for one in snapshot.machines},
        _wiring(snapshot, every),
        {one.id.lower(): one.nsg for one in every if one.nsg},
        [lock for some in locks if not isinstance(some, BaseException) for lock in some],
        tuple(_warning(error) for error in locks if isinstance(error, BaseException)),
    )


def _wiring(snapshot: Snapshot, groups: Sequence[Attached]) -> Wiring:
    return Wiring(
        {nic.lower(): one.id for one in groups for nic in one.nics},
        {subnet.lower(): one.id for one in groups for subnet in one.subnets},
        snapshot.networks,
    )


def _warning(error: BaseException) -> str:
    if not isinstance(error, Unavailable):
        raise error
    return f"Resource locks could not be read, so machines may be shown as supported that are read-only: {error}"
