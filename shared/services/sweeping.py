"""What closes grants on time: the sweep of every minute, and the reminders that come before it.

A sweep needs nothing but the index of deadlines and the grants, and never opens anything. Each item stands for itself:
one that fails stops no other and is told in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import MachineId
from shared.ports import Due, Stored
from shared.services.closing import Closed, Ending, close
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
