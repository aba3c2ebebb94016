"""A collection of machines and its requests as callers of Defender's API get them: exactly the published fields.

Spans of ports have no form there. They are left out.

Source: Azure REST API reference, "Jit Network Access Policies", 2020-01-01.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shared.documents.fields import write_duration, write_time
from shared.documents.reading import PREFIX_FIELDS
from shared.domain.collections import Collection
from shared.domain.grants import Grant, GrantPort
from shared.domain.guarding import Guarded
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId

TYPE: Final = "Microsoft.Security/locations/jitNetworkAccessPolicies"
_INITIATED: Final = "Initiated"
_REVOKED: Final = "Revoked"
STATUS: Final[Mapping[State, tuple[str, str]]] = {
    State.PENDING: (_INITIATED, "UserRequested"),
    State.SCHEDULED: (_INITIATED, "UserRequested"),
    State.OPENING: (_INITIATED, "UserRequested"),
    State.ACTIVE: (_INITIATED, "UserRequested"),
    # Until its rules were seen gone, it may still be open.
    State.CLOSING: (_INITIATED, "UserRequested"),
    State.EXPIRED: (_REVOKED, "Expired"),
    State.REVOKED: (_REVOKED, "UserRequested"),
    State.DENIED: (_REVOKED, "UserRequested"),
    State.CANCELLED: (_REVOKED, "UserRequested"),
    State.LAPSED: (_REVOKED, "Expired"),
    State.FAILED: (_REVOKED, "Expired"),
}
"""What each state of a grant is called: the status, and its reason.

Ends that somebody wanted are "UserRequested", others "Expired". Nothing here is ever "NewerRequestInitiated": grants
that overlap are independent of each other.
"""


def write_collection(collection: Collection) -> dict[str, Any]:
    """A policy as callers of Defender's API get it."""
    id_ = collection.machines[0].machine.id
    scope = f"/subscriptions/{id_.subscription}/resourceGroups/{id_.group}/providers/Microsoft.Security/locations"
    requests = [write_request([grant]) for grant in collection.grants if _has_single(grant)]
    return {
        "id": f"{scope}/{collection.location}/jitNetworkAccessPolicies/{collection.name}",
        "name": collection.name,
        "type": TYPE,
        "kind": "Basic",
        "location": collection.location,
        "properties": {
            "virtualMachines": [_write_machine(one) for one in collection.machines],
            "requests": requests,
            "provisioningState": "Succeeded",
        },
    }


def _write_machine(guarded: Guarded) -> dict[str, Any]:
    return {
        "id": str(guarded.machine.id),
        "ports": [
            {
                "number": port.span[0],
                "protocol": str(port.protocol).upper(),
                **_write_sources(port.sources),
                "maxRequestAccessDuration": write_duration(port.longest),
            }
            for port in guarded.policy.ports
            if port.single
        ],
    }


def write_request(grants: Sequence[Grant]) -> dict[str, Any]:
    """Grants of one request, as callers of Defender's API get it."""
    first = grants[0]
    machines: dict[MachineId, list[dict[str, Any]]] = {}
    for grant in grants:
        machines.setdefault(grant.machine, []).extend(_write_ports(grant))
    return {
        "virtualMachines": [{"id": str(id_), "ports": ports} for id_, ports in machines.items()],
        "startTimeUtc": write_time(min(grant.started_at or grant.starts_at or grant.requested_at for grant in grants)),
        "requestor": first.requestor.name,
        **({"justification": first.justification} if first.justification else {}),
    }


def _write_ports(grant: Grant) -> Iterator[dict[str, Any]]:
    status, reason = STATUS[grant.state]
    # A port that was granted over two protocols was asked for once.
    once = {(port.span, port.sources): port for port in grant.ports if _is_single(port)}
    for port in once.values():
        yield {
            "number": port.span[0],
            **_write_sources(port.sources),
            "endTimeUtc": write_time(grant.ends_at),
            "status": status,
            "statusReason": reason,
        }


def _write_sources(sources: tuple[str, ...]) -> dict[str, Any]:
    if len(sources) == 1:
        return {PREFIX_FIELDS[0]: sources[0]}
    return {PREFIX_FIELDS[1]: list(sources)}


def _has_single(grant: Grant) -> bool:
    return any(_is_single(port) for port in grant.ports)


def _is_single(port: GrantPort) -> bool:
    return port.span[0] == port.span[1]
