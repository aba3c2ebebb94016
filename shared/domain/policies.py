"""What may be asked of one machine, and how the machine is locked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.domain.approvals import NO_APPROVAL, Approval
from shared.domain.issues import Issue
from shared.domain.ranges import Ranges, Span
from shared.domain.rules import ALL_PORTS, Protocol
from shared.domain.subscriptions import Notification

LONGEST_DURATION: Final = timedelta(hours=24)
DEFAULT_DURATION: Final = timedelta(hours=3)
MANAGEMENT_PORTS: Final = (22, 3389, 5985, 5986)


class Scope(StrEnum):
    """How much of a machine is locked."""

    ALL = "all"
    PORTS = "ports"


class Origin(StrEnum):
    """Against whom a machine is locked; the values are what stands in the rule's source."""

    ANYWHERE = "*"
    INTERNET = "Internet"


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """A port, or a span of ports, that may be asked for."""

    span: Span
    protocol: Protocol
    sources: tuple[str, ...]
    longest: timedelta

    @property
    def single(self) -> bool:
        """Whether it is one port, and not a span of several."""
        return self.span[0] == self.span[1]


@dataclass(frozen=True, slots=True)
class Lock:
    """How a machine is kept closed; `keep_open` are ports that its other rules go on deciding about."""

    scope: Scope = Scope.ALL
    origin: Origin = Origin.ANYWHERE
    keep_open: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one machine. `requestors`, where given, are the object ids of those who may ask."""

    ports: tuple[PolicyPort, ...]
    lock: Lock = Lock()
    justification_required: bool = False
    requestors: tuple[str, ...] = ()
    approval: Approval = NO_APPROVAL
    ticket_pattern: str = ""  # What a ticket has to match; with one, every request names a ticket.
    break_glass: bool = False  # Whether somebody may open without approval and tell the approvers afterwards.
    end_sessions: bool = False  # Whether sessions that are open end with their grant.
    notifications: tuple[Notification, ...] = ()  # Who is told of what happens to the machine.

    @property
    def guarded(self) -> tuple[tuple[Protocol, Ranges], ...]:
        """For each protocol, the ports that the lock covers; nothing that the policy does not name or mean."""
        if self.lock.scope is Scope.ALL:
            return ((Protocol.ANY, ALL_PORTS - Ranges.of(*self.lock.keep_open)),)
        protocols = sorted({port.protocol for port in self.ports})
        return tuple((protocol, self._spans(protocol)) for protocol in protocols)

    def offering(self, ports: tuple[PolicyPort, ...]) -> Policy:
        """With these single ports in place of its own, for callers who know no spans of ports: those stay."""
        return replace(self, ports=(*ports, *(port for port in self.ports if not port.single)))

    def _spans(self, protocol: Protocol) -> Ranges:
        return Ranges.of(*(port.span for port in self.ports if port.protocol is protocol))


def default_ports() -> tuple[PolicyPort, ...]:
    """The four management ports over TCP, from anywhere, for three hours: what is guarded when nobody says."""
    return tuple(PolicyPort((port, port), Protocol.TCP, ("*",), DEFAULT_DURATION) for port in MANAGEMENT_PORTS)


def contradictions(policy: Policy) -> Iterator[Issue]:
    """What in a policy speaks against something else in it."""
    yield from _overlaps(policy)
    yield from _kept_open(policy)


def _overlaps(policy: Policy) -> Iterator[Issue]:
    """Each port of a protocol stands once, so that it is plain which sources and which duration hold for it."""
    for index, port in enumerate(policy.ports):
        for other in policy.ports[:index]:
            alike = port.protocol is other.protocol or Protocol.ANY in {port.protocol, other.protocol}
            if alike and Ranges.of(port.span) & Ranges.of(other.span):
                text = f"{_name(port.span)} over {port.protocol} stands in the policy already."
                yield Issue("overlappingPorts", f"ports[{index}].number", text)


def _kept_open(policy: Policy) -> Iterator[Issue]:
    if policy.lock.keep_open and policy.lock.scope is Scope.PORTS:
        yield Issue(
            "keepOpenNeedsScopeAll", "lock.keepOpen", 'With scope "ports" all other ports are left alone anyway.'
        )
    offered = Ranges.of(*(port.span for port in policy.ports))
    for index, span in enumerate(policy.lock.keep_open):
        if Ranges.of(span) & offered:
            text = f"{_name(span)} is a port to be asked for; kept open, it would need no asking."
            yield Issue("keepOpenIsGuarded", f"lock.keepOpen[{index}]", text)


def _name(span: Span) -> str:
    low, high = span
    return str(low) if low == high else f"{low}-{high}"
