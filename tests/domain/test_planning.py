"""Plans, by hand: one test for each thing that the laws of locking promise."""

from dataclasses import replace
from datetime import timedelta

from shared.domain.claims import Claim, Wanted
from shared.domain.machines import Endpoint
from shared.domain.planning import Kind, Leave, Plan, plan
from shared.domain.policies import Origin
from shared.domain.rules import Nsg, Rule
from shared.domain.traffic import Flow
from tests.domain import bridge
from tests.domain.values import (
    GRANT,
    LATER,
    NOW,
    OFFICE,
    STRANGER,
    applied,
    endpoint,
    group,
    lock,
    named,
    opening,
    rule,
)

OPENABLE = Leave(frozenset({GRANT}))
SSH = "310 allow-ssh Allow Tcp 22 from *"


def locked(*lines: str | Rule) -> Nsg:
    nsg = group(*lines)
    return applied(nsg, plan(nsg, [lock()], NOW))


def priorities(nsg: Nsg, start: str) -> list[int]:
    return [one.priority for one in named(nsg, start)]


def told(made: Plan) -> list[tuple[str, str, int]]:
    return [(change.kind.name, change.rule.name, change.rule.priority) for change in made.changes]


def test_a_lock_outranks_the_allow_that_admits_what_it_guards() -> None:
    assert priorities(locked("300 allow-rdp Allow Tcp 3389 from Internet", SSH), "postern-lock-") == [299]


def test_a_lock_with_nothing_to_outrank_stands_last() -> None:
    assert priorities(locked(), "postern-lock-") == [4096]


def test_an_allow_for_another_machine_needs_no_outranking() -> None:
    assert priorities(locked("300 theirs Allow Tcp 22 from * to 10.0.0.5"), "postern-lock-") == [4096]


def test_a_lock_takes_the_highest_free_number_below_the_allow() -> None:
    assert priorities(locked("310 a Allow Tcp 22 from *", "309 b Deny Udp 1 from *"), "postern-lock-") == [308]


def test_where_no_number_is_free_below_the_first_allow_the_lock_outranks_the_next() -> None:
    lines = ("100 first Allow Tcp 22 from *", "300 second Allow Tcp 80 from *")
    assert priorities(locked(*lines), "postern-lock-") == [299]


def test_a_lock_denies_everything_to_the_machine_and_nothing_to_its_neighbour() -> None:
    nsg = locked(SSH)
    assert not bridge.passes(nsg, Flow(STRANGER, 22))
    assert not bridge.passes(nsg, Flow("10.0.0.9", 443))
    assert bridge.passes(nsg, Flow(STRANGER, 22), "10.0.0.5")


def test_a_lock_against_the_internet_leaves_the_virtual_network_alone() -> None:
    nsg = group(SSH)
    nsg = applied(nsg, plan(nsg, [lock(origin=Origin.INTERNET)], NOW))
    assert not bridge.passes(nsg, Flow(STRANGER, 22))
    assert bridge.passes(nsg, Flow("10.0.0.9", 22))


def test_a_lock_of_some_ports_stops_protocols_without_ports_too() -> None:
    nsg = group("300 ping Allow Icmp * from *")
    nsg = applied(nsg, plan(nsg, [lock(guarded="0-442,444-65535")], NOW))
    assert {"Ah", "Esp", "Icmp", "*"} == {str(one.protocol) for one in named(nsg, "postern-lock-")}


def test_health_probes_get_through_the_lock_of_a_machine_behind_a_load_balancer() -> None:
    nsg = group(SSH)
    nsg = applied(nsg, plan(nsg, [lock(replace(endpoint(), probed=True))], NOW))
    assert priorities(nsg, "postern-keep-") < priorities(nsg, "postern-lock-")
    assert bridge.passes(nsg, Flow("168.63.129.16", 22))


def test_locks_of_both_families_are_rules_of_their_own() -> None:
    nsg = group()
    nsg = applied(nsg, plan(nsg, [lock(endpoint(), endpoint("fd00:db8::4"))], NOW))
    assert sorted([("10.0.0.4",), ("fd00:db8::4",)]) == sorted(one.destinations for one in named(nsg, "postern-lock-"))


def test_a_grant_is_opened_just_above_what_blocks_it() -> None:
    made = plan(locked(SSH), [lock(), opening()], NOW, OPENABLE)
    assert told(made) == [("CREATE", f"postern-open-{GRANT}-1", 308)]


def test_nothing_is_opened_without_leave() -> None:
    assert not plan(locked(SSH), [lock(), opening()], NOW)


def test_a_grant_that_nothing_blocks_needs_no_rule() -> None:
    assert not plan(group(SSH), [opening()], NOW, OPENABLE)


def test_a_grant_needs_its_rule_even_where_another_grant_opens_the_same() -> None:
    nsg = locked(SSH)
    other = "1" * 24
    claims: list[Claim] = [lock(), opening(), opening(grant=other)]
    assert len(plan(nsg, claims, NOW, Leave(frozenset({GRANT, other}))).changes) == 2


def test_a_grant_that_a_foreign_rule_stops_without_room_above_is_told_what_is_in_its_way() -> None:
    made = plan(group("100 no-entry Deny * * from *"), [opening()], NOW, OPENABLE)
    assert not made
    assert "no-entry" in made.obstacles[opening().key]


def test_a_grant_whose_time_is_up_is_closed() -> None:
    nsg = applied(locked(SSH), plan(locked(SSH), [lock(), opening()], NOW, OPENABLE))
    made = plan(nsg, [lock(), opening()], LATER, OPENABLE)
    assert told(made) == [("DELETE", f"postern-open-{GRANT}-1", 308)]


def test_a_grant_that_nobody_claims_is_closed() -> None:
    orphan = rule(f"200 postern-open-{GRANT}-1 Allow Tcp 22 from {OFFICE} to 10.0.0.4")
    assert [change.kind for change in plan(group(orphan), [], NOW).changes] == [Kind.DELETE]


def test_a_lock_that_nobody_claims_stays() -> None:
    assert not plan(locked(SSH), [], NOW)


def test_a_lock_goes_only_when_that_is_claimed() -> None:
    gone = applied(locked(SSH), plan(locked(SSH), [replace(lock(), wanted=Wanted.ABSENT)], NOW))
    assert group(SSH).rules == gone.rules


def test_the_lock_of_one_machine_goes_without_that_of_another() -> None:
    both = [lock(), lock(Endpoint("10.0.0.5"), machine="web-02")]
    nsg = applied(group(), plan(group(), both, NOW))
    nsg = applied(nsg, plan(nsg, [replace(both[0], wanted=Wanted.ABSENT)], NOW))
    assert [("10.0.0.5",)] == [one.destinations for one in nsg.rules]


def test_an_edited_lock_is_put_back() -> None:
    nsg = locked(SSH)
    edited = replace(named(nsg, "postern-lock-")[0], sources=("192.0.2.1",))
    made = plan(group(SSH, edited), [lock()], NOW)
    assert [Kind.UPDATE] == [change.kind for change in made.changes]
    assert nsg.rules == applied(group(SSH, edited), made).rules


def test_a_lock_that_a_new_allow_has_overtaken_moves_up() -> None:
    nsg = locked(SSH)
    nsg = replace(nsg, rules=(*nsg.rules, rule("150 newcomer Allow Tcp 22 from *")))
    assert [("UPDATE", 149)] == [(kind, number) for kind, _, number in told(plan(nsg, [lock()], NOW))]


def test_a_lock_that_stands_high_enough_stays_where_it_is() -> None:
    assert not plan(locked(SSH), [lock()], NOW)
    standing = replace(named(locked(SSH), "postern-lock-")[0], priority=120)
    assert not plan(group(SSH, standing), [lock()], NOW)


def test_a_lock_of_a_new_shape_that_finds_no_number_as_high_leaves_the_old_one_standing() -> None:
    old = named(applied(group(), plan(group(), [lock(guarded="22")], NOW)), "postern-lock-")
    numbered = [replace(one, priority=100 + number) for number, one in enumerate(old)]
    once = applied(nsg := group(*numbered, "104 theirs Allow Tcp * from *"), plan(nsg, [lock()], NOW))
    assert () == plan(once, [lock()], NOW).changes
    assert [100, 101, 102, 103, 4096] == priorities(once, "postern-lock-")


def test_a_number_that_was_refused_is_passed_over() -> None:
    made = plan(group(SSH), [lock()], NOW, Leave(refused=frozenset({309, 308})))
    assert [307] == [number for _, _, number in told(made)]


def test_a_full_group_is_told_as_an_obstacle() -> None:
    full = group(*(f"{number} theirs-{number} Deny Udp 9 from 192.0.2.1" for number in range(1000, 2000)))
    made = plan(full, [replace(opening(), ports=opening().ports)], NOW, OPENABLE)
    assert not made
    assert "1000" in made.obstacles[opening().key]


def test_a_full_group_is_told_to_the_lock_too() -> None:
    full = group(*(f"{number} theirs-{number} Allow Tcp 22 from *" for number in range(1000, 2000)))
    made = plan(full, [lock()], NOW)
    assert not made
    assert "1000" in made.obstacles[lock().key]


def test_sources_of_a_family_that_the_machine_lacks_make_no_rule() -> None:
    made = plan(locked(SSH), [lock(), opening(sources=("2001:db8::7",))], NOW, OPENABLE)
    assert not made


def test_closing_comes_first_and_opening_last() -> None:
    old = rule(f"200 postern-open-{'1' * 24}-1 Allow Tcp 22 from {OFFICE} to 10.0.0.4")
    made = plan(group(SSH, old), [lock(), opening()], NOW, OPENABLE)
    assert ["DELETE", "CREATE", "CREATE"] == [kind for kind, _, _ in told(made)]
    assert ["Allow", "Deny", "Allow"] == [str(change.rule.access) for change in made.changes]


def test_where_rules_end_by_themselves_a_longer_grant_is_a_change() -> None:
    claims: list[Claim] = [lock(), opening()]
    timed = replace(group(), timed=True)
    opened = applied(timed, plan(timed, claims, NOW, OPENABLE))
    longer = replace(opening(), ends_at=LATER + timedelta(hours=1))
    assert () == plan(opened, claims, NOW, OPENABLE).changes
    assert [Kind.UPDATE] == [change.kind for change in plan(opened, [lock(), longer], NOW, OPENABLE).changes]


def test_where_they_do_not_it_is_none() -> None:
    opened = applied(group(), plan(group(), [lock(), opening()], NOW, OPENABLE))
    longer = replace(opening(), ends_at=LATER + timedelta(hours=1))
    assert () == plan(opened, [lock(), longer], NOW, OPENABLE).changes
