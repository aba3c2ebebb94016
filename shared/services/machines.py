"""The machines as people look at them: the list with its tabs, and one machine with everything about it."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared.domain.claims import OpenClaim
from shared.domain.evidence import log_key
from shared.domain.guarding import Guarded
from shared.domain.inventory import MachineKind, PrivateAddress, ResourceLock, Sighting, State
from shared.domain.listing import Details, Row, Scene, Use, row
from shared.domain.machines import Machine, MachineId
from shared.domain.rules import OPEN_MARK, Nsg
from shared.domain.selecting import Filter, Order, Page, Place
from shared.domain.surface import Surface
from shared.ports import NotFound, Observed, Unavailable
from shared.services.enabling import NO_MACHINE, known
from shared.services.glancing import attempts_of_the_day
from shared.services.measuring import open_claims_in
from shared.services.viewing import Panorama, guarded_in, panorama
from shared.services.world import World, each, every

_READS_AT_ONCE = 16
_RECENT = timedelta(days=7)


async def page(world: World, wanted: Filter, order: Order, size: int, after: Place | None) -> Page:
    """A page of the machines in the order that is asked for. Raises Unavailable."""
    chosen = [one for one in world.subscriptions if wanted.subscription in {None, one}]
    if not chosen:
        # An index that is asked about no subscription may answer about all.
        return Page((), None, {}, world.clock.now(), ())
    seen, policies = await asyncio.gather(panorama(world, chosen), guarded_in(world, chosen))
    opened = await _opened(world, seen.groups.values())
    scene = Scene(Surface(seen.groups), seen.groups, seen.locks, policies, opened)
    counts: Counter[State] = Counter()
    shown: list[Row] = []
    for sighting, machine in _machines(seen, policies):
        one = row(sighting, machine, scene)
        counts[one.state] += 1
        if wanted.shows(one) and order.follows(order.place(one), after):
            shown.append(one)
    first = (heapq.nlargest if order.descending else heapq.nsmallest)(size + 1, shown, key=order.place)
    rows = first[:size]
    uses, attempts = await asyncio.gather(
        every(lambda one: _use_of(world, one), rows, _READS_AT_ONCE),
        attempts_of_the_day(world, [one.sighting for one in rows]),
    )
    found = list(zip(rows, uses, strict=True))
    return Page(found, order.place(rows[-1]) if len(first) > size else None, counts, seen.at, seen.warnings, attempts)


def _machines(seen: Panorama, policies: Mapping[MachineId, Guarded]) -> Iterable[tuple[Sighting, Machine | None]]:
    """The machines that the index shows, and as last seen those under a policy that it does not, or not yet, show."""
    yield from ((sighting, seen.wiring.machine(sighting)) for sighting in seen.sightings.values())
    for id_, guarded in policies.items():
        if str(id_).lower() not in seen.sightings:
            yield _sighting_of(guarded.last_seen), guarded.last_seen


def _sighting_of(machine: Machine, known_as: Sighting | None = None) -> Sighting:
    """A machine as ARM has it, with what only the index tells."""
    kind = MachineKind.HOST if machine.id.is_host else MachineKind.VIRTUAL_MACHINE
    kind = MachineKind.INSTANCE if machine.id.is_instance else kind
    base = known_as or Sighting(str(machine.id), kind, machine.location, machine.system)
    places = tuple(PrivateAddress(e.address, e.nic, "", e.groups, e.probed) for e in machine.endpoints)
    return replace(base, places=places, public_addresses=machine.public_addresses, managed_by=machine.managed_by)


async def _opened(world: World, groups: Iterable[Nsg]) -> dict[str, list[OpenClaim]]:
    """The grants that are open, for the groups in which a rule of a grant stands."""
    nsgs = [nsg.id.lower() for nsg in groups if any(rule.mark == OPEN_MARK for rule in nsg.rules)]
    return dict(zip(nsgs, await every(lambda nsg: open_claims_in(world, nsg), nsgs, _READS_AT_ONCE), strict=True))


async def _use_of(world: World, one: Row) -> Use | None:
    """How a machine under a policy was used; nothing is said of others, whose history is in the activity."""
    return await use_of(world, one.guarded.machine.id, one.opened) if one.guarded else None


async def use_of(world: World, id_: MachineId, opened: frozenset[str]) -> Use:
    """How a machine was used in the last seven days, and its latest access among these grants.

    `opened` are the ids of the grants that stand open on it: one that was extended again and again is older.
    """
    recent = await world.grants.since(id_, world.clock.now() - _RECENT)
    latest = next((grant for grant in reversed(recent) if grant.started_at), None)
    holding = {grant.id for grant in recent if grant.holding}
    return Use(len(holding | opened), len(recent), latest)


async def details(world: World, id_: MachineId) -> Details:
    """One machine, read from ARM and not from the index. Raises NotFound, Unavailable."""
    known(world, id_)
    try:
        machine = await world.network.machine(id_)
    except NotFound as error:
        raise NotFound(NO_MACHINE) from error
    stored = await world.policies.get(id_)
    read = await each(world.network.group, machine.nsgs, _READS_AT_ONCE)
    groups = {one.nsg.id.lower(): one.nsg for one in read if isinstance(one, Observed)}
    known_as, locks = await _told_by_inventory(world, id_)
    opened = await _opened(world, groups.values())
    scene = Scene(Surface(groups), groups, locks, {id_: stored.value} if stored else {}, opened)
    shown = row(_sighting_of(machine, known_as), machine, scene)
    use, attempts = await asyncio.gather(
        use_of(world, id_, shown.opened), attempts_of_the_day(world, [known_as] if known_as else [])
    )
    return Details(shown, machine, tuple(groups.values()), use, attempts.get(log_key(id_)))


async def _told_by_inventory(world: World, id_: MachineId) -> tuple[Sighting | None, Sequence[ResourceLock]]:
    """What only the index and the resource locks tell about a machine; without them it is shown all the same."""
    sighting: Sighting | None = None
    locks: Sequence[ResourceLock] = ()
    with suppress(Unavailable):
        every = (await world.inventory.machines((id_.subscription,))).machines
        sighting = next((one for one in every if one.id.lower() == str(id_).lower()), None)
    with suppress(Unavailable):
        locks = await world.inventory.resource_locks(id_.subscription)
    return sighting, locks
