"""Our evaluator against the box's packet oracle: more than 20,000 flows in every run, and not one mismatch.

Each example is a spot and the groups on the way to it; its flows lie at the edges of what the rules name, because that
is where evaluators go wrong. The oracle knows all addresses of a tag or of an application security group, we know some:
where a rule depends on that, what the oracle lets through must be possible for us, and what we call sure it must let
through. Everywhere else both must name the same rule of the same group.

Every run looks at the same examples; `ORACLE_SEED=7 pytest tests/domain/test_oracle_agreement.py` looks at others.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from emulator.oracle.judgement import judge
from emulator.oracle.packets import Address, Group, Network, Packet, Verdict, Way
from shared.domain.addresses import Bound, parse_address
from shared.domain.machines import Endpoint
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, WITH_PORTS, WITHOUT_PORTS, Access, Nsg, Protocol, Rule, in_order
from shared.domain.traffic import Flow, Passage, Region, Traffic, evaluate, passages, passing
from tests.domain.bridge import MEMBERS, VIRTUAL, as_arm
from tests.domain.values import group

WORLDS = 600
FLOWS = 60  # for each world
PLACES = (
    Endpoint("10.0.0.4", groups=("asg-web",), network=("10.0.0.0/24",)),
    Endpoint("10.0.0.4", groups=("asg-web",)),
    Endpoint("10.0.0.5", network=("10.0.0.0/24",)),
    Endpoint("fd00:db8::4", network=("fd00:db8::/64",)),
)
PROBE = ip_address("168.63.129.16")
# RFC 1918, 6598, 3927, 1122, 4193, 4291: what no packet from the internet has as its source.
PRIVATE = tuple(
    ip_network(one)
    for one in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8"),
        *("fc00::/7", "fe80::/10", "::1"),
    )
)
STORAGE = ("203.0.113.40/29", "203.0.113.72/29")
LANDMARKS = (
    *map(str, (*PRIVATE, *VIRTUAL, PROBE)),
    *STORAGE,
    *("10.0.0.0/24", "10.0.0.5", "10.1.0.9", "203.0.113.7", "198.51.100.99", "fd00:db8::/64", "2001:db8:a2::/48"),
)
TAGS = ("VirtualNetwork", "Internet", "AzureLoadBalancer", "virtualnetwork", "INTERNET", "Storage")
VAGUE = {"storage"}


def cut(address: str, length: int) -> str:
    """The prefix of that length around an address."""
    whole = ip_address(address).max_prefixlen
    return str(ip_network((address, min(length, whole)), strict=False))


ANYWHERE = st.sampled_from(("*", "*", "0.0.0.0/0", "::/0"))
CUT = st.builds(
    cut,
    st.sampled_from(("10.0.0.4", "10.0.0.9", "10.1.0.9", "203.0.113.7", "198.51.100.99", "2001:db8::7", "fd00:db8::9")),
    st.sampled_from((0, 1, 8, 16, 23, 24, 25, 29, 31, 32, 33, 63, 64, 127, 128)),
)
SOURCES = st.lists(ANYWHERE | CUT | st.sampled_from(TAGS), min_size=1, max_size=3, unique=True).map(tuple)
MINE = ("*", "*", "*", "10.0.0.4", "10.0.0.5", "10.0.0.4/31", "10.0.0.0/24", "fd00:db8::4", "fd00:db8::/64", *TAGS)
DESTINATIONS = st.lists(st.sampled_from(MINE), min_size=1, max_size=2, unique=True).map(tuple)
NUMBERS = st.sampled_from((0, 1, 21, 22, 23, 80, 443, 1023, 1024, 3389, 5986, 50000, 65534, 65535))
SPANS = st.lists(st.tuples(NUMBERS, NUMBERS).map(lambda two: (min(two), max(two))), min_size=1, max_size=3)
SOME_PORTS = SPANS.map(lambda spans: Ranges.of(*spans))
KINDS = (*[Protocol.TCP] * 4, *[Protocol.UDP] * 2, Protocol.ICMP, Protocol.ESP, Protocol.AH)
SELDOM = st.integers(0, 7)
RULES = st.builds(
    Rule,
    name=st.just(""),
    priority=st.just(0),
    access=st.sampled_from(Access),
    protocol=st.sampled_from((Protocol.TCP, Protocol.ANY, *Protocol)),
    sources=SOURCES,
    destinations=DESTINATIONS,
    ports=st.just(ALL_PORTS) | SOME_PORTS,
    source_ports=SELDOM.flatmap(lambda draw: st.just(ALL_PORTS) if draw else SOME_PORTS),
    source_groups=SELDOM.map(lambda draw: () if draw else ("asg-ops",)),
    destination_groups=SELDOM.map(lambda draw: (("asg-web",), ("ASG-Web", "asg-ops"))[draw] if draw < 2 else ()),
)


@st.composite
def groups(draw: st.DrawFn, id_: str) -> Nsg:
    """A group of up to twelve rules, in no order."""
    numbers = draw(st.lists(st.integers(100, 4096), unique=True, max_size=12))
    return group(*(replace(draw(RULES), name=f"{id_}-{one}", priority=one) for one in numbers), id_=id_)


@dataclass(frozen=True)
class World:
    """A spot, and the groups on the way to it: the subnet's and then the interface's, where there are any."""

    place: Endpoint
    groups: tuple[Nsg, ...]

    @cached_property
    def way(self) -> Way:
        """The same for the oracle."""
        found = tuple(Group(one.id, tuple(as_arm(rule) for rule in (*one.rules, *one.defaults))) for one in self.groups)
        return Way(ip_address(self.place.address), found, VIRTUAL, MEMBERS)

    @cached_property
    def possible(self) -> tuple[Passage, ...]:
        """What possibly passes, by the rule of the last group that lets it."""
        return self._passages(Bound.UPPER)

    @cached_property
    def sure(self) -> tuple[Passage, ...]:
        """What surely passes."""
        return self._passages(Bound.LOWER)

    def _passages(self, asked: Bound) -> tuple[Passage, ...]:
        region: Region = (Traffic(),)
        *before, last = self.groups or (group("4096 no-group Allow * * from *"),)
        for one in before:
            region = passing((*one.rules, *one.defaults), region, self.place.spot, asked)
        return passages((*last.rules, *last.defaults), region, self.place.spot, asked)

    def told(self, flow: Flow, *only: Nsg) -> Verdict:
        """What the oracle says, of the whole way or of some groups of it."""
        ids = {one.id for one in only or self.groups}
        way = replace(self.way, groups=tuple(one for one in self.way.groups if one.id in ids))
        port = flow.port if flow.protocol in WITH_PORTS else None
        return judge(Packet(ip_address(flow.source), way.address, port, str(flow.protocol), flow.source_port), way)

    def found(self, flow: Flow, *only: Nsg) -> Verdict:
        """What we say: the first group that denies ends it, and without any group everything passes."""
        verdict = Verdict(passes=True)
        for one in only or self.groups:
            rule = evaluate((*one.rules, *one.defaults), flow, self.place.spot)
            verdict = Verdict(bool(rule and rule.access is Access.ALLOW), rule.name if rule else None, one.id)
            if not verdict.passes:
                return verdict
        return verdict


SUBNET = st.none() | groups("subnet")
NIC = groups("nic") | groups("nic") | st.none()
WORLD = st.builds(
    lambda place, *found: World(place, tuple(one for one in found if one)), st.sampled_from(PLACES), SUBNET, NIC
)


def flows(world: World, chance: Random) -> Iterator[Flow]:
    """Flows just inside and just outside of what the rules name."""
    rules = [rule for one in world.groups for rule in one.rules]
    prefixes = {*LANDMARKS, *(text for rule in rules for text in rule.sources if text[0].isdigit() or ":" in text)}
    version = ip_address(world.place.address).version
    sources = sorted({one for text in prefixes for one in borders(ip_network(text)) if one.version == version}, key=int)
    ports = sorted({22, *(port for rule in rules for port in ends(rule.ports))})
    source_ports = sorted({50000, *(port for rule in rules for port in ends(rule.source_ports))})
    for _ in range(FLOWS):
        protocol = chance.choice(KINDS)
        port = chance.choice(ports) if protocol in WITH_PORTS else 0
        yield Flow(str(chance.choice(sources)), port, protocol, chance.choice(source_ports))


def borders(network: Network) -> Iterable[Address]:
    first, last = network.network_address, network.broadcast_address
    yield from (first, last)
    if int(first):
        yield first - 1
    if int(last) + 1 < 2**last.max_prefixlen:
        yield last + 1


def ends(ports: Ranges) -> Iterable[int]:
    return (one for low, high in ports.spans for one in (low - 1, low, high, high + 1) if 0 <= one <= 65535)


def is_plain(rule: Rule, flow: Flow, place: Endpoint) -> bool:
    """Whether everybody who can read knows if the rule matches the flow."""
    if rule.protocol not in {Protocol.ANY, flow.protocol} or not is_at_its_ports(rule, flow):
        return True
    if flow.protocol in WITHOUT_PORTS and (rule.ports, rule.source_ports) != (ALL_PORTS, ALL_PORTS):
        return False
    destinations = () if rule.destination_groups else rule.destinations
    return (
        not rule.source_groups
        and VAGUE.isdisjoint(map(str.lower, (*rule.sources, *destinations)))
        and not ("virtualnetwork" in map(str.lower, rule.sources) and is_perhaps_virtual(flow.source, place))
    )


def is_at_its_ports(rule: Rule, flow: Flow) -> bool:
    return flow.protocol in WITHOUT_PORTS or any(low <= flow.port <= high for low, high in rule.ports.spans)


def is_perhaps_virtual(source: str, place: Endpoint) -> bool:
    """Whether an address may or may not lie in the virtual network, for all that the endpoint tells of it."""
    address = ip_address(source)
    known = any(address in ip_network(one) for one in place.network)
    return not known and (address == PROBE or any(address in one for one in PRIVATE))


def is_certain(world: World, flow: Flow, *, as_sets: bool = False) -> bool:
    """Whether no rule up to the one that decides, for either side, leaves room for doubt. Sets know no source ports."""
    for one in world.groups:
        told, found = world.told(flow, one), world.found(flow, one)
        for rule in in_order((*one.rules, *one.defaults)):
            if not is_plain(rule, flow, world.place) or (as_sets and rule.source_ports != ALL_PORTS):
                return False
            if rule.name in {told.rule, found.rule}:
                break
        if not told.passes:
            return True
    return True


def names(through: tuple[Passage, ...], flow: Flow) -> list[str]:
    """The rules that let the flow through, one for each part of the set that holds it."""
    source, without = parse_address(flow.source), flow.protocol in WITHOUT_PORTS
    return [
        rule.name
        for rule, part in ((one.rule, one.traffic) for one in through)
        if source in part.sources and flow.protocol in part.protocols and (without or flow.port in part.ports)
    ]


def look(*given_: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Run the function on many examples: always the same ones, or those of ORACLE_SEED."""

    def decorate(function: Callable[..., None]) -> Callable[[], None]:
        asked = os.environ.get("ORACLE_SEED")
        seeded = seed(int(asked))(function) if asked else function
        quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
        return settings(max_examples=WORLDS, suppress_health_check=quiet)(given(*given_)(seeded))

    return decorate


def test_where_nothing_is_uncertain_we_and_the_oracle_name_the_same_rule() -> None:
    tally: Counter[str] = Counter()

    @look(WORLD, st.randoms(use_true_random=True))
    def compare(world: World, chance: Random) -> None:
        for flow in dict.fromkeys(flows(world, chance)):
            tally[hold(world, flow)] += 1

    compare()
    assert 20_000 <= tally.total(), tally
    assert 10_000 <= tally.total() - tally["possible or sure"], tally


def hold(world: World, flow: Flow) -> str:
    """Compare one flow; the answer says how much could be asked."""
    told, found = world.told(flow), world.found(flow)
    possible, sure = names(world.possible, flow), names(world.sure, flow)
    about = f"{flow}: the oracle {told}, one by one {found}, as sets possibly by {possible} and surely by {sure}"
    assert found.passes or not told.passes, about
    assert possible or not found.passes, about
    assert told.passes or not sure, about
    if not is_certain(world, flow):
        return "possible or sure"
    assert told == found, about
    if not is_certain(world, flow, as_sets=True):
        return "the same rule, but not as sets"
    expected = [told.rule or "no-group"] if told.passes else []
    assert expected == possible == sure, about
    return "the same rule"
