"""The list of machines: each in its tab, with reasons that a person understands, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.claims import OpenClaim
from shared.domain.exposure import Leak
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded, Stage
from shared.domain.inventory import Reason, ResourceLock, Sighting, State, unsupported
from shared.domain.machines import Machine, MachineId
from shared.domain.policies import MANAGEMENT_PORTS
from shared.domain.ranges import Span
from shared.domain.rules import Nsg
from shared.domain.surface import Exposed, Surface

_WINDOWS_PORTS: Final = (3389, 5985, 5986)
_LINUX_PORTS: Final = (22,)


class Urgency(StrEnum):
    """How much a machine needs somebody to look after it; the worst stands first."""

    CRITICAL = "critical"  # No group at all, or a lock that does not hold, and the Internet has an address for it.
    HIGH = "high"  # The Internet reaches management ports.
    MEDIUM = "medium"  # Only the lack of a public address stands between them, or nobody can tell.
    LOW = "low"  # Not guarded, and closed to the Internet.
    NONE = "none"  # Guarded, and its lock holds.


_RANK: Final = {urgency: rank for rank, urgency in enumerate(Urgency)}

type Place = tuple[int, int, str, str]
"""Where a machine stands in the list."""


@dataclass(frozen=True, slots=True)
class Row:
    """One machine of the list."""

    sighting: Sighting
    state: State
    reasons: tuple[Reason, ...]
    urgency: Urgency
    exposed: tuple[Exposed, ...]
    guarded: Guarded | None = None
    leaks: tuple[Leak, ...] | None = None  # For a guarded machine; None when that cannot be told.

    @property
    def place(self) -> Place:
        """Where it stands: the most urgent first, then the one with most open ports, then by name."""
        ports = len({one.span for one in self.exposed})
        return (_RANK[self.urgency], -ports, self.sighting.name.lower(), self.sighting.id.lower())


@dataclass(frozen=True, slots=True)
class Scene:
    """What rows are made from, besides the machines themselves."""

    surface: Surface
    readable: Mapping[str, object]  # The groups that could be read, by id in lower case.
    locks: Sequence[ResourceLock]
    policies: Mapping[MachineId, Guarded]
    opened: Mapping[str, Sequence[OpenClaim]]  # The grants that are open, by group.


def row(sighting: Sighting, machine: Machine | None, scene: Scene) -> Row:
    """A machine's row; `machine` is None for one that can have no policy."""
    guarded = scene.policies.get(machine.id) if machine else None
    why_not = unsupported(sighting, machine, scene.locks, scene.readable)
    spans = _spans(guarded)
    exposed = (
        tuple(one for endpoint in machine.endpoints for one in scene.surface.of(endpoint, spans)) if machine else ()
    )
    if machine is None or guarded is None:
        state = State.UNSUPPORTED if why_not else State.NOT_CONFIGURED
        reasons = why_not or tuple(_not_configured(sighting, machine, exposed))
        return Row(sighting, state, reasons, _urgency_of_unguarded(sighting, machine, exposed), exposed)
    leaks = _leaks(machine, guarded, scene)
    reasons = (*_configured(guarded, leaks), *why_not)
    return Row(sighting, State.CONFIGURED, reasons, _urgency_of_guarded(sighting, leaks), exposed, guarded, leaks)


def suggested_ports(system: str) -> tuple[int, ...]:
    """The ports that are worth guarding first, by the operating system; all four when it is not known."""
    return {"linux": _LINUX_PORTS, "windows": _WINDOWS_PORTS}.get(system.lower(), MANAGEMENT_PORTS)


def _spans(guarded: Guarded | None) -> tuple[Span, ...]:
    offered = tuple(port.span for port in guarded.policy.ports) if guarded else ()
    return (*((port, port) for port in MANAGEMENT_PORTS), *offered)


def _leaks(machine: Machine, guarded: Guarded, scene: Scene) -> tuple[Leak, ...] | None:
    if not machine.endpoints or not all(scene.surface.knows(endpoint) for endpoint in machine.endpoints):
        return None
    addresses = {endpoint.address for endpoint in machine.endpoints}
    every = (claim for nsg in machine.nsgs for claim in scene.opened.get(nsg.lower(), ()))
    opened = [claim for claim in every if any(endpoint.address in addresses for endpoint in claim.endpoints)]
    return scene.surface.leaks(guarded.seen_as(machine).lock, opened)


def _urgency_of_guarded(sighting: Sighting, leaks: tuple[Leak, ...] | None) -> Urgency:
    if leaks is None:
        return Urgency.MEDIUM
    if not leaks:
        return Urgency.NONE
    return Urgency.CRITICAL if sighting.is_public else Urgency.HIGH


def _urgency_of_unguarded(sighting: Sighting, machine: Machine | None, exposed: tuple[Exposed, ...]) -> Urgency:
    if machine is None:
        return Urgency.MEDIUM
    if sighting.is_public and machine.bare:
        return Urgency.CRITICAL
    if not exposed:
        return Urgency.LOW
    return Urgency.HIGH if sighting.is_public else Urgency.MEDIUM


def _not_configured(sighting: Sighting, machine: Machine | None, exposed: tuple[Exposed, ...]) -> Iterator[Reason]:
    if machine and machine.bare:
        where = "and it has a public address" if sighting.is_public else "from wherever packets can come"
        text = f"No network security group: everything reaches it, {where}. Postern makes one when it is enabled."
        yield Reason("noNetworkSecurityGroup", text)
    elif exposed:
        yield Reason("openToInternet", f"The Internet reaches {_open(exposed)}.")
    else:
        yield Reason("notGuarded", "No management port is open to the Internet, but nothing guards that this stays so.")


def _open(exposed: Iterable[Exposed]) -> str:
    found = sorted({(one.span, one.rule or "") for one in exposed})
    return ", ".join(f"{low if low == high else f'{low}-{high}'} through {rule}" for (low, high), rule in found)


def _configured(guarded: Guarded, leaks: tuple[Leak, ...] | None) -> Iterator[Reason]:
    if guarded.stage is Stage.REMOVING:
        yield Reason("removing", "Its policy is being taken away.")
    elif leaks is None:
        yield Reason("unknown", "Whether its lock holds cannot be told: a group on the way cannot be read.")
    elif leaks:
        rules = ", ".join(sorted({leak.rule or "no network security group" for leak in leaks}))
        yield Reason("exposed", f"Its lock does not hold: {rules} still lets traffic in.")
    else:
        yield Reason("holds", "Closed: nothing reaches what its lock guards.")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which machines a list shall show; an empty set of states means all, and so does an empty text."""

    states: frozenset[State] = frozenset()
    text: str = ""
    subscription: str | None = None

    def shows(self, one: Row) -> bool:
        """Whether a row is to be shown."""
        if self.states and one.state not in self.states:
            return False
        return not self.text or any(self.text in word for word in _words(one.sighting))


@dataclass(frozen=True, slots=True)
class Use:
    """How a machine was used: its grants that are not over, those of the last seven days, and the latest access."""

    unfinished: int = 0
    recent: int = 0
    latest: Grant | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows with their use, where the next page begins, and how many machines there are in each tab."""

    rows: Sequence[tuple[Row, Use | None]]
    next: Place | None
    counts: Mapping[State, int]
    at: datetime
    warnings: tuple[str, ...]


def _words(sighting: Sighting) -> Iterable[str]:
    """What a machine can be searched by."""
    yield sighting.name.lower()
    yield sighting.group.lower()
    yield sighting.location.lower()
    yield from (place.address for place in sighting.places)
    yield from sighting.public_addresses
    yield from (f"{name}={value}".lower() for name, value in sighting.tags)


@dataclass(frozen=True, slots=True)
class Details:
    """One machine as ARM has it now."""

    row: Row
    machine: Machine
    groups: Sequence[Nsg]
    use: Use
