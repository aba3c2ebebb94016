"""Random rules, groups, claims and flows, from pools small enough that they meet each other often."""

from dataclasses import replace

from hypothesis import strategies as st

from shared.domain.claims import LockClaim, OpenClaim
from shared.domain.machines import Endpoint
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Access, Nsg, Protocol, Rule
from shared.domain.traffic import Flow
from tests.domain.values import GROUP, LATER, group, lock, machine_id, opening, ports

_PORTS = st.sampled_from(("*", "*", "22", "22", "3389", "20-30", "22,80", "5986,8000-9000"))
_PREFIXES = ("*", "*", "10.0.0.0/24", "10.0.0.9", "203.0.113.0/24", "203.0.113.7", "0.0.0.0/0", "198.51.100.99")
_PLAIN_SOURCES = st.lists(st.sampled_from(_PREFIXES), min_size=1, max_size=2, unique=True).map(tuple)
_TAGS = st.sampled_from(
    (("Internet",), ("VirtualNetwork",), ("AzureLoadBalancer",), ("Storage",), ("AzureCloud", "10.0.0.9"))
)
_DESTINATIONS = st.sampled_from((("*",), ("*",), ("10.0.0.4",), ("10.0.0.5",), ("10.0.0.0/24",), ("VirtualNetwork",)))
_NUMBERS = st.integers(100, 112) | st.sampled_from((150, 200, 201, 202, 300, 4000, 4094, 4095, 4096))
_SOURCES = (
    "203.0.113.7",
    "203.0.113.200",
    "198.51.100.99",
    "10.0.0.9",
    "10.0.0.5",
    "10.0.77.7",
    "10.1.0.9",
    "10.99.0.1",
)
PROBE = "168.63.129.16"


@st.composite
def rules(draw: st.DrawFn, *, plain: bool = False) -> Rule:
    """A foreign rule without its own number and name; a plain one means the same to everybody."""
    made = Rule(
        "",
        0,
        draw(st.sampled_from(Access)),
        draw(st.sampled_from((Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.ANY, Protocol.ANY, Protocol.ICMP))),
        draw(_PLAIN_SOURCES if plain else _PLAIN_SOURCES | _TAGS),
        draw(_DESTINATIONS),
        ports(draw(_PORTS)),
    )
    if plain:
        return made
    some = Ranges.of((50000, 50010))
    return replace(
        made,
        source_ports=draw(st.sampled_from((*[ALL_PORTS] * 8, some))),
        source_groups=draw(st.sampled_from((*[()] * 8, ("asg-ops",)))),
        destination_groups=draw(st.sampled_from((*[()] * 8, ("asg-web",)))),
    )


@st.composite
def groups(draw: st.DrawFn, *, plain: bool = False, id_: str = GROUP) -> Nsg:
    """A group of foreign rules, each with a number of its own."""
    numbers = draw(st.lists(_NUMBERS, unique=True, max_size=7))
    made = [replace(draw(rules(plain=plain)), name=f"theirs-{number}", priority=number) for number in numbers]
    return group(*made, id_=id_)


@st.composite
def flows(draw: st.DrawFn, *, sources: tuple[str, ...] = (*_SOURCES, PROBE)) -> Flow:
    """A connection attempt."""
    protocol = draw(st.sampled_from((Protocol.TCP, Protocol.TCP, Protocol.UDP, Protocol.ICMP)))
    port = 0 if protocol is Protocol.ICMP else draw(st.sampled_from((22, 22, 80, 3389, 25, 8080, 0, 65535)))
    return Flow(draw(st.sampled_from(sources)), port, protocol, draw(st.sampled_from((50000, 1024))))


STRANGERS = flows(sources=_SOURCES)


def spots(nic: str = GROUP, subnet: str | None = None) -> Endpoint:
    """The machine's endpoint, as a member of one application security group."""
    return Endpoint("10.0.0.4", nic, subnet, ("asg-web",), ("10.0.0.0/24",))


DNS = Ranges.of((53, 53))


@st.composite
def locks(draw: st.DrawFn, place: Endpoint) -> LockClaim:
    """A lock of web-01 in one of its shapes."""
    guarded = draw(st.sampled_from(("*", "*", "22", "22,3389", "0-442,444-65535")))
    made = lock(replace(place, probed=draw(st.booleans())), guarded=guarded, origin=draw(st.sampled_from(Origin)))
    ((_, numbers),) = made.guarded
    shapes = (((Protocol.ANY, numbers),), ((Protocol.TCP, numbers),), ((Protocol.TCP, numbers), (Protocol.UDP, DNS)))
    return replace(made, guarded=draw(st.sampled_from(shapes)))


@st.composite
def openings(draw: st.DrawFn, place: Endpoint, number: int) -> OpenClaim:
    """The claim of one of several grants."""
    sources = draw(st.sampled_from((("203.0.113.7",), ("203.0.113.0/24",), ("10.0.0.9", "203.0.113.7"), ("*",))))
    port = draw(st.sampled_from(("22", "3389", "20-30")))
    return replace(opening(place, grant=f"{number:024}", port=port, sources=sources), ends_at=LATER)


NEIGHBOUR = replace(lock(Endpoint("10.0.0.5", GROUP, network=("10.0.0.0/24",))), machine=machine_id("web-02"))
