"""A machine under a policy, as it is kept, and the claims that follow from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.claims import Claim, FlushClaim, LockClaim, OpenClaim, Wanted
from shared.domain.decisions import still_offers
from shared.domain.exposure import Leak
from shared.domain.findings import Found, What
from shared.domain.grants import Grant
from shared.domain.machines import Endpoint, Machine
from shared.domain.people import Person
from shared.domain.policies import Policy

type Former = tuple[str, str]
"""A group, in lower case, and an address that a machine once had behind it."""


class Stage(StrEnum):
    """Whether a machine is guarded, or its rules are being taken away."""

    GUARDED = "guarded"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A machine under a policy, as it is kept: the policy, the machine as last seen, and the latest change."""

    machine: Machine  # As it is to be: with the group that Postern makes, where it makes one.
    policy: Policy
    revision: int
    changed_at: datetime
    changed_by: Person | None  # None: Postern itself, when the machine is gone.
    stage: Stage = Stage.GUARDED
    own_group: str | None = None  # The group that Postern made, or is about to make, for the machine.
    discards_group: bool = False  # Whether that group goes when the policy does.
    former: tuple[Former, ...] = ()  # Where it once was. It stays locked there until nobody else is seen to be there.
    freeing: tuple[Former, ...] = ()  # What of that is being set free.
    yielded: tuple[Former, ...] = ()  # What stays locked when the policy goes, because others are seen to be there.
    bare: bool = False  # Whether something of it was last seen without any group.
    attached: bool = False  # Whether its own group was once seen on all of its interfaces that had none.
    exposed_by: tuple[Leak, ...] = ()  # What was last known to get through the lock; the first few.
    found: Found | None = None  # The latest finding about the machine, which may not be on record yet.
    flush_in: tuple[str, ...] = ()  # The groups whose `flushConnection` may have been asked for on its behalf.
    collection: str = "default"  # The name under which callers of Defender's API find it, with others.

    @property
    def version(self) -> str:
        """Tells this state of the policy from every other one; what the repair notes about the machine is no change."""
        return f'"{self.revision}-{self.changed_at.timestamp():.6f}"'

    @property
    def lock(self) -> LockClaim:
        """The whole lock, over all endpoints."""
        policy = self.policy
        return LockClaim(self.machine.id, self.machine.endpoints, policy.guarded, policy.lock.origin)

    @property
    def last_seen(self) -> Machine:
        """The machine as it was last seen: without its own group until that was seen on all its interfaces."""
        return self.machine.without(self.own_group) if self.bare and self.own_group else self.machine

    def offers(self, grant: Grant) -> bool:
        """Whether the policy stands, and still offers everything that was granted."""
        return self.stage is Stage.GUARDED and all(still_offers(self.policy, port) for port in grant.ports)

    def seen_as(self, machine: Machine) -> Guarded:
        """With the machine as it was just seen; where it was before is remembered, and stays locked."""
        before = {*self.former, *self.freeing, *places(self.machine)} - set(places(machine))
        return replace(self, machine=machine, former=tuple(sorted(before)), freeing=())

    def keeping_locked(self) -> Guarded:
        """With what was to be set free locked again: whoever sets free asks first who else is there."""
        now = set(places(self.machine))
        return replace(self, former=tuple(sorted({*self.former, *self.freeing} - now)), freeing=())

    def setting_free(self, some: AbstractSet[Former], held: AbstractSet[Former]) -> Guarded:
        """With some of its former places being set free, and without those that others hold now."""
        left = tuple(place for place in self.former if place not in some and place not in held)
        freeing = {*self.freeing, *(place for place in self.former if place in some)} - set(held)
        return replace(self, former=left, freeing=tuple(sorted(freeing)))

    def noting(self, what: What, now: datetime, detail: str) -> Guarded:
        """With a finding about the machine, which is recorded once it is stored with it."""
        number = self.found.number + 1 if self.found else 0
        return replace(self, found=Found(what, str(self.machine.id), now, detail, number))

    def lock_claims(self) -> Mapping[str, LockClaim]:
        """For each group that holds a part of the machine's lock, or held one, what is wanted there."""
        nsgs = {e.lock_nsg.lower(): e.lock_nsg for e in self.machine.endpoints if e.lock_nsg}
        every = {nsg: nsg for nsg, _ in (*self.former, *self.freeing)} | nsgs
        return {nsg: self._lock_in(nsg) for nsg in every.values()}

    def _lock_in(self, nsg: str) -> LockClaim:
        key = nsg.lower()
        still = tuple(Endpoint(address, nic_nsg=nsg) for group, address in self.former if group == key)
        every = (*self.machine.locked_in(nsg), *still)
        endpoints = tuple(endpoint for endpoint in every if (key, endpoint.address) not in self.yielded)
        stands = bool(endpoints) and self.stage is Stage.GUARDED
        return replace(
            self.lock,
            endpoints=endpoints,
            wanted=Wanted.PRESENT if stands else Wanted.ABSENT,
            former=tuple(a for group, a in self.freeing if group == key and (key, a) not in self.yielded),
            make_in=self.machine.location if self.bare and self.owns(nsg) and self.machine.locked_in(nsg) else "",
        )

    @property
    def flushed(self) -> tuple[str, ...]:
        """The groups whose `flushConnection` has to be on: all in which rules of its grants may stand."""
        return self.machine.nsgs if self.policy.end_sessions and self.stage is Stage.GUARDED else ()

    def remembering_flush(self) -> Guarded:
        """With every group noted in which `flushConnection` may be asked for, so that it can be taken back there."""
        every = {nsg.lower(): nsg for nsg in (*self.flush_in, *self.flushed)}
        return replace(self, flush_in=tuple(every.values()))

    def flush_claims(self) -> Mapping[str, FlushClaim]:
        """For each group whose `flushConnection` is or was asked for, what is wanted there."""
        wanted = {nsg.lower() for nsg in self.flushed}
        return {
            nsg: FlushClaim(
                self.machine.id,
                Wanted.PRESENT if nsg.lower() in wanted else Wanted.ABSENT,
                own=self.bare and self.owns(nsg),
            )
            for nsg in self.remembering_flush().flush_in
        }

    def claims(self) -> Mapping[str, tuple[LockClaim | FlushClaim, ...]]:
        """For each group, what is wanted there besides grants."""
        locks = {nsg.lower(): (nsg, claim) for nsg, claim in self.lock_claims().items()}
        flushes = {nsg.lower(): (nsg, claim) for nsg, claim in self.flush_claims().items()}
        names = {key: nsg for key, (nsg, _) in (flushes | locks).items()}
        return {nsg: tuple(one[key][1] for one in (locks, flushes) if key in one) for key, nsg in names.items()}

    def owns(self, nsg: str | None) -> bool:
        """Whether a group is the one that Postern made for the machine."""
        return self.own_group is not None and nsg is not None and nsg.lower() == self.own_group.lower()


def claims_by_group(machines: Iterable[Guarded]) -> dict[str, dict[str, Claim]]:
    """For each group in which something is or was wanted for these machines, what, by the claims' keys."""
    names: dict[str, str] = {}
    found: dict[str, dict[str, Claim]] = {}
    for guarded in machines:
        for nsg, claims in guarded.claims().items():
            found.setdefault(names.setdefault(nsg.lower(), nsg), {}).update({claim.key: claim for claim in claims})
    return found


def places(machine: Machine) -> list[Former]:
    """Where a machine's lock stands: for each of its addresses the group, in lower case."""
    return [(endpoint.lock_nsg.lower(), endpoint.address) for endpoint in machine.endpoints if endpoint.lock_nsg]


def open_claims(grant: Grant, machine: Machine, wanted: Wanted = Wanted.PRESENT) -> Mapping[str, OpenClaim]:
    """For each group on the way to the machine, what a grant wants there."""
    return {
        nsg: OpenClaim(grant.id, grant.requestor.name, machine.behind(nsg), grant.ports, grant.ends_at, wanted)
        for nsg in machine.nsgs
    }
