"""The traffic that locks are there to stop, and which rules of others would let it in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.domain.addresses import Bound, family_of, is_v6, sources_of
from shared.domain.claims import LockClaim
from shared.domain.machines import Endpoint
from shared.domain.rules import Rule
from shared.domain.shapes import lock_rules
from shared.domain.traffic import Region, Traffic, matched


def guarded_region(claim: LockClaim, endpoint: Endpoint) -> Region:
    """The traffic to one endpoint that a lock is there to stop."""
    sources = sources_of(str(claim.origin), endpoint.spot.network, Bound.UPPER) & family_of(endpoint.address)
    return tuple(
        Traffic(sources, part.protocols, part.ports)
        for rule in lock_rules(claim)
        for part in matched(replace(rule, sources=("*",)), endpoint.spot, Bound.LOWER)
    )


type Guard = tuple[Region, list[Endpoint]]
"""What is to be kept from some endpoints."""


def alike(claims: Iterable[LockClaim]) -> list[Guard]:
    """What locks of one shape guard, for all endpoints that see the same network: it is worked out once for them."""
    found: dict[object, Guard] = {}
    for claim in claims:
        for endpoint in claim.endpoints:
            key = (endpoint.network, endpoint.groups, is_v6(endpoint.address))
            if key not in found:
                found[key] = (guarded_region(claim, endpoint), [])
            found[key][1].append(endpoint)
    return list(found.values())


def admits_guarded(rule: Rule, region: Region, endpoints: list[Endpoint]) -> bool:
    """Whether an allow rule possibly lets in, to any of these endpoints, what is to be kept from them."""
    anywhere = replace(rule, destinations=("*",), destination_groups=())
    admitted = matched(anywhere, endpoints[0].spot, Bound.UPPER)
    if not any(part & piece for part in admitted for piece in region):
        return False
    return any(matched(rule, endpoint.spot, Bound.UPPER) for endpoint in endpoints)
