"""`flushConnection`: switched on where a policy needs it, back only by whoever switched it on, and never more."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.arm_rules import FLUSH, read_nsg, with_flush
from shared.adapters.codec import Codec
from shared.domain.claims import PENDING, Claim, Finding, FlushClaim, Outcome, Wanted
from shared.domain.findings import found_in_group
from shared.domain.forecasts import forecast
from shared.domain.guarding import Guarded, Stage
from shared.domain.machines import Endpoint, Machine
from shared.domain.observing import outcome_of
from shared.domain.people import Person
from shared.domain.planning import Kind, Leave, plan
from shared.domain.policies import Policy, default_ports
from shared.domain.rules import OPEN_MARK, Flush, Nsg
from shared.domain.sessions import Fate, flush_of, sessions_of
from tests.domain.strategies import groups, locks, openings, spots
from tests.domain.values import GROUP, LATER, NOW, SUBNET_GROUP, applied, endpoint, group, lock, machine_id, opening

OFF, THEIRS, OURS, LEFT = Flush(), Flush(on=True), Flush(on=True, ours=True), Flush(ours=True)
WANTS, WANTS_NO_MORE = FlushClaim(machine_id()), FlushClaim(machine_id(), Wanted.ABSENT)
NEIGHBOUR = FlushClaim(machine_id("web-02"))
SSH = "200 allow-ssh Allow Tcp 22 from *"
OWN = machine_id().own_nsg

TABLE = [
    (OFF, (), OFF),
    (OFF, (WANTS,), OURS),
    (OFF, (WANTS_NO_MORE,), OFF),
    (THEIRS, (WANTS,), THEIRS),
    (THEIRS, (WANTS_NO_MORE,), THEIRS),
    (OURS, (WANTS,), OURS),
    (OURS, (WANTS_NO_MORE,), OFF),
    (OURS, (WANTS_NO_MORE, NEIGHBOUR), OURS),
    (OURS, (), OURS),
    (LEFT, (WANTS,), OURS),
    (LEFT, (WANTS_NO_MORE,), OFF),
]


@pytest.mark.parametrize(("present", "claims", "target"), TABLE)
def test_the_switch_follows_the_claims_and_spares_what_somebody_else_set(
    present: Flush, claims: tuple[Claim, ...], target: Flush
) -> None:
    assert target == flush_of(present, claims)


FLUSHES = st.sampled_from((OFF, THEIRS, OURS, LEFT))
WISHES = st.lists(st.sampled_from((WANTS, NEIGHBOUR)), unique=True)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Nsg, list[Claim], Leave]:
    """A group in any state, and what is claimed of it."""
    place = spots()
    grants = [draw(openings(place, number)) for number in range(2)]
    leave = Leave(frozenset(grant.grant for grant in grants))
    before = draw(groups())
    nsg = applied(before, plan(before, (draw(locks(place)), grants[0]), NOW, leave))
    wishes = [replace(one, wanted=draw(st.sampled_from(Wanted))) for one in draw(WISHES)]
    return replace(nsg, flush=draw(FLUSHES)), [draw(locks(place)), *grants, *wishes], leave


@given(scenes())
def test_rules_are_planned_as_they_would_be_without_the_switch(scene: tuple[Nsg, list[Claim], Leave]) -> None:
    nsg, claims, leave = scene
    bare = plan(replace(nsg, flush=OFF), [one for one in claims if not isinstance(one, FlushClaim)], NOW, leave)
    made = plan(nsg, claims, NOW, leave)
    assert (bare.changes, bare.obstacles) == (made.changes, made.obstacles)


@given(scenes())
def test_what_somebody_else_switched_on_survives_whatever_is_claimed(scene: tuple[Nsg, list[Claim], Leave]) -> None:
    nsg, claims, leave = scene
    assert plan(replace(nsg, flush=THEIRS), claims, NOW, leave).flush is None


@given(scenes())
def test_it_settles_where_the_claims_want_it(scene: tuple[Nsg, list[Claim], Leave]) -> None:
    nsg, claims, leave = scene
    after = forecast(nsg, claims, NOW, leave).after
    wanted = any(isinstance(one, FlushClaim) and one.wanted is Wanted.PRESENT for one in claims)
    assert after.flush.on or not wanted
    assert plan(after, claims, NOW, leave).flush is None


@given(scenes())
def test_no_rule_of_a_grant_goes_while_the_switch_goes_back(scene: tuple[Nsg, list[Claim], Leave]) -> None:
    nsg, claims, leave = scene
    made = plan(nsg, claims, LATER, leave)
    ends = any(one.rule.name.startswith(OPEN_MARK) and one.kind is Kind.DELETE for one in made.changes)
    assert not ends or made.flush is None or made.flush.on


def test_a_plan_that_only_switches_is_a_plan() -> None:
    made = plan(group(SSH), (WANTS,), NOW)
    assert (True, (), OURS) == (bool(made), made.changes, made.flush)


def test_a_switch_that_was_refused_is_not_tried_again_and_stands_in_the_way_of_its_claims() -> None:
    made = plan(group(SSH), (WANTS, NEIGHBOUR, lock()), NOW, Leave(unflushable="403"))
    assert (None, {WANTS.key: "403", NEIGHBOUR.key: "403"}) == (made.flush, made.obstacles)


def test_a_switch_that_was_refused_but_stands_is_in_nobodys_way() -> None:
    made = plan(replace(group(SSH), flush=THEIRS), (WANTS,), NOW, Leave(unflushable="403"))
    assert {} == made.obstacles


def told(flush: Flush, seen: Mapping[Claim, Outcome]) -> list[str]:
    nsg = replace(group(SSH), flush=flush)
    return [one.detail for one in found_in_group(nsg, plan(nsg, seen, NOW), seen, NOW)]


FULFILLED = Outcome(Finding.FULFILLED)


def test_a_switch_that_somebody_turned_off_is_told_with_those_who_count_on_it() -> None:
    text = "flushConnection, which ends the sessions of app-1 and app-2, had been switched off."
    assert [text] == told(LEFT, {FlushClaim(machine_id(f"app-{n}")): FULFILLED for n in (2, 1)})


def test_a_switch_that_was_never_seen_on_or_stands_is_no_finding() -> None:
    assert [] == told(OFF, {WANTS: PENDING, NEIGHBOUR: Outcome(Finding.BLOCKED, (), "403")})
    assert [] == told(OURS, {WANTS: FULFILLED})


def guarded(*places: Endpoint, **changes: Any) -> Guarded:  # noqa: ANN401 - whatever a guarded machine has.
    machine = Machine(machine_id(), "westeurope", "Linux", places or (endpoint(subnet=SUBNET_GROUP),))
    policy = Policy(default_ports(), end_sessions=True)
    return replace(Guarded(machine, policy, 0, NOW, Person("bob", "Bob")), **changes)


def wanted(one: Guarded) -> dict[str, Wanted]:
    return {nsg: claim.wanted for nsg, claim in one.flush_claims().items()}


PRESENT, ABSENT = Wanted.PRESENT, Wanted.ABSENT


def test_it_is_wanted_in_every_group_in_which_a_grant_may_have_rules() -> None:
    assert {GROUP: PRESENT, SUBNET_GROUP: PRESENT} == wanted(guarded())
    assert {} == wanted(guarded(policy=Policy(default_ports())))


def test_it_is_taken_back_where_it_was_wanted_when_the_policy_no_longer_asks_for_it_or_goes() -> None:
    known = guarded().remembering_flush()
    assert {GROUP: ABSENT, SUBNET_GROUP: ABSENT} == wanted(replace(known, policy=Policy(default_ports())))
    assert {GROUP: ABSENT, SUBNET_GROUP: ABSENT} == wanted(replace(known, stage=Stage.REMOVING))


def test_it_is_taken_back_in_a_group_that_the_machine_has_left() -> None:
    known = guarded().remembering_flush()
    moved = replace(known.machine, endpoints=(endpoint(nic=None, subnet=SUBNET_GROUP.upper()),))
    assert {GROUP: ABSENT, SUBNET_GROUP.upper(): PRESENT} == wanted(replace(known, machine=moved).remembering_flush())


@pytest.mark.parametrize(("bare", "own"), [(True, True), (False, False)])
def test_a_claim_about_a_group_that_is_to_be_made_says_so(bare: bool, own: bool) -> None:  # noqa: FBT001 - a case.
    [claim] = guarded(endpoint(nic=OWN), own_group=OWN, bare=bare).flush_claims().values()
    assert own is claim.own


def test_locks_and_switches_of_one_group_are_claimed_together() -> None:
    kinds = {nsg: [claim.key.split("|")[0] for claim in claims] for nsg, claims in guarded().claims().items()}
    assert {GROUP: ["lock", "flush"], SUBNET_GROUP: ["flush"]} == kinds


@pytest.mark.parametrize("claim", [WANTS, replace(WANTS_NO_MORE, own=True), lock(), opening()])
def test_each_kind_of_claim_is_read_as_what_was_written(claim: Claim) -> None:
    codec: Codec[Claim] = Codec(Claim)
    assert claim == codec.read(codec.write(claim))


def test_a_policy_with_its_switches_survives_being_stored_and_one_of_before_has_none() -> None:
    codec: Codec[Guarded] = Codec(Guarded)
    one = guarded().remembering_flush()
    text = codec.write(one)
    assert one == codec.read(text)
    document = json.loads(text)
    del document["value"]["flush_in"], document["value"]["policy"]["end_sessions"]
    old = codec.read(json.dumps(document))
    assert ((), False) == (old.flush_in, old.policy.end_sessions)


FATES = [
    ({"a": FULFILLED, "b": FULFILLED}, Fate.END, "are ended with it"),
    ({"a": FULFILLED, "b": None}, Fate.UNKNOWN, "not been seen on yet in b;"),
    ({"a": PENDING, "b": FULFILLED}, Fate.UNKNOWN, "not been seen on yet in a;"),
    ({"a": None, "b": Outcome(Finding.BLOCKED, (), "403")}, Fate.CONTINUE, "live on. b: 403."),
]


@pytest.mark.parametrize(("seen", "fate", "text"), FATES)
def test_sessions_are_said_to_end_only_when_the_switch_was_seen_on_everywhere(
    seen: dict[str, Outcome | None], fate: Fate, text: str
) -> None:
    found = sessions_of(seen)
    assert fate is found.fate
    assert text in found.note


def document(flush: str, **tags: str) -> dict[str, Any]:
    properties = {"securityRules": [], "future": {"kept": 1}} | ({"flushConnection": flush == "on"} if flush else {})
    return {"id": GROUP, "etag": "1", "location": "here", "tags": tags, "properties": properties}


READ = [
    (document(""), OFF),
    (document("off"), OFF),
    (document("on", team="shop"), THEIRS),
    (document("on", **{FLUSH: "x"}), OURS),
    (document("off", **{FLUSH: ""}), LEFT),
    ({**document("on"), "tags": None}, THEIRS),
]


@pytest.mark.parametrize(("given_", "flush"), READ)
def test_whose_switch_it_is_is_read_from_the_tag(given_: dict[str, Any], flush: Flush) -> None:
    assert flush == read_nsg(given_).flush


@pytest.mark.parametrize("flush", [OURS, OFF])
@pytest.mark.parametrize("before", [one for one, _ in READ])
def test_writing_the_switch_leaves_everything_else(before: dict[str, Any], flush: Flush) -> None:
    after = with_flush(before, flush)
    assert flush == read_nsg(after).flush
    tags = {name: value for name, value in (before["tags"] or {}).items() if name != FLUSH}
    assert tags == {name: value for name, value in after["tags"].items() if name != FLUSH}
    assert {"future": {"kept": 1}, "securityRules": [], "flushConnection": flush.on} == after["properties"]


def test_the_outcome_of_a_switch_has_no_rules() -> None:
    nsg = replace(group(SSH), flush=OURS)
    assert (Outcome(Finding.FULFILLED), Outcome(Finding.BLOCKED, (), "403")) == (
        outcome_of(WANTS, nsg, None),
        outcome_of(WANTS, nsg, "403"),
    )
