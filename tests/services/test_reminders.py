"""A reminder that is lost, doubled, late, early or about nothing changes who closes a grant, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.services.sweeping import Report, remind, sweep
from shared.services.world import World
from tests.services.process import Crash, Process
from tests.services.town import HOUR, WEB_02, Town

type Course = Callable[[Town, Grant], Awaitable[object]]

EARLY = timedelta(seconds=4)  # How much earlier than the deadline a reminder is sent for.


async def town_with_grant() -> tuple[Town, Grant]:
    """A grant of an hour on web-02, from now on."""
    town = Town()
    await town.enable(WEB_02)
    grant = await town.ask(WEB_02)
    town.cloud.written.clear()
    return town, grant


def reminded(grant: Grant) -> Callable[[World], Awaitable[Report]]:
    return lambda world: remind(world, grant.id)


async def lost(town: Town, _: Grant) -> None:
    town.clock.advance(HOUR + timedelta(seconds=40))
    await town.sweep()


async def on_time(town: Town, grant: Grant) -> None:
    town.clock.advance(HOUR - EARLY)
    await town.live(reminded(grant))


async def doubled(town: Town, grant: Grant) -> None:
    """Once in the same process and once in another, all at the same time."""
    town.clock.advance(HOUR - EARLY)
    one, other = town.world(), town.world()
    await asyncio.gather(*(remind(world, grant.id) for world in (one, one, other)))


async def late(town: Town, grant: Grant) -> None:
    town.clock.advance(HOUR + timedelta(seconds=30))
    await town.live(reminded(grant))


async def together_with_the_sweep(town: Town, grant: Grant) -> None:
    town.clock.advance(HOUR)
    await asyncio.gather(remind(town.world(), grant.id), sweep(town.world()))


async def after_the_sweep(town: Town, grant: Grant) -> None:
    await lost(town, grant)
    await town.live(reminded(grant))


async def early_and_then_again(town: Town, grant: Grant) -> None:
    """A reminder that comes much too early sends another for the right time."""
    await town.live(reminded(grant))
    id_, at = town.shelf.reminders[-1]
    assert (grant.id, grant.ends_at - EARLY) == (id_, at)
    await on_time(town, grant)


COURSES: tuple[Course, ...] = (
    lost, on_time, doubled, late, together_with_the_sweep, after_the_sweep, early_and_then_again,
)  # fmt: skip


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.__name__)
async def test_whatever_becomes_of_the_reminder_the_grant_ends_once_by_one_write(course: Course) -> None:
    town, grant = await town_with_grant()
    await course(town, grant)
    ended = town.grant(grant.id)
    assert (State.EXPIRED, Reason.DEADLINE) == (ended.state, ended.reason)
    assert (1, []) == (len(town.cloud.written), list(town.holes()))
    # The note that its opening be looked at is struck off by whichever sweep comes next.
    assert Report() == await town.sweep()
    assert (True, set(), []) == (town.is_recorded_once(), town.shelf.dues, town.cloud.offences)


async def test_a_reminder_waits_for_the_deadline_and_closes_then() -> None:
    town, grant = await town_with_grant()
    await on_time(town, grant)
    # The write takes two seconds in this world, and nothing else takes any.
    assert grant.ends_at + timedelta(seconds=2) == town.clock.now()


@pytest.mark.parametrize("before", [HOUR, EARLY + timedelta(seconds=10)])
async def test_a_reminder_before_its_time_closes_nothing(before: timedelta) -> None:
    town, grant = await town_with_grant()
    town.clock.advance(HOUR - before)
    await town.live(reminded(grant))
    assert (State.ACTIVE, True) == (town.grant(grant.id).state, town.passes(address="10.0.0.5"))


async def test_a_reminder_of_a_grant_that_nobody_knows_does_nothing() -> None:
    town, grant = await town_with_grant()
    process = Process()
    report = await town.live(lambda world: remind(world, f"{grant.id[:-1]}z"), process)
    assert (Report(), ["grants.get"]) == (report, process.calls)


async def test_a_reminder_of_a_grant_that_is_over_does_nothing() -> None:
    town, grant = await town_with_grant()
    await on_time(town, grant)
    process = Process()
    report = await town.live(reminded(grant), process)
    assert (Report(), ["grants.get"]) == (report, process.calls)


@pytest.mark.parametrize("last", ["desk.entries", "network.apply", "network.answer", "desk.conclude"])
async def test_when_the_process_dies_over_a_closing_another_goes_on_after_its_lease(last: str) -> None:
    town, grant = await town_with_grant()
    town.clock.advance(HOUR)
    # The first four calls find the grant, take the lease, read the desk and read the group.
    dies_at = {"desk.entries": 3, "network.apply": 5, "network.answer": 6, "desk.conclude": 7}[last]
    process = Process(dies_at=dies_at)
    with pytest.raises(Crash):
        await town.live(reminded(grant), process)
    assert (last, State.ACTIVE) == (process.calls[-1], town.grant(grant.id).state)
    await town.live(reminded(grant))
    assert (State.EXPIRED, [], True) == (town.grant(grant.id).state, list(town.holes()), town.is_recorded_once())
    # The lease, half a second until somebody looks again, and two writes at most.
    assert town.clock.now() - grant.ends_at <= timedelta(seconds=19.5)
