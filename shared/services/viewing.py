"""All machines at a glance: the index of machines and, from ARM itself, the groups, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.guarding import Guarded
from shared.domain.inventory import Attached, ResourceLock, Sighting, Snapshot, Wiring
from shared.domain.machines import Machine, MachineId
from shared.domain.rules import Nsg
from shared.services.world import World, each

_SUBSCRIPTIONS_AT_ONCE = 8


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
    """Look at everything side by side. Raises Unavailable when the machines cannot be seen.

    What can be seen is shown, and what cannot is a warning: a subscription whose groups cannot be read is left out.
    """
    snapshot, groups, locks = await asyncio.gather(
        world.inventory.machines(subscriptions),
        each(world.inventory.groups, subscriptions, _SUBSCRIPTIONS_AT_ONCE),
        each(world.inventory.resource_locks, subscriptions, _SUBSCRIPTIONS_AT_ONCE),
    )
    unseen = {one: error for one, error in zip(subscriptions, groups, strict=True) if isinstance(error, Exception)}
    attached = [one for some in groups if not isinstance(some, Exception) for one in some]
    sightings = {one.id.lower(): one for one in snapshot.machines if one.subscription not in unseen}
    return Panorama(
        snapshot.at,
        sightings,
        _wiring(snapshot, attached),
        {one.id.lower(): one.nsg for one in attached if one.nsg},
        [lock for some in locks if not isinstance(some, Exception) for lock in some],
        tuple(_warnings(snapshot, unseen, locks)),
    )


def _warnings(snapshot: Snapshot, unseen: Mapping[str, Exception], locks: Sequence[object]) -> Iterator[str]:
    for subscription, error in unseen.items():
        yield f"The machines of subscription {subscription} are not shown: {error}."
    if snapshot.unreadable:
        yield f"{snapshot.unreadable} machines are not shown: Azure Resource Graph told of them in an unknown way."
    yield from snapshot.missing
    for failed in locks:
        if isinstance(failed, Exception):
            yield f"Resource locks could not be read, so that read-only machines may be shown as supported: {failed}."


def _wiring(snapshot: Snapshot, groups: Sequence[Attached]) -> Wiring:
    return Wiring(
        {nic.lower(): one.id for one in groups for nic in one.nics},
        {subnet.lower(): one.id for one in groups for subnet in one.subnets},
        snapshot.networks,
    )


async def guarded_in(world: World, subscriptions: Iterable[str]) -> dict[MachineId, Guarded]:
    """The machines of some subscriptions that are under a policy. Raises Unavailable."""
    return {
        stored.value.machine.id: stored.value
        for subscription in subscriptions
        async for stored in world.policies.all(subscription)
    }
