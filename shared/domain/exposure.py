"""The truth about a lock: what still reaches the guarded ports of a machine, and through which rule.

The answer is measured on groups as they were read back, never assumed from what was written. Traffic counts as
a leak when it possibly passes every group on the way to an endpoint, unless one of our own allow rules lets it:
a grant that is open, or the probes of a load balancer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.claims import LockClaim
from shared.domain.machines import Endpoint
from shared.domain.planning import guarded_region
from shared.domain.rules import Nsg
from shared.domain.traffic import Region, passages

type Groups = Mapping[str, Nsg]  # By resource id in lower case.


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Guarded traffic to one endpoint that passes, and the rule that lets it. No group at all lets everything."""

    address: str
    nsg: str | None
    rule: str | None
    priority: int | None


def leaks(claim: LockClaim, groups: Groups) -> tuple[Leak, ...]:
    """Every rule that lets guarded traffic through to the machine; empty when the lock holds."""
    found = {leak for endpoint in claim.endpoints for leak in _leaks(claim, endpoint, groups)}
    return tuple(sorted(found, key=lambda leak: (leak.address, leak.priority or 0, leak.rule or "")))


def _leaks(claim: LockClaim, endpoint: Endpoint, groups: Groups) -> set[Leak]:
    region: Region = guarded_region(claim, endpoint)
    if not endpoint.path:
        return {Leak(endpoint.address, None, None, None)}
    found: set[Leak] = set()
    for id_ in endpoint.path:
        nsg = groups[id_.lower()]
        through = [p for p in passages((*nsg.rules, *nsg.defaults), region, endpoint.spot) if not p.rule.mark]
        # Each group narrows what can arrive; the last one's rules are those that finally let it in.
        found = {Leak(endpoint.address, nsg.id, p.rule.name, p.rule.priority) for p in through}
        region = tuple(p.traffic for p in through)
    return found
