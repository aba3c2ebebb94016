"""A machine under a policy, as it is kept, and the claims that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.claims import LockClaim, OpenClaim, Wanted
from shared.domain.decisions import still_offers
from shared.domain.grants import Grant
from shared.domain.machines import Machine
from shared.domain.people import Person
from shared.domain.policies import Policy


class Stage(StrEnum):
    """Whether a machine is guarded, or its rules are being taken away."""

    GUARDED = "guarded"
    REMOVING = "removing"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A machine under a policy, as it is kept: the policy, the machine as last seen, and the latest change."""

    machine: Machine
    policy: Policy
    revision: int
    changed_at: datetime
    changed_by: Person
    stage: Stage = Stage.GUARDED

    @property
    def lock(self) -> LockClaim:
        """The whole lock, over all endpoints."""
        policy = self.policy
        return LockClaim(self.machine.id, self.machine.endpoints, policy.guarded, policy.lock.origin)

    def offers(self, grant: Grant) -> bool:
        """Whether the policy stands, and still offers everything that was granted."""
        return self.stage is Stage.GUARDED and all(still_offers(self.policy, port) for port in grant.ports)

    def lock_claims(self, wanted: Wanted = Wanted.PRESENT) -> Mapping[str, LockClaim]:
        """For each group that holds a part of the machine's lock, what is wanted there."""
        nsgs = {e.lock_nsg.lower(): e.lock_nsg for e in self.machine.endpoints if e.lock_nsg}.values()
        return {nsg: replace(self.lock, endpoints=self.machine.locked_in(nsg), wanted=wanted) for nsg in nsgs}


def open_claims(grant: Grant, machine: Machine, wanted: Wanted = Wanted.PRESENT) -> Mapping[str, OpenClaim]:
    """For each group on the way to the machine, what a grant wants there."""
    return {
        nsg: OpenClaim(grant.id, grant.requestor.name, machine.behind(nsg), grant.ports, grant.ends_at, wanted)
        for nsg in machine.nsgs
    }
