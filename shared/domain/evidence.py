"""What the logs tell of machines in a window of time, as values, and what they cannot tell.

Machines are named as in `log_key`: in logs of flows stands no resource id. Numbers of flows count what a source began,
once in each minute that the logs are made of.

Source: Azure Monitor table reference; Azure documentation, "Schema and data aggregation in traffic analytics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.machines import MachineId

FLOW_TABLES: Final = ("NTANetAnalytics", "AzureNetworkAnalytics_CL")
"""Where flows stand: of virtual network flow logs, and of the older logs of network security groups."""


def log_key(machine: MachineId) -> str:
    """A machine as the queries name it: subscription, resource group and name, in lower case."""
    parts = machine.text.lower().split("/")
    return f"{parts[2]}/{parts[4]}/{parts[8]}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about: machines of some subscriptions, or all of them, from a time until before another."""

    subscriptions: tuple[str, ...]
    since: datetime
    until: datetime
    machines: frozenset[MachineId] | None = None  # None: all of the subscriptions.
    groups: frozenset[str] = frozenset()  # The groups on the machines' ways, in lower case.
    ports: frozenset[int] = frozenset()  # Where it matters what was let in; empty: everywhere.


@dataclass(frozen=True, slots=True)
class Counts:
    """Flows: those that were denied, those that came through rules of grants, and those let in by other rules."""

    denied: int = 0
    granted: int = 0
    allowed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.denied + other.denied, self.granted + other.granted, self.allowed + other.allowed)


@dataclass(frozen=True, slots=True)
class Source:
    """An address that was denied: when, where, and how often it was let in."""

    address: str
    counts: Counts
    first: datetime
    last: datetime
    country: str = ""
    ports: tuple[int, ...] = ()
    machines: tuple[str, ...] = ()

    def joined(self, other: Source) -> Source:
        """Both as one."""
        return Source(
            self.address,
            self.counts + other.counts,
            min(self.first, other.first),
            max(self.last, other.last),
            self.country or other.country,
            tuple(sorted({*self.ports, *other.ports})),
            tuple(sorted({*self.machines, *other.machines})),
        )


def merged(sources: Iterable[Source]) -> dict[str, Source]:
    """Sources by their address: one that different logs spell differently is one."""
    found: dict[str, Source] = {}
    for one in sources:
        known = found.get(one.address)
        found[one.address] = one if known is None else known.joined(one)
    return found


@dataclass(frozen=True, slots=True)
class Hour:
    """What came in one hour."""

    at: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class Target:
    """What came to one machine."""

    machine: str
    counts: Counts
    sources: int
    last: datetime


@dataclass(frozen=True, slots=True)
class TriedPort:
    """What came to one port."""

    port: int
    protocol: str
    counts: Counts
    sources: int


@dataclass(frozen=True, slots=True)
class TriedName:
    """A user name with which somebody could not sign in."""

    user: str
    failures: int
    sources: int


@dataclass(frozen=True, slots=True)
class Passed:
    """What came from one source through one rule."""

    machine: str
    rule: str
    source: str
    connections: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class LetIn:
    """What was let in to a port, from one source by one rule: what a lock may cut."""

    passed: Passed
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Failures:
    """Who could not sign in."""

    machine: str
    source: str
    count: int
    first: datetime
    last: datetime
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody signed in."""

    at: datetime
    machine: str
    source: str
    user: str


@dataclass(frozen=True, slots=True)
class Alert:
    """What Defender for Cloud says about a machine."""

    id: str
    at: datetime
    machine: str
    name: str
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a group or a rule by somebody else."""

    id: str
    at: datetime
    resource: str
    nsg: str
    operation: str
    caller: str
    address: str


@dataclass(frozen=True, slots=True)
class Beat:
    """When an agent last reported."""

    machine: str
    computer: str
    environment: str
    system: str
    last: datetime


@dataclass(frozen=True, slots=True)
class Reporter:
    """An agent on a computer outside Azure, when it last reported, and by what its computer can be known."""

    computer: str
    resource: str  # The id of the Azure resource that its records name, in lower case; empty where they name none.
    uuid: str  # Of the computer's firmware (SMBIOS), in lower case; empty where it is not told, as the next two.
    agent: str
    system: str
    address: str  # From which it came.
    last: datetime


class Lack(StrEnum):
    """Why something cannot be told. The set is closed."""

    NO_WORKSPACE = "noWorkspace"
    UNAVAILABLE = "unavailable"
    THROTTLED = "throttled"
    TIMED_OUT = "timedOut"
    PARTIAL = "partial"
    TABLE_MISSING = "tableMissing"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    CAPPED = "capped"
    NO_FLOW_LOG = "noFlowLog"
    FLOW_LOG_UNKNOWN = "flowLogUnknown"
    NO_AGENT = "noAgent"
    STALE = "stale"
    IDENTITY_UNKNOWN = "identityUnknown"
    TOO_MANY_MACHINES = "tooManyMachines"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that cannot be told: why, of what, and what to do, in a sentence for a person."""

    lack: Lack
    subject: str
    text: str


class Part(StrEnum):
    """What can be asked of the logs: the names of the evidence's parts."""

    SOURCES = "sources"
    HOURS = "hours"
    TARGETS = "targets"
    PORTS = "ports"
    NAMES = "names"
    USES = "uses"
    LET_IN = "let_in"
    REACHED = "reached"
    FAILURES = "failures"
    SIGN_INS = "sign_ins"
    ALERTS = "alerts"
    EDITS = "edits"
    BEATS = "beats"
    REPORTERS = "reporters"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the logs tell about a scope, in the parts that were asked for."""

    sources: tuple[Source, ...] = ()
    hours: tuple[Hour, ...] = ()
    targets: tuple[Target, ...] = ()
    ports: tuple[TriedPort, ...] = ()
    names: tuple[TriedName, ...] = ()
    uses: tuple[Passed, ...] = ()
    let_in: tuple[LetIn, ...] = ()
    reached: tuple[LetIn, ...] = ()  # Of that what came from where others were denied at the same port.
    failures: tuple[Failures, ...] = ()
    sign_ins: tuple[SignIn, ...] = ()
    alerts: tuple[Alert, ...] = ()
    edits: tuple[Edit, ...] = ()
    beats: tuple[Beat, ...] = ()
    reporters: tuple[Reporter, ...] = ()
    newest: Mapping[str, datetime] = field(default_factory=dict)  # By table; one that has no record is not there.
    lacking: frozenset[Part] = frozenset()  # The parts that are not whole.
    gaps: tuple[Gap, ...] = ()

    @property
    def flows_until(self) -> datetime | None:
        """How new the newest flow is that the logs tell of."""
        return max((self.newest[table] for table in FLOW_TABLES if table in self.newest), default=None)
