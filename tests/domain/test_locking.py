"""Locks that share their rules: who is in which rule, and when an address may leave one."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from shared.domain.claims import Claim, LockClaim, Wanted
from shared.domain.machines import Endpoint
from shared.domain.planning import Kind, Plan, plan
from shared.domain.policies import Origin
from shared.domain.rules import Load, Nsg, Rule
from shared.domain.traffic import Flow
from tests.domain import bridge
from tests.domain.values import GROUP, NOW, STRANGER, applied, group, lock, named, opening, rule

SSH = "200 allow-ssh Allow Tcp 22 from *"


def lock_of(number: int, guarded: str = "*") -> LockClaim:
    """The lock of one of many machines behind the subnet's group."""
    place = Endpoint(f"10.0.{number // 250}.{number % 250 + 4}", None, GROUP, network=("10.0.0.0/16",))
    return lock(place, machine=f"app-{number:03}", guarded=guarded)


def absent(claim: LockClaim) -> LockClaim:
    return replace(claim, wanted=Wanted.ABSENT)


def settled(nsg: Nsg, claims: Iterable[Claim]) -> Nsg:
    """The group when planning has nothing more to do; it has to come there in three rounds."""
    wanted = tuple(claims)
    for _ in range(3):
        nsg = applied(nsg, plan(nsg, wanted, NOW))
    assert () == plan(nsg, wanted, NOW).changes
    return nsg


def kinds(made: Plan) -> list[tuple[str, str]]:
    return [(change.kind.name, change.rule.name) for change in made.changes]


FIVE_HUNDRED = tuple(lock_of(number) for number in range(500))


def test_five_hundred_machines_behind_one_group_share_one_lock_rule() -> None:
    made = plan(group(SSH), FIVE_HUNDRED, NOW)
    [change] = made.changes
    assert ("postern-lock-all", 500, 199) == (
        change.rule.name, len(change.rule.destinations), change.rule.priority
    )  # fmt: skip
    assert "app-000, app-001, app-002 and 497 more" in change.rule.description


def test_one_more_machine_is_one_update_of_the_rule_they_share() -> None:
    nsg = settled(group(SSH), FIVE_HUNDRED[:10])
    made = plan(nsg, FIVE_HUNDRED[:11], NOW)
    assert [("UPDATE", "postern-lock-all")] == kinds(made)


def test_a_neighbour_that_is_not_locked_receives_what_it_did() -> None:
    nsg = settled(group(SSH), FIVE_HUNDRED[:10])
    assert not bridge.passes(nsg, Flow(STRANGER, 22), "10.0.0.4")
    assert bridge.passes(nsg, Flow(STRANGER, 22), "10.0.0.200")


def test_locks_of_two_shapes_are_two_rules() -> None:
    nsg = settled(group(), (lock_of(1), lock_of(2, "22"), replace(lock_of(3), origin=Origin.INTERNET)))
    names = sorted(one.name for one in nsg.rules if str(one.protocol) == "*")
    assert ["postern-lock-all", "postern-lock-all-internet"] == names[:2]
    assert names[2].startswith("postern-lock-ports-")


def test_a_machine_whose_shape_changes_is_in_its_new_rule_before_it_leaves_the_old_one() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2)))
    once = applied(nsg, plan(nsg, (lock_of(1), lock_of(2, "22")), NOW))
    assert ("10.0.0.5", "10.0.0.6") == named(once, "postern-lock-all")[0].destinations
    twice = applied(once, plan(once, (lock_of(1), lock_of(2, "22")), NOW))
    assert ("10.0.0.5",) == named(twice, "postern-lock-all")[0].destinations


def test_two_machines_that_change_shapes_with_each_other_are_never_open() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2, "22")))
    made = plan(nsg, (lock_of(1, "22"), lock_of(2)), NOW)
    assert ["UPDATE"] * 2 == [kind for kind, name in kinds(made) if "icmp" not in name][:2]
    assert not any(change.frees for change in made.changes)


def test_an_address_that_nobody_here_knows_stays_locked() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2)))
    assert not plan(nsg, (lock_of(1),), NOW)
    grown = applied(nsg, plan(nsg, (lock_of(1), lock_of(3)), NOW))
    assert ("10.0.0.5", "10.0.0.6", "10.0.0.7") == grown.find("postern-lock-all").destinations  # type: ignore[union-attr]


def test_an_address_that_the_machine_no_longer_has_is_set_free() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2)))
    moved = replace(lock_of(1), endpoints=lock_of(9).endpoints, former=lock_of(1).addresses)
    nsg = settled(nsg, (moved, lock_of(2)))
    assert ("10.0.0.13", "10.0.0.6") == named(nsg, "postern-lock-all")[0].destinations


def test_an_address_that_one_machine_had_and_another_has_stays_locked() -> None:
    nsg = settled(group(SSH), (lock_of(1),))
    moved = replace(lock_of(1), endpoints=lock_of(9).endpoints, former=lock_of(1).addresses)
    heir = replace(lock_of(2), endpoints=lock_of(1).endpoints)
    assert ("10.0.0.13", "10.0.0.5") == settled(nsg, (moved, heir)).rules[-1].destinations


def test_the_last_machine_to_go_takes_the_rule_with_it() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2)))
    nsg = settled(nsg, (absent(lock_of(1)), lock_of(2)))
    assert ("10.0.0.6",) == named(nsg, "postern-lock-all")[0].destinations
    assert group(SSH).rules == settled(nsg, (absent(lock_of(2)),)).rules


@pytest.mark.parametrize("written", ["10.0.0.0/24", "*"])
def test_a_lock_rule_that_somebody_made_wider_is_put_back(written: str) -> None:
    edited = replace(settled(group(), (lock_of(1),)).rules[0], destinations=(written,))
    nsg = settled(group(edited), (lock_of(1),))
    assert [("10.0.0.5",)] == [one.destinations for one in nsg.rules]


def test_a_lock_of_an_earlier_version_gives_way_to_the_shared_one_without_a_moment_between() -> None:
    old = rule("199 postern-lock-app-001-abcdefgh Deny * * from * to 10.0.0.5")
    once = applied(group(SSH, old), plan(group(SSH, old), (lock_of(1),), NOW))
    assert {"postern-lock-app-001-abcdefgh", "postern-lock-all"} == {one.name for one in once.ours}
    assert ["postern-lock-all"] == [one.name for one in settled(once, (lock_of(1),)).ours]


def test_an_edited_shared_rule_does_not_count_as_a_new_home() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2, "22")))
    edited = [replace(one, sources=("192.0.2.1",)) if "ports" in one.name else one for one in nsg.rules]
    made = plan(replace(nsg, rules=tuple(edited)), (lock_of(1, "22"), lock_of(2, "22")), NOW)
    assert "postern-lock-all" not in [name for kind, name in kinds(made) if kind == "DELETE"]


def test_probes_of_several_machines_share_a_rule_above_all_locks() -> None:
    probed = [replace(lock_of(n), endpoints=(replace(lock_of(n).endpoints[0], probed=True),)) for n in (1, 2)]
    nsg = settled(group(SSH), (probed[0], replace(probed[1], guarded=lock_of(2, "22").guarded)))
    [keep] = named(nsg, "postern-keep-")
    assert ("postern-keep-probes", ("10.0.0.5", "10.0.0.6")) == (keep.name, keep.destinations)
    assert keep.priority < min(one.priority for one in named(nsg, "postern-lock-"))


def crowded(addresses: int) -> Rule:
    """A customer's rule that takes much of what a group may name."""
    many = tuple(f"172.16.{number // 250}.{number % 250}" for number in range(addresses))
    return replace(rule("4000 theirs Deny Udp 9 from *"), destinations=many)


def test_a_group_that_can_name_no_more_addresses_refuses_the_newcomer_and_keeps_the_others() -> None:
    nsg = settled(group(crowded(3990)), FIVE_HUNDRED[5:10])
    made = plan(nsg, FIVE_HUNDRED[:15], NOW)
    told = {claim.key for claim in FIVE_HUNDRED[:15]} & set(made.obstacles)
    assert 5 == len(told)
    assert told.isdisjoint(claim.key for claim in FIVE_HUNDRED[5:10])
    assert all("4000" in text for text in made.obstacles.values())


def test_a_lock_that_has_no_room_in_its_new_shape_keeps_its_old_one() -> None:
    nsg = settled(group(crowded(3999)), (lock_of(1),))
    made = plan(nsg, (lock_of(1, "0-79,81-65535"),), NOW)
    assert ((), [lock_of(1).key]) == (made.changes, list(made.obstacles))


def test_a_grant_whose_sources_the_group_cannot_name_is_told_so() -> None:
    theirs = replace(crowded(0), sources=crowded(4000).destinations, destinations=("*",))
    nsg = group(theirs, "100 no Deny Udp 8 from *")
    made = plan(nsg, [opening(sources=("203.0.113.7",))], NOW)
    assert not made.changes


def test_an_update_that_sets_an_address_free_comes_after_everything_that_closes() -> None:
    nsg = settled(group(SSH), (lock_of(1), lock_of(2)))
    made = plan(nsg, (absent(lock_of(1)), lock_of(2), lock_of(3, "22")), NOW)
    assert [False, True] == [made.changes[0].frees, made.changes[-1].frees]
    assert made.changes[-1].kind is Kind.UPDATE


def test_near_the_limit_machines_change_shape_a_few_at_a_time_and_the_limit_is_never_passed() -> None:
    before, after = ([lock_of(number, guarded) for number in range(8)] for guarded in ("*", "0-65535"))
    after = [replace(claim, origin=Origin.INTERNET) for claim in after]
    nsg = settled(group(crowded(3990)), before)
    rounds = 0
    while made := plan(nsg, after, NOW):
        nsg, rounds = applied(nsg, made), rounds + 1
        assert Load.of(nsg.rules).excess is None
    assert ([("postern-lock-all-internet", 8)], True) == (
        [(one.name, len(one.destinations)) for one in nsg.ours],
        rounds < 12,
    )


def test_an_address_that_somebody_spelled_otherwise_is_the_same_address() -> None:
    claim = lock(Endpoint("fd00:db8::4", GROUP, network=("fd00:db8::/64",)))
    edited = replace(settled(group(), (claim,)).rules[0], destinations=("fd00:0db8::0004",))
    assert [("fd00:db8::4",)] == [one.destinations for one in settled(group(edited), (claim,)).rules]


def test_a_port_that_is_now_kept_open_is_open_although_its_rule_has_the_lowest_number() -> None:
    lines = ("300 allow-web Allow Tcp 443 from *", "310 allow-ssh Allow Tcp 22 from *")
    nsg = settled(group(*lines), (lock_of(1),))
    nsg = settled(nsg, (lock_of(1, "0-442,444-65535"),))
    assert [True, False] == [bridge.passes(nsg, Flow(STRANGER, port), "10.0.0.5") for port in (443, 22)]
    assert "postern-lock-all" not in {one.name for one in nsg.rules}
