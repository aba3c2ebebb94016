"""What the logs tell that somebody has to be told of, and what is nobody's alarm."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.alarms import alarms, blindness
from shared.domain.evidence import Evidence, Gap, Lack, LetIn, Part
from shared.domain.findings import Found, What
from shared.domain.guarding import Guarded
from shared.domain.machines import Machine
from shared.domain.policies import Lock, Policy, Scope, default_ports
from shared.domain.records import stays
from tests.domain.past import BOB, failed, life, minute, passed, reached, signed_in, tried
from tests.domain.values import GRANT, GROUP, NOW, OFFICE, STRANGER, endpoint, machine_id

MANY = 50
MACHINE = Machine(machine_id(), "westeurope", "Linux", (endpoint("10.0.0.4", GROUP, None),))
GUARDED = Guarded(MACHINE, Policy(default_ports()), 1, NOW - timedelta(hours=1), BOB)
PERSISTENT = (tried(STRANGER, MANY),)


def raised(evidence: Evidence, guarded: Guarded = GUARDED, opened: float | None = None) -> tuple[Found, ...]:
    records = life(opened) if opened is not None else []
    return alarms(evidence, stays(records).values(), [guarded], MANY)


def let_in(rule: str, source: str, at: float = 5, port: int = 22) -> LetIn:
    return LetIn(passed(rule, source, 1, (at, at)), port, "TCP")


def test_who_signs_in_after_many_attempts_and_without_grant_is_told_of() -> None:
    evidence = Evidence(sources=PERSISTENT, sign_ins=(signed_in(STRANGER, 12),))
    [found] = raised(evidence)
    assert (What.BROKE_IN, str(machine_id())) == (found.what, found.subject)
    assert f"azureuser signed in from {STRANGER}, which tried 50 times, by no grant for this address." == found.detail


def test_one_attempt_less_than_the_threshold_is_no_alarm() -> None:
    less = Evidence(sources=(tried(STRANGER, MANY - 1),), sign_ins=(signed_in(STRANGER, 12),))
    assert () == raised(less)


def test_failed_sign_ins_count_as_attempts() -> None:
    evidence = Evidence(failures=(failed(STRANGER, MANY),), sign_ins=(signed_in(STRANGER, 12),))
    assert [What.BROKE_IN] == [one.what for one in raised(evidence)]


def test_who_comes_by_a_grant_after_many_attempts_is_no_alarm() -> None:
    evidence = Evidence(sources=(tried(OFFICE, MANY),), sign_ins=(signed_in(OFFICE, 12),))
    assert () == raised(evidence, opened=10)


def test_a_rule_that_lets_in_who_was_denied_fifty_times_is_told_of() -> None:
    [found] = raised(Evidence(sources=PERSISTENT, reached=(reached("in-a-hurry", STRANGER),)))
    assert f"in-a-hurry let {STRANGER} in to port 22, which tried 50 times." == found.detail


def test_what_another_rule_lets_in_to_a_locked_port_is_told_of() -> None:
    [found] = raised(Evidence(let_in=(let_in("in-a-hurry", STRANGER),)))
    assert (What.PASSED_LOCK, f"in-a-hurry let {STRANGER} in to port 22, which is locked.") == (
        found.what,
        found.detail,
    )


def test_a_rule_with_our_mark_is_no_excuse_unless_its_grant_lets_in_just_this_source() -> None:
    rule = f"postern-open-{GRANT}-1"
    assert () == raised(Evidence(let_in=(let_in(rule, OFFICE),)), opened=0)
    assert [What.PASSED_LOCK] == [one.what for one in raised(Evidence(let_in=(let_in(rule, STRANGER),)), opened=0)]
    assert [What.PASSED_LOCK] == [one.what for one in raised(Evidence(let_in=(let_in(rule, OFFICE),)))]


@pytest.mark.parametrize(("source", "alarmed"), [("168.63.129.16", False), (STRANGER, True)])
def test_the_rule_for_probes_lets_in_probes_and_nobody_else(source: str, alarmed: bool) -> None:  # noqa: FBT001
    assert alarmed is bool(raised(Evidence(let_in=(let_in("postern-keep-probes", source),))))


def test_what_came_before_the_lock_was_set_or_just_then_is_no_alarm() -> None:
    evidence = Evidence(let_in=(let_in("allow-ssh", STRANGER, at=4),))
    assert () == raised(evidence, replace(GUARDED, changed_at=minute(0)))
    assert 1 == len(raised(evidence, replace(GUARDED, changed_at=minute(-2))))


def test_ports_that_are_kept_open_or_not_locked_are_no_alarm() -> None:
    evidence = Evidence(let_in=(let_in("allow-https", STRANGER, port=443),))
    for lock in (Lock(keep_open=((443, 443),)), Lock(Scope.PORTS)):
        assert () == raised(evidence, replace(GUARDED, policy=Policy(default_ports(), lock)))


def test_the_same_found_again_on_the_same_day_is_the_same_and_on_the_next_is_not() -> None:
    first, later, tomorrow = (
        raised(Evidence(let_in=(let_in("in-a-hurry", STRANGER, at=at),))) for at in (5, 90, 24 * 60)
    )
    assert [one.number for one in first] == [one.number for one in later] == [one.number for one in tomorrow]
    assert first[0].at == later[0].at == tomorrow[0].at - timedelta(days=1)


def test_two_rules_that_let_through_are_two_alarms_of_that_day() -> None:
    found = raised(Evidence(let_in=(let_in("one", STRANGER), let_in("other", STRANGER))))
    assert 2 == len({(one.at, one.subject, one.what, one.number) for one in found})


def test_a_machine_without_a_policy_is_nobody_s_alarm() -> None:
    evidence = Evidence(
        let_in=(let_in("in-a-hurry", STRANGER),), sources=PERSISTENT, sign_ins=(signed_in(STRANGER, 9),)
    )
    assert () == alarms(evidence, (), (), MANY)


def test_who_signs_in_while_a_grant_for_everybody_stands_open_is_told_of() -> None:
    known = stays(life(0, 60, ports="22-22/Tcp *")).values()
    evidence = Evidence(failures=(failed(STRANGER, 5000, (1, 4)),), sign_ins=(signed_in(STRANGER, 5),))
    assert [What.BROKE_IN] == [one.what for one in alarms(evidence, known, [GUARDED], MANY)]


def test_what_was_let_in_before_the_lock_was_set_broke_nothing() -> None:
    evidence = Evidence(sources=PERSISTENT, reached=(reached("allow-ssh", STRANGER, (-9, -5)),))
    assert () == raised(evidence, replace(GUARDED, changed_at=minute(-6)))


def test_that_the_watch_is_blind_is_found_once_a_day_and_not_for_what_is_beyond_its_caps() -> None:
    gone = Gap(Lack.TIMED_OUT, "Log Analytics", "It did not answer.")
    found = blindness(Evidence(lacking=frozenset(Part), gaps=(gone,)), "s", minute(5))
    assert found == Found(What.WATCH_BLIND, "/subscriptions/s", minute(-720), "It did not answer.")
    capped = Gap(Lack.CAPPED, "let_in", "More.")
    assert None is blindness(Evidence(lacking=frozenset({Part.LET_IN}), gaps=(capped,)), "s", NOW)


def test_what_begins_by_a_grant_s_rule_after_its_end_came_through_a_hole_that_was_left_open() -> None:
    known, rule = stays(life(0, 60)).values(), f"postern-open-{GRANT}-1"
    for at, expected in ((60, []), (64, []), (90, [What.PASSED_LOCK])):
        found = alarms(Evidence(let_in=(let_in(rule, OFFICE, at),)), known, [GUARDED], MANY)
        assert expected == [one.what for one in found]
