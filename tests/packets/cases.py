"""Random groups for the lab's hosts and ports, and what the app's evaluator and the box's oracle expect of a probe.

The endpoints know their whole network, and no rule names what only Azure could resolve, so nothing is uncertain: the
three must agree about each probe, down to the rule of each group.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from emulator.oracle.packets import Verdict
from shared.domain.addresses import parse_prefixes
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Nsg, Protocol, Rule
from shared.domain.traffic import Flow, Spot, evaluate
from tests.domain import bridge
from tests.domain.values import group
from tests.packets.firewall import Ways
from tests.packets.hosts import HOSTS, LISTENERS, MACHINE, NEIGHBOUR, PORTS, PROTOCOLS, Answer, Probe

SUBNET, NIC = "subnet", "nic"
NETWORK = parse_prefixes(tuple(map(str, bridge.VIRTUAL)))
PROTOCOL = {"tcp": Protocol.TCP, "udp": Protocol.UDP}
# Each host's address lies at the end of one of these and just outside of another.
PREFIXES = (
    *("*", "*", "0.0.0.0/0", "::/0", "VirtualNetwork", "Internet", "AzureLoadBalancer"),
    *("10.0.0.4", "10.0.0.5", "10.0.0.4/31", "10.0.0.0/24", "10.1.0.9", "10.1.0.0/29", "10.1.0.8/29"),
    *("203.0.113.7", "203.0.113.0/29", "203.0.113.8/29", "198.51.100.99", "198.51.100.96/30", "198.51.100.100/30"),
    *("2001:db8::7", "2001:db8::/125", "2001:db8::8/125", "2001:db8::/32", "fd00:db8::/64", "fd00:db8:1::/48"),
)
TARGETS = ("*", "*", "*", "VirtualNetwork", "10.0.0.4", "10.0.0.5", "10.0.0.4/31", "fd00:db8::4", "fd00:db8::/64")
NUMBERS = st.sampled_from((0, *PORTS, 65535))
SPANS = st.lists(st.tuples(NUMBERS, NUMBERS).map(lambda two: (min(two), max(two))), min_size=1, max_size=3)
RULES = st.builds(
    Rule,
    name=st.just(""),
    priority=st.just(0),
    access=st.sampled_from(Access),
    protocol=st.sampled_from((Protocol.TCP, Protocol.UDP, Protocol.ANY, Protocol.ANY, Protocol.ICMP)),
    sources=st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=3, unique=True).map(tuple),
    destinations=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=2, unique=True).map(tuple),
    ports=st.just(ALL_PORTS) | SPANS.map(lambda spans: Ranges.of(*spans)),
    source_ports=st.sampled_from((*[ALL_PORTS] * 6, Ranges.of((0, 29_999)), Ranges.of((30_000, 65_535)))),
    destination_groups=st.sampled_from((*[()] * 6, ("ASG-Web",))),
)


@st.composite
def groups(draw: st.DrawFn, id_: str) -> Nsg:
    """A group of some rules, in no order."""
    numbers = draw(st.lists(st.integers(100, 4096), unique=True, min_size=2, max_size=12))
    return group(*(replace(draw(RULES), name=f"{id_}-{one}", priority=one) for one in numbers), id_=id_)


@dataclass(frozen=True, slots=True)
class Path:
    """The groups in the lab: the subnet's guards both machines, the interface's one of them. Either may be missing."""

    subnet: Nsg | None = None
    nic: Nsg | None = None

    @property
    def groups(self) -> tuple[Nsg, ...]:
        return tuple(one for one in (self.subnet, self.nic) if one)

    @property
    def ways(self) -> Ways:
        """The groups on the way to each address, by name."""
        return {address: [one.id for one in self.to(address)] for host in LISTENERS for address in host.addresses}

    def to(self, address: str) -> tuple[Nsg, ...]:
        """The groups on the way to an address."""
        return self.groups if address in MACHINE.addresses else tuple(one for one in (self.subnet,) if one)


PATHS = st.builds(Path, st.none() | groups(SUBNET) | groups(SUBNET), groups(NIC) | groups(NIC) | st.none())


def every_aim() -> Iterable[tuple[str, str, int, str]]:
    """Each host to each port of each machine, in both families, over both protocols."""
    return (
        (source, destination, port, protocol)
        for target in (MACHINE, NEIGHBOUR)
        for host in HOSTS
        if host is not target
        for source, destination in zip(host.addresses, target.addresses, strict=True)
        for port in PORTS
        for protocol in PROTOCOLS
    )


def expect(path: Path, probe: Probe) -> Answer:
    """What the app's evaluator says: each group on the way in turn, until one denies."""
    asgs = frozenset({"asg-web"} if probe.destination == MACHINE.v4 else ())
    spot = Spot(probe.destination, asgs, NETWORK)
    decided: dict[str, str] = {}
    for one in path.to(probe.destination):
        rule = evaluate((*one.rules, *one.defaults), as_flow(probe), spot)
        assert rule
        decided[one.id] = rule.name
        if rule.access is Access.DENY:
            return Answer("filtered", decided)
    return Answer("open", decided)


def tell(path: Path, probe: Probe) -> Verdict:
    """What the box's oracle says; of the rules that decided it names the last."""
    return bridge.verdict(path.to(probe.destination), as_flow(probe), probe.destination)


def last_word(answer: Answer) -> Verdict:
    """An answer as the oracle would put it."""
    *_, (nsg, rule) = (None, None), *answer.decided.items()
    return Verdict(answer.outcome == "open", rule, nsg)


def as_flow(probe: Probe) -> Flow:
    return Flow(probe.source, probe.port, PROTOCOL[probe.protocol], probe.source_port)
