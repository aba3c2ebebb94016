"""The pass that repairs what has drifted: locks, groups, addresses, machines that are gone, and what was half done.

It visits every machine under a policy and never opens anything. Which machines need a closer look is told by the
inventory, in a few calls for all; what is done about one is decided on what ARM says of it. Each machine and each
group stands for itself: one that fails stops no other and is told in the report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.findings import What
from shared.domain.guarding import Guarded, Stage
from shared.domain.machines import Machine, MachineId
from shared.domain.sessions import Fate
from shared.ports import Conflict, NotFound, Stored, Unavailable
from shared.services.enabling import as_guarded
from shared.services.freeing import free_all, holders
from shared.services.gates import look_behind
from shared.services.locking import Standing, keep, lock_all, note_exposure, record_finding
from shared.services.measuring import measure_now
from shared.services.misfits import end_misfits
from shared.services.policies import Removal, remove, retire
from shared.services.serving import Purpose
from shared.services.settling import settle
from shared.services.strays import close_strays
from shared.services.sweeping import Report, sweep
from shared.services.viewing import Panorama, panorama
from shared.services.world import World, each, every

_AT_ONCE = 8
_BATCH = 500
_SECOND_LOOK = timedelta(seconds=2)
_PATIENCE = timedelta(minutes=1)
_GONE = {
    False: "The machine is gone; so is its policy.",
    True: "The server is gone from Azure Arc; so is its policy. Its firewall stays locked until it is undone there.",
}


async def repair(world: World) -> Report:
    """Sweep, then visit every machine under a policy, and every group in which the rule of a grant stands."""
    report = await sweep(world)
    outside: dict[str, list[Stored[Guarded]]] = {}
    for subscription in world.subscriptions:
        guarded = [stored async for stored in world.policies.all(subscription)]
        outside[subscription] = [stored for stored in guarded if stored.value.machine.id.is_outside]
        if inside := [stored for stored in guarded if not stored.value.machine.id.is_outside]:
            report = _together(report, await _repair(world, subscription, _in_turn(world, inside)))
        strays = await close_strays(world, subscription, [stored.value for stored in guarded])
        report = _together(report, Report(problems=strays))
    return _together(report, *[await _repair_outside(world, *hosts) for hosts in outside.items() if hosts[1]])


async def _repair_outside(world: World, subscription: str, guarded: list[Stored[Guarded]]) -> Report:
    """The same for servers outside Azure, last: one that does not answer takes a minute."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            report = await _repair(world, subscription, _in_turn(world, guarded))
    except TimeoutError:
        report = Report(problems=(Unavailable("not all servers outside Azure could be repaired in this pass"),))
    return _together(report, Report(problems=await look_behind(world, [stored.value for stored in guarded])))


def _in_turn(world: World, guarded: list[Stored[Guarded]]) -> list[Stored[Guarded]]:
    """The machines, beginning elsewhere each time: a pass that is cut short leaves out others than the last."""
    start = world.chance(32) % len(guarded)
    return [*guarded[start:], *guarded[:start]]


def _together(*reports: Report) -> Report:
    return Report(
        tuple(grant for one in reports for grant in one.closed),
        tuple(exposed for one in reports for exposed in one.exposed),
        tuple(problem for one in reports for problem in one.problems),
    )


async def _repair(world: World, subscription: str, guarded: Sequence[Stored[Guarded]]) -> Report:
    """Lock first, then set free: what one machine no longer is may be another by now."""
    seen, problems = await _seen(world, subscription)
    standing: list[Stored[Guarded]] = []
    gone: list[Stored[Guarded]] = []
    batches = batched(guarded, _BATCH, strict=False)
    reports = [await _lock(world, batch, seen, (standing, gone)) for batch in batches]
    return _together(*reports, Report(problems=problems), await _free(world, subscription, standing, gone))


async def _free(
    world: World, subscription: str, standing: Sequence[Stored[Guarded]], gone: Sequence[Stored[Guarded]]
) -> Report:
    """Set free what is no longer guarded, now that everybody who is has been locked."""
    moved = [stored for stored in standing if stored.value.former]
    if not moved and not gone:
        return Report()
    try:
        there = await holders(world, subscription)
        fresh = await every(lambda stored: world.policies.get(stored.value.machine.id), moved, _AT_ONCE)
    except (Unavailable, Conflict, NotFound) as error:
        return Report(problems=(error,))
    freed = await free_all(world, [one for one in fresh if one and one.value.stage is Stage.GUARDED], there)
    ended = await each(lambda stored: remove(world, stored, there), gone, _AT_ONCE)
    return Report(problems=(*freed, *(one for one in ended if isinstance(one, Exception))))


async def _seen(world: World, subscription: str) -> tuple[Panorama | None, tuple[Exception, ...]]:
    """The machines as the inventory shows them, and what was wrong with it; without it each is read from ARM."""
    try:
        seen = await panorama(world, [subscription])
    except Exception as error:  # noqa: BLE001 - whatever an index answers, locks are repaired without it.
        return None, (error,)
    return seen, ()


async def _lock(
    world: World,
    batch: Sequence[Stored[Guarded]],
    seen: Panorama | None,
    sorted_: tuple[list[Stored[Guarded]], list[Stored[Guarded]]],
) -> Report:
    visited = await each(lambda stored: _visit(world, stored, seen), batch, _AT_ONCE)
    found = [one for one in visited if isinstance(one, Stored)]
    standing = [one for one in found if one.value.stage is Stage.GUARDED]
    sorted_[0].extend(standing)
    sorted_[1].extend(one for one in found if one.value.stage is Stage.REMOVING)
    locked = await lock_all(world, standing, seen)
    swept = await each(lambda nsg: settle(world, nsg, (), Purpose.CLOSE), _without_locks(standing), _AT_ONCE)
    ended = await each(lambda stored: end_misfits(world, stored.value), standing, _AT_ONCE)
    told = [one for one in visited if isinstance(one, Standing)]
    closed = [one for one in ended if not isinstance(one, Exception)]
    problems = [one for one in (*visited, *locked, *swept, *ended) if isinstance(one, Exception)]
    return Report(
        tuple(grant for one in closed for grant in one.grants),
        tuple(_exposed((*told, *(one for one in locked if isinstance(one, Standing))))),
        (
            *problems,
            *(_unlockable(one) for one in told),
            *_living_on(locked),
            *(problem for one in closed for problem in one.problems),
        ),
    )


def _exposed(standing: Sequence[Standing]) -> list[tuple[MachineId, tuple[Leak, ...]]]:
    return [(one.stored.value.machine.id, one.leaks) for one in standing if one.leaks]


def _living_on(locked: Sequence[Standing | Exception]) -> list[Unavailable]:
    """What there is to tell of machines whose sessions do not end with their grants although the policy asks for it."""
    standing = [one for one in locked if isinstance(one, Standing) and one.stored.value.policy.end_sessions]
    living = [one for one in standing if one.sessions.fate is not Fate.END]
    return [Unavailable(f"{one.stored.value.machine.id.name}: {one.sessions.note}") for one in living]


def _unlockable(standing: Standing) -> Unavailable:
    return Unavailable(f"{standing.stored.value.machine.id.name} cannot be locked as it now stands")


def _without_locks(machines: Sequence[Stored[Guarded]]) -> list[str]:
    """The groups on the way of which nothing else is wanted; they may still hold rules of grants."""
    every = {nsg.lower() for stored in machines for nsg in stored.value.machine.nsgs}
    return sorted(every - {nsg.lower() for stored in machines for nsg in stored.value.claims()})


async def _visit(world: World, stored: Stored[Guarded], seen: Panorama | None) -> Stored[Guarded] | Standing:
    """A machine that is to be locked, or whose policy is to go; or one that cannot be locked, with what reaches it."""
    guarded = stored.value
    # Whoever changed the policy, or found something, may have died before it was on record.
    await world.audit.policy_changed(guarded)
    await record_finding(world, guarded)
    if guarded.stage is Stage.REMOVING:
        return stored
    if guarded.freeing:
        stored = await world.policies.put(guarded.keeping_locked(), stored.etag)
    if seen and seen.agrees(guarded.machine):
        return stored
    machine = await _read(world, guarded.machine.id)
    if machine is None and guarded.machine.id.is_host and await world.grants.unfinished(guarded.machine.id):
        raise Unavailable(f"{guarded.machine.id.name} is gone from Azure Arc: what is open ends by its own clock first")
    if machine is None:
        gone = guarded.noting(What.MACHINE_GONE, world.clock.now(), _GONE[guarded.machine.id.is_host])
        return await retire(world, await keep(world, stored, gone), Removal(by=None))
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
    if fresh.machine.way != stored.value.machine.way and not machine.bare:
        detail = _difference(stored.value.machine, machine)
        return await keep(world, stored, fresh.noting(What.MACHINE_CHANGED, world.clock.now(), detail))
    return await world.policies.put(fresh, stored.etag) if fresh != stored.value else stored


def _difference(before: Machine, now: Machine) -> str:
    old, new = (", ".join(sorted(endpoint.address for endpoint in one.endpoints)) for one in (before, now))
    if old != new:
        return f"Its addresses have changed: {old} before, {new} now."
    return f"What lies on the way to {new} has changed: groups, networks or pools."
