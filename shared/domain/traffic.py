"""What passes: first-match evaluation of security rules, for one flow and for whole sets of traffic.

Azure reads the rules of a group from the lowest priority number up and stops at the first that matches.
`evaluate` does just that for one flow. `passages` does it for a set of traffic at once and says which rule
lets which part through; locks are verified, grants are planned and exposure is reported with it.

Both take sides where Azure knows more than we do (service tags, application security groups, source
ports): asked what *possibly* passes, an allow rule matches all that it might mean and a deny rule only
what it surely means; asked what *surely* passes, the other way round.

Source: Azure documentation, "How network security groups filter network traffic".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.domain.addresses import ALL_ADDRESSES, NO_ADDRESSES, Bound, parse_address, parse_prefix, sources_of
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, WITH_PORTS, WITHOUT_PORTS, Access, Protocol, Rule, in_order

EVERY_PROTOCOL = WITH_PORTS | WITHOUT_PORTS


@dataclass(frozen=True, slots=True)
class Spot:
    """Where traffic arrives: one private address, its application security groups, and its network's addresses."""

    address: str
    groups: frozenset[str] = frozenset()
    network: Ranges = NO_ADDRESSES


@dataclass(frozen=True, slots=True)
class Flow:
    """One connection attempt. Protocols without ports have port 0."""

    source: str
    port: int
    protocol: Protocol = Protocol.TCP
    source_port: int = 50000


@dataclass(frozen=True, slots=True)
class Traffic:
    """A set of flows to one spot: every source with every protocol to every port."""

    sources: Ranges = ALL_ADDRESSES
    protocols: frozenset[Protocol] = EVERY_PROTOCOL
    ports: Ranges = ALL_PORTS

    def __bool__(self) -> bool:
        return bool(self.sources and self.protocols and self.ports)

    def __and__(self, other: Traffic) -> Traffic:
        return Traffic(self.sources & other.sources, self.protocols & other.protocols, self.ports & other.ports)

    def __sub__(self, other: Traffic) -> tuple[Traffic, ...]:
        """What is left, as disjoint sets: other sources, then other protocols, then other ports."""
        shared = self & other
        if not shared:
            return (self,)
        left = (
            Traffic(self.sources - other.sources, self.protocols, self.ports),
            Traffic(shared.sources, self.protocols - other.protocols, self.ports),
            Traffic(shared.sources, shared.protocols, self.ports - other.ports),
        )
        return tuple(part for part in left if part)


type Region = tuple[Traffic, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """Traffic that one rule lets through."""

    rule: Rule
    traffic: Traffic


def evaluate(rules: Iterable[Rule], flow: Flow, spot: Spot) -> Rule | None:
    """The rule that decides about this flow; None when none matches, which Azure treats as denied.

    Service tags and groups that we cannot resolve match in an allow rule and do not in a deny rule.
    """
    return next((rule for rule in in_order(tuple(rules)) if _matches(rule, flow, spot)), None)


def _matches(rule: Rule, flow: Flow, spot: Spot) -> bool:
    bound = Bound.UPPER if rule.access is Access.ALLOW else Bound.LOWER
    return (
        _leaves(rule, flow, bound)
        and _reaches(rule, spot, bound)
        and any(_holds(part, flow) for part in _covers(rule, spot, bound))
    )


def _leaves(rule: Rule, flow: Flow, bound: Bound) -> bool:
    """Whether the rule means the port that the flow comes from. A flow without ports possibly comes from each."""
    if rule.source_ports == ALL_PORTS:
        return True
    return bound is Bound.UPPER if flow.protocol in WITHOUT_PORTS else flow.source_port in rule.source_ports


def _holds(traffic: Traffic, flow: Flow) -> bool:
    return (
        parse_address(flow.source) in traffic.sources
        and flow.protocol in traffic.protocols
        and (flow.protocol in WITHOUT_PORTS or flow.port in traffic.ports)
    )


def passages(rules: Iterable[Rule], region: Region, spot: Spot, asked: Bound = Bound.UPPER) -> tuple[Passage, ...]:
    """Which parts of `region` possibly (or surely) pass these rules, each with the rule that lets it."""
    return tuple(_walk(in_order(tuple(rules)), region, spot, asked))


def passing(rules: Iterable[Rule], region: Region, spot: Spot, asked: Bound = Bound.UPPER) -> Region:
    """The parts of `region` that possibly (or surely) pass these rules."""
    return tuple(passage.traffic for passage in passages(rules, region, spot, asked))


def through(groups: Iterable[Iterable[Rule]], region: Region, spot: Spot) -> tuple[Passage, ...]:
    """Which parts of `region` possibly pass several groups in turn, each with the last group's rule that lets it."""
    found: tuple[Passage, ...] = ()
    for rules in groups:
        found = passages(rules, region, spot)
        region = tuple(passage.traffic for passage in found)
    return found


def _walk(rules: tuple[Rule, ...], region: Region, spot: Spot, asked: Bound) -> Iterator[Passage]:
    undecided = region
    for rule in rules:
        allows = rule.access is Access.ALLOW
        for part in matched(rule, spot, asked if allows else asked.other):
            if allows:
                yield from (Passage(rule, shared) for piece in undecided if (shared := piece & part))
            undecided = tuple(rest for piece in undecided for rest in piece - part)
        if not undecided:
            return


def matched(rule: Rule, spot: Spot, bound: Bound) -> Region:
    """The traffic to `spot` that the rule surely or possibly matches, whatever stands before it."""
    if not _reaches(rule, spot, bound):
        return ()
    if bound is Bound.LOWER and rule.source_ports != ALL_PORTS:
        return ()
    return tuple(_covers(rule, spot, bound))


def _reaches(rule: Rule, spot: Spot, bound: Bound) -> bool:
    """Whether the rule's destination means the spot. Inbound rules are read after translation to private addresses."""
    if rule.destination_groups:
        return bool(spot.groups & {group.lower() for group in rule.destination_groups})
    return any(_names(prefix, spot, bound) for prefix in rule.destinations)


def _names(prefix: str, spot: Spot, bound: Bound) -> bool:
    match prefix.lower():
        case "*" | "any" | "virtualnetwork":
            return True
        case "internet" | "azureloadbalancer":
            return False
    try:
        return parse_address(spot.address) in parse_prefix(prefix)
    except ValueError:
        return bound is Bound.UPPER


def _covers(rule: Rule, spot: Spot, bound: Bound) -> Iterator[Traffic]:
    sources = _sources(rule, spot, bound)
    protocols = EVERY_PROTOCOL if rule.protocol is Protocol.ANY else frozenset({rule.protocol})
    if with_ports := protocols & WITH_PORTS:
        yield Traffic(sources, with_ports, rule.ports)
    # Azure does not say whether a rule with ports matches a protocol that has none, so it possibly does.
    if (without := protocols & WITHOUT_PORTS) and (rule.ports == ALL_PORTS or bound is Bound.UPPER):
        yield Traffic(sources, without, ALL_PORTS)


def _sources(rule: Rule, spot: Spot, bound: Bound) -> Ranges:
    if rule.source_groups:
        return NO_ADDRESSES if bound is Bound.LOWER else sources_of("VirtualNetwork", spot.network, bound)
    return Ranges.of(*(span for prefix in rule.sources for span in sources_of(prefix, spot.network, bound).spans))
