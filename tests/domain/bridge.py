"""From the core's values to the packet oracle of the box, which knows nothing of the core.

Rules are written in ARM's JSON by hand here and not by the product's adapter, so that a slip there cannot hide.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from emulator.oracle.judgement import judge
from emulator.oracle.packets import Group, Packet, Verdict, Way
from shared.domain.rules import Nsg, Protocol, Rule
from shared.domain.traffic import Flow

# The virtual network, its peer, and who is in which application security group.
VIRTUAL = (ip_network("10.0.0.0/16"), ip_network("10.1.0.0/16"), ip_network("fd00:db8::/32"))
MEMBERS = {"asg-web": frozenset({ip_address("10.0.0.4")}), "asg-ops": frozenset({ip_address("10.1.0.9")})}
_WITH_PORTS = (Protocol.TCP, Protocol.UDP)


def as_arm(rule: Rule) -> dict[str, Any]:
    """A rule as ARM writes it."""
    properties = {
        "direction": "Inbound",
        "priority": rule.priority,
        "access": str(rule.access),
        "protocol": str(rule.protocol),
        "sourceAddressPrefixes": list(rule.sources),
        "destinationAddressPrefixes": list(rule.destinations),
        "sourcePortRanges": [f"{low}-{high}" for low, high in rule.source_ports.spans],
        "destinationPortRanges": [f"{low}-{high}" for low, high in rule.ports.spans],
        "sourceApplicationSecurityGroups": [{"id": id_} for id_ in rule.source_groups],
        "destinationApplicationSecurityGroups": [{"id": id_} for id_ in rule.destination_groups],
    }
    return {"name": rule.name, "properties": properties}


def verdict(nsgs: Iterable[Nsg], flow: Flow, address: str = "10.0.0.4") -> Verdict:
    """What the box's network would do with this flow on a way through these groups."""
    groups = tuple(Group(nsg.id, tuple(as_arm(one) for one in (*nsg.rules, *nsg.defaults))) for nsg in nsgs)
    way = Way(ip_address(address), groups, VIRTUAL, MEMBERS)
    port = flow.port if flow.protocol in _WITH_PORTS else None
    return judge(Packet(ip_address(flow.source), way.address, port, str(flow.protocol), flow.source_port), way)


def passes(nsg: Nsg, flow: Flow, address: str = "10.0.0.4") -> bool:
    """Whether this group alone would let the flow through."""
    return verdict((nsg,), flow, address).passes
