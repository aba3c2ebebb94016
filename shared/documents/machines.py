"""Machines as everybody gets them: the list, and one with everything about it."""

from __future__ import annotations

from collections.abc import Iterable

from shared.documents.answers.machines import (
    DetailsAnswer,
    EndpointAnswer,
    ExposedAnswer,
    GroupAnswer,
    LatestAnswer,
    MachineAnswer,
    MachinesAnswer,
    SightingAnswer,
    SummaryAnswer,
    UseAnswer,
)
from shared.documents.fields import write_person, write_span, write_time
from shared.documents.grants import write_grant
from shared.documents.guarded import write_guarded, write_lock
from shared.documents.policies import write_policy
from shared.domain.evidence import log_key
from shared.domain.grants import Grant
from shared.domain.inventory import State
from shared.domain.listing import Details, Row, Use, suggested_ports
from shared.domain.machines import Endpoint
from shared.domain.rules import Nsg
from shared.domain.selecting import Page
from shared.domain.surface import Exposed


def write_page(page: Page, token: str | None) -> MachinesAnswer:
    """A page of machines."""
    return {
        "value": [write_row(one, use, _attempts(one, page)) for one, use in page.rows],
        "nextPageToken": token,
        "counts": {
            "configured": page.counts.get(State.CONFIGURED, 0),
            "notConfigured": page.counts.get(State.NOT_CONFIGURED, 0),
            "unsupported": page.counts.get(State.UNSUPPORTED, 0),
        },
        "asOf": write_time(page.at),
        "warnings": list(page.warnings),
    }


def write_row(row: Row, use: Use | None, attempts: int | None = None) -> MachineAnswer:
    """One machine of the list."""
    return {**_write_sighting(row, use, attempts), "policy": _summary(row)}


def _attempts(row: Row, page: Page) -> int | None:
    id_ = row.sighting.machine_id
    return page.attempts.get(log_key(id_)) if id_ else None


def _write_sighting(row: Row, use: Use | None, attempts: int | None) -> SightingAnswer:
    sighting = row.sighting
    return {
        "id": sighting.id,
        "name": sighting.name,
        "kind": str(sighting.kind),
        "subscription": sighting.subscription,
        "resourceGroup": sighting.group,
        "location": sighting.location,
        "os": sighting.system or None,
        "power": sighting.power or None,
        "tags": dict(sighting.tags),
        "privateAddresses": sorted({place.address for place in sighting.places}),
        "publicAddresses": list(sighting.public_addresses),
        "state": str(row.state),
        "reasons": [{"code": reason.code, "message": reason.message} for reason in row.reasons],
        "urgency": str(row.urgency),
        "conditions": sorted(row.conditions),
        "exposure": [_write_exposed(one) for one in row.exposed],
        "suggestedPorts": list(suggested_ports(sighting.system)),
        "lock": write_lock(row.leaks) if row.guarded else None,
        "use": _write_use(use) if use else None,
        "attemptsLast24Hours": attempts,
    }


def _write_exposed(one: Exposed) -> ExposedAnswer:
    return {
        "port": write_span(one.span),
        "protocol": one.protocol,
        "address": one.address,
        "nsg": one.nsg,
        "rule": one.rule,
        "priority": one.priority,
        "sources": list(one.sources),
    }


def _summary(row: Row) -> SummaryAnswer | None:
    if row.guarded is None:
        return None
    policy = row.guarded.policy
    return {"ports": [write_span(port.span) for port in policy.ports], "scope": str(policy.lock.scope)}


def _write_use(use: Use) -> UseAnswer:
    return {
        "activeGrants": use.active,
        "grantsLast7Days": use.recent,
        "lastAccess": _write_access(use.latest) if use.latest and use.latest.started_at else None,
    }


def _write_access(grant: Grant) -> LatestAnswer:
    started = grant.started_at
    return {"at": write_time(started) if started else None, "by": write_person(grant.requestor), "grant": grant.id}


def write_details(details: Details, grants: Iterable[Grant]) -> DetailsAnswer:
    """One machine with its network path, its policy, and those of its grants that the caller may see."""
    row = details.row
    guarded = write_guarded(row.guarded, row.leaks) if row.guarded else None
    return {
        **_write_sighting(row, details.use, details.attempts),
        "endpoints": [_write_endpoint(endpoint) for endpoint in details.machine.endpoints],
        "nsgs": [_write_group(nsg) for nsg in details.groups],
        "policy": write_policy(row.guarded.policy) if row.guarded else None,
        "changedAt": guarded["changedAt"] if guarded else None,
        "changedBy": guarded["changedBy"] if guarded else None,
        "grants": [write_grant(grant, details.machine) for grant in grants],
    }


def _write_endpoint(endpoint: Endpoint) -> EndpointAnswer:
    return {
        "address": endpoint.address,
        "nic": endpoint.nic or None,
        "nicNsg": endpoint.nic_nsg,
        "subnetNsg": endpoint.subnet_nsg,
        "applicationSecurityGroups": list(endpoint.groups),
        "behindLoadBalancer": endpoint.probed,
    }


def _write_group(nsg: Nsg) -> GroupAnswer:
    return {
        "id": nsg.id,
        "rules": len(nsg.rules) + nsg.outbound.rules,
        "rulesOfPostern": len(nsg.ours),
        "flushConnection": nsg.flush.on,
    }
