"""The activity: record and logs folded into one line of time, and which grant each sign-in came by."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.activity import EVERYTHING, Entry, Kind, Wanted, own
from shared.domain.attacks import Attack
from shared.domain.evidence import Evidence, SignIn, Source
from shared.domain.records import Record, stays
from shared.domain.visits import Visit, visits
from tests.domain.past import (
    ANN,
    OTHER_GRANT,
    about_lock,
    about_policy,
    alerted,
    edited,
    folded,
    life,
    logged_as,
    minute,
    record,
    signed_in,
    tried,
)
from tests.domain.values import GRANT, OFFICE, STRANGER, machine_id

NOON = minute(0)
RECORD = [about_policy(1), *life(2, 62), about_lock(30)]
EVIDENCE = Evidence(
    sources=(tried(STRANGER, 40, span=(3, 20)),),
    sign_ins=(signed_in(OFFICE, 10), signed_in(OFFICE, 70)),
    alerts=(alerted(25),),
    edits=(edited(24),),
)
ALL = folded(RECORD, EVIDENCE, NOON)


def told(entries: Sequence[Entry]) -> list[tuple[str, float]]:
    """Kinds and minutes."""
    return [(entry.kind, (entry.at - NOON).total_seconds() / 60) for entry in entries]


def test_everything_stands_in_one_line_the_newest_first() -> None:
    expected = [
        ("signIn", 70), ("grant", 62), ("finding", 30), ("alert", 25), ("ruleEdit", 24), ("attack", 20), ("signIn", 10),
        ("grant", 2), ("grant", 2), ("policy", 1),
    ]  # fmt: skip
    assert expected == told(ALL)


def test_an_attack_is_one_entry_and_stands_where_it_was_last_seen() -> None:
    [attack] = [entry for entry in ALL if entry.kind is Kind.ATTACK]
    assert isinstance(attack.matter, Attack)
    assert (minute(20), 40) == (attack.at, attack.matter.attempts)


def test_earlier_records_only_say_which_grants_were_open() -> None:
    entries = folded([*life(-10, 60), about_policy(-20)], Evidence(sign_ins=(signed_in(OFFICE, 5),)), NOON)
    assert [("grant", 60), ("signIn", 5)] == told(entries)
    assert GRANT == entries[1].grant


def test_what_was_on_record_when_the_time_began_is_in_it() -> None:
    assert [("policy", 0)] == told(folded([about_policy(0), about_policy(-0.01)], Evidence(), NOON))


def test_an_entry_has_the_same_id_whenever_it_is_asked_for() -> None:
    later = folded(RECORD, replace(EVIDENCE, alerts=(alerted(25), alerted(60, "ghi"))), minute(1))
    assert {entry.id for entry in ALL} < {entry.id for entry in later}


def test_a_sign_in_that_a_log_holds_twice_is_one_entry() -> None:
    twice = Evidence(sign_ins=(signed_in(OFFICE, 10), signed_in(OFFICE, 10)))
    assert [("signIn", 10)] == told(folded([], twice, NOON))


def grant_of(record: list[Record], sign_in: SignIn) -> str | None:
    """The grant that a sign-in is tied to."""
    (visit,) = visits([sign_in], stays(record).values())
    return visit.stay.grant if visit.stay else None


TIED = [
    (signed_in(OFFICE, 30), GRANT),
    (signed_in(OFFICE, 60), GRANT),
    (signed_in(OFFICE, 61), None),
    (signed_in(OFFICE, -1), None),
    (signed_in(OFFICE, 30, "web-02"), None),
    (signed_in(STRANGER, 30), None),
    (signed_in("not an address", 30), None),
]


@pytest.mark.parametrize(("sign_in", "expected"), TIED)
def test_a_sign_in_is_tied_to_a_grant_that_covers_its_time_machine_and_source(
    sign_in: SignIn, expected: str | None
) -> None:
    assert expected == grant_of(life(0, 60), sign_in)


@pytest.mark.parametrize(
    ("ports", "source", "expected"),
    [
        ("22-22/Tcp *", STRANGER, GRANT),
        ("22-22/Tcp Internet", STRANGER, None),
        ("22-22/Tcp 2001:db8::/32", "2001:db8::7", GRANT),
        ("22-22/Tcp 2001:db8::/32", OFFICE, None),
    ],
)
def test_sources_may_be_anybody_a_tag_or_of_the_other_family(ports: str, source: str, expected: str | None) -> None:
    assert expected == grant_of(life(0, 60, ports=ports), signed_in(source, 30))


def test_of_several_grants_that_cover_a_sign_in_it_is_the_one_that_was_asked_for_last() -> None:
    both = [*life(0, 60), *life(10, 60, OTHER_GRANT)]
    assert (OTHER_GRANT, GRANT) == (grant_of(both, signed_in(OFFICE, 30)), grant_of(both, signed_in(OFFICE, 5)))


ADDRESSES = ("203.0.113.7", "203.0.113.200", "198.51.100.99", "2001:db8::7")
PREFIXES = ("203.0.113.7", "203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0")
MACHINES = st.sampled_from(["web-01", "web-02"])
SIGN_INS = st.lists(st.builds(signed_in, st.sampled_from(ADDRESSES), st.integers(-5, 65), MACHINES), unique=True)


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, str, int, int, str]:
    """A grant's id, machine, beginning, end and prefix."""
    beginning = draw(st.integers(-5, 40))
    return (
        draw(st.text("0123456789abcdef", min_size=24, max_size=24)), draw(MACHINES), beginning,
        beginning + draw(st.integers(0, 30)), draw(st.sampled_from(PREFIXES)),
    )  # fmt: skip


def on_record(one: tuple[str, str, int, int, str]) -> list[Record]:
    id_, machine, beginning, end, prefix = one
    return life(beginning, end, id_, subject=str(machine_id(machine)), ports=f"22-22/Tcp {prefix}")


LIVES = st.lists(lives(), max_size=6, unique_by=lambda one: one[0])


@given(LIVES, SIGN_INS)
def test_a_sign_in_is_tied_to_one_grant_at_most_and_only_to_one_that_covers_it(
    known: list[tuple[str, str, int, int, str]], sign_ins: list[SignIn]
) -> None:
    found = list(visits(sign_ins, stays(line for one in known for line in on_record(one)).values()))
    assert sign_ins == [visit.sign_in for visit in found]
    for one, visit in zip(sign_ins, found, strict=True):
        covering = [
            (prefix != "0.0.0.0/0", id_) for id_, machine, beginning, end, prefix in known
            if one.machine == logged_as(machine) and minute(beginning) <= one.at <= minute(end)
            and ip_address(one.source) in ip_network(prefix)
        ]  # fmt: skip
        assert max(covering, default=(None, None))[1] == (visit.stay.grant if visit.stay else None)


SOURCES = st.lists(st.builds(lambda address, denied, last: tried(address, denied, span=(0, last)),
                             st.sampled_from(ADDRESSES), st.integers(1, 3), st.integers(0, 65)),
                   unique_by=lambda one: one.address)  # fmt: skip
TIMES = st.lists(st.integers(0, 65), max_size=3, unique=True)


@given(LIVES, SIGN_INS, SOURCES, TIMES, TIMES)
def test_the_kinds_are_a_partition_and_everything_is_there_once_the_newest_first(
    known: list[tuple[str, str, int, int, str]],
    sign_ins: list[SignIn],
    sources: list[Source],
    alerts: list[int],
    edits: list[int],
) -> None:
    records = [*(line for one in known for line in on_record(one)), *map(about_lock, edits), *map(about_policy, alerts)]
    evidence = Evidence(
        sources=tuple(sources), sign_ins=tuple(sign_ins), alerts=tuple(alerted(at, f"{at}") for at in alerts),
        edits=tuple(edited(at, f"{at}") for at in edits),
    )  # fmt: skip
    entries = folded(records, evidence, minute(-60))
    assert sorted(entries, key=lambda one: (one.at, one.id), reverse=True) == list(entries)
    assert len(entries) == len({entry.id for entry in entries})
    expected = {
        "grant": 3 * len(known), "policy": len(alerts), "finding": len(edits), "signIn": len(sign_ins),
        "attack": len(sources), "ruleEdit": len(edits), "alert": len(alerts),
    }  # fmt: skip
    assert expected == {
        str(kind): len([one for one in entries if Wanted(frozenset({kind})).shows(one)]) for kind in Kind
    }


def shown(wanted: Wanted) -> list[tuple[str, float]]:
    return told([entry for entry in ALL if wanted.shows(entry)])


def test_without_a_wish_everything_is_shown() -> None:
    assert told(ALL) == shown(EVERYTHING)


def test_kinds_and_text_both_have_to_fit() -> None:
    assert [("finding", 30), ("alert", 25)] == shown(Wanted(frozenset({Kind.FINDING, Kind.ALERT})))
    assert [("alert", 25)] == shown(Wanted(frozenset({Kind.FINDING, Kind.ALERT}), "brute"))


def test_what_is_about_some_grants_is_their_record_and_the_sign_ins_that_they_let_in() -> None:
    expected = [("grant", 62), ("signIn", 10), ("grant", 2), ("grant", 2)]
    assert expected == told(own(ALL, {GRANT}))
    assert () == own(ALL, {OTHER_GRANT}) == own(ALL, ())


def test_who_came_while_a_grant_for_everybody_stood_open_is_nobody_s_to_see() -> None:
    wide = life(0, 60, ports="22-22/Tcp *")
    entries = folded(wide, Evidence(sign_ins=(signed_in(STRANGER, 10),)), NOON)
    assert ["grant", "grant", "grant"] == [kind for kind, _ in told(own(entries, {GRANT}))]


HITS: list[tuple[str, Callable[[], Entry], str]] = [
    ("a record's machine", lambda: ALL[-2], "virtualmachines/web-01"),
    ("a record's person", lambda: ALL[-2], "ann"),
    ("a record of Postern itself", lambda: ALL[2], "postern"),
    ("an attack's address", lambda: ALL[5], STRANGER),
    ("an attack's machine", lambda: ALL[5], "demo/web-01"),
    ("an attack's fate", lambda: ALL[5], "denied"),
    ("a sign-in's user", lambda: ALL[6], "azureuser"),
    ("the requestor of a sign-in's grant", lambda: ALL[6], "ann"),
    ("an edit's caller", lambda: ALL[4], "eve"),
    ("an alert's text", lambda: ALL[3], "tries many names"),
]


@pytest.mark.parametrize(("entry", "text"), [hit[1:] for hit in HITS], ids=[hit[0] for hit in HITS])
def test_a_search_looks_at_what_an_entry_tells(entry: Callable[[], Entry], text: str) -> None:
    assert Wanted(text=text).shows(entry())
    assert not Wanted(text="no such thing").shows(entry())


FIELDS = {"justification": "Why?", "ticket": "INC-7", "reason": "Deadline", "detail": "Because", "ports": "22-22/Udp"}


@pytest.mark.parametrize("name", FIELDS)
def test_a_search_finds_what_people_wrote_whatever_the_case(name: str) -> None:
    [entry] = folded([record("grantActive", 0, **{name: FIELDS[name]})], Evidence(), NOON)
    assert Wanted(text=FIELDS[name].lower()).shows(entry)


def test_a_visit_of_nobody_s_grant_is_about_none() -> None:
    visit = Visit(signed_in(STRANGER, 1), None)
    assert "" == Entry("s-1", NOON, Kind.SIGN_IN, visit).grant
    assert GRANT == Entry("s-2", NOON, Kind.SIGN_IN, replace(visit, stay=stays(life(0, by=ANN))[GRANT])).grant
