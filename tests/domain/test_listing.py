"""The list of machines: tabs, urgencies, reasons, order, and what a search finds."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.claims import OpenClaim
from shared.domain.exposure import Leak
from shared.domain.guarding import Guarded, Stage
from shared.domain.inventory import MachineKind, ResourceLock, Sighting, State
from shared.domain.listing import Condition, Row, Scene, Urgency, row, suggested_ports
from shared.domain.machines import Endpoint, Machine
from shared.domain.people import Person
from shared.domain.planning import plan
from shared.domain.policies import Policy, PolicyPort, default_ports
from shared.domain.ranges import Span
from shared.domain.rules import Nsg
from shared.domain.selecting import Order
from shared.domain.surface import Exposed, Surface
from tests.domain.values import (
    GROUP,
    NOW,
    RESOURCES,
    SUBNET_GROUP,
    TCP,
    applied,
    endpoint,
    group,
    lock,
    machine_id,
    opening,
)

PUBLIC, PRIVATE = ("198.51.100.4",), ()
SSH = "310 allow-ssh Allow Tcp 22 from *"
BARE = endpoint(nic=None)
LOCKED = applied(group(SSH), plan(group(SSH), [lock()], NOW))
OUTRANKED = group("100 first Allow Tcp 22 from *", *LOCKED.rules)


def guarded(home: Endpoint, *extra: Span, stage: Stage = Stage.GUARDED) -> Guarded:
    ports = (*default_ports(), *(PolicyPort(span, TCP, ("*",), timedelta(hours=3)) for span in extra))
    machine = Machine(machine_id(), "westeurope", "Linux", (home,))
    return Guarded(machine, Policy(ports), 0, NOW, Person("bob", "Bob"), stage)


def seen(
    *known: Nsg,
    home: Endpoint | None = None,
    public: tuple[str, ...] = PUBLIC,
    policy: Guarded | None = None,
    opened: Sequence[OpenClaim] = (),
) -> Row:
    """The row of web-01 among these groups."""
    machine = Machine(machine_id(), "westeurope", "Linux", (home or endpoint(),), public)
    sighting = Sighting(str(machine.id), MachineKind.VIRTUAL_MACHINE, "westeurope", "Linux", public_addresses=public)
    groups = {nsg.id.lower(): nsg for nsg in known}
    policies = {machine.id: policy} if policy else {}
    return row(sighting, machine, Scene(Surface(groups), groups, (), policies, {GROUP.lower(): opened}))


def reasons(one: Row) -> list[tuple[str, str]]:
    return [(reason.code, reason.message) for reason in one.reasons]


NOTHING_OPEN = "No management port is open to the Internet, but nothing guards that this stays so."
MADE = "Postern makes one when it is enabled."
BARE_PUBLIC = f"No network security group: everything reaches it, and it has a public address. {MADE}"
BARE_PRIVATE = f"No network security group: everything reaches it, from wherever packets can come. {MADE}"
THROUGH_SSH = "The Internet reaches 22 through allow-ssh."
UNGUARDED = [
    (BARE, PUBLIC, "critical", "noNetworkSecurityGroup", BARE_PUBLIC),
    (BARE, PRIVATE, "medium", "noNetworkSecurityGroup", BARE_PRIVATE),
    (endpoint(), PUBLIC, "high", "openToInternet", THROUGH_SSH),
    (endpoint(), PRIVATE, "medium", "openToInternet", THROUGH_SSH),
    (endpoint(nic=SUBNET_GROUP), PUBLIC, "low", "notGuarded", NOTHING_OPEN),
    (endpoint(nic=SUBNET_GROUP), PRIVATE, "low", "notGuarded", NOTHING_OPEN),
]


@pytest.mark.parametrize(("home", "public", "urgency", "code", "message"), UNGUARDED)
def test_an_unguarded_machine_says_what_reaches_it(
    home: Endpoint, public: tuple[str, ...], urgency: str, code: str, message: str
) -> None:
    one = seen(group(SSH), group(id_=SUBNET_GROUP), home=home, public=public)
    assert (State.NOT_CONFIGURED, urgency, [(code, message)]) == (one.state, one.urgency, reasons(one))


HOLDS = ("holds", "Its lock holds: only open grants and health probes get through.")
EXPOSED = ("exposed", "Its lock does not hold: first still lets traffic in.")
UNKNOWN = ("unknown", "Whether its lock holds cannot be told: a group cannot be read, or it has no address.")
UNREADABLE = ("groupOutOfReach", f"Postern cannot read {GROUP}, which its lock would stand in.")
GUARDED = [
    ((LOCKED,), PUBLIC, "none", [HOLDS]),
    ((OUTRANKED,), PUBLIC, "critical", [EXPOSED]),
    ((OUTRANKED,), PRIVATE, "high", [EXPOSED]),
    ((), PUBLIC, "medium", [UNKNOWN, UNREADABLE]),
]


@pytest.mark.parametrize(("known", "public", "urgency", "told"), GUARDED)
def test_a_guarded_machine_says_whether_its_lock_holds(
    known: tuple[Nsg, ...], public: tuple[str, ...], urgency: str, told: list[tuple[str, str]]
) -> None:
    one = seen(*known, public=public, policy=guarded(endpoint()))
    assert (State.CONFIGURED, urgency, told) == (one.state, one.urgency, reasons(one))


def test_a_guarded_machine_that_has_no_group_is_exposed_by_that() -> None:
    one = seen(home=BARE, policy=guarded(endpoint()))
    assert [("exposed", "Its lock does not hold: no network security group still lets traffic in.")] == reasons(one)
    assert Urgency.CRITICAL is one.urgency


def test_a_guarded_machine_without_an_address_cannot_be_judged() -> None:
    machine = Machine(machine_id(), "westeurope", "Linux", ())
    sighting = Sighting(str(machine.id), MachineKind.VIRTUAL_MACHINE, "westeurope")
    one = row(sighting, machine, Scene(Surface({}), {}, (), {machine.id: guarded(endpoint())}, {}))
    assert (None, Urgency.MEDIUM, ["unknown", "noNetworkInterface"]) == (
        one.leaks, one.urgency, [reason.code for reason in one.reasons]
    )  # fmt: skip


@pytest.mark.parametrize("known", [LOCKED, OUTRANKED])
def test_a_machine_whose_policy_is_being_removed_says_that_alone(known: Nsg) -> None:
    one = seen(known, policy=guarded(endpoint(), stage=Stage.REMOVING))
    assert (State.CONFIGURED, [("removing", "Its policy is being taken away.")]) == (one.state, reasons(one))


def test_a_guarded_machine_is_judged_where_it_is_and_not_where_it_was() -> None:
    one = seen(LOCKED, home=endpoint("10.0.0.5"), policy=guarded(endpoint("10.0.0.4")))
    assert {"10.0.0.5"} == {leak.address for leak in one.leaks or ()}
    assert "exposed" == one.reasons[0].code


GRANTED = group("200 postern-open-000000000000000000000000-1 Allow Tcp 22 from 203.0.113.7 to 10.0.0.4", *LOCKED.rules)


def test_a_grant_that_is_open_is_no_leak_and_without_it_its_rule_is_one() -> None:
    policy = guarded(endpoint())
    known, alone = seen(GRANTED, policy=policy, opened=[opening()]), seen(GRANTED, policy=policy)
    assert ((), Urgency.NONE) == (known.leaks, known.urgency)
    assert (Leak("10.0.0.4", GROUP, "postern-open-000000000000000000000000-1", 200),) == alone.leaks


def test_a_neighbour_s_grant_is_no_excuse_for_a_rule_that_lets_in_to_this_machine() -> None:
    theirs = opening(endpoint("10.0.0.5"))
    assert 1 == len(seen(GRANTED, policy=guarded(endpoint()), opened=[theirs]).leaks or ())


WEB = "320 allow-web Allow Tcp 443 from *"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("300 rdp Allow Tcp 3389 from Internet", SSH), "22 through allow-ssh; 3389 through rdp"),
        (("100 any Allow Tcp * from *",), "22, 3389, 5985 and 5986 through any"),
        (("100 some Allow Tcp 22,3389 from *",), "22 and 3389 through some"),
        (
            ("100 one Allow Tcp 22 from 203.0.0.0/8", "110 other Allow Udp 22 from *"),
            "22 through one; 22 through other",
        ),
    ],
)
def test_the_ports_that_are_open_are_named_by_rule(lines: tuple[str, ...], message: str) -> None:
    assert [("openToInternet", f"The Internet reaches {message}.")] == reasons(seen(group(*lines)))


def test_a_port_that_is_neither_for_management_nor_offered_is_not_looked_at() -> None:
    assert [("notGuarded", NOTHING_OPEN)] == reasons(seen(group(WEB)))


def test_ports_that_a_policy_offers_are_looked_at_besides_those_for_management() -> None:
    open_ = group("300 voice Allow Udp 5005 from *", WEB)
    one = seen(open_, policy=guarded(endpoint(), (5000, 5010)))
    assert (Exposed((5000, 5010), "UDP", "10.0.0.4", GROUP, "voice", 300),) == one.exposed


def test_a_subnet_s_group_that_cannot_be_read_makes_nothing_closed() -> None:
    one = seen(group(SSH), home=endpoint(subnet=SUBNET_GROUP))
    assert Urgency.MEDIUM is one.urgency
    assert ("notGuarded", NOTHING_OPEN) not in reasons(one)


def test_a_machine_behind_a_group_that_nobody_can_read_stands_above_those_that_are_closed() -> None:
    one = seen()
    assert (State.UNSUPPORTED, Urgency.MEDIUM, [UNREADABLE]) == (one.state, one.urgency, reasons(one))


@pytest.mark.parametrize(
    ("kind", "code"), [(MachineKind.CLASSIC, "classic"), (MachineKind.SCALE_SET, "scaleSetUniform")]
)
def test_what_can_have_no_policy_is_unsupported_and_nobody_can_tell_more(kind: MachineKind, code: str) -> None:
    one = row(
        Sighting("/subscriptions/s/resourceGroups/g/x/old-01", kind, ""), None, Scene(Surface({}), {}, (), {}, {})
    )
    assert (State.UNSUPPORTED, Urgency.MEDIUM, [code], ()) == (
        one.state, one.urgency, [reason.code for reason in one.reasons], one.exposed
    )  # fmt: skip


def test_a_guarded_machine_stays_in_its_tab_and_says_what_hinders_it() -> None:
    machine = guarded(endpoint()).machine
    sighting = Sighting(str(machine.id), MachineKind.VIRTUAL_MACHINE, "westeurope")
    held = ResourceLock("keep", GROUP)
    scene = Scene(
        Surface({GROUP.lower(): LOCKED}), {GROUP.lower(): LOCKED}, (held,), {machine.id: guarded(endpoint())}, {}
    )
    one = row(sighting, machine, scene)
    assert (State.CONFIGURED, ["holds", "readOnly"]) == (one.state, [reason.code for reason in one.reasons])


def named(one: Row, name: str, group_: str = "demo") -> Row:
    id_ = f"{RESOURCES.replace('/demo/', f'/{group_}/')}/Microsoft.Compute/virtualMachines/{name}"
    return replace(one, sighting=replace(one.sighting, id=id_))


def test_the_worst_stands_first_then_the_one_with_most_ports_then_by_name() -> None:
    four, two = (seen(group(f"100 in Allow Tcp {some} from *")) for some in ("*", "22,3389"))
    in_order = [
        named(seen(home=BARE), "z-bare"),
        named(four, "y-four-ports"),
        named(two, "a-two-ports"),
        named(two, "B-two-ports"),
        named(seen(group(SSH), public=PRIVATE), "a-medium"),
        named(seen(group()), "low", "a-group"),
        named(seen(group()), "LOW", "b-group"),
        named(seen(LOCKED, policy=guarded(endpoint())), "a-closed"),
    ]
    listed = in_order[::-1]
    listed.sort(key=Order().place)
    assert in_order == listed


def test_a_port_that_two_rules_open_counts_once() -> None:
    twice = seen(group("100 one Allow Tcp 22 from 203.0.0.0/8", "110 other Allow * 22 from *"))
    assert (1, -1) == twice.severity


@pytest.mark.parametrize(
    ("system", "ports"),
    [("Linux", (22,)), ("linux", (22,)), ("Windows", (3389, 5985, 5986)), ("", (22, 3389, 5985, 5986)),
     ("BeOS", (22, 3389, 5985, 5986))],
)  # fmt: skip
def test_ports_are_suggested_by_the_operating_system(system: str, ports: tuple[int, ...]) -> None:
    assert ports == suggested_ports(system)


@pytest.mark.parametrize(
    ("nsgs", "opened", "expected"),
    [
        ((LOCKED,), (), {Condition.LOCKED}),
        ((LOCKED,), (opening(),), {Condition.OPEN}),
        ((OUTRANKED,), (), {Condition.EXPOSED}),
        ((OUTRANKED,), (opening(),), {Condition.EXPOSED, Condition.OPEN}),
        ((), (), {Condition.UNKNOWN}),
    ],
)
def test_a_guarded_machine_is_exposed_unknown_open_or_locked(
    nsgs: tuple[Nsg, ...], opened: tuple[OpenClaim, ...], expected: set[Condition]
) -> None:
    assert expected == seen(*nsgs, policy=guarded(endpoint()), opened=opened).conditions


def test_nothing_is_said_to_be_locked_or_open_that_nobody_guards() -> None:
    assert set() == seen(group(SSH), opened=(opening(),)).conditions


def test_an_access_to_another_machine_behind_the_group_opens_nothing_here() -> None:
    other = replace(opening(), endpoints=(endpoint("10.0.0.9"),))
    assert {Condition.LOCKED} == seen(LOCKED, policy=guarded(endpoint()), opened=(other,)).conditions
