"""One call and its answer, as the resource handlers see them: no sockets, no tokens.

It knows how a body is read, how preconditions are compared and how an accepted operation is announced. It refuses to
know resources' contents.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from emulator.arm import errors, paths
from emulator.arm.cloud import Cloud
from emulator.arm.errors import Json, unparsable
from emulator.arm.faults import Fault, conflict
from emulator.arm.operations import Change, Operation
from emulator.arm.paths import Place
from emulator.arm.store import Resource

_VERSION = "2025-05-01"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may pass: authenticated, versioned, admitted.

    `base` is scheme and host, for the links in the answer; `principal` is the object id of the caller.
    """

    method: str
    path: str
    place: Place
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base: str
    principal: str = ""
    fault: Fault | None = None

    @property
    def reads(self) -> bool:
        """Whether the call changes nothing: a GET, or a query of Resource Graph."""
        return self.method == "GET" or paths.is_query(self.path)

    def json(self) -> Json:
        """The body, which must be a JSON object."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise unparsable("InvalidJson", str(error)) from None
        if not isinstance(document, dict):
            raise unparsable("InvalidJson", "The body is not an object.")
        return document


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: status, JSON body (None: empty) and headers."""

    status: HTTPStatus
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def check_preconditions(call: Call, standing: Resource | None, *, present: bool) -> None:
    """If-Match against the top-level resource's etag, If-None-Match: * against the presence of what is addressed.

    A child's etag is its owner's, so If-Match on a rule speaks of the whole group. An etag in the body or in an ETag
    header is ignored: Azure/azure-rest-api-specs#6789.
    """
    wanted = call.headers.get("if-match")
    if wanted and (standing is None or wanted not in ("*", standing.etag)):
        raise errors.etag_mismatch(wanted, standing.etag if standing else "(none)", call.path)
    if call.headers.get("if-none-match") == "*" and present:
        raise errors.already_exists(call.path)


def check_idle(standing: Resource | None) -> None:
    """Only one operation at a time runs on a resource."""
    if standing is None or standing.operation is None:
        return
    if standing.kind.serial == "conflict":
        raise errors.in_progress(standing.id, standing.operation)
    raise errors.busy(standing.id, standing.operation)


def accept(cloud: Cloud, call: Call, change: Change) -> Operation:
    """Begin the operation, as long as the box's latency and the call's fault make it."""
    seconds = cloud.latency.operation
    error = None
    if call.fault and call.fault.kind == "slow":
        seconds += call.fault.seconds
    if call.fault and call.fault.kind == "failed-operation":
        error = conflict(call.path).error()
    return cloud.operations.begin(change, ends=cloud.clock() + seconds, error=error)


def announce(cloud: Cloud, call: Call, operation: Operation, *, location: bool = False) -> dict[str, str]:
    """The headers that lead to the operation.

    Their query is signed: clients follow it as it is (facts of 2024 recordings).
    """
    headers = {"Azure-AsyncOperation": address(call, operation, "operations"), "Azure-AsyncNotification": "Enabled"}
    if location:
        headers["Location"] = address(call, operation, "operationResults")
    return headers | pace(cloud)


def pace(cloud: Cloud) -> dict[str, str]:
    """Retry-After, where the box was told to send it."""
    return {} if cloud.latency.retry_after is None else {"Retry-After": str(cloud.latency.retry_after)}


def address(call: Call, operation: Operation, resource: str) -> str:
    """The address of an operation's status (`operations`) or result (`operationResults`)."""
    where = f"/subscriptions/{call.place.subscription}/providers/{operation.namespace}/locations/{operation.location}"
    return f"{call.base}{where}/{resource}/{operation.number}?api-version={_VERSION}&s={operation.secret}"
