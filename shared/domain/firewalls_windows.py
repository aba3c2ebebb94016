"""What Windows needs besides the rules: walls.

In Windows Firewall a block rule wins over every allow rule, so a lock with a gap cannot be one rule with another above
it. It is cut into walls: block rules for exactly what nothing lets through. Each stands from a time on, `0` for at
once. What a grant lets through gets its wall when the grant ends, so nothing has to be worked out on the computer: it
puts up the walls whose time has come, and no wall is ever taken down by the clock.

Walls are `none`, or joined by `+`, each with six fields joined by `_`:

    0_tcp@udp_0.0.0.0-203.0.113.6@203.0.113.8-255.255.255.255_any_0-21@23-65535_any

from when, protocols, remote addresses, local addresses, local ports, remote ports. The protocol `other` stands for
those that carry other networks' packets; no rule but one for everything speaks of them. Remote ports leave a gap for
the answers of DHCP servers, without which a closed computer would lose its address.

Source: [MS-FASP] 2.2.34, "FW_RULE_ACTION".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from shared.domain.addresses import ALL_ADDRESSES, family_of, parse_prefixes
from shared.domain.firewalls_text import NOTHING, write_end, write_ports
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, WITH_PORTS, Access, Protocol, Rule, in_order
from shared.domain.traffic import EVERY_PROTOCOL, Region, Traffic

_OTHER: Final = Protocol.ANY  # Among protocols of a region: those that only a rule for every protocol means.
_EVERYTHING: Final = Traffic(protocols=EVERY_PROTOCOL | {_OTHER})
_V4, _V6 = family_of("0.0.0.0"), family_of("::")  # noqa: S104 - the families, not a socket.
_V6_START: Final = _V6.spans[0][0]
_DHCP: Final = {68: 67, 546: 547}  # The client's port, and the port from which its server answers.
_CLIENTS: Final = Ranges.of(*((port, port) for port in _DHCP))


def write_walls(rules: tuple[Rule, ...]) -> str:
    """The walls of rules that fit on a computer."""
    return "+".join(_walls(in_order(rules))) or NOTHING


def _walls(rules: tuple[Rule, ...]) -> Iterator[str]:
    for target in _targets(rules):
        concerned = [rule for rule in rules if target & parse_prefixes(rule.destinations)]
        before: Region = ()
        for start in sorted({0, *map(write_end, concerned)}):
            live = (rule for rule in concerned if rule.access is Access.DENY or write_end(rule) > start)
            after = _denied(live, target)
            yield from (wall for piece in _less(after, before) for wall in _write(start, piece, target))
            before = after


def _targets(rules: tuple[Rule, ...]) -> list[Ranges]:
    """Sets of local addresses, within each of which all addresses are named by the same rules."""
    sides = {rule.destinations for rule in rules}
    if sides <= {("*",)}:
        return [ALL_ADDRESSES]
    parts = [_V4, _V6]
    for side in map(parse_prefixes, sorted(sides)):
        parts = [piece for part in parts for piece in (part & side, part - side) if piece]
    return parts


def _denied(rules: Iterable[Rule], target: Ranges) -> Region:
    """What the first rule that matches denies. What none matches is left to the computer's other rules."""
    found: list[Traffic] = []
    undecided: Region = (_within(_EVERYTHING, target),)
    for rule in rules:
        part = _covered(rule)
        if rule.access is Access.DENY:
            found += [shared for piece in undecided if (shared := piece & part)]
        undecided = tuple(rest for piece in undecided for rest in piece - part)
    return tuple(found)


def _covered(rule: Rule) -> Traffic:
    protocols = frozenset({rule.protocol})
    if rule.protocol is Protocol.ANY:
        protocols = _EVERYTHING.protocols if rule.ports == ALL_PORTS else WITH_PORTS
    return Traffic(parse_prefixes(rule.sources), protocols, rule.ports)


def _within(traffic: Traffic, target: Ranges) -> Traffic:
    """Only packets of the target's family reach it."""
    families = [family for family in (_V4, _V6) if target & family]
    return Traffic(reduce(Ranges.__or__, families), traffic.protocols, traffic.ports)


def _less(region: Region, other: Region) -> Region:
    for hole in other:
        region = tuple(rest for piece in region for rest in piece - hole)
    return region


def _write(start: int, piece: Traffic, target: Ranges) -> Iterator[str]:
    """One wall, or several where it would keep a computer from hearing of its address."""
    sides = (write_span(piece.sources), write_span(target))
    for protocols, ports, remote in _cut(piece):
        words = sorted("other" if one is _OTHER else one.lower() for one in protocols)
        yield "_".join((str(start), "@".join(words), *sides, write_ports(ports), write_ports(remote)))


def _cut(piece: Traffic) -> Iterator[tuple[frozenset[Protocol], Ranges, Ranges]]:
    """Protocols, local ports and remote ports of the walls for one piece."""
    udp = piece.protocols & {Protocol.UDP}
    if not udp or not piece.ports & _CLIENTS:
        yield piece.protocols, piece.ports, ALL_PORTS
        return
    if rest := piece.protocols - udp:
        yield rest, piece.ports, ALL_PORTS
    if others := piece.ports - _CLIENTS:
        yield udp, others, ALL_PORTS
    for client, server in _DHCP.items():
        if client in piece.ports:
            yield udp, Ranges.of((client, client)), ALL_PORTS - Ranges.of((server, server))


def write_span(addresses: Ranges) -> str:
    """Addresses as a list of single ones and ranges, each of one family, or `any`."""
    if addresses == ALL_ADDRESSES:
        return "any"
    return "@".join(_spell(low, high) for family in (_V4, _V6) for low, high in (addresses & family).spans)


def _spell(low: int, high: int) -> str:
    first, last = (str(IPv4Address(one) if one < _V6_START else IPv6Address(one - _V6_START)) for one in (low, high))
    return first if low == high else f"{first}-{last}"
