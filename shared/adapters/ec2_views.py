"""What ingress rules mean to the engine, and what locks leave of them.

A security group only allows. So a lock is kept by moving aside every rule that lets in what the lock stops, and what
the lock does not stop of such a rule is authorized again by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from shared.adapters.ec2_rules import ALL, Permission, Source
from shared.domain.addresses import NO_ADDRESSES, Bound, is_v6, parse_prefix, parse_prefixes, sources_of
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, WITH_PORTS, Protocol, Rule

_PROTOCOLS: Final = {
    ALL: Protocol.ANY,
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
    "icmp": Protocol.ICMP,
    "icmpv6": Protocol.ICMP,
    "50": Protocol.ESP,
    "51": Protocol.AH,
}
_WORDS: Final = {Protocol.TCP: "tcp", Protocol.UDP: "udp", Protocol.ESP: "50", Protocol.AH: "51"}
_INSIDE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
EVERYBODY: Final = ("*",)
_EVERYBODY_AS_EC2: Final = {"IPv4": Source("CidrIpv4", "0.0.0.0/0"), "IPv6": Source("CidrIpv6", "::/0")}

type Members = Mapping[Source, tuple[str, ...]]
"""Whom prefix lists and groups mean, as addresses and prefixes."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a permission of one protocol; what has no ports has them all."""

    permission: Permission
    protocol: Protocol
    ports: Ranges

    def narrowed(self, span: tuple[int, int], source: Source) -> Permission:
        """The same for some of its ports only, and from elsewhere."""
        if self.protocol not in WITH_PORTS:
            return replace(self.permission, source=source)
        return replace(self.permission, first=span[0], last=span[1], source=source)


def protocol_of(permission: Permission) -> Protocol:
    """The engine's protocol; what it has no name for counts as one without ports, which every whole lock stops."""
    return _PROTOCOLS.get(permission.protocol, Protocol.ESP)


def ports_of(permission: Permission) -> Ranges:
    """The ports that are let in; all of them for what has none."""
    numbered = protocol_of(permission) in WITH_PORTS and permission.first >= 0
    return Ranges.of((permission.first, permission.last)) if numbered else ALL_PORTS


def prefixes_of(source: Source, members: Members) -> tuple[str, ...]:
    """Whom a source means; everybody, where that cannot be told."""
    return (source.name,) if source.kind.startswith("Cidr") else members.get(source, EVERYBODY)


def left(permission: Permission, locks: Iterable[Rule], members: Members) -> tuple[Permission, ...]:
    """What locks leave of a permission: itself, where they stop nothing of it."""
    public = parse_prefixes(prefixes_of(permission.source, members)) & sources_of("Internet", NO_ADDRESSES, Bound.UPPER)
    felt = [lock for lock in locks if lock.sources == EVERYBODY or public]
    pieces = list(_pieces(permission))
    if not any(_stopped(piece, felt) for piece in pieces):
        return (permission,)
    return tuple(sorted({rest for piece in pieces for rest in _rests(piece, felt)}))


def _pieces(permission: Permission) -> Iterator[_Piece]:
    if permission.protocol != ALL:
        yield _Piece(permission, protocol_of(permission), ports_of(permission))
        return
    for word in ("tcp", "udp", *_icmp_of(permission.source), "50", "51"):
        first, last = (0, 65535) if _PROTOCOLS[word] in WITH_PORTS else (-1, -1)
        yield _Piece(replace(permission, protocol=word, first=first, last=last), _PROTOCOLS[word], ALL_PORTS)


def _icmp_of(source: Source) -> tuple[str, ...]:
    return {"CidrIpv4": ("icmp",), "CidrIpv6": ("icmpv6",)}.get(source.kind, ("icmp", "icmpv6"))


def _stopped(piece: _Piece, locks: Iterable[Rule]) -> Ranges:
    """The ports of a piece that locks stop; of what has none, all or nothing."""
    found = Ranges.of(
        *(span for lock in locks if lock.protocol in {piece.protocol, Protocol.ANY} for span in lock.ports.spans)
    )
    if piece.protocol in WITH_PORTS:
        return found & piece.ports
    whole = any(lock.ports == ALL_PORTS and lock.protocol in {piece.protocol, Protocol.ANY} for lock in locks)
    return ALL_PORTS if whole else Ranges()


def _rests(piece: _Piece, locks: list[Rule]) -> Iterator[Permission]:
    everywhere = _stopped(piece, [lock for lock in locks if lock.sources == EVERYBODY])
    outside = _stopped(piece, locks) - everywhere
    for span in (piece.ports - everywhere - outside).spans:
        yield piece.narrowed(span, piece.permission.source)
    for source in _inside(piece.permission.source):
        yield from (piece.narrowed(span, source) for span in outside.spans)


def _inside(source: Source) -> Iterator[Source]:
    """The private part of a source, for locks that leave the inside alone."""
    if not source.kind.startswith("Cidr"):
        return
    network = ip_network(source.name)
    for private in _INSIDE:
        if _holds(private, network):
            yield source
        elif _holds(network, private):
            yield Source(source.kind, str(private))


def _holds(outer: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    return parse_prefix(str(inner)) <= parse_prefix(str(outer))


def is_writable(rule: Rule) -> bool:
    """Whether an allow rule names nothing but addresses and prefixes: EC2 knows no service tags."""
    try:
        return all(text == "*" or parse_prefix(text) for text in rule.sources)
    except ValueError:
        return False


def permissions_of(rule: Rule, address: str) -> Iterator[Permission]:
    """What has to be authorized so that an allow rule of ours lets its sources in to an address of its destinations."""
    family = "IPv6" if is_v6(address) else "IPv4"
    for text in rule.sources:
        source = _EVERYBODY_AS_EC2[family] if text == "*" else _cidr(text)
        for word in _words_of(rule, family):
            if word in {"tcp", "udp"}:
                yield from (Permission(word, low, high, source) for low, high in rule.ports.spans)
            else:
                yield Permission(word, -1, -1, source)


def _words_of(rule: Rule, family: str) -> tuple[str, ...]:
    if rule.protocol is Protocol.ANY:
        return (ALL,) if rule.ports == ALL_PORTS else ("tcp", "udp")
    icmp = "icmpv6" if family == "IPv6" else "icmp"
    return (_WORDS.get(rule.protocol, icmp),)


def _cidr(text: str) -> Source:
    network = ip_network(text)
    return Source("CidrIpv6" if is_v6(text) else "CidrIpv4", str(network))
