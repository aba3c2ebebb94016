"""A longer stay where approval is needed: it waits for approval like the request did, and the grant keeps its end."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.approvals import Question
from shared.domain.grants import Grant
from shared.domain.lifecycle import State
from shared.ports import Conflict
from shared.services.approving import approve, cancel, deny
from shared.services.extending import extend
from tests.services.test_approving import CAROLS, DAVES, ONE, TWO, codes, pending, say, voice
from tests.services.test_extending import EXTENDER, More
from tests.services.town import ANN, HOUR, POLICY, Town


async def waiting() -> tuple[Town, str]:
    """An active grant with an hour left, and a wish for two hours more."""
    town, id_ = await pending()
    await say(town, id_)
    await longer(town, id_)
    return town, id_


async def longer(town: Town, id_: str) -> Grant:
    stored = town.shelf.grants[id_]
    answer = await town.live(lambda world: extend(world, stored, More(), EXTENDER))
    assert isinstance(answer, Grant)
    return answer


async def test_the_wish_changes_nothing_before_it_is_approved() -> None:
    town, id_ = await waiting()
    assert town.grant(id_).extension
    town.clock.advance(HOUR)
    await town.sweep()
    assert (State.EXPIRED, False, None) == (town.grant(id_).state, town.passes(), town.grant(id_).extension)
    assert town.is_recorded_once()


async def test_the_approval_lets_it_last_as_long_as_asked_from_then_on() -> None:
    town, id_ = await waiting()
    town.clock.advance(timedelta(minutes=30))
    extended = await say(town, id_)
    assert isinstance(extended, Grant)
    assert (town.clock.now() + HOUR * 2, None) == (extended.ends_at, extended.extension)
    assert [Question.REQUEST, Question.EXTENSION] == [one.about for one in extended.decisions]
    town.clock.advance(HOUR * 2 - timedelta(seconds=1))
    await town.sweep()
    assert town.passes()
    town.clock.advance(timedelta(seconds=1))
    await town.sweep()
    assert (False, True, set()) == (town.passes(), town.is_recorded_once(), town.shelf.dues)


async def test_an_extension_needs_as_many_approvals_as_the_request_did() -> None:
    town, id_ = await pending(TWO)
    await say(town, id_)
    await say(town, id_, DAVES)
    before = (await longer(town, id_)).ends_at
    await say(town, id_)
    assert before == town.grant(id_).ends_at
    await say(town, id_, DAVES)
    assert before < town.grant(id_).ends_at


async def test_a_denial_leaves_the_grant_its_own_end() -> None:
    town, id_ = await waiting()
    before = town.grant(id_)
    denied = await town.live(lambda world: deny(world, id_, CAROLS))
    assert isinstance(denied, Grant)
    assert (State.ACTIVE, before.ends_at, None) == (denied.state, denied.ends_at, denied.extension)


async def test_the_wish_can_be_taken_back_and_made_again() -> None:
    town, id_ = await waiting()
    with pytest.raises(Conflict):
        await longer(town, id_)
    await town.live(lambda world: cancel(world, id_, ANN))
    assert (await longer(town, id_)).extension


async def test_nobody_approves_a_longer_stay_of_their_own() -> None:
    town, id_ = await waiting()
    assert "ownRequest" in codes(await say(town, id_, voice(ANN, "night-shift")))


async def test_a_grant_that_needed_approval_needs_it_again_though_the_policy_no_longer_asks() -> None:
    town, id_ = await pending()
    await say(town, id_)
    await town.enable(policy=POLICY)
    assert (await longer(town, id_)).extension


async def test_a_longer_stay_that_the_policy_no_longer_allows_is_not_approved() -> None:
    town, id_ = await waiting()
    ports = tuple(replace(port, longest=HOUR) for port in ONE.ports)
    await town.enable(policy=replace(ONE, ports=ports))
    assert ["durationTooLong"] == codes(await say(town, id_))


async def test_a_grant_that_is_being_closed_is_not_extended() -> None:
    town, id_ = await waiting()
    town.clock.advance(HOUR)
    with pytest.raises(Conflict):
        await town.live(lambda world: approve(world, id_, CAROLS))


async def test_what_was_said_about_an_earlier_wish_does_not_count_whatever_the_clocks_say() -> None:
    """The approver's process has a clock that is ahead of the one that takes the wish back and another one on."""
    town, id_ = await pending(TWO)
    for said in (CAROLS, DAVES):
        await say(town, id_, said)
    await longer(town, id_)
    town.clock.advance(timedelta(seconds=3))
    await say(town, id_, CAROLS)
    town.clock.advance(timedelta(seconds=-2))
    await town.live(lambda world: cancel(world, id_, ANN))
    before = await longer(town, id_)
    await say(town, id_, DAVES)
    assert (before.ends_at, True) == (town.grant(id_).ends_at, town.grant(id_).extension is not None)
