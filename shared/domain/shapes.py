"""The rules that claims need, without their priorities.

Names are deterministic, so that the same claim twice is the same PUT. Destinations are private addresses of machines,
so that a shared group never affects a neighbour. Locks of one shape share a rule, because a group holds only so many.
One rule never mixes IPv4 and IPv6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

from shared.domain.addresses import is_v6, without_overlaps
from shared.domain.claims import LockClaim, LockShape, OpenClaim
from shared.domain.grants import GrantPort
from shared.domain.ranges import Ranges
from shared.domain.rules import (
    ALL_PORTS,
    FIRST_PRIORITY,
    KEEP_MARK,
    LOCK_MARK,
    LONGEST_DESCRIPTION,
    OPEN_MARK,
    WITHOUT_PORTS,
    Access,
    Protocol,
    Rule,
    grant_of,
)

_UNPLACED: Final = FIRST_PRIORITY
_PROBES: Final = ("AzureLoadBalancer",)
_MOST_NAMED: Final = 3
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_GRANTED: Final = re.compile(r"Postern grant ([0-9a-z]+) until ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z) for ")


def lock_rules(*claims: LockClaim) -> tuple[Rule, ...]:
    """The deny rules of locks of one shape, which they share.

    A rule for `*` with some ports may not stop protocols that have none, so those get rules of their own.
    """
    shape = claims[0].shape
    addresses = [address for claim in claims for address in claim.addresses]
    description = _describe(
        f"Postern keeps {some_names(claim.machine.name for claim in claims)} closed. Ask Postern for access."
    )
    return tuple(
        Rule(
            name=f"{LOCK_MARK}{shape.name}{'' if protocol is Protocol.ANY else f'-{protocol.lower()}'}{suffix}",
            priority=_UNPLACED,
            access=Access.DENY,
            protocol=protocol,
            sources=(str(shape.origin),),
            destinations=destinations,
            ports=ports,
            description=description,
        )
        for protocol, ports in (*shape.guarded, *_without_ports(shape))
        for suffix, destinations in _families(addresses)
    )


def keep_rules(*claims: LockClaim) -> tuple[Rule, ...]:
    """The allow rules that let a load balancer's health probes through locks of any shape."""
    probed = [claim for claim in claims if _probed(claim)]
    return tuple(
        Rule(
            name=f"{KEEP_MARK}probes{suffix}",
            priority=_UNPLACED,
            access=Access.ALLOW,
            sources=_PROBES,
            destinations=destinations,
            description=_describe(
                f"Postern lets health probes reach {some_names(claim.machine.name for claim in probed)}."
            ),
        )
        for suffix, destinations in _families(address for claim in probed for address in _probed(claim))
    )


def _probed(claim: LockClaim) -> tuple[str, ...]:
    return tuple(endpoint.address for endpoint in claim.endpoints if endpoint.probed)


def open_rules(claim: OpenClaim) -> tuple[Rule, ...]:
    """The allow rules of a grant: one for each protocol, set of sources and address family."""
    return tuple(_open_rules(claim))


def standing_for_lock(rules: Iterable[Rule], claim: LockClaim) -> Iterator[Rule]:
    """The rules of ours that stand for this machine's lock."""
    # Worked out once for all of them: a group may hold hundreds.
    wanted = [(one.name.lower(), set(one.destinations)) for one in (*lock_rules(claim), *keep_rules(claim))]
    for rule in rules:
        name = rule.name.lower()
        if any(name == known and not addresses.isdisjoint(rule.destinations) for known, addresses in wanted):
            yield rule


def is_husk(rule: Rule) -> bool:
    """Whether a rule is what is left of a grant where a resource lock forbids to delete it: it denies."""
    return rule.mark == OPEN_MARK and rule.access is Access.DENY


def is_safe_to_spare(rule: Rule) -> bool:
    """Whether a rule of ours that nobody claims may stay: a lock that denies, or what lets only health probes in."""
    if rule.mark == LOCK_MARK:
        return rule.access is Access.DENY
    return rule.mark == KEEP_MARK and rule.access is Access.ALLOW and rule.sources == _PROBES


def belongs_to_grant(rule: Rule, grant: str) -> bool:
    """Whether a rule of ours stands for this grant."""
    return _is_or_extends(rule.name.lower(), OPEN_MARK + grant)


def deadline_of(rule: Rule) -> datetime | None:
    """When the grant of a rule ends, to the second, by its description; None where that does not say so."""
    told = _GRANTED.match(rule.description)
    if not told or not grant_of(rule.name) or told[1] != grant_of(rule.name):
        return None
    try:
        return datetime.strptime(told[2], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_or_extends(name: str, stem: str) -> bool:
    return name == stem or name.startswith(f"{stem}-")


def _without_ports(shape: LockShape) -> Iterator[tuple[Protocol, Ranges]]:
    """The protocols without ports, where a rule for every protocol names only some ports."""
    if any(protocol is Protocol.ANY and ports != ALL_PORTS for protocol, ports in shape.guarded):
        yield from ((protocol, ALL_PORTS) for protocol in sorted(WITHOUT_PORTS))


def _open_rules(claim: OpenClaim) -> Iterator[Rule]:
    number = 0
    addresses = tuple(endpoint.address for endpoint in claim.endpoints)
    for (protocol, sources), ports in _grouped(claim.ports):
        for _, froms, destinations in _pairs(sources, addresses):
            number += 1
            yield Rule(
                name=f"{OPEN_MARK}{claim.grant}-{number}",
                priority=_UNPLACED,
                access=Access.ALLOW,
                protocol=protocol,
                sources=froms,
                destinations=destinations,
                ports=ports,
                description=_describe(
                    f"Postern grant {claim.grant} until {claim.ends_at:{_TIME}} for {claim.requestor}"
                ),
            )


def _grouped(ports: tuple[GrantPort, ...]) -> Iterator[tuple[tuple[Protocol, tuple[str, ...]], Ranges]]:
    def alike(port: GrantPort) -> tuple[Protocol, tuple[str, ...]]:
        return port.protocol, tuple(sorted(port.sources))

    for key, group in groupby(sorted(ports, key=alike), alike):
        yield key, Ranges.of(*(port.span for port in group))


def _families(addresses: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The addresses by family, with the ending that the family's rule has in its name."""
    each = sorted(set(addresses))
    for suffix, wants_v6 in (("", False), ("-ipv6", True)):
        if chosen := tuple(address for address in each if is_v6(address) is wants_v6):
            yield suffix, chosen


def _pairs(
    sources: tuple[str, ...], addresses: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Sources with the addresses of their own family; `*` goes with both."""
    for suffix, destinations in _families(addresses):
        wants_v6 = suffix != ""
        chosen = tuple(source for source in sources if source == "*" or is_v6(source) is wants_v6)
        if chosen:
            yield suffix, without_overlaps(chosen), destinations


def some_names(names: Iterable[str]) -> str:
    """A few names, and how many more there are."""
    known = sorted(names)
    more = len(known) - _MOST_NAMED
    return f"{', '.join(known[:_MOST_NAMED])} and {more} more" if more > 0 else " and ".join(known)


def _describe(text: str) -> str:
    """A text as a description may be; .NET, which counts the characters at the other end, counts UTF-16 units."""
    if _units(text) <= LONGEST_DESCRIPTION:
        return text
    while _units(text) > LONGEST_DESCRIPTION - 3:
        text = text[:-1]
    return f"{text}..."


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
