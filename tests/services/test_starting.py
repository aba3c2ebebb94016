"""A start in the future: closed until then, open from then on, and held against the policy once more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.issues import Refused
from shared.domain.lifecycle import Reason, State
from shared.domain.policies import Policy
from shared.ports import Unavailable
from shared.services.approving import cancel
from shared.services.grants import Ask, ask
from shared.services.opening import Progress, resume
from shared.services.policies import Removal, disable
from shared.services.starting import start_due
from shared.services.sweeping import remind
from tests.services.process import Process
from tests.services.test_approving import CAROLS, ONE, TWO, asking, say
from tests.services.town import ANN, BOB, HOUR, POLICY, WEB_01, Town

START = Town().clock.now() + HOUR * 2
LATER = asking(starts_at=START)


async def scheduled(request: Ask = LATER, policy: Policy = POLICY) -> tuple[Town, str]:
    town = Town()
    await town.enable(policy=policy)
    answer = await town.live(lambda world: ask(world, request))
    assert isinstance(answer, Progress)
    return town, answer.grant.id


async def started(town: Town) -> tuple[Exception, ...]:
    return await town.live(start_due)


async def test_nothing_opens_before_the_start_and_the_duration_counts_from_it() -> None:
    town, id_ = await scheduled()
    town.clock.advance(START - town.clock.now() - timedelta(seconds=1))
    await started(town)
    assert (State.SCHEDULED, False) == (town.grant(id_).state, town.passes())
    town.clock.advance(timedelta(seconds=1))
    assert () == await started(town)
    grant = town.grant(id_)
    assert (State.ACTIVE, True, HOUR) == (grant.state, town.passes(), grant.ends_at - (grant.started_at or START))
    town.clock.advance(HOUR)
    await town.sweep()
    assert (False, True, set()) == (town.passes(), town.is_recorded_once(), town.shelf.dues)


async def test_the_reminder_begins_it_on_time() -> None:
    town, id_ = await scheduled()
    [(grant, at)] = town.shelf.reminders
    town.clock.advance(at - town.clock.now())
    await town.live(lambda world: remind(world, grant))
    began = town.grant(id_).started_at or START - HOUR
    assert (State.ACTIVE, True) == (town.grant(id_).state, timedelta() <= began - START < timedelta(seconds=5))


async def test_a_reminder_that_comes_far_too_early_is_sent_again() -> None:
    town, id_ = await scheduled()
    await town.live(lambda world: remind(world, id_))
    assert (State.SCHEDULED, 2) == (town.grant(id_).state, len(town.shelf.reminders))


async def test_asking_about_it_after_its_start_begins_it() -> None:
    town, id_ = await scheduled()
    town.clock.advance(HOUR * 2)
    await town.live(lambda world: resume(world, town.shelf.grants[id_]))
    assert town.passes()


async def test_the_sweep_never_opens_anything() -> None:
    town, id_ = await scheduled()
    town.clock.advance(HOUR * 2 + timedelta(minutes=5))
    await town.sweep()
    assert (State.SCHEDULED, False) == (town.grant(id_).state, town.passes())
    await started(town)
    assert town.passes()


async def test_what_nobody_opened_in_time_has_failed() -> None:
    town, id_ = await scheduled()
    town.clock.advance(HOUR * 3)
    await started(town)
    await town.sweep()
    assert (State.FAILED, Reason.INTERRUPTED) == (town.grant(id_).state, town.grant(id_).reason)
    assert (False, True, set()) == (town.passes(), town.is_recorded_once(), town.shelf.dues)


async def test_what_was_cancelled_does_not_begin() -> None:
    town, id_ = await scheduled()
    await town.live(lambda world: cancel(world, id_, ANN))
    town.clock.advance(HOUR * 2)
    await started(town)
    assert (State.CANCELLED, False) == (town.grant(id_).state, town.passes())


async def test_what_the_policy_no_longer_allows_does_not_begin_and_says_why() -> None:
    town, id_ = await scheduled()
    ports = tuple(replace(port, longest=timedelta(minutes=30)) for port in POLICY.ports)
    await town.enable(policy=replace(POLICY, ports=ports))
    town.clock.advance(HOUR * 2)
    await started(town)
    grant = town.grant(id_)
    assert (State.REVOKED, Reason.POLICY_CHANGED, False) == (grant.state, grant.reason, town.passes())
    assert "at most 0:30:00" in grant.detail


async def test_it_goes_with_its_policy() -> None:
    town, id_ = await scheduled()
    await town.live(lambda world: disable(world, WEB_01, Removal(BOB)))
    assert State.REVOKED is town.grant(id_).state


async def test_what_needs_approval_and_has_a_start_waits_for_both() -> None:
    town, id_ = await scheduled(policy=ONE)
    assert State.PENDING is town.grant(id_).state
    await say(town, id_)
    assert (State.SCHEDULED, False) == (town.grant(id_).state, town.passes())
    town.clock.advance(HOUR * 2)
    await started(town)
    assert (State.ACTIVE, True) == (town.grant(id_).state, town.passes())


async def test_an_approval_after_the_start_opens_at_once() -> None:
    town, id_ = await scheduled(policy=ONE)
    town.clock.advance(HOUR * 3)
    await say(town, id_, CAROLS)
    assert (State.ACTIVE, town.clock.now() + HOUR) == (town.grant(id_).state, town.grant(id_).ends_at)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"starts_at": START - HOUR * 3}, "startInPast"),
        ({"starts_at": START + timedelta(days=31)}, "startTooLate"),
        ({"starts_at": START, "duration": None, "ends_at": START}, "endBeforeStart"),
        ({"starts_at": START, "duration": None, "ends_at": START + HOUR * 4}, "durationTooLong"),
    ],
)
async def test_a_start_that_makes_no_sense_is_refused(more: dict[str, object], expected: str) -> None:
    town = Town()
    await town.enable()
    answer = await town.live(lambda world: ask(world, asking(**more)))
    assert isinstance(answer, Refused)
    assert [expected] == [issue.code for issue in answer.issues]


async def test_a_start_that_has_just_passed_is_now() -> None:
    town, id_ = await scheduled(asking(starts_at=Town().clock.now() - timedelta(minutes=1)))
    assert (State.ACTIVE, True) == (town.grant(id_).state, town.passes())


async def test_a_sweep_that_comes_while_it_is_being_opened_leaves_it_alone() -> None:
    """Both timers run at the same second, and the note that its start has come may still be there."""
    town, id_ = await scheduled()
    town.clock.advance(HOUR * 2)
    busy = Unavailable("busy")
    await town.live(start_due, Process(away={"dues.remove": busy, "network.group": busy}))
    await town.sweep()
    assert State.OPENING is town.grant(id_).state
    await town.live(lambda world: resume(world, town.shelf.grants[id_]))
    assert (State.ACTIVE, True) == (town.grant(id_).state, town.passes())


async def test_the_shortest_time_ahead_is_not_too_short_when_the_timer_comes_a_little_late() -> None:
    town, id_ = await scheduled(asking(starts_at=START, duration=None, ends_at=START + timedelta(minutes=5)))
    town.clock.advance(HOUR * 2 + timedelta(seconds=40))
    await started(town)
    assert (State.ACTIVE, START + timedelta(minutes=5)) == (town.grant(id_).state, town.grant(id_).ends_at)


@pytest.mark.parametrize(("before", "now"), [(POLICY, ONE), (ONE, TWO)])
async def test_what_was_approved_by_fewer_than_the_policy_asks_for_by_now_does_not_begin(
    before: Policy, now: Policy
) -> None:
    town, id_ = await scheduled(policy=before)
    if before is ONE:
        await say(town, id_)
    await town.enable(policy=now)
    town.clock.advance(HOUR * 2)
    await started(town)
    grant = town.grant(id_)
    assert (State.REVOKED, Reason.POLICY_CHANGED, False) == (grant.state, grant.reason, town.passes())
    assert "approv" in grant.detail


async def test_what_somebody_asked_for_who_may_ask_no_more_does_not_begin() -> None:
    town, id_ = await scheduled(policy=replace(POLICY, requestors=("ann",)))
    await town.enable(policy=replace(POLICY, requestors=("bob",)))
    town.clock.advance(HOUR * 2)
    await started(town)
    assert (State.REVOKED, Reason.POLICY_CHANGED, False) == (
        town.grant(id_).state,
        town.grant(id_).reason,
        town.passes(),
    )
