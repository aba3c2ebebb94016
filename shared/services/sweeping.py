"""What closes grants on time: the sweep of every minute, and the reminders that come before it.

A sweep needs nothing but the index of deadlines and the grants, and never opens anything. Each item stands for itself:
one that fails stops no other and is told in the report.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import MachineId
from shared.ports import Conflict, Due, Stored
from shared.services.closing import Closed, Ending, close, finish, is_gone
from shared.services.keeping import keep
from shared.services.starting import begin
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
    """End every grant whose time is up, every opening that nobody finished, and every request that nobody answered."""
    due = [due async for due in world.dues.until(world.clock.now())]
    reports = [await _sweep(world, batch) for batch in batched(due, _BATCH, strict=False)]
    return Report(sum(report.closed for report in reports), (), tuple(p for report in reports for p in report.problems))


async def _sweep(world: World, due: tuple[Due, ...]) -> Report:
    found = await each(lambda item: _look_up(world, item), due, _AT_ONCE * 2)
    ending = {r[0].value.id: r for r in found if not isinstance(r, Exception) and r is not None}
    closed = await close(world, [one for one in ending.values() if one[0].value.holding])
    waiting = [one for one in ending.values() if not one[0].value.holding]
    dropped = await each(lambda one: _drop(world, *one), waiting, _AT_ONCE)
    lost = tuple(result for result in (*found, *dropped) if isinstance(result, Exception))
    return Report(len(closed.grants), (), (*lost, *closed.problems))


async def _drop(world: World, stored: Stored[Grant], ending: Ending) -> None:
    """End a grant that waits. Somebody may decide about it at the same time; then it stays as they decided."""
    with suppress(Conflict):
        await keep(world, stored, stored.value.ended(world.clock.now(), ending.reason, ending.by, ending.detail))


async def _look_up(world: World, due: Due) -> tuple[Stored[Grant], Ending] | None:
    """The grant behind a deadline, and why it ends; None when nothing is to be done about it any more."""
    stored = await world.grants.get(due.grant)
    if stored and stored.value.unfinished and (ending := _ending(world, stored.value)):
        return stored, ending
    if stored and not stored.value.unfinished:
        await world.grants.record(stored.value)
    over = stored is not None and not stored.value.unfinished
    # An intent that is just being stored has noted its deadline and not yet its state: what is new is left alone.
    if over or (world.clock.now() - due.at > _SETTLED_DOWN and not _counts(world, due, stored)):
        await world.dues.remove(due)
    return None


def _counts(world: World, due: Due, stored: Stored[Grant] | None) -> bool:
    """Whether a time is the one at which something has to be done about the grant as it now stands."""
    return stored is not None and due.at in {stored.value.ends_at, stored.value.wakes_at(world.times.opening)}


def _ending(world: World, grant: Grant) -> Ending | None:
    now = world.clock.now()
    match grant.state:
        case State.PENDING:
            return Ending(Reason.UNANSWERED) if grant.lapses_at and now >= grant.lapses_at else None
        case State.SCHEDULED:
            return Ending(Reason.INTERRUPTED, detail="Nobody opened it in time.") if now >= grant.ends_at else None
        case _ if now >= grant.ends_at:
            return Ending(Reason.DEADLINE)
        case State.OPENING if now >= grant.wakes_at(world.times.opening):
            # What brings us here may be the note of its start, or of the time by which it was to be approved.
            return Ending(Reason.INTERRUPTED, detail="Nobody finished opening it in time.")
        case State.CLOSING if grant.reason:
            return Ending(grant.reason)
    return None


async def remind(world: World, grant_id: str) -> Report:
    """A reminder came: wait out its head start, then close the grant if its time is up, or begin it."""
    stored = await world.grants.get(grant_id)
    if stored is None or not stored.value.unfinished:
        return Report()
    if stored.value.state is State.SCHEDULED:
        await begin(world, stored)
        return Report()
    if not stored.value.holding:
        return Report()
    early = stored.value.ends_at - world.clock.now()
    if early > 2 * world.times.head_start:
        # The clocks of storage and of this machine differ, or the grant lasts longer than it did.
        await world.reminders.send(grant_id, early - world.times.head_start)
        return Report()
    while world.clock.now() < stored.value.ends_at:
        await world.clock.sleep(stored.value.ends_at - world.clock.now())
    if await is_gone(world, stored.value):
        async with world.afterwards:
            return await _end(world, grant_id, lambda one, ending: finish(world, one, ending))
    return await _end(world, grant_id, lambda one, ending: close(world, [(one, ending)]))


async def _end(world: World, id_: str, how: Callable[[Stored[Grant], Ending], Awaitable[Closed]]) -> Report:
    """End a grant as it now stands, if it still has to."""
    stored = await world.grants.get(id_)
    ending = _ending(world, stored.value) if stored and stored.value.unfinished else None
    return Report() if stored is None or ending is None else _report(await how(stored, ending))


def _report(closed: Closed) -> Report:
    return Report(len(closed.grants), (), closed.problems)
