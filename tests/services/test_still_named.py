"""Who is named when it counts: what somebody asked or agreed to is worth nothing once the policy names them no more."""

from dataclasses import replace

from shared.domain.decisions import Asker
from shared.domain.lifecycle import State
from shared.services.approving import Voice
from tests.domain.values import OFFICE
from tests.services.test_approving import CAROL, DAVES, EVE, ONE, TWO, codes, pending, say, voice
from tests.services.town import ANN, wish


async def test_an_approval_counts_no_more_when_its_giver_is_no_longer_named() -> None:
    town, id_ = await pending(replace(TWO, approval=replace(TWO.approval, approvers=("carol", "night-shift", "eve"))))
    await say(town, id_)
    await town.enable(policy=replace(TWO, approval=replace(TWO.approval, approvers=("night-shift", "eve"))))
    await say(town, id_, DAVES)
    assert (State.PENDING, False) == (town.grant(id_).state, town.passes())
    await say(town, id_, voice(EVE))
    assert (State.ACTIVE, True) == (town.grant(id_).state, town.passes())


async def test_an_approval_of_a_groups_member_counts_as_long_as_the_group_is_named() -> None:
    town, id_ = await pending(TWO)
    await say(town, id_, DAVES)
    await town.enable(policy=replace(TWO, break_glass=True))
    await say(town, id_)
    assert State.ACTIVE is town.grant(id_).state


async def test_what_somebody_asked_for_who_may_ask_no_more_is_not_approved() -> None:
    town, id_ = await pending(replace(ONE, requestors=("ann",)))
    await town.enable(policy=replace(ONE, requestors=("bob",)))
    assert ["notEligible"] == codes(await say(town, id_))
    await town.enable(policy=replace(ONE, requestors=("bob", "ann")))
    await say(town, id_)
    assert State.ACTIVE is town.grant(id_).state


async def test_who_asked_as_a_member_of_a_group_may_ask_as_long_as_the_group_may() -> None:
    request = replace(wish(), asker=Asker(frozenset({ANN.id, "day-shift"}), OFFICE))
    town, id_ = await pending(replace(ONE, requestors=("day-shift",)), request)
    await say(town, id_)
    assert State.ACTIVE is town.grant(id_).state


async def test_whoever_brings_answers_brings_none_about_its_own_request() -> None:
    town, id_ = await pending()
    brought = Voice(replace(CAROL, via=ANN.id), frozenset({CAROL.id}))
    assert ["ownRequest"] == codes(await say(town, id_, brought))
    assert (State.PENDING, False) == (town.grant(id_).state, town.passes())
