"""Decisions: every reason against a wish, each with its code and place, and all of them at once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.approvals import Approval
from shared.domain.decisions import Allowed, AskedPort, Asker, Wish, decide, still_offers
from shared.domain.grants import GrantPort
from shared.domain.issues import Refused
from shared.domain.policies import Lock as PolicyLock
from shared.domain.policies import Policy, PolicyPort, Scope, default_ports
from shared.domain.ranges import Ranges
from shared.domain.rules import Protocol
from tests.domain.values import ANY, NOW, OFFICE, TCP, UDP, span

SHORTEST, HOUR = timedelta(minutes=5), timedelta(hours=1)
ANN = Asker(frozenset({"ann"}), OFFICE)


def offer(ports: str, protocol: Protocol = TCP, *sources: str, longest: timedelta = 3 * HOUR) -> PolicyPort:
    return PolicyPort(span(ports), protocol, sources or ("*",), longest)


POLICY = Policy((offer("22"), offer("5000-5010", UDP, "203.0.113.0/24", longest=HOUR), offer("53", ANY)))


def asked(ports: str = "22", protocol: Protocol | None = None, *sources: str) -> AskedPort:
    return AskedPort(span(ports), protocol, sources)


def wish(*ports: AskedPort, duration: timedelta | None = HOUR, justification: str = "") -> Wish:
    return Wish(ports or (asked(),), duration, justification=justification)


def until(ends_at: datetime) -> Wish:
    return Wish((asked(),), ends_at=ends_at)


def decided(wanted: Wish, asker: Asker = ANN, policy: Policy = POLICY) -> Allowed | Refused:
    return decide(policy, wanted, asker, NOW, SHORTEST)


def reasons(answer: Allowed | Refused) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in answer.issues] if isinstance(answer, Refused) else []


def test_the_caller_s_address_and_the_policy_s_protocol_fill_what_is_not_said() -> None:
    assert Allowed((GrantPort((22, 22), TCP, (OFFICE,)),)) == decided(wish())


def test_a_part_of_an_offered_range_is_offered() -> None:
    assert Allowed((GrantPort((5002, 5003), UDP, (OFFICE,)),)) == decided(wish(asked("5002-5003")))


def test_an_offer_of_any_protocol_holds_each() -> None:
    assert Allowed((GrantPort((53, 53), UDP, (OFFICE,)),)) == decided(wish(asked("53", UDP)))


REFUSED = [
    (asked("80"), "portNotInPolicy", "ports[0]"),
    (asked("22", UDP), "portNotInPolicy", "ports[0]"),
    (asked("22-23"), "portNotInPolicy", "ports[0]"),
    (asked("5009-5011"), "portNotInPolicy", "ports[0]"),
    (asked("22", ANY), "portNotInPolicy", "ports[0]"),
    (asked("5000", UDP, "198.51.100.1"), "sourceNotAllowed", "ports[0]"),
    (asked("5000", UDP, "203.0.112.0/23"), "sourceNotAllowed", "ports[0]"),
    (asked("5000", UDP, "*"), "sourceNotAllowed", "ports[0]"),
    (asked("5000", UDP, "2001:db8::1"), "sourceNotAllowed", "ports[0]"),
]


@pytest.mark.parametrize(("port", "code", "path"), REFUSED)
def test_what_the_policy_does_not_offer_is_refused(port: AskedPort, code: str, path: str) -> None:
    assert [(code, path)] == reasons(decided(wish(port)))


TIMES = [
    (wish(duration=timedelta(hours=3, seconds=1)), [("durationTooLong", "ports[0]")]),
    (wish(duration=timedelta(hours=3)), []),
    (wish(duration=timedelta(minutes=4, seconds=59)), [("durationTooShort", "duration")]),
    (wish(duration=timedelta(minutes=5)), []),
    (until(NOW), [("endInPast", "endTimeUtc")]),
    (until(NOW - HOUR), [("endInPast", "endTimeUtc")]),
    (until(NOW + timedelta(minutes=1)), [("durationTooShort", "endTimeUtc")]),
    (until(NOW + 4 * HOUR), [("durationTooLong", "ports[0]")]),
    (until(NOW + HOUR), []),
]


@pytest.mark.parametrize(("wanted", "expected"), TIMES)
def test_access_lasts_neither_too_long_nor_too_short(wanted: Wish, expected: list[tuple[str, str]]) -> None:
    assert expected == reasons(decided(wanted))


def test_without_any_source_nobody_gets_in() -> None:
    assert [("sourceUnknown", "ports[0]")] == reasons(decided(wish(), Asker(frozenset({"ann"}), None)))


@pytest.mark.parametrize(("text", "is_enough"), [("", False), (" \t.", False), ("disk full", True)])
def test_a_justification_says_something_where_one_is_required(text: str, *, is_enough: bool) -> None:
    policy = Policy(POLICY.ports, justification_required=True)
    answer = decided(wish(justification=text), policy=policy)
    assert ([] if is_enough else [("justificationRequired", "justification")]) == reasons(answer)


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [("", [("ticketRequired", "ticket")]), ("42", [("ticketMismatch", "ticket")]), ("INC0012345", [])],
)
def test_a_ticket_has_the_form_that_the_policy_asks_for(ticket: str, expected: list[tuple[str, str]]) -> None:
    policy = Policy(POLICY.ports, ticket_pattern=r"INC\d{7}")
    assert expected == reasons(decided(replace(wish(), ticket=ticket), policy=policy))


def test_where_no_form_is_asked_for_any_ticket_will_do_and_none_too() -> None:
    assert [[], []] == [reasons(decided(replace(wish(), ticket=ticket))) for ticket in ("", "see chat")]


def test_what_needs_approval_says_so_and_breaking_the_glass_does_not() -> None:
    needed = Approval(required=True, approvers=("carol",))
    policy = Policy(POLICY.ports, approval=needed, break_glass=True)
    answers = [
        decided(replace(wish(justification="down"), break_glass=broken), policy=policy) for broken in (False, True)
    ]
    assert [needed, None] == [answer.approval for answer in answers if isinstance(answer, Allowed)]


def test_an_end_in_time_lasts_from_the_start_that_is_asked_for() -> None:
    wanted = Wish((asked(),), ends_at=NOW + 5 * HOUR, starts_at=NOW + 2 * HOUR)
    assert (3 * HOUR, []) == (wanted.lasts(NOW), reasons(decided(wanted)))


@pytest.mark.parametrize(("people", "may"), [((), True), (("ANN",), True), (("bob", "group"), False)])
def test_only_those_whom_the_policy_names_may_ask(people: tuple[str, ...], *, may: bool) -> None:
    answer = decided(wish(), policy=Policy(POLICY.ports, requestors=people))
    assert ([] if may else [("notEligible", "")]) == reasons(answer)


def test_a_member_of_a_named_group_may_ask() -> None:
    member = Asker(frozenset({"ann", "group"}), OFFICE)
    assert [] == reasons(decided(wish(), member, Policy(POLICY.ports, requestors=("group",))))


def test_all_reasons_are_told_at_once_each_once() -> None:
    policy = Policy(POLICY.ports, justification_required=True, requestors=("bob",))
    ports = (asked("80"), asked("5000", UDP, "198.51.100.1"), asked("22"))
    answer = decided(wish(*ports, duration=timedelta(hours=9)), policy=policy)
    assert [
        ("notEligible", ""),
        ("justificationRequired", "justification"),
        ("portNotInPolicy", "ports[0]"),
        ("durationTooLong", "ports[1]"),
        ("sourceNotAllowed", "ports[1]"),
        ("durationTooLong", "ports[2]"),
    ] == reasons(answer)


def test_what_was_granted_is_still_offered_as_long_as_the_policy_holds_it() -> None:
    granted = [GrantPort((22, 22), TCP, (OFFICE,)), GrantPort((80, 80), TCP, (OFFICE,))]
    assert [True, False] == [still_offers(POLICY, port) for port in granted]


def test_a_lock_of_everything_leaves_out_what_is_kept_open() -> None:
    guarded = Policy(POLICY.ports, PolicyLock(keep_open=((80, 80), (443, 443)))).guarded
    assert ((ANY, Ranges.of((0, 79), (81, 442), (444, 65535))),) == guarded


def test_a_lock_of_ports_guards_the_policy_s_ports_each_over_its_own_protocol_only() -> None:
    policy = Policy((offer("22"), offer("5000-5010", UDP)), PolicyLock(Scope.PORTS))
    assert ((TCP, Ranges.of((22, 22))), (UDP, Ranges.of((5000, 5010)))) == policy.guarded


def test_what_is_guarded_when_nobody_says_is_what_defender_guards() -> None:
    expected = [(22, 3 * HOUR), (3389, 3 * HOUR), (5985, 3 * HOUR), (5986, 3 * HOUR)]
    assert expected == [(port.span[0], port.longest) for port in default_ports()]
