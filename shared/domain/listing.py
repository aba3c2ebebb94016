"""The list of machines: each in its tab, with reasons that a person understands, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


_ORDER: Final = {urgency: rank for rank, urgency in enumerate(Urgency)}
_MANAGEMENT_SPANS: Final = tuple((port, port) for port in MANAGEMENT_PORTS)


class Condition(StrEnum):
    """What is true of a guarded machine at this moment; it may be exposed and open at once."""

    EXPOSED = "exposed"  # Its lock does not hold.
    UNKNOWN = "unknown"  # Whether its lock holds cannot be told.
    OPEN = "open"  # An access stands open.
    LOCKED = "locked"  # Its lock holds, and no access stands open.


@dataclass(frozen=True, slots=True)
class Row:
    """One machine of the list."""

    sighting: Sighting
    machine: Machine | None  # None for one that can have no policy.
    why_not: tuple[Reason, ...]  # Why it cannot be guarded; empty when it can.
    exposed: tuple[Exposed, ...]
    guarded: Guarded | None = None
    leaks: tuple[Leak, ...] | None = None  # For a guarded machine; None when that cannot be told.
    judged: bool = True  # Whether every group on the way could be read.
    opened: frozenset[str] = frozenset()  # The ids of the grants that stand open on it.

    @property
    def state(self) -> State:
        """Its tab."""
        if self.guarded:
            return State.CONFIGURED
        return State.UNSUPPORTED if self.why_not else State.NOT_CONFIGURED

    @property
    def urgency(self) -> Urgency:
        """How much it needs somebody."""
        return _urgency_of_guarded(self) if self.guarded else _urgency_of_unguarded(self)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is where it is, in sentences for a person."""
        if self.guarded:
            return (*_configured(self.guarded, self.leaks), *self.why_not)
        return self.why_not or tuple(_not_configured(self))

    @property
    def conditions(self) -> frozenset[Condition]:
        """What is true of it at this moment; nothing is said of a machine that is not guarded."""
        if self.guarded is None:
            return frozenset()
        told = {Condition.OPEN} if self.opened else set()
        if self.leaks is None:
            told.add(Condition.UNKNOWN)
        elif self.leaks:
            told.add(Condition.EXPOSED)
        return frozenset(told or {Condition.LOCKED})

    @property
    def severity(self) -> tuple[int, int]:
        """How far up it belongs, as numbers to sort by: the most urgent first, then the one with most open ports."""
        return (_ORDER[self.urgency], -len({one.span for one in self.exposed}))


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
    if machine is None:
        return Row(sighting, None, why_not, ())
    spans = _spans(guarded)
    # What a host's own firewall lets in nobody here can see; only of a guarded one is known what is closed.
    looked_at = machine.endpoints if guarded or not machine.id.is_host else ()
    exposed = tuple(one for endpoint in looked_at for one in scene.surface.of(endpoint, spans))
    opened = _opened(machine, scene) if guarded else []
    leaks = _leaks(machine, guarded, scene, opened) if guarded else None
    judged = len(looked_at) == len(machine.endpoints) and all(map(scene.surface.knows, looked_at))
    grants = frozenset(claim.grant for claim in opened)
    return Row(sighting, machine, why_not, exposed, guarded, leaks, judged, grants)


def suggested_ports(system: str) -> tuple[int, ...]:
    """The ports that are worth guarding first, by the operating system; all four when it is not known."""
    return {"linux": _LINUX_PORTS, "windows": _WINDOWS_PORTS}.get(system.lower(), MANAGEMENT_PORTS)


def _spans(guarded: Guarded | None) -> tuple[Span, ...]:
    offered = tuple(port.span for port in guarded.policy.ports) if guarded else ()
    return (*_MANAGEMENT_SPANS, *offered)


def _opened(machine: Machine, scene: Scene) -> list[OpenClaim]:
    addresses = {endpoint.address for endpoint in machine.endpoints}
    every = (claim for nsg in machine.nsgs for claim in scene.opened.get(nsg.lower(), ()))
    return [claim for claim in every if any(endpoint.address in addresses for endpoint in claim.endpoints)]


def _leaks(machine: Machine, guarded: Guarded, scene: Scene, opened: Sequence[OpenClaim]) -> tuple[Leak, ...] | None:
    if not machine.endpoints or not all(scene.surface.knows(endpoint) for endpoint in machine.endpoints):
        return None
    return scene.surface.leaks(guarded.seen_as(machine).lock, opened)


def _urgency_of_guarded(row: Row) -> Urgency:
    if row.leaks is None:
        return Urgency.MEDIUM
    if not row.leaks:
        return Urgency.NONE
    return Urgency.CRITICAL if row.sighting.is_public else Urgency.HIGH


def _urgency_of_unguarded(row: Row) -> Urgency:
    if row.machine is None:
        return Urgency.MEDIUM
    if row.sighting.is_public and row.machine.bare:
        return Urgency.CRITICAL
    if not row.judged:
        return Urgency.MEDIUM
    if not row.exposed:
        return Urgency.LOW
    is_wide = any(one.wide for one in row.exposed)
    if row.sighting.is_public:
        return Urgency.HIGH if is_wide else Urgency.MEDIUM
    return Urgency.MEDIUM if is_wide else Urgency.LOW


def _not_configured(row: Row) -> Iterator[Reason]:
    if row.machine and row.machine.bare:
        where = "and it has a public address" if row.sighting.is_public else "from wherever packets can come"
        text = f"No network security group: everything reaches it, {where}. Postern makes one when it is enabled."
        yield Reason("noNetworkSecurityGroup", text)
    elif row.machine and row.machine.id.is_host:
        yield Reason("unknown", "Nothing guards it, and what its own firewall lets in cannot be seen from here.")
    elif not row.judged:
        yield Reason("unknown", "What reaches it cannot be told: a group on the way cannot be read.")
    elif wide := [one for one in row.exposed if one.wide]:
        yield Reason("openToInternet", f"The Internet reaches {_open(wide)}.")
    elif row.exposed:
        whence = ", ".join(sorted({source for one in row.exposed for source in one.sources}))
        yield Reason("openToSome", f"{whence} reach {_open(row.exposed)}, at any time.")
    else:
        yield Reason("notGuarded", "No management port is open to the Internet, but nothing guards that this stays so.")


def _open(exposed: Iterable[Exposed]) -> str:
    """Which ports are open through which rules: "22 and 3389 through allow-any; 443 through allow-web"."""
    rules: dict[str, set[Span]] = {}
    for one in exposed:
        rules.setdefault(one.rule or "", set()).add(one.span)
    return "; ".join(f"{_listed(spans)} through {rule}" for rule, spans in sorted(rules.items()))


def _listed(spans: Iterable[Span]) -> str:
    *some, last = (str(low) if low == high else f"{low}-{high}" for low, high in sorted(spans))
    return f"{', '.join(some)} and {last}" if some else last


def _configured(guarded: Guarded, leaks: tuple[Leak, ...] | None) -> Iterator[Reason]:
    if guarded.stage is Stage.REMOVING:
        yield Reason("removing", "Its policy is being taken away.")
    elif leaks is None:
        yield Reason("unknown", "Whether its lock holds cannot be told: a group cannot be read, or it has no address.")
    elif leaks:
        rules = ", ".join(sorted({leak.rule or "no network security group" for leak in leaks}))
        yield Reason("exposed", f"Its lock does not hold: {rules} still lets traffic in.")
    else:
        yield Reason("holds", "Its lock holds: only open grants and health probes get through.")


@dataclass(frozen=True, slots=True)
class Use:
    """How a machine was used: its grants that may stand open, those of the last seven days, and the latest access."""

    active: int = 0
    recent: int = 0
    latest: Grant | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """One machine as ARM has it now."""

    row: Row
    machine: Machine
    groups: Sequence[Nsg]
    use: Use
    attempts: int | None = None  # Those of the last 24 hours; None: nobody knows.
