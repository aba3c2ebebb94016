"""The pass that repairs what has drifted: locks, groups, addresses, machines that are gone, and what was half done.

It visits every machine under a policy and never opens anything. Which machines need a closer look is told by the
inventory, in a few calls for all; what is done about one is decided on what ARM says of it. Each machine and each
group stands for itself: one that fails stops no other and is told in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.findings import What
from shared.domain.guarding import Guarded, Stage
from shared.domain.machines import Machine, MachineId
from shared.ports import NotFound, Stored, Unavailable
from shared.services.enabling import as_guarded
from shared.services.locking import Standing, lock_all, note_exposure, record_finding
from shared.services.measuring import measure_now
from shared.services.misfits import end_misfits
from shared.services.policies import Removal, remove, retire
from shared.services.serving import Purpose
from shared.services.settling import settle
from shared.services.sweeping import Report, sweep
from shared.services.viewing import Panorama, panorama
from shared.services.world import World, each

_AT_ONCE = 8
_BATCH = 500
_SECOND_LOOK = timedelta(seconds=2)


async def repair(world: World) -> Report:
    """Sweep, then visit every machine under a policy."""
    report = await sweep(world)
    for subscription in world.subscriptions:
        guarded = [stored async for stored in world.policies.all(subscription)]
        seen = await _seen(world, subscription) if guarded else None
        for batch in batched(guarded, _BATCH, strict=False):
            report = _together(report, await _repair(world, batch, seen))
    return report


def _together(one: Report, other: Report) -> Report:
    return Report(one.closed + other.closed, (*one.exposed, *other.exposed), (*one.problems, *other.problems))


async def _seen(world: World, subscription: str) -> Panorama | None:
    """The machines as the inventory shows them; without it each is read from ARM."""
    try:
        return await panorama(world, [subscription])
    except Unavailable:
        return None


async def _repair(world: World, machines: Sequence[Stored[Guarded]], seen: Panorama | None) -> Report:
    visited = await each(lambda stored: _visit(world, stored, seen), machines, _AT_ONCE)
    standing = [one for one in visited if isinstance(one, Stored)]
    locked = await lock_all(world, standing)
    swept = await each(lambda nsg: settle(world, nsg, (), Purpose.CLOSE), _without_locks(standing), _AT_ONCE)
    ended = await each(lambda stored: end_misfits(world, stored.value), standing, _AT_ONCE)
    told = [one for one in visited if isinstance(one, Standing)]
    closed = [one for one in ended if not isinstance(one, Exception)]
    problems = [one for one in (*visited, *locked, *swept, *ended) if isinstance(one, Exception)]
    return Report(
        sum(len(one.grants) for one in closed),
        tuple(_exposed((*told, *(one for one in locked if isinstance(one, Standing))))),
        (*problems, *(_unlockable(one) for one in told), *(problem for one in closed for problem in one.problems)),
    )


def _exposed(standing: Sequence[Standing]) -> list[tuple[MachineId, tuple[Leak, ...]]]:
    return [(one.stored.value.machine.id, one.leaks) for one in standing if one.leaks]


def _unlockable(standing: Standing) -> Unavailable:
    return Unavailable(f"{standing.stored.value.machine.id.name} cannot be locked as it now stands")


def _without_locks(machines: Sequence[Stored[Guarded]]) -> list[str]:
    """The groups on the way that hold no lock; they may still hold rules of grants."""
    every = {nsg.lower() for stored in machines for nsg in stored.value.machine.nsgs}
    return sorted(every - {nsg.lower() for stored in machines for nsg in stored.value.lock_claims()})


async def _visit(world: World, stored: Stored[Guarded], seen: Panorama | None) -> Stored[Guarded] | Standing | None:
    """A machine that is to be locked; or one that cannot be, with what reaches it; None for one that is done with."""
    guarded = stored.value
    # Whoever changed the policy, or found something, may have died before it was on record.
    await world.audit.policy_changed(guarded)
    await record_finding(world, guarded)
    if guarded.stage is Stage.REMOVING:
        await remove(world, stored)
        return None
    if seen and seen.agrees(guarded.machine):
        return stored
    machine = await _read(world, guarded.machine.id)
    if machine is None:
        found = await _note(world, stored, guarded, (What.MACHINE_GONE, "The machine is gone; so is its policy."))
        await remove(world, await retire(world, found, Removal(by=None)))
        return None
    if not machine.endpoints:
        await end_misfits(world, replace(guarded, machine=machine))
        return await note_exposure(world, stored, await measure_now(world, replace(guarded, machine=machine)))
    return await _as_seen(world, stored, machine)


async def _read(world: World, id_: MachineId) -> Machine | None:
    """The machine; None when it is gone, which is believed only when it was not found twice."""
    for pause in (_SECOND_LOOK, None):
        try:
            return await world.network.machine(id_)
        except NotFound:
            if pause:
                await world.clock.sleep(pause)
    return None


async def _as_seen(world: World, stored: Stored[Guarded], machine: Machine) -> Stored[Guarded]:
    """Keep the machine as it is now, with what is found to be different about it."""
    fresh = as_guarded(stored.value, machine)
    if machine.bare:
        places = ", ".join(endpoint.address for endpoint in machine.bare)
        stored = await _note(
            world,
            stored,
            fresh,
            (What.GROUP_MISSING, f"No network security group guarded {places}; one was put there."),
        )
    elif fresh.machine.way != stored.value.machine.way:
        old, new = (", ".join(sorted(e.address for e in one.endpoints)) for one in (stored.value.machine, machine))
        stored = await _note(
            world, stored, fresh, (What.MACHINE_CHANGED, f"Its network path has changed: {old} before, {new} now.")
        )
    elif fresh != stored.value:
        stored = await world.policies.put(fresh, stored.etag)
    return stored


async def _note(world: World, stored: Stored[Guarded], changed: Guarded, finding: tuple[What, str]) -> Stored[Guarded]:
    kept = await world.policies.put(changed.noting(finding[0], world.clock.now(), finding[1]), stored.etag)
    await record_finding(world, kept.value)
    return kept
