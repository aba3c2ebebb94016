"""What the use cases need of the outside world, and the ways in which it can disappoint them.

Adapters in `shared.adapters` fulfil these protocols. A call either does what it says or raises: the world has
moved (`Conflict`, `NotFound`) or the world is down (`Unavailable`). A failure never reads as an empty answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.claims import Claim, Finding, Outcome
from shared.domain.findings import Found
from shared.domain.grants import Attempt, Grant, GrantFilter
from shared.domain.guarding import Guarded
from shared.domain.inventory import Attached, Occupied, ResourceLock, Snapshot
from shared.domain.machines import Machine, MachineId
from shared.domain.planning import Plan
from shared.domain.rules import Nsg


class NotFound(Exception):  # noqa: N818 - named after what happened, like the two below.
    """What was asked for is not there, or the caller may not know that it is."""


class Conflict(Exception):  # noqa: N818
    """Somebody else changed it meanwhile. Look again, then decide again."""


class Outdated(Conflict):
    """The caller named the version to change, and that is no longer the present one."""


class PriorityTaken(Conflict):
    """ARM says that a rule of the same priority exists, though it may not have been seen."""


class Unavailable(Exception):  # noqa: N818
    """The world is down or busy. `retry_after` is when asking again makes sense."""

    def __init__(self, message: str, retry_after: timedelta = timedelta(seconds=10)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Rejected(Unavailable):
    """ARM will not have this rule, now or later: what it came from has to be given up."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message, timedelta(minutes=5))
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Stored[T]:
    """A value as it is kept, with the ETag that a change of it must match."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Observed:
    """A group as ARM returned it, with its whole JSON, so that the unknown survives a PUT; without ETag, to be made."""

    nsg: Nsg
    document: Mapping[str, object]
    unflushable: str = ""  # Why `flushConnection` could not be switched, where that was tried just now.


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """The present, in UTC."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Return when that much time has passed."""
        ...


class Network(Protocol):
    """Machines and network security groups, in ARM."""

    async def machine(self, id_: MachineId) -> Machine:
        """The machine and its network path. Raises NotFound, Unavailable."""
        ...

    async def group(self, nsg: str) -> Observed:
        """The group as it stands. Raises NotFound, Unavailable."""
        ...

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan, wait until it is in force, and return the group as read back; one without ETag is made.

        Raises NotFound, Unavailable, and Conflict when a fresh plan may do better; it may then be done in part.
        """
        ...

    async def attach(self, nic: str, nsg: str) -> None:
        """Put a group on a network interface that has none, and wait until it is in force. Raises as `apply` does."""
        ...

    async def detach(self, nic: str, nsg: str) -> None:
        """Take a group off a network interface; one that does not have it is no error. As `attach` otherwise."""
        ...

    async def discard(self, nsg: str) -> str | None:
        """Delete a group; why not, when it is used or may not be deleted. One that is gone is no error."""
        ...


class Inventory(Protocol):
    """What there is in the guarded subscriptions. Machines come from an index that lags: nothing is written on it."""

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every machine. Raises Unavailable."""
        ...

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """Every network security group of a subscription, as it now stands. Raises Unavailable."""
        ...

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which virtual machine has which address, as it now is. Raises Unavailable, also when one cannot be told."""
        ...

    async def resource_locks(self, subscription: str) -> Sequence[ResourceLock]:
        """The resource locks that make something read-only. Raises Unavailable, also when we may not see them."""
        ...


class Policies(Protocol):
    """Machines under a policy."""

    async def get(self, id_: MachineId) -> Stored[Guarded] | None:
        """The machine's policy, if it has one."""
        ...

    async def put(self, guarded: Guarded, etag: str | None) -> Stored[Guarded]:
        """Create (no `etag`) or replace. Raises Conflict."""
        ...

    async def remove(self, stored: Stored[Guarded]) -> None:
        """Forget a policy. Raises Conflict; one that is gone already is no error."""
        ...

    def all(self, subscription: str) -> AsyncIterator[Stored[Guarded]]:
        """Every policy of a subscription."""
        ...


class Grants(Protocol):
    """Grants, newest first in lists, and their audit records."""

    async def add(self, grant: Grant) -> Stored[Grant]:
        """Keep a new grant. Raises Conflict when its id is taken."""
        ...

    async def get(self, id_: str) -> Stored[Grant] | None:
        """One grant."""
        ...

    async def save(self, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
        """Replace a grant with its next state, and record what happened exactly once. Raises Conflict."""
        ...

    async def record(self, grant: Grant) -> None:
        """Make sure that what last happened to a grant is on record; recording it again changes nothing."""
        ...

    async def unfinished(self, machine: MachineId) -> Sequence[Stored[Grant]]:
        """The grants of a machine that are not over."""
        ...

    async def waiting(self, requestor: str) -> Sequence[Grant]:
        """The grants of a caller, on whatever machine, that wait for approval or for their start."""
        ...

    async def since(self, machine: MachineId, at: datetime) -> Sequence[Grant]:
        """The grants of a machine that were asked for at or after a time, the oldest first."""
        ...

    async def page(self, wanted: GrantFilter, size: int, token: str | None) -> tuple[Sequence[Grant], str | None]:
        """A page of grants and the token of the next. Raises ValueError for a token that is none of ours."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A grant that something has to be done about at a time."""

    at: datetime
    grant: str


class Dues(Protocol):
    """The index of deadlines: what is due is found without looking at all grants."""

    async def add(self, due: Due) -> None:
        """Note a deadline; noting it again changes nothing."""
        ...

    async def remove(self, due: Due) -> None:
        """Strike a deadline off; one that is gone already is no error."""
        ...

    def until(self, now: datetime) -> AsyncIterator[Due]:
        """What is due at `now`, the earliest first."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A claim on the desk, what was last seen of it, and the ETag that a change of it must match."""

    claim: Claim
    outcome: Outcome
    etag: str

    @property
    def pending(self) -> bool:
        """Whether nobody has looked at the claim yet."""
        return self.outcome.finding is Finding.PENDING


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the only one who changes a group, for a while."""

    nsg: str
    holder: str
    etag: str


class Desk(Protocol):
    """For each network security group, its claims and its lease."""

    async def post(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk, pending, in place of an earlier one of the same key."""
        ...

    async def offer(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk, pending, unless one of the same key is there already."""
        ...

    async def amend(self, nsg: str, entry: Entry, claim: Claim) -> None:
        """Replace a claim and keep what was seen of it. Raises Conflict when the entry has changed meanwhile."""
        ...

    async def entries(self, nsg: str) -> Mapping[str, Entry]:
        """All claims of a group, by key."""
        ...

    async def conclude(self, nsg: str, seen: Mapping[Entry, Outcome | None]) -> None:
        """Record outcomes; None takes the claim off the desk. Raises Conflict when one has changed meanwhile."""
        ...

    async def acquire(self, nsg: str, holder: str, until: datetime, now: datetime) -> Lease | None:
        """Take the lease if it is free or has run out; None when somebody else has it."""
        ...

    async def renew(self, lease: Lease, until: datetime) -> Lease:
        """Hold on to a lease. Raises Conflict when it was lost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give a lease back; a lost one is no error."""
        ...


class Audit(Protocol):
    """The record of what happened. Append-only."""

    async def policy_changed(self, guarded: Guarded) -> None:
        """Record a change of a policy; recording it again changes nothing."""
        ...

    async def found(self, found: Found) -> None:
        """Record a finding; recording it again changes nothing."""
        ...


class Reminders(Protocol):
    """Messages that come when a grant's time is up."""

    async def send(self, grant: str, delay: timedelta) -> None:
        """Have the grant looked at after `delay`."""
        ...


class Attempts(Protocol):
    """What was asked under which Idempotency-Key."""

    async def first(self, requestor: str, key: str, attempt: Attempt) -> Attempt:
        """Note an attempt, or return the one noted earlier under this key."""
        ...
