"""What goes on record when a group, or what gets through a lock, is otherwise than it was left."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from shared.domain.claims import PENDING, Claim, Finding, LockClaim, Outcome, Wanted
from shared.domain.exposure import Leak
from shared.domain.findings import What, exposure_changed, found_in_group
from shared.domain.machines import Endpoint
from shared.domain.observing import outcome_of
from shared.domain.planning import plan
from shared.domain.rules import Access, Nsg, Rule
from tests.domain.values import GROUP, NOW, applied, endpoint, group, lock, opening, rule

SSH = "200 allow-ssh Allow Tcp 22 from *"
HOLE = rule(f"150 postern-open-{opening().grant}-1 Allow Tcp 22 from 203.0.113.7 to 10.0.0.4")


def lock_of(number: int, guarded: str = "*") -> LockClaim:
    return lock(endpoint(f"10.0.0.{number}"), machine=f"app-{number}", guarded=guarded)


ONE, TWO = lock_of(4), lock_of(5)


def left(*claims: Claim) -> tuple[Nsg, dict[Claim, Outcome]]:
    """The group as it was left when these claims were served, and what was seen of them."""
    nsg = applied(group(SSH), plan(group(SSH), claims, NOW))
    return nsg, {claim: outcome_of(claim, nsg, None) for claim in claims}


def found(nsg: Nsg, seen: dict[Claim, Outcome], *now: Claim) -> list[tuple[str, str]]:
    """What is told about the group when these claims (those that were seen, unless told) are to be served."""
    told = found_in_group(nsg, plan(nsg, now or tuple(seen), NOW), seen, NOW)
    assert {(GROUP, NOW)} >= {(one.subject, one.at) for one in told}
    assert [*range(len(told))] == [one.number for one in told]
    return [(one.what, one.detail) for one in told]


def with_rules(nsg: Nsg, rules: Iterable[Rule]) -> Nsg:
    return replace(nsg, rules=tuple(rules))


def test_a_group_as_it_was_left_has_nothing_to_tell() -> None:
    nsg, seen = left(ONE, TWO)
    assert [] == found(nsg, seen)


def test_a_lock_that_is_gone_is_told_with_the_names_of_all_whom_it_locked() -> None:
    nsg, seen = left(TWO, ONE)
    text = "postern-lock-all, which locks app-4 and app-5, was gone and was put back."
    assert [("lockMissing", text)] == found(with_rules(nsg, nsg.foreign), seen)


EDITS: list[Callable[[Rule], Rule]] = [
    lambda one: replace(one, sources=("203.0.113.7",)),
    lambda one: replace(one, access=Access.ALLOW),
    lambda one: replace(one, destinations=("10.0.0.4",)),
    lambda one: replace(one, destinations=("*",)),
    lambda one: replace(one, ports=rule("1 x Deny * 22 from *").ports),
    lambda one: replace(one, sources=("203.0.113.7",), priority=300),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_lock_that_was_edited_is_told(edit: Callable[[Rule], Rule]) -> None:
    nsg, seen = left(ONE, TWO)
    edited = with_rules(nsg, (edit(one) if one.mark else one for one in nsg.rules))
    text = "postern-lock-all, which locks app-4 and app-5, had been changed and was put right."
    assert [("lockEdited", text)] == found(edited, seen)


def test_a_description_or_a_case_that_changed_is_nothing_to_tell() -> None:
    nsg, seen = left(ONE)
    renamed = (replace(one, name=one.name.upper(), description="?") if one.mark else one for one in nsg.rules)
    assert [] == found(with_rules(nsg, renamed), seen)


def test_a_lock_that_somebody_outranked_is_told_with_where_it_stood() -> None:
    nsg, seen = left(ONE)
    outranked = with_rules(nsg, (*nsg.rules, rule("150 wide Allow Tcp * from *")))
    assert [("lockOutranked", "postern-lock-all, which locks app-4, had been outranked at 199.")] == found(
        outranked, seen
    )


def test_only_the_rule_that_is_gone_is_told_where_a_lock_has_several() -> None:
    both = lock(endpoint("10.0.0.4"), endpoint("fd00:db8::4"))
    nsg, seen = left(both)
    without = with_rules(nsg, (one for one in nsg.rules if not one.name.endswith("-ipv6")))
    text = "postern-lock-all-ipv6, which locks web-01, was gone and was put back."
    assert [("lockMissing", text)] == found(without, seen)


@pytest.mark.parametrize(("ending", "address"), [("", "10.0.0.4"), ("-ipv6", "fd00:db8::4")])
def test_an_address_of_either_family_that_was_taken_out_is_told_of_its_own_rule(ending: str, address: str) -> None:
    pairs = [lock(endpoint(f"10.0.0.{n}"), endpoint(f"fd00:db8::{n}"), machine=f"app-{n}") for n in (4, 5)]
    nsg, seen = left(*pairs)
    cut = (replace(one, destinations=tuple(x for x in one.destinations if x != address)) for one in nsg.rules)
    text = f"postern-lock-all{ending}, which locks app-4 and app-5, had been changed and was put right."
    assert [("lockEdited", text)] == found(with_rules(nsg, cut), seen)


def test_a_newcomer_that_makes_a_rule_grow_is_no_finding() -> None:
    nsg, seen = left(ONE)
    assert plan(nsg, (ONE, TWO), NOW).changes
    assert [] == found(nsg, seen, ONE, TWO)
    assert [] == found(nsg, {**seen, TWO: PENDING}, ONE, TWO)


def test_a_newcomer_of_both_families_is_no_finding_about_either_rule() -> None:
    one, other = (lock(endpoint(f"10.0.0.{n}"), endpoint(f"fd00:db8::{n}"), machine=f"app-{n}") for n in (4, 5))
    nsg, seen = left(one)
    assert 2 == len(plan(nsg, (one, other), NOW).changes)
    assert [] == found(nsg, seen, one, other)


def test_a_lock_that_was_seen_in_another_case_of_its_name_is_missed_all_the_same() -> None:
    nsg, _ = left(ONE)
    shouted = with_rules(nsg, (replace(one, name=one.name.upper()) for one in nsg.rules))
    told = found(with_rules(nsg, nsg.foreign), {ONE: outcome_of(ONE, shouted, None)})
    assert [("lockMissing", "postern-lock-all, which locks app-4, was gone and was put back.")] == told


def test_a_lock_that_goes_makes_a_rule_shrink_and_is_no_finding() -> None:
    nsg, seen = left(ONE, TWO)
    gone = replace(TWO, wanted=Wanted.ABSENT)
    assert [] == found(nsg, {ONE: seen[ONE], gone: PENDING}, ONE, gone)


@pytest.mark.parametrize("outcome", [PENDING, Outcome(Finding.BLOCKED, detail="full")])
def test_a_lock_that_is_only_now_asked_for_is_no_finding(outcome: Outcome) -> None:
    assert [] == found(group(SSH), {ONE: outcome})


def test_a_rule_that_was_never_seen_is_no_finding() -> None:
    nsg, seen = left(ONE)
    other = lock_of(4, "22")
    assert [] == found(with_rules(nsg, nsg.foreign), {other: seen[ONE]}, other)
    assert [] == found(with_rules(nsg, nsg.foreign), {ONE: Outcome(Finding.FULFILLED)})
    assert [] == found(with_rules(nsg, nsg.foreign), {ONE: replace(seen[ONE], finding=Finding.BLOCKED)})


def test_a_rule_that_is_still_being_written_is_no_finding() -> None:
    nsg, seen = left(ONE)
    busy = with_rules(nsg, (replace(one, settled=False) for one in nsg.rules))
    assert plan(busy, (ONE,), NOW).changes
    assert [] == found(busy, seen)


def test_an_allow_rule_that_belongs_to_nobody_is_told() -> None:
    nsg, seen = left(ONE)
    text = f"{HOLE.name} belonged to nobody and was taken away."
    assert [("ruleOrphaned", text)] == found(with_rules(nsg, (HOLE, *nsg.rules)), seen)


def test_an_allow_rule_of_a_grant_that_has_ended_is_no_orphan() -> None:
    nsg, seen = left(ONE)
    ended = replace(opening(), wanted=Wanted.ABSENT)
    assert [] == found(with_rules(nsg, (HOLE, *nsg.rules)), {**seen, ended: PENDING})


def test_a_grant_is_no_owner_of_another_s_rule() -> None:
    nsg, seen = left(ONE)
    other = replace(opening(), grant="1" * 24, wanted=Wanted.ABSENT)
    assert ["ruleOrphaned"] == [
        what for what, _ in found(with_rules(nsg, (HOLE, *nsg.rules)), {**seen, other: PENDING})
    ]


def test_several_findings_are_told_apart_by_their_numbers() -> None:
    nsg, seen = left(ONE, lock_of(5, "22"))
    told = found(with_rules(nsg, (HOLE, *nsg.foreign)), seen)
    assert ["ruleOrphaned", "lockMissing"] == [what for what, _ in told[:2]]
    assert len(told) == len(set(told)) > 2


A, B = Leak("10.0.0.4", GROUP, "allow-b", 100), Leak("10.0.0.4", GROUP, "allow-a", 110)
BARE = Leak("10.0.0.5", None, None, None)
CHANGES = [
    ((), (), None),
    ((A, B), (B, A, A), None),
    ((A,), (), (What.HOLDS_AGAIN, "The lock holds again.")),
    ((), (A,), (What.EXPOSED, "The lock does not hold: allow-b.")),
    ((A,), (B,), (What.EXPOSED, "The lock does not hold: allow-a.")),
    ((A,), (A, B), (What.EXPOSED, "The lock does not hold: allow-a and allow-b.")),
    ((A, B), (A,), (What.EXPOSED, "The lock does not hold: allow-b.")),
    ((A,), (BARE, A), (What.EXPOSED, "The lock does not hold: allow-b and no network security group at all.")),
]


@pytest.mark.parametrize(("before", "after", "told"), CHANGES)
def test_what_gets_through_a_lock_is_told_when_it_changes(
    before: tuple[Leak, ...], after: tuple[Leak, ...], told: tuple[What, str] | None
) -> None:
    assert told == exposure_changed(before, after)


def test_an_endpoint_s_other_properties_are_no_matter() -> None:
    nsg, seen = left(ONE)
    moved = replace(ONE, endpoints=(Endpoint("10.0.0.4", None, GROUP),))
    text = "postern-lock-all, which locks app-4, was gone and was put back."
    assert [("lockMissing", text)] == found(with_rules(nsg, nsg.foreign), {moved: seen[ONE]})
