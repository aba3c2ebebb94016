"""The stores of the use cases, in memory: what is kept outlives the process that keeps it.

`Shelf` holds what would be in Table Storage and queues. The ports over it belong to one process; they hold to the same
contracts as the real adapters (tests/adapters), and their calls can fail or be the process's last.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from shared.domain.claims import PENDING, Claim, Outcome
from shared.domain.findings import Found
from shared.domain.grants import Attempt, Grant, GrantFilter
from shared.domain.guarding import Guarded
from shared.domain.lifecycle import WAITING
from shared.domain.machines import MachineId
from shared.ports import Conflict, Due, Entry, Lease, Stored
from tests.services.clock import Clock
from tests.services.process import Process


@dataclass(slots=True)
class Shelf:
    """Everything that is kept. Audit records are listed as they were written, so that a second one would show."""

    policies: dict[MachineId, Stored[Guarded]] = field(default_factory=dict)
    grants: dict[str, Stored[Grant]] = field(default_factory=dict)
    dues: set[Due] = field(default_factory=set)
    desks: dict[str, dict[str, Entry]] = field(default_factory=dict)
    leases: dict[str, tuple[Lease, datetime]] = field(default_factory=dict)
    attempts: dict[tuple[str, str], Attempt] = field(default_factory=dict)
    records: dict[tuple[datetime, str, int], Grant] = field(default_factory=dict)
    changes: dict[tuple[datetime, MachineId, int], Guarded] = field(default_factory=dict)
    findings: dict[tuple[datetime, str, str, int], Found] = field(default_factory=dict)
    reminders: list[tuple[str, datetime]] = field(default_factory=list)
    _etags: "count[int]" = field(default_factory=lambda: count(1))

    def etag(self) -> str:
        """A new ETag."""
        return str(next(self._etags))


@dataclass(frozen=True, slots=True)
class Port:
    """What all ports share: the shelf, the process they belong to, and the time."""

    shelf: Shelf
    process: Process
    clock: Clock

    async def call(self, name: str) -> None:
        """Let the process go through, or stop it here."""
        await self.process.call(name, self.clock)


class MemoryPolicies(Port):
    """The `Policies` port."""

    async def get(self, id_: MachineId) -> Stored[Guarded] | None:
        """The machine's policy."""
        await self.call("policies.get")
        return self.shelf.policies.get(id_)

    async def put(self, guarded: Guarded, etag: str | None) -> Stored[Guarded]:
        """Create or replace."""
        await self.call("policies.put")
        self._check(guarded.machine.id, etag)
        stored = Stored(guarded, self.shelf.etag())
        self.shelf.policies[guarded.machine.id] = stored
        return stored

    async def remove(self, stored: Stored[Guarded]) -> None:
        """Forget."""
        await self.call("policies.remove")
        id_ = stored.value.machine.id
        if id_ in self.shelf.policies:
            self._check(id_, stored.etag)
            del self.shelf.policies[id_]

    async def all(self, subscription: str) -> AsyncIterator[Stored[Guarded]]:
        """Every policy of a subscription."""
        await self.call("policies.all")
        for stored in list(self.shelf.policies.values()):
            if stored.value.machine.id.subscription == subscription.lower():
                yield stored

    def _check(self, id_: MachineId, etag: str | None) -> None:
        present = self.shelf.policies.get(id_)
        if (present.etag if present else None) != etag:
            raise Conflict("the policy has changed meanwhile")


class MemoryGrants(Port):
    """The `Grants` port. A change is kept first and recorded afterwards, as in Table Storage, which knows no more."""

    async def add(self, grant: Grant) -> Stored[Grant]:
        """Keep a new grant."""
        await self.call("grants.add")
        if grant.id in self.shelf.grants:
            raise Conflict("the id is taken")
        stored = self.shelf.grants[grant.id] = Stored(grant, self.shelf.etag())
        await self.record(grant)
        return stored

    async def get(self, id_: str) -> Stored[Grant] | None:
        """One grant."""
        await self.call("grants.get")
        return self.shelf.grants.get(id_)

    async def save(self, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
        """Replace and record."""
        await self.record(stored.value)
        await self.call("grants.save")
        if self.shelf.grants[changed.id].etag != stored.etag:
            raise Conflict("the grant has changed meanwhile")
        kept = self.shelf.grants[changed.id] = Stored(changed, self.shelf.etag())
        await self.record(changed)
        return kept

    async def record(self, grant: Grant) -> None:
        """Make sure that the latest occurrence is on record."""
        await self.call("grants.record")
        self.shelf.records.setdefault((grant.occurrence.at, grant.id, grant.occurrence.number), grant)

    async def unfinished(self, machine: MachineId) -> Sequence[Stored[Grant]]:
        """What is not over."""
        await self.call("grants.unfinished")
        return [kept for kept in self.shelf.grants.values() if kept.value.machine == machine and kept.value.unfinished]

    async def waiting(self, requestor: str) -> Sequence[Grant]:
        """What of a caller waits."""
        await self.call("grants.waiting")
        mine = (kept.value for kept in self.shelf.grants.values() if kept.value.requestor.id == requestor)
        return [grant for grant in mine if grant.state in WAITING]

    async def since(self, machine: MachineId, at: datetime) -> Sequence[Grant]:
        """What was asked for at or after a time."""
        await self.call("grants.since")
        grants = [kept.value for _, kept in sorted(self.shelf.grants.items())]
        return [grant for grant in grants if grant.machine == machine and grant.requested_at >= at]

    async def page(self, wanted: GrantFilter, size: int, token: str | None) -> tuple[Sequence[Grant], str | None]:
        """The newest first; the token is the last id of the page before."""
        await self.call("grants.page")
        if token is not None and len(token) != 24:
            raise ValueError("not a token")
        found = [
            kept.value for id_, kept in sorted(self.shelf.grants.items(), reverse=True) if not token or id_ < token
        ]
        found = [grant for grant in found if _shows(grant, wanted)]
        return found[:size], found[size - 1].id if len(found) >= size else None


def _shows(grant: Grant, wanted: GrantFilter) -> bool:
    return (
        wanted.machine in {None, grant.machine}
        and wanted.requestor in {None, grant.requestor.id}
        and (wanted.states is None or grant.state in wanted.states)
    )


class MemoryDues(Port):
    """The `Dues` port."""

    async def add(self, due: Due) -> None:
        """Note a deadline."""
        await self.call("dues.add")
        self.shelf.dues.add(due)

    async def remove(self, due: Due) -> None:
        """Strike it off."""
        await self.call("dues.remove")
        self.shelf.dues.discard(due)

    async def until(self, now: datetime) -> AsyncIterator[Due]:
        """What is due, the earliest first."""
        await self.call("dues.until")
        for due in sorted(due for due in self.shelf.dues if due.at <= now):
            yield due


class MemoryDesk(Port):
    """The `Desk` port."""

    def _desk(self, nsg: str) -> dict[str, Entry]:
        return self.shelf.desks.setdefault(nsg.lower(), {})

    async def post(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk."""
        await self.call("desk.post")
        self._desk(nsg)[claim.key] = Entry(claim, PENDING, self.shelf.etag())

    async def offer(self, nsg: str, claim: Claim) -> None:
        """Put a claim on the desk unless it is there."""
        await self.call("desk.offer")
        self._desk(nsg).setdefault(claim.key, Entry(claim, PENDING, self.shelf.etag()))

    async def amend(self, nsg: str, entry: Entry, claim: Claim) -> None:
        """Replace a claim."""
        await self.call("desk.amend")
        self._check(nsg, entry)
        self._desk(nsg)[claim.key] = Entry(claim, entry.outcome, self.shelf.etag())

    async def entries(self, nsg: str) -> Mapping[str, Entry]:
        """All claims."""
        await self.call("desk.entries")
        return dict(self._desk(nsg))

    async def conclude(self, nsg: str, seen: Mapping[Entry, Outcome | None]) -> None:
        """Record outcomes: all of them or none."""
        await self.call("desk.conclude")
        for entry in seen:
            self._check(nsg, entry)
        for entry, outcome in seen.items():
            if outcome is None:
                del self._desk(nsg)[entry.claim.key]
            else:
                self._desk(nsg)[entry.claim.key] = replace(entry, outcome=outcome, etag=self.shelf.etag())

    def _check(self, nsg: str, entry: Entry) -> None:
        present = self._desk(nsg).get(entry.claim.key)
        if present is None or present.etag != entry.etag:
            raise Conflict("the claim has changed meanwhile")

    async def acquire(self, nsg: str, holder: str, until: datetime, now: datetime) -> Lease | None:
        """Take the lease."""
        await self.call("desk.acquire")
        held = self.shelf.leases.get(nsg.lower())
        if held and held[1] > now:
            return None
        return self._lease(nsg, holder, until)

    async def renew(self, lease: Lease, until: datetime) -> Lease:
        """Hold on to it."""
        await self.call("desk.renew")
        held = self.shelf.leases.get(lease.nsg.lower())
        if held is None or held[0].etag != lease.etag:
            raise Conflict("the lease was lost")
        return self._lease(lease.nsg, lease.holder, until)

    async def release(self, lease: Lease) -> None:
        """Give it back."""
        await self.call("desk.release")
        held = self.shelf.leases.get(lease.nsg.lower())
        if held and held[0].holder == lease.holder:
            del self.shelf.leases[lease.nsg.lower()]

    def _lease(self, nsg: str, holder: str, until: datetime) -> Lease:
        lease = Lease(nsg, holder, self.shelf.etag())
        self.shelf.leases[nsg.lower()] = (lease, until)
        return lease


class MemoryAudit(Port):
    """The `Audit` port."""

    async def policy_changed(self, guarded: Guarded) -> None:
        """Record a change of a policy."""
        await self.call("audit.policy_changed")
        self.shelf.changes.setdefault((guarded.changed_at, guarded.machine.id, guarded.revision), guarded)

    async def found(self, found: Found) -> None:
        """Record a finding."""
        await self.call("audit.found")
        self.shelf.findings.setdefault((found.at, found.subject.lower(), found.what, found.number), found)


class MemoryReminders(Port):
    """The `Reminders` port."""

    async def send(self, grant: str, delay: timedelta) -> None:
        """Note when the grant is to be looked at."""
        await self.call("reminders.send")
        self.shelf.reminders.append((grant, self.clock.now() + delay))


class MemoryAttempts(Port):
    """The `Attempts` port."""

    async def first(self, requestor: str, key: str, attempt: Attempt) -> Attempt:
        """Note an attempt, or return the earlier one."""
        await self.call("attempts.first")
        return self.shelf.attempts.setdefault((requestor, key), attempt)
