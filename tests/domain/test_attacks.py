"""Attempts on attack: who tried, how often, and the worst that became of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.attacks import Attack, Became, attacks
from shared.domain.evidence import Counts, Evidence, Failures, LetIn, SignIn, Source
from shared.domain.records import Record, stays
from shared.domain.visits import outside, visits
from tests.domain.past import OTHER_GRANT, failed, life, logged_as, minute, passed, reached, signed_in, tried
from tests.domain.values import GRANT, OFFICE, STRANGER

V6 = "2001:db8::7"


def judged(*sources: Source, record: Iterable[Record] = (), **parts: Any) -> dict[str, Attack]:  # noqa: ANN401  # As the fields'.
    """The attacks that evidence and record tell of, by address."""
    known: dict[str, Any] = {name: tuple(part) for name, part in parts.items()}
    evidence = Evidence(sources=sources, **known)
    return {one.source: one for one in attacks(evidence, stays(record).values())}


def test_a_source_that_attacked_before_during_and_after_somebody_else_s_grant_was_denied_throughout() -> None:
    attack = judged(tried(STRANGER, 500, span=(-60, 180)), record=life(0, 60))
    assert {STRANGER: Became.DENIED} == {source: one.became for source, one in attack.items()}
    assert (500, minute(-60), minute(180)) == ((one := attack[STRANGER]).attempts, one.first, one.last)


OUTCOMES = [
    ((5, 0, 0), [], "denied"),
    ((5, 0, 9), [], "elsewhere"),
    ((5, 1, 0), [], "granted"),
    ((5, 1, 9), [], "granted"),
    ((5, 0, 1), [reached("allow-ssh", STRANGER)], "reached"),
    ((5, 1, 1), [reached("allow-ssh", STRANGER)], "reached"),
    ((5, 0, 0), [reached("allow-ssh", OFFICE)], "denied"),
]


@pytest.mark.parametrize(("counts", "through", "expected"), OUTCOMES)
def test_what_became_of_flows_is_the_worst_that_they_show(
    counts: tuple[int, int, int], through: list[LetIn], expected: str
) -> None:
    assert expected == judged(tried(STRANGER, *counts), reached=through)[STRANGER].became


def test_who_was_never_turned_away_has_not_tried() -> None:
    assert {} == judged(sign_ins=[signed_in(STRANGER, 30)])


def test_who_got_in_is_shown_also_where_others_were_denied_more_often() -> None:
    found = judged(reached=[reached("allow-ssh", STRANGER, (5, 9))])[STRANGER]
    assert (Became.REACHED, ("allow-ssh",), minute(5)) == (found.became, found.rules, found.first_in)


def test_a_rule_that_only_looks_like_a_grant_s_excuses_nobody() -> None:
    forged = [
        passed("postern-open-backdoor", STRANGER, 1, (5, 9)),
        passed(f"postern-open-{GRANT}-1", STRANGER, 1, (5, 9)),
    ]
    for use in forged:
        found = judged(tried(STRANGER, 900, 1), uses=[use], record=life(0, 60))[STRANGER]
        assert (Became.REACHED, (use.rule,)) == (found.became, found.rules)


def test_what_a_grant_lets_in_by_its_own_rule_is_granted() -> None:
    use = passed(f"postern-open-{GRANT}-1", OFFICE, 1, (5, 9))
    assert Became.GRANTED is judged(tried(OFFICE, 9, 1), uses=[use], record=life(0, 60))[OFFICE].became


def test_a_source_that_had_a_grant_and_was_denied_at_other_times_was_let_in_by_it_and_no_more() -> None:
    attack = judged(tried(OFFICE, 12, 40), sign_ins=[signed_in(OFFICE, 30)], record=life(0, 60))[OFFICE]
    assert (Became.GRANTED, 0, 12) == (attack.became, attack.sign_ins, attack.attempts)


@pytest.mark.parametrize(
    ("source", "at", "machine"), [(STRANGER, 30, "web-01"), (OFFICE, 61, "web-01"), (OFFICE, 30, "web-02")]
)
def test_a_sign_in_that_no_grant_covers_is_the_worst(source: str, at: float, machine: str) -> None:
    attack = judged(tried(source, 1, 2, 3), sign_ins=[signed_in(source, at, machine)], record=life(0, 60))[source]
    assert (Became.SIGNED_IN, 1) == (attack.became, attack.sign_ins)


def test_whoever_fails_to_sign_in_got_through_to_the_machine_whether_flows_tell_or_not() -> None:
    assert Became.REACHED is judged(failures=[failed(STRANGER, 9)])[STRANGER].became
    assert Became.REACHED is judged(tried(STRANGER, 4), failures=[failed(STRANGER, 9)])[STRANGER].became


def test_whoever_fails_to_sign_in_while_a_grant_lets_them_in_came_by_it() -> None:
    assert Became.GRANTED is judged(failures=[failed(OFFICE, 2, (10, 20))], record=life(0, 60))[OFFICE].became


@pytest.mark.parametrize("span", [(-1, 20), (10, 61)])
def test_whoever_failed_before_or_after_the_grant_as_well_got_through_otherwise(span: tuple[float, float]) -> None:
    assert Became.REACHED is judged(failures=[failed(OFFICE, 2, span)], record=life(0, 60))[OFFICE].became


def test_one_failure_outside_of_the_grant_is_enough_to_have_got_through_otherwise() -> None:
    both = [failed(OFFICE, 2, (10, 20)), failed(OFFICE, 1, (90, 90))]
    assert Became.REACHED is judged(failures=both, record=life(0, 60))[OFFICE].became


def test_a_grant_for_a_service_tag_excuses_nobody() -> None:
    record = life(0, 60, ports="22-22/Tcp Internet")
    assert Became.REACHED is judged(failures=[failed(STRANGER, 1)], record=record)[STRANGER].became


def test_a_grant_for_everybody_covers_addresses_of_both_families() -> None:
    record = life(0, 60, ports="22-22/Tcp *")
    signs = [signed_in(V6, 5), signed_in(STRANGER, 5), signed_in(V6, 70)]
    found = list(visits(signs, stays(record).values()))
    assert [True, True, False] == [visit.stay is not None for visit in found]


def test_a_grant_for_everybody_excuses_nobody() -> None:
    wide, signs = life(0, 60, ports="22-22/Tcp *"), [signed_in(STRANGER, 5)]
    assert signs == list(outside(signs, stays(wide).values()))
    failures = [failed(STRANGER, 5000, (1, 4))]
    assert Became.SIGNED_IN is judged(failures=failures, sign_ins=signs, record=wide)[STRANGER].became


def test_an_attack_tells_all_that_is_known_of_its_source() -> None:
    source = tried(STRANGER, 7, 0, 2, span=(5, 40), country="nl", ports=(22, 3389))
    through = [reached("allow-rdp", STRANGER, (9, 30)), reached("allow-ssh", STRANGER, (7, 8))]
    signs = [signed_in(STRANGER, 50), signed_in(STRANGER, 51, "web-02")]
    failures = [failed(STRANGER, 3, (1, 8)), failed(STRANGER, 4, (30, 60), "web-02")]
    expected = Attack(
        STRANGER, Became.SIGNED_IN, Counts(7, 0, 2), 7, minute(1), minute(60), "nl", (22, 3389),
        (logged_as("web-01"), logged_as("web-02")), ("root",), ("allow-rdp", "allow-ssh"), minute(7), 2,
    )  # fmt: skip
    assert {STRANGER: expected} == judged(source, failures=failures, sign_ins=signs, reached=through)


def test_at_most_fifty_names_are_shown() -> None:
    many = Failures(logged_as(), STRANGER, 60, minute(0), minute(1), tuple(f"user-{number:02}" for number in range(60)))
    users = judged(failures=[many])[STRANGER].users
    assert ("user-00", "user-49", 50) == (users[0], users[-1], len(users))


def test_the_most_persistent_stands_first_and_equals_by_address() -> None:
    found = judged(tried("b", 2), tried("a", 2), tried("c", 1), failures=[failed("c", 5)])
    assert [("c", 6), ("a", 2), ("b", 2)] == [(one.source, one.attempts) for one in found.values()]


ADDRESSES = st.sampled_from([OFFICE, STRANGER, V6, "10.0.0.9"])
SPANS = st.tuples(st.integers(-60, 0), st.integers(0, 180))
NUMBERS = st.integers(0, 3)
SOURCES = st.lists(
    st.builds(
        lambda *known, span: tried(*known, span=span), ADDRESSES, st.integers(1, 3), NUMBERS, NUMBERS, span=SPANS
    ),
    unique_by=lambda one: one.address,
)
MACHINES = st.sampled_from(["web-01", "web-02"])
FAILURES = st.lists(st.builds(failed, ADDRESSES, st.integers(1, 9), SPANS, MACHINES))
SIGNS = st.lists(st.builds(signed_in, ADDRESSES, st.integers(-60, 180)))
RECORDS = st.sampled_from([[], life(0, 60), [*life(0, 60), *life(30, 90, OTHER_GRANT, ports="22-22/Tcp *")]])


@given(SOURCES, FAILURES, SIGNS, RECORDS)
def test_an_attacker_s_entry_counts_what_was_counted(
    sources: list[Source], failures: list[Failures], signs: list[SignIn], record: list[Record]
) -> None:
    found = judged(*sources, failures=failures, sign_ins=signs, record=record)
    counted: Counter[str] = Counter()
    for source in sources:
        counted[source.address] += source.counts.denied
    for one in failures:
        counted[one.source] += one.count
    assert counted == {address: one.attempts for address, one in found.items()}
    signed = Counter(one.source for one in outside(signs, stays(record).values()) if one.source in counted)
    assert signed == Counter({address: one.sign_ins for address, one in found.items() if one.sign_ins})


@given(SOURCES, SIGNS, RECORDS)
def test_nobody_is_denied_throughout_who_got_in_by_anything(
    sources: list[Source], signs: list[SignIn], record: list[Record]
) -> None:
    found = judged(*sources, sign_ins=signs, record=record)
    inside = {one.address for one in sources if one.counts.granted + one.counts.allowed}
    inside |= {one.source for one in outside(signs, stays(record).values())}
    assert {source for source, one in found.items() if one.became is Became.DENIED} == set(found) - inside
