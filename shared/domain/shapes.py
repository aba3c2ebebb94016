"""The rules that a claim needs, without their priorities.

Names are deterministic, so that the same claim twice is the same PUT. Destinations are the machine's private
addresses, so that a shared group never affects a neighbour. One rule never mixes IPv4 and IPv6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

from shared.domain.addresses import is_v6, without_overlaps
from shared.domain.claims import LockClaim, OpenClaim
from shared.domain.grants import GrantPort
from shared.domain.machines import MachineId
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
)

_UNPLACED: Final = FIRST_PRIORITY
_LONGEST_NAME_PART: Final = 40
_LOCK_NAME: Final = re.compile(
    rf"(?:{LOCK_MARK}|{KEEP_MARK}probes-).*-([0-9a-z]{{8}})(?:-(?:tcp|udp|icmp|esp|ah))?(?:-ipv6)?"
)
_PROBES: Final = ("AzureLoadBalancer",)


def lock_rules(claim: LockClaim) -> tuple[Rule, ...]:
    """The deny rules of a lock.

    A rule for `*` with some ports may not stop protocols that have none, so those get rules of their own.
    """
    return tuple(_lock_rules(claim))


def keep_rules(claim: LockClaim) -> tuple[Rule, ...]:
    """The allow rules that let a load balancer's health probes through a lock."""
    probed = tuple(endpoint.address for endpoint in claim.endpoints if endpoint.probed)
    return tuple(
        Rule(
            name=f"{KEEP_MARK}probes-{_machine_part(claim.machine)}{suffix}",
            priority=_UNPLACED,
            access=Access.ALLOW,
            sources=_PROBES,
            destinations=addresses,
            description=_describe(f"Postern lets health probes reach {claim.machine.name}."),
        )
        for suffix, addresses in _families(probed)
    )


def open_rules(claim: OpenClaim) -> tuple[Rule, ...]:
    """The allow rules of a grant: one for each protocol, set of sources and address family."""
    return tuple(_open_rules(claim))


def belongs_to_lock(rule: Rule, claim: LockClaim) -> bool:
    """Whether a rule of ours stands for this machine's lock, in whatever shape it once had."""
    return locked_machine(rule) == claim.machine.key


def locked_machine(rule: Rule) -> str | None:
    """The key of the machine whose lock a rule belongs to; None for a rule that belongs to none."""
    return _machine_key(rule.name)


def is_husk(rule: Rule) -> bool:
    """Whether a rule is what is left of a grant where a resource lock forbids to delete it: it denies."""
    return rule.mark == OPEN_MARK and rule.access is Access.DENY


def is_safe_to_spare(rule: Rule) -> bool:
    """Whether a rule of ours that nobody claims may stay: a lock that denies, or what lets only health probes in."""
    if rule.mark == LOCK_MARK:
        return rule.access is Access.DENY
    return rule.mark == KEEP_MARK and rule.sources == _PROBES


@lru_cache(maxsize=10_000)
def _machine_key(name: str) -> str | None:
    """The key of the machine that a lock's rule is for, which stands at the end of its name, before the shape."""
    match = _LOCK_NAME.fullmatch(name.lower())
    return match[1] if match else None


def belongs_to_grant(rule: Rule, grant: str) -> bool:
    """Whether a rule of ours stands for this grant."""
    return _is_or_extends(rule.name.lower(), OPEN_MARK + grant)


def _is_or_extends(name: str, stem: str) -> bool:
    return name == stem or name.startswith(f"{stem}-")


def _lock_rules(claim: LockClaim) -> Iterator[Rule]:
    addresses = tuple(endpoint.address for endpoint in claim.endpoints)
    for protocol, ports in (*claim.guarded, *_without_ports(claim)):
        ending = "" if protocol is Protocol.ANY else f"-{protocol.lower()}"
        for suffix, destinations in _families(addresses):
            yield Rule(
                name=f"{LOCK_MARK}{_machine_part(claim.machine)}{ending}{suffix}",
                priority=_UNPLACED,
                access=Access.DENY,
                protocol=protocol,
                sources=(str(claim.origin),),
                destinations=destinations,
                ports=ports,
                description=_describe(f"Postern keeps {claim.machine.name} closed. Ask Postern for access."),
            )


def _without_ports(claim: LockClaim) -> Iterator[tuple[Protocol, Ranges]]:
    """The protocols without ports, where a rule for every protocol names only some ports."""
    if any(protocol is Protocol.ANY and ports != ALL_PORTS for protocol, ports in claim.guarded):
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
                    f"Postern grant {claim.grant} until {claim.ends_at:%Y-%m-%dT%H:%M:%SZ} for {claim.requestor}"
                ),
            )


def _grouped(ports: tuple[GrantPort, ...]) -> Iterator[tuple[tuple[Protocol, tuple[str, ...]], Ranges]]:
    def alike(port: GrantPort) -> tuple[Protocol, tuple[str, ...]]:
        return port.protocol, tuple(sorted(port.sources))

    for key, group in groupby(sorted(ports, key=alike), alike):
        yield key, Ranges.of(*(port.span for port in group))


def _families(addresses: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The addresses by family, with the ending that the family's rule has in its name."""
    for suffix, wants_v6 in (("", False), ("-ipv6", True)):
        if chosen := tuple(sorted(address for address in addresses if is_v6(address) is wants_v6)):
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


@lru_cache(maxsize=10_000)
def _machine_part(machine: MachineId) -> str:
    """A readable and unique part of a rule's name; the name is there for people, the key makes it unique."""
    readable = re.sub(r"[^A-Za-z0-9_.-]", "-", machine.name)[:_LONGEST_NAME_PART]
    return f"{readable}-{machine.key}"


def _describe(text: str) -> str:
    """A text as a description may be; .NET, which counts the characters at the other end, counts UTF-16 units."""
    if _units(text) <= LONGEST_DESCRIPTION:
        return text
    while _units(text) > LONGEST_DESCRIPTION - 3:
        text = text[:-1]
    return f"{text}..."


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
