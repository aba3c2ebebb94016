"""Opening what was asked for ahead of time, when its start has come.

This is not the sweep, which only ever closes: a grant gets here by having been allowed, and approved where that is
needed, and is held against the policy once more before it opens.
"""

from __future__ import annotations

from shared.domain.grants import Grant
from shared.domain.lifecycle import State
from shared.ports import Due, Stored
from shared.services.opening import remind_of, resume
from shared.services.world import World, each

_AT_ONCE = 8


async def start_due(world: World) -> tuple[Exception, ...]:
    """Begin every grant whose start has come, and tell what went wrong; each stands for itself."""
    due = [due async for due in world.dues.until(world.clock.now())]
    done = await each(lambda item: _look_up(world, item), due, _AT_ONCE)
    return tuple(result for result in done if isinstance(result, Exception))


async def begin(world: World, stored: Stored[Grant]) -> None:
    """Begin one grant; a reminder of it comes a little early, and this waits for the start."""
    starts_at = stored.value.starts_at
    early = starts_at - world.clock.now() if starts_at else None
    if early and starts_at and early > 2 * world.times.head_start:
        # A message cannot be hidden for more than some days, and the clocks of storage and of this machine differ.
        await remind_of(world, stored.value, starts_at)
        return
    if early:
        await world.clock.sleep(early)
    await _go(world, stored)


async def _look_up(world: World, due: Due) -> None:
    stored = await world.grants.get(due.grant)
    if stored and stored.value.state is State.SCHEDULED:
        await _go(world, stored)


async def _go(world: World, stored: Stored[Grant]) -> None:
    progress = await resume(world, stored)
    if progress.held_up:
        raise progress.held_up
