"""Windows Firewall as its documents have it, for the lists that an order brings: a block rule wins over an allow rule.

It reads the words of an order by itself and shares no code with what writes them.
Source: [MS-FASP] 2.2.34, "FW_RULE_ACTION".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of somebody who comes in."""

    source: str
    target: str
    protocol: str
    port: int
    source_port: int = 50000


def is_blocked(order: Mapping[str, str], packet: Packet, at: int) -> bool:
    """Whether a wall that stands at this time stops the packet."""
    return any(int(start) <= at and _is_for(packet, *rest) for start, *rest in _fields(order["POSTERN_WALLS"]))


def is_allowed(order: Mapping[str, str], packet: Packet, at: int) -> bool:
    """Whether a rule of ours that stands at this time lets the packet in, should nothing block it."""
    return any(
        access == "a" and int(end) > at and _is_for(packet, _expand(protocol, ports), *sides, ports, "any")
        for _, _, access, protocol, *sides, ports, end in _fields(order["POSTERN_WISH"])
    )


def _fields(word: str) -> list[list[str]]:
    return [] if word == "none" else [one.split("_") for one in word.split("+")]


def _expand(protocol: str, ports: str) -> str:
    if protocol != "any":
        return protocol
    return "tcp@udp@icmp@esp@ah" if ports == "any" else "tcp@udp"


def _is_for(packet: Packet, *fields: str) -> bool:
    protocols, remotes, locals_, ports, from_ports = fields
    return (
        packet.protocol in protocols.split("@")
        and _has(remotes, packet.source)
        and _has(locals_, packet.target)
        and (packet.protocol not in {"tcp", "udp"} or _counts(ports, packet.port))
        and (packet.protocol not in {"tcp", "udp"} or _counts(from_ports, packet.source_port))
    )


def _has(words: str, address: str) -> bool:
    return any(word == "any" or _holds(word, address) for word in words.split("@"))


def _holds(word: str, address: str) -> bool:
    if "-" not in word:
        return ip_address(address) in ip_network(word)
    low, high = map(ip_address, word.split("-"))
    one = ip_address(address)
    return one.version == low.version == high.version and int(low) <= int(one) <= int(high)


def _counts(words: str, port: int) -> bool:
    spans = [word.partition("-") for word in words.split("@") if word != "any"]
    return words == "any" or any(int(low) <= port <= int(high or low) for low, _, high in spans)
