"""Approval: nothing opens before enough of those who are named have agreed, and what nobody answers is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.approvals import Approval, Verdict
from shared.domain.decisions import Wish
from shared.domain.grants import Grant
from shared.domain.issues import Refused
from shared.domain.lifecycle import Reason, State
from shared.domain.people import Person
from shared.domain.policies import Policy
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.approving import Voice, approve, cancel, deny
from shared.services.grants import Ask, ask, revoke
from shared.services.opening import Progress
from shared.services.policies import Removal, disable
from tests.services.process import Process
from tests.services.town import ANN, BOB, HOUR, POLICY, WEB_01, Town, wish

CAROL, DAVE, EVE = Person("carol", "Carol"), Person("dave", "Dave"), Person("eve", "Eve")
ONE = replace(POLICY, approval=Approval(required=True, approvers=("carol", "night-shift"), pending_for=HOUR * 4))
TWO = replace(ONE, approval=replace(ONE.approval, count=2))
ANYBODY = replace(POLICY, approval=Approval(required=True))


def voice(person: Person, *groups: str, comment: str = "") -> Voice:
    return Voice(person, frozenset({person.id, *groups}), comment)


CAROLS, DAVES = voice(CAROL, comment="go ahead"), voice(DAVE, "night-shift")


async def pending(policy: Policy = ONE, request: Ask | None = None) -> tuple[Town, str]:
    """A town with a request that waits."""
    town = Town()
    await town.enable(policy=policy)
    answer = await town.live(lambda world: ask(world, request or wish()))
    assert isinstance(answer, Progress)
    assert answer.grant.state is State.PENDING
    return town, answer.grant.id


def asking(**more: object) -> Ask:
    request = wish()
    wanted: Wish = replace(request.wish, **more)  # type: ignore[arg-type]  # Each test names fields of a wish.
    return replace(request, wish=wanted)


async def say(town: Town, id_: str, said: Voice = CAROLS) -> Grant | Refused:
    answer = await town.live(lambda world: approve(world, id_, said))
    return answer if isinstance(answer, Refused) else answer.grant


async def refuse(town: Town, id_: str, said: Voice = CAROLS) -> Grant | Refused:
    return await town.live(lambda world: deny(world, id_, said))


def codes(answer: Grant | Refused) -> list[str]:
    return [issue.code for issue in answer.issues] if isinstance(answer, Refused) else []


async def test_a_request_that_needs_approval_waits_and_writes_nothing() -> None:
    town, id_ = await pending()
    assert (False, [], ()) == (town.passes(), list(town.holes()), town.grant(id_).nsgs)


async def test_the_approval_opens_it_and_the_wait_does_not_eat_the_duration() -> None:
    town, id_ = await pending()
    town.clock.advance(HOUR * 2)
    granted = await say(town, id_)
    assert isinstance(granted, Grant)
    assert (State.ACTIVE, town.clock.now() + HOUR) == (granted.state, granted.ends_at)
    assert town.passes()
    town.clock.advance(HOUR)
    await town.sweep()
    assert (False, State.EXPIRED) == (town.passes(), town.grant(id_).state)
    assert town.is_recorded_once()


async def test_the_record_says_who_approved_and_what_they_said() -> None:
    town, id_ = await pending()
    await say(town, id_)
    [decision] = town.grant(id_).decisions
    assert (CAROL, Verdict.APPROVED, "go ahead") == (decision.by, decision.verdict, decision.comment)
    told = [one.occurrence for _, one in sorted(town.shelf.records.items())]
    assert [(None, ANN), ("approved", CAROL), (None, None)] == [(one.event, one.by) for one in told[-3:]]


async def test_of_two_approvals_one_is_not_enough_and_the_same_person_is_one() -> None:
    town, id_ = await pending(TWO)
    assert [State.PENDING] * 2 == [grant.state for _ in range(2) if isinstance(grant := await say(town, id_), Grant)]
    assert (1, False) == (len(town.grant(id_).decisions), town.passes())
    await say(town, id_, DAVES)
    assert (State.ACTIVE, True) == (town.grant(id_).state, town.passes())
    assert town.is_recorded_once()


async def test_a_member_of_a_named_group_is_an_approver() -> None:
    town, id_ = await pending()
    await say(town, id_, DAVES)
    assert State.ACTIVE is town.grant(id_).state


async def test_who_is_not_named_decides_nothing() -> None:
    town, id_ = await pending()
    answers = [await say(town, id_, voice(EVE)), await refuse(town, id_, voice(EVE))]
    assert [["notApprover"]] * 2 == [codes(answer) for answer in answers]
    assert State.PENDING is town.grant(id_).state


@pytest.mark.parametrize("policy", [ONE, ANYBODY])
async def test_nobody_approves_a_request_of_their_own(policy: Policy) -> None:
    town, id_ = await pending(policy)
    assert "ownRequest" in codes(await say(town, id_, voice(ANN, "night-shift")))
    assert not town.passes()


async def test_without_names_any_approver_will_do() -> None:
    town, id_ = await pending(ANYBODY)
    await say(town, id_, voice(EVE))
    assert State.ACTIVE is town.grant(id_).state


async def test_who_is_no_longer_named_decides_nothing() -> None:
    town, id_ = await pending()
    await town.enable(policy=replace(ONE, approval=replace(ONE.approval, approvers=("dave",))))
    assert ["notApprover"] == codes(await say(town, id_))


async def test_what_the_policy_no_longer_allows_is_not_approved() -> None:
    town, id_ = await pending()
    ports = tuple(replace(port, longest=timedelta(minutes=30)) for port in ONE.ports)
    await town.enable(policy=replace(ONE, ports=ports))
    assert ["durationTooLong"] == codes(await say(town, id_))
    assert (State.PENDING, False) == (town.grant(id_).state, town.passes())


async def test_one_denial_is_the_end_and_says_why() -> None:
    town, id_ = await pending(TWO)
    await say(town, id_)
    denied = await refuse(town, id_, voice(DAVE, "night-shift", comment="use the bastion"))
    assert isinstance(denied, Grant)
    assert (State.DENIED, Reason.DENIED, "use the bastion") == (denied.state, denied.reason, denied.detail)
    assert town.is_recorded_once()
    with pytest.raises(Conflict):
        await say(town, id_, voice(EVE, "night-shift"))


async def test_a_decision_that_is_repeated_changes_nothing() -> None:
    town, id_ = await pending()
    first = await say(town, id_)
    assert first == await say(town, id_)
    other, theirs = await pending()
    assert await refuse(other, theirs) == await refuse(other, theirs)


async def test_what_nobody_answers_lapses_at_its_time_and_not_before() -> None:
    town, id_ = await pending()
    town.clock.advance(HOUR * 4 - timedelta(seconds=1))
    await town.sweep()
    assert State.PENDING is town.grant(id_).state
    town.clock.advance(timedelta(seconds=1))
    await town.sweep()
    assert (State.LAPSED, Reason.UNANSWERED) == (town.grant(id_).state, town.grant(id_).reason)
    assert (True, set()) == (town.is_recorded_once(), town.shelf.dues)


async def test_what_has_lapsed_is_not_approved_even_before_the_sweep_comes() -> None:
    town, id_ = await pending()
    town.clock.advance(HOUR * 4)
    with pytest.raises(Conflict):
        await say(town, id_)
    assert not town.passes()


async def test_a_request_until_a_time_lapses_at_that_time() -> None:
    town, id_ = await pending(request=asking(duration=None, ends_at=Town().clock.now() + HOUR))
    town.clock.advance(HOUR)
    await town.sweep()
    assert State.LAPSED is town.grant(id_).state


async def test_a_request_that_waits_is_cancelled_by_whoever_made_it() -> None:
    town, id_ = await pending()
    grant = await town.live(lambda world: cancel(world, id_, ANN, "found another way"))
    assert (State.CANCELLED, "found another way", ANN) == (grant.state, grant.detail, grant.occurrence.by)
    assert grant == await town.live(lambda world: cancel(world, id_, ANN))
    assert town.is_recorded_once()


async def test_what_is_open_is_not_cancelled_but_revoked() -> None:
    town, id_ = await pending()
    await say(town, id_)
    with pytest.raises(Conflict, match="revoke it"):
        await town.live(lambda world: cancel(world, id_, ANN))


async def test_a_request_that_waits_can_be_revoked_and_is_over_at_once() -> None:
    town, id_ = await pending()
    grant = await town.live(lambda world: revoke(world, id_, BOB))
    assert (State.REVOKED, []) == (grant.state, list(town.holes()))


async def test_what_waits_goes_with_its_policy() -> None:
    town, id_ = await pending()
    await town.live(lambda world: disable(world, WEB_01, Removal(BOB)))
    assert (State.REVOKED, Reason.POLICY_REMOVED) == (town.grant(id_).state, town.grant(id_).reason)
    with pytest.raises(Conflict):
        await say(town, id_)


async def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        await say(Town(), "0" * 24)


BROKEN = replace(ONE, break_glass=True)


async def test_breaking_the_glass_opens_without_approval_and_is_marked() -> None:
    town = Town()
    await town.enable(policy=BROKEN)
    answer = await town.live(lambda world: ask(world, asking(break_glass=True)))
    assert isinstance(answer, Progress)
    assert (State.ACTIVE, True, True) == (answer.grant.state, answer.grant.break_glass, town.passes())


@pytest.mark.parametrize(
    ("policy", "more", "expected"),
    [
        (ONE, {}, "breakGlassNotAllowed"),
        (BROKEN, {"justification": " "}, "justificationRequired"),
        (BROKEN, {"starts_at": Town().clock.now() + HOUR}, "breakGlassStartsNow"),
    ],
)
async def test_the_glass_breaks_only_where_it_may(policy: Policy, more: dict[str, object], expected: str) -> None:
    town = Town()
    await town.enable(policy=policy)
    answer = await town.live(lambda world: ask(world, asking(break_glass=True, **more)))
    assert isinstance(answer, Refused)
    assert [expected] == [issue.code for issue in answer.issues]


async def test_one_caller_has_no_more_than_so_many_requests_waiting() -> None:
    town = Town()
    await town.enable(policy=ONE)
    answers = [await town.live(lambda world: ask(replace(world, most_waiting=3), wish())) for _ in range(4)]
    assert [False] * 3 + [True] == [isinstance(answer, Refused) for answer in answers]
    assert isinstance(answers[3], Refused)
    assert ["tooManyWaiting"] == [issue.code for issue in answers[3].issues]


async def test_what_a_crash_kept_off_the_record_is_put_there_by_the_repair() -> None:
    town = Town()
    await town.enable(policy=ONE)
    dying = Process(away={"grants.record": Unavailable("the process is gone")})
    with pytest.raises(Unavailable):
        await town.live(lambda world: ask(world, wish()), dying)
    assert (1, False) == (len(town.shelf.grants), town.is_recorded_once())
    await town.repair()
    assert town.is_recorded_once()
