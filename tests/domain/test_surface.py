"""What the Internet reaches: held against the box's packet oracle, and against what is said without any memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.claims import LockClaim
from shared.domain.exposure import leaks
from shared.domain.machines import Endpoint
from shared.domain.planning import Leave, plan
from shared.domain.policies import Origin
from shared.domain.rules import ALL_PORTS, Access, Nsg, Protocol, Rule
from shared.domain.surface import Exposed, Surface
from shared.domain.traffic import Flow
from tests.domain import bridge
from tests.domain.strategies import groups, openings, spots
from tests.domain.values import ANY, GROUP, NOW, SUBNET_GROUP, TCP, UDP, applied, endpoint, group, lock, opening, ports

SPANS = ((22, 22), (3389, 3389), (20, 30), (8080, 8080))
# Of each span the ports at which the rules of the strategies begin or end.
INSIDE = {(22, 22): (22,), (3389, 3389): (3389,), (20, 30): (20, 22, 30), (8080, 8080): (8080,)}
# One source for each set of Internet addresses that the rules of the strategies tell apart; two for the last.
INTERNET = ("203.0.113.7", "203.0.113.200", "198.51.100.99", "192.0.2.1", "8.8.8.8")
BOTH = spots(GROUP, SUBNET_GROUP)
FAMILIES = ("10.0.0.0/24", "fd00:db8::/64")


def surface(*known: Nsg) -> Surface:
    return Surface({nsg.id.lower(): nsg for nsg in known})


def told(*known: Nsg, place: Endpoint | None = None, port: str = "22") -> list[tuple[str, str | None]]:
    low, _, high = port.partition("-")
    found = surface(*known).of(place or endpoint(), [(int(low), int(high or low))])
    return [(one.protocol, one.rule) for one in found]


def reached(path: Iterable[Nsg], place: Endpoint) -> set[tuple[tuple[int, int], str, str | None]]:
    """What the oracle lets in from the Internet: the span, the protocol, and the rule that finally let it."""
    nsgs = tuple(path)
    asked = [(span, port, kind) for span in SPANS for port in INSIDE[span] for kind in (TCP, UDP)]
    seen = [
        (span, kind, bridge.verdict(nsgs, Flow(source, port, kind), place.address))
        for span, port, kind in asked
        for source in INTERNET
    ]
    return {(span, kind.upper(), verdict.rule) for span, kind, verdict in seen if verdict.passes}


@given(groups(id_=SUBNET_GROUP), groups())
def test_a_port_that_the_oracle_lets_the_internet_through_is_told_with_a_rule(subnet: Nsg, nic: Nsg) -> None:
    found = surface(subnet, nic).of(BOTH, SPANS)
    assert {one[:2] for one in reached((subnet, nic), BOTH)} <= {(one.span, one.protocol) for one in found}
    assert all(one.rule and one.nsg == GROUP for one in found)


@given(groups(plain=True, id_=SUBNET_GROUP), groups(plain=True), st.booleans())
def test_where_rules_are_plain_just_what_the_oracle_lets_in_is_told(subnet: Nsg, nic: Nsg, two: bool) -> None:  # noqa: FBT001 - drawn.
    path, place = ((subnet, nic), BOTH) if two else ((nic,), spots())
    found = surface(*path).of(place, SPANS)
    assert reached(path, place) == {(one.span, one.protocol, one.rule) for one in found}


AIMS = ("*", "10.0.0.4", "10.0.0.0/30", "10.0.0.8/29", "fd00:db8::/64", "Internet", "Storage", "VirtualNetwork")
AIMED = st.builds(
    Rule,
    name=st.just(""),
    priority=st.just(0),
    access=st.sampled_from((Access.ALLOW, Access.ALLOW, Access.DENY)),
    protocol=st.sampled_from((TCP, TCP, ANY)),
    sources=st.sampled_from((("*",), ("Internet",), ("203.0.113.0/24",), ("VirtualNetwork",), ("Storage",))),
    destinations=st.lists(st.sampled_from(AIMS), min_size=1, max_size=2, unique=True).map(tuple),
    ports=st.sampled_from((ports("22"), ports("22"), ports("20-30"), ALL_PORTS)),
    destination_groups=st.sampled_from(((), (), (), ("asg-web",), ("ASG-Ops", "asg-db"))),
)


@st.composite
def varied(draw: st.DrawFn, id_: str) -> Nsg:
    """A group whose rules are aimed at many: at addresses, prefixes, tags, application security groups."""
    drawn = enumerate(draw(st.lists(AIMED, min_size=1, max_size=5)), 100)
    return group(*(replace(one, name=f"theirs-{number}", priority=number) for number, one in drawn), id_=id_)


WORLDS = st.tuples(varied(SUBNET_GROUP), varied(GROUP)).map(lambda two: {one.id.lower(): one for one in two})
PLACES = st.builds(
    Endpoint,
    st.sampled_from(("10.0.0.4", "10.0.0.5", "10.0.0.9", "10.9.0.1", "fd00:db8::4", "fd00:db9::4")),
    st.sampled_from((GROUP, GROUP, GROUP, None)),
    st.sampled_from((None, None, None, SUBNET_GROUP)),
    st.sampled_from(((), ("asg-web",), ("ASG-OPS",), ("asg-db", "asg-web"))),
    st.sampled_from((FAMILIES, FAMILIES, (), ("203.0.113.0/24",))),
    st.booleans(),
)
MANY = st.lists(PLACES, min_size=2, max_size=12, unique_by=lambda place: place.address)


@given(WORLDS, st.lists(PLACES, max_size=25))
def test_who_has_answered_for_many_says_of_each_what_a_fresh_one_says(
    world: Mapping[str, Nsg], places: list[Endpoint]
) -> None:
    experienced = Surface(world)
    assert [Surface(world).of(place, SPANS) for place in places] == [experienced.of(place, SPANS) for place in places]


def test_alike_endpoints_are_told_under_their_own_addresses_and_for_the_ports_asked() -> None:
    one = surface(group("310 allow-any Allow Tcp 22,80 from *"))
    assert [(Exposed((22, 22), "TCP", "10.0.0.4", GROUP, "allow-any", 310),),
            (Exposed((22, 22), "TCP", "10.0.0.5", GROUP, "allow-any", 310),),
            (Exposed((80, 80), "TCP", "10.0.0.5", GROUP, "allow-any", 310),)] == [
        one.of(endpoint("10.0.0.4"), [(22, 22)]),
        one.of(endpoint("10.0.0.5"), [(22, 22), (22, 22)]),
        one.of(endpoint("10.0.0.5"), [(80, 80)]),
    ]  # fmt: skip


SHAPES = st.sampled_from(("*", "22", "0-442,444-65535"))


@given(WORLDS, MANY, SHAPES, st.sampled_from(Origin), st.booleans())
def test_the_leaks_of_many_endpoints_are_those_that_are_told_without_memory(
    world: Mapping[str, Nsg],
    places: list[Endpoint],
    guarded: str,
    origin: Origin,
    locked: bool,  # noqa: FBT001 - drawn.
) -> None:
    claim = lock(*places, guarded=guarded, origin=origin)
    after = {key: with_lock(nsg, claim) for key, nsg in world.items()} if locked else world
    experienced = Surface(after)
    assert [leaks(claim, after)] * 2 == [experienced.leaks(claim) for _ in range(2)]


def with_lock(nsg: Nsg, claim: LockClaim) -> Nsg:
    home = tuple(place for place in claim.endpoints if place.lock_nsg == nsg.id)
    return applied(nsg, plan(nsg, [replace(claim, endpoints=home)], NOW)) if home else nsg


@given(WORLDS, st.lists(SHAPES, min_size=2, max_size=3, unique=True), PLACES)
def test_locks_of_other_shapes_over_one_endpoint_do_not_answer_for_each_other(
    world: Mapping[str, Nsg], shapes: list[str], place: Endpoint
) -> None:
    claims = [lock(replace(place, probed=probed), guarded=one) for one in shapes for probed in (False, True)]
    [probes] = group("131 postern-keep-probes Allow * * from AzureLoadBalancer").rules
    world = {key: replace(nsg, rules=(*nsg.rules, probes)) for key, nsg in world.items()}
    experienced = Surface(world)
    assert [leaks(claim, world) for claim in claims] == [experienced.leaks(claim) for claim in claims]


@given(groups(), openings(spots(), 1), openings(spots(), 2))
def test_an_open_grant_is_no_leak_and_one_that_is_not_known_is(nsg: Nsg, one: object, other: object) -> None:
    grants = [grant for grant in (one, other) if isinstance(grant, type(opening()))]
    claim = lock(spots())
    after = applied(nsg, plan(nsg, [claim, *grants], NOW, Leave(frozenset(grant.grant for grant in grants))))
    ours = {rule.name for rule in after.ours if rule.name.startswith("postern-open-")}
    assert set() == ours & {leak.rule for leak in surface(after).leaks(claim, grants)}
    assert surface(after).leaks(claim, grants[:1]) == leaks(claim, {GROUP.lower(): after}, grants[:1])


def test_probes_of_one_family_never_reach_an_address_of_the_other() -> None:
    wide = group("100 postern-keep-probes Allow * * from AzureLoadBalancer", "200 postern-lock-all Deny * * from *")
    place = Endpoint("fd00:db8::4", GROUP, network=FAMILIES)
    assert () == surface(wide).leaks(lock(place)) == leaks(lock(place), {GROUP.lower(): wide})


def test_without_any_group_every_port_asked_for_is_open_to_every_protocol() -> None:
    found = surface().of(endpoint(nic=None), [(3389, 3389), (22, 22), (22, 22)])
    assert (
        Exposed((22, 22), "*", "10.0.0.4", None, None, None),
        Exposed((3389, 3389), "*", "10.0.0.4", None, None, None),
    ) == found


def test_what_the_subnet_s_group_stops_is_not_open() -> None:
    nic, place = group("310 allow-ssh Allow Tcp 22 from *"), endpoint(subnet=SUBNET_GROUP)
    assert [] == told(group(id_=SUBNET_GROUP), nic, place=place)
    assert [("TCP", "allow-ssh")] == told(group("100 all Allow * * from *", id_=SUBNET_GROUP), nic, place=place)


@pytest.mark.parametrize("known", [(), (group(),), (group(id_=SUBNET_GROUP),)])
def test_a_group_that_is_not_known_tells_nothing(known: tuple[Nsg, ...]) -> None:
    place = endpoint(subnet=SUBNET_GROUP)
    assert (False, ()) == (surface(*known).knows(place), surface(*known).of(place, [(22, 22)]))


def test_a_group_is_known_in_any_case_of_its_id() -> None:
    shouted = endpoint(nic=GROUP.upper())
    assert surface(group()).knows(shouted)
    assert [("TCP", "ssh")] == told(group("100 ssh Allow Tcp 22 from *"), place=shouted)


@pytest.mark.parametrize(
    ("port", "rules_of"), [("5000-5010", ["low", "high"]), ("5004-5006", []), ("5010", ["high"]), ("5000", ["low"])]
)
def test_a_span_is_open_where_a_part_of_it_is(port: str, rules_of: list[str]) -> None:
    nsg = group("100 high Allow Udp 5009-5020 from *", "110 low Allow Udp 4000-5001 from *")
    assert [("UDP", name) for name in sorted(rules_of)] == told(nsg, port=port)


@pytest.mark.parametrize(
    ("source", "found"),
    [("Internet", ["in"]), ("203.0.113.7", ["in"]), ("Storage", ["in"]), ("VirtualNetwork", []), ("10.0.0.0/8", []),
     ("AzureLoadBalancer", [])],
)  # fmt: skip
def test_only_what_comes_from_the_internet_counts(source: str, found: list[str]) -> None:
    assert found == [rule for _, rule in told(group(f"100 in Allow Tcp 22 from {source}"))]


def test_a_protocol_without_ports_opens_none() -> None:
    assert [] == told(group("100 ping Allow Icmp * from *"))
    assert [("TCP", "all"), ("UDP", "all")] == told(group("100 all Allow * * from *"))


def test_an_application_security_group_is_met_by_its_members_alone() -> None:
    nsg = replace(group("100 web Allow Tcp 22 from *"), defaults=())
    nsg = replace(nsg, rules=(replace(nsg.rules[0], destinations=(), destination_groups=("/ASG/web",)),))
    member, other = (replace(endpoint(), groups=asgs) for asgs in (("/asg/WEB",), ("/asg/db",)))
    one = surface(nsg)
    assert [0, 1, 0] == [len(one.of(place, [(22, 22)])) for place in (other, member, endpoint())]


def test_an_ipv6_address_is_met_by_rules_for_its_own_family() -> None:
    nsg = group("100 six Allow Tcp 22 from 2001:db8::/32 to fd00:db8::/64", "110 four Allow Tcp 22 from * to 10.0.0.4")
    assert [("TCP", "six")] == told(nsg, place=endpoint("fd00:db8::4"))
    assert bridge.passes(nsg, Flow("2001:db8::7", 22, Protocol.TCP), "fd00:db8::4")


@pytest.mark.parametrize(("address", "everybody"), [("10.0.0.4", "0.0.0.0/0"), ("fd00:db8::4", "::/0")])
def test_who_is_closed_to_all_of_its_own_family_is_not_open(address: str, everybody: str) -> None:
    nsg = group(f"100 nobody Deny * * from {everybody}", "200 allow-ssh Allow Tcp 22 from *")
    assert [] == told(nsg, place=endpoint(address))
