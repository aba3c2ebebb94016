"""A machine under a policy: what it claims of which group, and how it is stored."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import Codec
from shared.domain.claims import LockClaim, Wanted
from shared.domain.exposure import Leak
from shared.domain.findings import Found, What
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.guarding import Former, Guarded, Stage, claims_by_group, open_claims
from shared.domain.lifecycle import State
from shared.domain.machines import Endpoint, Machine
from shared.domain.people import Person
from shared.domain.policies import Lock, Origin, Policy, PolicyPort, Scope, default_ports
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS
from tests.domain.values import ANY, GRANT, GROUP, LATER, NOW, OFFICE, SUBNET_GROUP, TCP, UDP, endpoint, machine_id

BOB, ANN = Person("bob", "Bob"), Person("ann", "Ann")
OWN = machine_id().own_nsg
OTHER = GROUP.replace("web-nsg", "other-nsg")
CODEC: Codec[Guarded] = Codec(Guarded)


def machine(*places: Endpoint) -> Machine:
    return Machine(machine_id(), "westeurope", "Linux", places)


def guarded(*places: Endpoint, stage: Stage = Stage.GUARDED) -> Guarded:
    return Guarded(machine(*(places or (endpoint(),))), Policy(default_ports()), 0, NOW, BOB, stage)


def told(claim: LockClaim) -> tuple[Wanted, tuple[str, ...], tuple[str, ...], str]:
    return (claim.wanted, claim.addresses, claim.former, claim.make_in)


def claims(one: Guarded) -> dict[str, tuple[Wanted, tuple[str, ...], tuple[str, ...], str]]:
    """What is wanted of each group: present or absent, addresses, addresses of before, and where to make it."""
    return {nsg: told(claim) for nsg, claim in one.lock_claims().items()}


PRESENT, ABSENT = Wanted.PRESENT, Wanted.ABSENT


def test_a_lock_is_claimed_in_the_group_nearest_to_each_endpoint() -> None:
    one = guarded(endpoint(subnet=SUBNET_GROUP), endpoint("10.0.0.5", None, SUBNET_GROUP))
    assert {
        GROUP: (PRESENT, ("10.0.0.4",), (), ""),
        SUBNET_GROUP: (PRESENT, ("10.0.0.5",), (), ""),
    } == claims(one)


def test_what_is_guarded_comes_from_the_policy() -> None:
    voice = PolicyPort((5000, 5010), UDP, ("*",), timedelta(hours=1))
    lock = Lock(Scope.PORTS, Origin.INTERNET)
    [claim] = replace(guarded(), policy=Policy((voice,), lock)).lock_claims().values()
    assert (machine_id(), ((UDP, Ranges.of((5000, 5010))),), Origin.INTERNET) == (
        claim.machine, claim.guarded, claim.origin
    )  # fmt: skip
    assert ((ANY, ALL_PORTS),) == guarded().lock.guarded


HERE, THERE = (GROUP.lower(), "10.0.0.4"), (OTHER.lower(), "10.0.0.9")
NOBODY: frozenset[Former] = frozenset()


def test_an_address_that_the_machine_no_longer_has_stays_locked_until_it_is_set_free() -> None:
    moved = guarded().seen_as(machine(endpoint("10.0.0.14")))
    assert {GROUP: (PRESENT, ("10.0.0.14", "10.0.0.4"), (), "")} == claims(moved)
    assert {GROUP: (PRESENT, ("10.0.0.14",), ("10.0.0.4",), "")} == claims(moved.setting_free({HERE}, NOBODY))


def test_a_group_that_the_machine_no_longer_has_holds_its_lock_until_it_is_set_free() -> None:
    moved = guarded().seen_as(machine(endpoint(nic=OTHER)))
    new = {OTHER: (PRESENT, ("10.0.0.4",), (), "")}
    assert new | {GROUP.lower(): (PRESENT, ("10.0.0.4",), (), "")} == claims(moved)
    assert new | {GROUP.lower(): (ABSENT, (), ("10.0.0.4",), "")} == claims(moved.setting_free({HERE}, NOBODY))


def test_a_place_that_somebody_else_holds_is_no_longer_claimed_in_either_way() -> None:
    moved = guarded().seen_as(machine(endpoint(nic=OTHER)))
    for one in (moved, moved.setting_free({HERE}, NOBODY)):
        assert {OTHER: (PRESENT, ("10.0.0.4",), (), "")} == claims(one.setting_free(NOBODY, {HERE}))


@pytest.mark.parametrize("freed", [NOBODY, frozenset({HERE})])
def test_whoever_comes_back_is_locked_again_and_what_lies_between_is_remembered(freed: frozenset[Former]) -> None:
    away = guarded().seen_as(machine(endpoint("10.0.0.9", OTHER))).setting_free(freed, NOBODY)
    back = away.seen_as(machine(endpoint(nic=GROUP.upper())))
    assert ((THERE,), ()) == (back.former, back.freeing)
    assert {
        OTHER.lower(): (PRESENT, ("10.0.0.9",), (), ""),
        GROUP.upper(): (PRESENT, ("10.0.0.4",), (), ""),
    } == claims(back)


def test_what_was_being_set_free_is_kept_locked_until_it_is_asked_again_who_is_there() -> None:
    freeing = guarded().seen_as(machine(endpoint("10.0.0.9", OTHER))).setting_free({HERE}, NOBODY)
    again = freeing.seen_as(machine(endpoint("10.0.0.10", OTHER)))
    assert ({THERE, HERE}, ()) == (set(again.former), again.freeing)
    assert ({HERE}, ()) == (set(freeing.keeping_locked().former), freeing.keeping_locked().freeing)


def test_a_machine_that_has_lost_all_its_groups_stays_locked_where_it_was() -> None:
    one = guarded(endpoint(), endpoint("10.0.0.5")).seen_as(machine(endpoint(nic=None)))
    assert {GROUP.lower(): (PRESENT, ("10.0.0.4", "10.0.0.5"), (), "")} == claims(one)


PLACES = st.lists(
    st.builds(
        endpoint, st.sampled_from(("10.0.0.4", "10.0.0.5", "fd00:db8::4")), st.sampled_from((GROUP, OTHER, None))
    ),
    max_size=3,
    unique_by=lambda place: place.address,
).map(lambda places: machine(*places))


@given(st.lists(st.tuples(PLACES, st.booleans()), min_size=1, max_size=6))
def test_no_place_where_the_machine_ever_was_is_forgotten_and_none_is_both(seen: list[tuple[Machine, bool]]) -> None:
    one = guarded()
    for later, frees in seen:
        one = one.seen_as(later)
        one = one.setting_free(set(one.former) if frees else NOBODY, NOBODY)
    every = {place for each in (machine(endpoint()), *(later for later, _ in seen)) for place in places_of(each)}
    locked = {(nsg.lower(), a) for nsg, claim in one.lock_claims().items() for a in claim.addresses}
    freed = {(nsg.lower(), a) for nsg, claim in one.lock_claims().items() for a in claim.former}
    assert (every, set()) == (locked | freed, locked & freed)
    assert places_of(seen[-1][0]) <= locked


def places_of(one: Machine) -> set[Former]:
    return {(place.nic_nsg.lower(), place.address) for place in one.endpoints if place.nic_nsg}


@pytest.mark.parametrize("own", [OWN, OWN.upper()])
def test_a_group_of_its_own_is_made_where_the_machine_is(own: str) -> None:
    one = replace(guarded(endpoint(nic=OWN), endpoint("10.0.0.5")), own_group=own, bare=True)
    assert {OWN: (PRESENT, ("10.0.0.4",), (), "westeurope"), GROUP: (PRESENT, ("10.0.0.5",), (), "")} == claims(one)
    assert (True, False, False) == (one.owns(OWN.lower()), one.owns(GROUP), one.owns(None))
    assert not guarded().owns(None)


def test_a_policy_that_is_being_removed_claims_the_absence_of_every_lock() -> None:
    one = replace(guarded(endpoint(nic=OWN), stage=Stage.REMOVING), own_group=OWN, former=(HERE,), freeing=(THERE,))
    assert {
        GROUP.lower(): (ABSENT, ("10.0.0.4",), (), ""),
        OTHER.lower(): (ABSENT, (), ("10.0.0.9",), ""),
        OWN: (ABSENT, ("10.0.0.4",), (), ""),
    } == claims(one)


def test_claims_of_several_machines_are_put_together_by_group() -> None:
    neighbour = replace(
        guarded(), machine=replace(machine(endpoint("10.0.0.5", GROUP.upper())), id=machine_id("web-02"))
    )
    found = claims_by_group([guarded(), neighbour])
    assert [GROUP] == list(found)
    locks = [claim for claim in found[GROUP].values() if isinstance(claim, LockClaim)]
    assert {("10.0.0.4",), ("10.0.0.5",)} == {claim.addresses for claim in locks}
    assert {f"lock|{machine_id().key}", f"lock|{machine_id('web-02').key}"} == set(found[GROUP])


CHANGED = [
    replace(guarded(), revision=1),
    replace(guarded(), changed_at=NOW + timedelta(microseconds=1)),
]
NOTED = [
    guarded().noting(What.EXPOSED, LATER, "x"),
    replace(guarded(), exposed_by=(Leak("10.0.0.4", GROUP, "first", 100),)),
    guarded().seen_as(machine(endpoint("10.0.0.14"))),
]


def test_a_version_changes_with_each_change_of_the_policy_and_with_nothing_that_repair_notes() -> None:
    assert '"0-1795348800.000000"' == guarded().version
    assert ['"1-1795348800.000000"', '"0-1795348800.000001"'] == [one.version for one in CHANGED]
    assert [guarded().version] * 3 == [one.version for one in NOTED]


def test_findings_about_a_machine_are_counted() -> None:
    first = guarded().noting(What.EXPOSED, NOW, "first")
    assert Found(What.EXPOSED, str(machine_id()), NOW, "first", 0) == first.found
    assert (
        Found(What.HOLDS_AGAIN, str(machine_id()), NOW, "then", 1) == first.noting(What.HOLDS_AGAIN, NOW, "then").found
    )


def grant(*numbers: int) -> Grant:
    asked = tuple(GrantPort((number, number), TCP, (OFFICE,)) for number in numbers)
    first = Occurrence(0, State.OPENING, NOW, ANN)
    return Grant(GRANT, machine_id(), State.OPENING, ANN, asked, NOW, LATER, first)


@pytest.mark.parametrize(
    ("one", "numbers", "offers"),
    [
        (guarded(), (22, 3389), True),
        (guarded(), (22, 443), False),
        (guarded(stage=Stage.REMOVING), (22,), False),
    ],
)
def test_a_policy_offers_a_grant_while_it_stands_and_has_all_its_ports(
    one: Guarded,
    numbers: tuple[int, ...],
    offers: bool,  # noqa: FBT001 - a case.
) -> None:
    assert offers is one.offers(grant(*numbers))


def test_a_grant_is_claimed_in_every_group_on_the_way_to_its_endpoints() -> None:
    places = (endpoint(subnet=SUBNET_GROUP), endpoint("10.0.0.5", None, SUBNET_GROUP))
    found = open_claims(grant(22), machine(*places), Wanted.ABSENT)
    assert {SUBNET_GROUP: places, GROUP: places[:1]} == {nsg: claim.endpoints for nsg, claim in found.items()}
    assert {(GRANT, "Ann", LATER, ABSENT)} == {
        (claim.grant, claim.requestor, claim.ends_at, claim.wanted) for claim in found.values()
    }


LEAK = Leak("10.0.0.4", None, None, None)
WHOLE = replace(
    guarded(endpoint(nic=OWN), stage=Stage.REMOVING),
    policy=Policy(default_ports(), Lock(keep_open=((80, 80), (443, 444))), requestors=("a",)),
    changed_by=None,
    own_group=OWN,
    discards_group=True,
    former=((GROUP.lower(), "10.0.0.9"),),
    freeing=((OTHER.lower(), "10.0.0.8"),),
    attached=True,
    exposed_by=(LEAK, Leak("10.0.0.4", GROUP, "first", 100)),
    found=Found(What.EXPOSED, str(machine_id()), NOW, "first", 3),
)


@pytest.mark.parametrize("one", [guarded(), WHOLE])
def test_a_guarded_machine_survives_being_stored(one: Guarded) -> None:
    read = CODEC.read(CODEC.write(one))
    assert (one, one.version, one.lock_claims()) == (read, read.version, read.lock_claims())


ENDPOINT = {"address": "10.0.0.4", "nic_nsg": GROUP, "subnet_nsg": None, "groups": [], "network": ["10.0.0.0/24"],
            "probed": False}  # fmt: skip
PORT = {"span": [22, 22], "protocol": "Tcp", "sources": ["*"], "longest": "PT3H"}
OLD: dict[str, Any] = {
    "machine": {"id": {"text": str(machine_id())}, "location": "westeurope", "system": "Linux",
                "endpoints": [ENDPOINT], "public_addresses": ["198.51.100.4"]},
    "policy": {"ports": [PORT], "lock": {"scope": "all", "origin": "*", "keep_open": []},
               "justification_required": False, "requestors": []},
    "revision": 2, "changed_at": "2026-11-22T12:00:00Z", "changed_by": {"id": "bob", "name": "Bob"},
}  # fmt: skip


@pytest.mark.parametrize(("more", "stage"), [({"stage": "removing"}, Stage.REMOVING), ({}, Stage.GUARDED)])
def test_what_was_stored_before_the_newest_fields_existed_is_read(more: dict[str, str], stage: Stage) -> None:
    ssh = PolicyPort((22, 22), TCP, ("*",), timedelta(hours=3))
    home = Endpoint("10.0.0.4", GROUP, network=("10.0.0.0/24",))
    seen = Machine(machine_id(), "westeurope", "Linux", (home,), ("198.51.100.4",))
    expected = Guarded(seen, Policy((ssh,)), 2, NOW, BOB, stage)
    assert expected == CODEC.read(json.dumps({"v": 1, "value": {**OLD, **more}}))


def test_a_stored_policy_has_these_fields() -> None:
    """A field that goes from this list makes policies unreadable that stand while the app is updated."""
    fields = {*OLD, "stage", "own_group", "discards_group", "former", "freeing", "attached", "exposed_by", "found"}
    assert fields <= set(json.loads(CODEC.write(WHOLE))["value"])
