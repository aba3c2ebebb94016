"""What closes grants on time: the sweep of every minute, and the reminders that come before it.

A sweep needs nothing but the index of deadlines and the grants, and never opens anything. Each item stands for itself:
one that fails stops no other and is told in the report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched

from shared.domain.exposure import Leak
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import MachineId
from shared.ports import Conflict, Due, Stored
from shared.services.closing import Closed, Ending, ToClose, close, expire, shut
from shared.services.keeping import keep
from shared.services.starting import begin
from shared.services.world import World, each

_AT_ONCE = 8
_BATCH = 500
_SETTLED_DOWN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did: the grants that it closed, which machines are exposed, and what went wrong."""

    closed: tuple[Grant, ...] = ()
    exposed: tuple[tuple[MachineId, tuple[Leak, ...]], ...] = ()
    problems: tuple[Exception, ...] = ()


async def sweep(world: World) -> Report:
    """End every grant whose time is up, every opening that nobody finished, and every request that nobody answered."""
    due = [due async for due in world.dues.until(world.clock.now())]
    reports = [await _sweep(world, batch) for batch in batched(due, _BATCH, strict=False)]
    closed = tuple(grant for report in reports for grant in report.closed)
    return Report(closed, (), tuple(p for report in reports for p in report.problems))


async def _sweep(world: World, due: tuple[Due, ...]) -> Report:
    found = await each(lambda item: _look_up(world, item), due, _AT_ONCE * 2)
    ending = {r[0].value.id: r for r in found if not isinstance(r, Exception) and r is not None}
    closed = await _close(world, [one for one in ending.values() if one[0].value.holding])
    waiting = [one for one in ending.values() if not one[0].value.holding]
    dropped = await each(lambda one: _drop(world, *one), waiting, _AT_ONCE)
    # Other times that were noted for what is over now; what is left here the next sweep strikes off.
    over = {grant.id: grant.ends_at for grant in closed.grants}
    idle = [item for item in due if over.get(item.grant, item.at) != item.at]
    struck = await each(world.dues.remove, idle, _AT_ONCE)
    lost = tuple(result for result in (*found, *dropped, *struck) if isinstance(result, Exception))
    return Report(closed.grants, (), (*lost, *closed.problems))


async def _close(world: World, endings: Sequence[ToClose]) -> Closed:
    due = [stored for stored, ending in endings if ending.reason is Reason.DEADLINE]
    early = [one for one in endings if one[1].reason is not Reason.DEADLINE]
    return _together(*await asyncio.gather(_close_due(world, due), close(world, early)))


async def _close_due(world: World, due: Sequence[Stored[Grant]]) -> Closed:
    """Close grants whose time is up: the holes first, because nothing has to be written before that, then the books."""
    tried = await shut(world, [stored.value for stored in due])
    seen_gone = [stored for stored in due if stored.value.id in tried.gone]
    written = await each(lambda stored: _write_down(world, stored), seen_gone, _AT_ONCE)
    over = tuple(result for result in written if isinstance(result, Grant))
    failed = tuple(result for result in written if isinstance(result, Exception) and not isinstance(result, Conflict))
    # The others were not seen gone, or somebody has changed them meanwhile.
    done = {grant.id for grant in over}
    left = [stored.value.id for stored in due if stored.value.id not in done]
    looked_at = await each(lambda id_: _look_again(world, id_), left, _AT_ONCE)
    rest = await close(world, [one for one in looked_at if one and not isinstance(one, Exception)], tried.stuck)
    return _together(Closed(over, (*failed, *(one for one in looked_at if isinstance(one, Exception)))), rest)


async def _write_down(world: World, stored: Stored[Grant]) -> Grant:
    async with world.afterwards:
        return await expire(world, stored)


async def _look_again(world: World, id_: str) -> ToClose | None:
    stored = await world.grants.get(id_)
    ending = _ending(world, stored.value) if stored and stored.value.unfinished else None
    return (stored, ending) if stored and ending else None


def _together(one: Closed, other: Closed) -> Closed:
    return Closed((*one.grants, *other.grants), (*one.problems, *other.problems))


async def _drop(world: World, stored: Stored[Grant], ending: Ending) -> None:
    """End a grant that waits. Somebody may decide about it at the same time; then it stays as they decided."""
    with suppress(Conflict):
        await keep(world, stored, stored.value.ended(world.clock.now(), ending.reason, ending.by, ending.detail))


async def _look_up(world: World, due: Due) -> ToClose | None:
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
    return _report(await _close_due(world, [stored]))


def _report(closed: Closed) -> Report:
    return Report(closed.grants, (), closed.problems)
