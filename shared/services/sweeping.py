"""What the timers do: close what is due, finish what was left half done, and repair what has drifted.

A sweep needs nothing but the index of deadlines and the grants; a repair visits every machine under a policy.
Neither ever opens anything. Each item stands for itself: one that fails stops no other and is told in the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded, Stage
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import MachineId
from shared.ports import Due, Stored, Unavailable
from shared.services.closing import Closed, Ending, close
from shared.services.misfits import end_misfits
from shared.services.policies import lock, measure, remove, unlockable
from shared.services.serving import Purpose
from shared.services.settling import settle
from shared.services.world import World, each

_AT_ONCE = 8
_BATCH = 500
_SETTLED_DOWN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did: how many grants it closed, which machines are exposed, and what went wrong."""

    closed: int = 0
    exposed: tuple[tuple[MachineId, tuple[Leak, ...]], ...] = ()
    problems: tuple[Exception, ...] = ()


async def sweep(world: World) -> Report:
    """Close every grant whose time is up, and every opening that nobody finished."""
    due = [due async for due in world.dues.until(world.clock.now())]
    reports = [await _sweep(world, batch) for batch in batched(due, _BATCH, strict=False)]
    return Report(sum(report.closed for report in reports), (), tuple(p for report in reports for p in report.problems))


async def _sweep(world: World, due: tuple[Due, ...]) -> Report:
    found = await each(lambda item: _look_up(world, item), due, _AT_ONCE * 2)
    ending = {r[0].value.id: r for r in found if not isinstance(r, Exception) and r is not None}
    closed = await close(world, list(ending.values()))
    lost = tuple(result for result in found if isinstance(result, Exception))
    return Report(len(closed.grants), (), (*lost, *closed.problems))


async def _look_up(world: World, due: Due) -> tuple[Stored[Grant], Ending] | None:
    """The grant behind a deadline, and why it ends; None when nothing is to be done about it any more."""
    stored = await world.grants.get(due.grant)
    if stored and stored.value.unfinished and (ending := _ending(world, stored.value)):
        return stored, ending
    if stored and not stored.value.unfinished:
        await world.grants.record(stored.value)
    over = stored is not None and not stored.value.unfinished
    # An intent that is just being stored has noted its deadline and not yet its state: what is new is left alone.
    if over or (world.clock.now() - due.at > _SETTLED_DOWN and (stored is None or due.at != stored.value.ends_at)):
        await world.dues.remove(due)
    return None


def _ending(world: World, grant: Grant) -> Ending | None:
    if world.clock.now() >= grant.ends_at:
        return Ending(Reason.DEADLINE)
    match grant.state:
        case State.OPENING:
            return Ending(Reason.INTERRUPTED, detail="Nobody finished opening it in time.")
        case State.CLOSING if grant.reason:
            return Ending(grant.reason)
    return None


async def remind(world: World, grant_id: str) -> Report:
    """A reminder came: wait out its head start, then close the grant if its time is up."""
    stored = await world.grants.get(grant_id)
    if stored is None or not stored.value.unfinished:
        return Report()
    early = stored.value.ends_at - world.clock.now()
    if early > 2 * world.times.head_start:
        # The clocks of storage and of this machine differ, or the grant lasts longer than it did.
        await world.reminders.send(grant_id, early - world.times.head_start)
        return Report()
    await world.clock.sleep(early)
    stored = await world.grants.get(grant_id)
    ending = _ending(world, stored.value) if stored and stored.value.unfinished else None
    if stored is None or ending is None:
        return Report()
    return _report(await close(world, [(stored, ending)]))


def _report(closed: Closed) -> Report:
    return Report(len(closed.grants), (), closed.problems)


async def repair(world: World) -> Report:
    """Visit every machine under a policy: put missing locks back, take orphaned rules away, finish what was begun."""
    report = await sweep(world)
    for subscription in world.subscriptions:
        guarded = [stored async for stored in world.policies.all(subscription)]
        results = await each(lambda stored: _repair(world, stored), guarded, _AT_ONCE)
        problems = tuple(result for result in results if isinstance(result, Exception))
        found = [result for result in results if isinstance(result, Report)]
        report = Report(
            report.closed + sum(part.closed for part in found),
            (*report.exposed, *(exposed for part in found for exposed in part.exposed)),
            (*report.problems, *problems, *(problem for part in found for problem in part.problems)),
        )
    return report


async def _repair(world: World, stored: Stored[Guarded]) -> Report:
    # Whoever changed the policy may have died before it was on record.
    await world.audit.policy_changed(stored.value)
    if stored.value.stage is Stage.REMOVING:
        await remove(world, stored)
        return Report()
    machine = await world.network.machine(stored.value.machine.id)
    if unlockable(machine):
        return await _report_unlockable(world, replace(stored.value, machine=machine))
    fresh = stored
    if machine.endpoints != stored.value.machine.endpoints:
        fresh = await world.policies.put(replace(stored.value, machine=machine), stored.etag)
    standing = await lock(world, fresh, stored.value)
    # A group on the way that holds no lock may still hold rules of grants.
    for nsg in {nsg.lower() for nsg in machine.nsgs} - {nsg.lower() for nsg in fresh.value.lock_claims()}:
        await settle(world, nsg, (), Purpose.CLOSE)
    closed = await end_misfits(world, fresh.value)
    return Report(len(closed.grants), _exposed(machine.id, standing.leaks), closed.problems)


async def _report_unlockable(world: World, guarded: Guarded) -> Report:
    """The machine has lost what could hold its lock. What was locked stays so, and what is open is told."""
    closed = await end_misfits(world, guarded)
    problem = Unavailable(f"{guarded.machine.id.name} cannot be locked as it now stands")
    return Report(
        len(closed.grants),
        _exposed(guarded.machine.id, await measure(world, guarded, {})),
        (*closed.problems, problem),
    )


def _exposed(id_: MachineId, leaks: tuple[Leak, ...] | None) -> tuple[tuple[MachineId, tuple[Leak, ...]], ...]:
    return ((id_, leaks),) if leaks else ()
