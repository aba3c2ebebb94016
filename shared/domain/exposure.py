"""The truth about a lock: what still reaches the guarded ports of a machine, and through which rule.

The answer is measured on groups as they were read back, never assumed from what was written. Traffic counts as
a leak when it possibly passes every group on the way to an endpoint, unless a rule lets it that is meant to be there
just so: of a grant that is open, or for the probes of a load balancer. Our mark alone excuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared.domain.claims import LockClaim, OpenClaim
from shared.domain.machines import Endpoint
from shared.domain.regions import guarded_region
from shared.domain.rules import Nsg, Rule
from shared.domain.shapes import keep_rules, open_rules
from shared.domain.traffic import Region, passages

type Groups = Mapping[str, Nsg]  # By resource id in lower case.


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Guarded traffic to one endpoint that passes, and the rule that lets it. No group at all lets everything."""

    address: str
    nsg: str | None
    rule: str | None
    priority: int | None


def leaks(claim: LockClaim, groups: Groups, opened: Iterable[OpenClaim] = ()) -> tuple[Leak, ...]:
    """Every rule that lets guarded traffic through to the machine, but for what `opened` allows."""
    meant = tuple(rule for open_ in opened for rule in open_rules(open_))
    found = {leak for endpoint in claim.endpoints for leak in _leaks(claim, endpoint, groups, meant)}
    return tuple(sorted(found, key=lambda leak: (leak.address, leak.priority or 0, leak.rule or "")))


def _leaks(claim: LockClaim, endpoint: Endpoint, groups: Groups, meant: tuple[Rule, ...]) -> set[Leak]:
    region: Region = guarded_region(claim, endpoint)
    if not endpoint.path:
        return {Leak(endpoint.address, None, None, None)}
    found: set[Leak] = set()
    for id_ in endpoint.path:
        nsg = groups[id_.lower()]
        passed = passages(nsg.every, region, endpoint.spot)
        probes = keep_rules(replace(claim, endpoints=(endpoint,)))
        through = [p for p in passed if not _is_meant(p.rule, meant) and not _is_for_probes(p.rule, probes)]
        # Each group narrows what can arrive; the last one's rules are those that finally let it in.
        found = {Leak(endpoint.address, nsg.id, p.rule.name, p.rule.priority) for p in through}
        region = tuple(p.traffic for p in through)
    return found


def _is_for_probes(rule: Rule, probes: tuple[Rule, ...]) -> bool:
    """Whether a rule is the one that lets probes through; it may name other machines besides."""
    return any(
        rule.name.lower() == probe.name.lower()
        and replace(probe, priority=rule.priority, destinations=rule.destinations).does_the_same_as(rule)
        for probe in probes
    )


def _is_meant(rule: Rule, meant: tuple[Rule, ...]) -> bool:
    """Whether a rule is one that should be there and does what it should; its number is no matter."""
    return any(
        rule.name.lower() == other.name.lower() and replace(other, priority=rule.priority).does_the_same_as(rule)
        for other in meant
    )
