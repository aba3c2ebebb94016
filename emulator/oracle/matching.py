"""Does one rule match one packet? By "Network security groups" (overview) and "Virtual network service tags".

It knows protocols, port ranges, prefixes, tags and application security groups. It refuses to know the order of rules.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from emulator.arm import tags
from emulator.oracle.packets import Address, Packet, Way

# The virtual public address of the host, from which health probes come; it belongs to VirtualNetwork too
# (MicrosoftDocs/azure-docs#38326, "Virtual network service tags").
PROBE = ip_address("168.63.129.16")

# Not reachable over the internet, so not covered by the tag Internet. Python's own is_global does not fit: it also
# takes out the documentation ranges, which are the public addresses of the box.
_PRIVATE = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_WITH_PORTS = ("tcp", "udp")


def matches(rule: dict[str, Any], packet: Packet, way: Way) -> bool:
    """Whether the rule (as ARM writes it) says something about the packet on this way."""
    properties = rule["properties"]
    return (
        properties["direction"] == "Inbound"
        and properties["protocol"].lower() in ("*", packet.protocol.lower())
        and _ports(properties, "destination", packet, packet.port)
        and _ports(properties, "source", packet, packet.source_port)
        and _side(properties, "source", packet.source, way)
        and _side(properties, "destination", way.address, way)
    )


def _ports(properties: dict[str, Any], side: str, packet: Packet, port: int | None) -> bool:
    spans = _values(properties, f"{side}PortRange", f"{side}PortRanges")
    if "*" in spans or "0-65535" in spans:
        return True
    if port is None or packet.protocol.lower() not in _WITH_PORTS:
        # A packet without ports is none of the ports that a rule names.
        return False
    return any(_inside(span, port) for span in spans)


def _inside(span: str, port: int) -> bool:
    first, _, last = span.partition("-")
    return int(first) <= port <= int(last or first)


def _side(properties: dict[str, Any], side: str, address: Address, way: Way) -> bool:
    groups = properties.get(f"{side}ApplicationSecurityGroups") or ()
    if groups:
        return any(address in way.members.get(one["id"].lower(), frozenset()) for one in groups)
    return any(
        _covers(one, address, way) for one in _values(properties, f"{side}AddressPrefix", f"{side}AddressPrefixes")
    )


def _covers(prefix: str, address: Address, way: Way) -> bool:
    match prefix.lower():
        case "*":
            return True
        case "virtualnetwork":
            return address == PROBE or _any(way.virtual, address)
        case "azureloadbalancer":
            return address == PROBE
        case "internet":
            return address != PROBE and not _any(way.virtual, address) and not _any(_PRIVATE, address)
        case name if tags.canonical(name):
            return _any((ip_network(one) for one in tags.addresses(name)), address)
        case _:
            return address in ip_network(prefix, strict=False)


def _any(networks: Iterable[Any], address: Address) -> bool:
    return any(address in network for network in networks)


def _values(properties: dict[str, Any], single: str, several: str) -> list[str]:
    one = properties.get(single)
    return [*([one] if one else []), *(properties.get(several) or ())]
