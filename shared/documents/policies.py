"""A policy as administrators send it and as everybody gets it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from shared.documents.fields import (
    Duration,
    MachineName,
    ObjectId,
    Port,
    Prefix,
    ProtocolName,
    write_duration,
    write_span,
)
from shared.documents.notifications import NotificationDocument, write_notification
from shared.documents.reading import PREFIX_FIELDS, Document, at_most_one, objects, read
from shared.domain.approvals import DEFAULT_PENDING, Approval
from shared.domain.issues import Invalid, Issue
from shared.domain.machines import MachineId
from shared.domain.patterns import why_not
from shared.domain.policies import (
    DEFAULT_DURATION,
    LONGEST_DURATION,
    Lock,
    Origin,
    Policy,
    PolicyPort,
    Scope,
    contradictions,
    default_ports,
)
from shared.domain.receivers import NOBODY, Receivers
from shared.domain.rules import Protocol

_MOST_PORTS, _MOST_SOURCES, _MOST_PEOPLE = 100, 50, 200
MOST_MACHINES = 200
_MOST_APPROVALS, _LONGEST_PATTERN = 10, 200
_MOST_NOTIFICATIONS = 10
_LONGEST_PENDING = timedelta(days=7)

People = Annotated[list[ObjectId], Field(max_length=_MOST_PEOPLE)]
"""Users and groups, by object id."""


class PolicyPortDocument(Document):
    """A port that may be asked for."""

    number: Port
    protocol: ProtocolName = Field(Protocol.TCP, json_schema_extra={"default": "TCP"})
    allowed_source_address_prefix: Prefix | None = None
    allowed_source_address_prefixes: Annotated[list[Prefix], Field(min_length=1, max_length=_MOST_SOURCES)] | None = (
        None
    )
    max_request_access_duration: Duration = DEFAULT_DURATION

    @property
    def value(self) -> PolicyPort:
        """The port as the domain knows it."""
        one = (self.allowed_source_address_prefix,) if self.allowed_source_address_prefix else ()
        sources = (*one, *(self.allowed_source_address_prefixes or ())) or ("*",)
        return PolicyPort(self.number, self.protocol, sources, self.max_request_access_duration)


class LockDocument(Document):
    """How the machine is locked."""

    scope: Literal["all", "ports"] = "all"
    keep_open: Annotated[list[Port], Field(max_length=_MOST_PORTS)] = Field(default=[])
    from_: Literal["*", "Internet"] = Field("*", alias="from")

    @property
    def value(self) -> Lock:
        """The lock as the domain knows it."""
        return Lock(Scope(self.scope), Origin(self.from_), tuple(self.keep_open))


class JustificationDocument(Document):
    """Whether those who ask have to say why."""

    required: bool = False
    ticket_pattern: Annotated[str, Field(max_length=_LONGEST_PATTERN)] = ""


class ApprovalDocument(Document):
    """Whether others have to agree: who, how many of them, and for how long a request waits for them."""

    required: bool = False
    approvers: People = Field(default=[])
    count: Annotated[int, Field(ge=1, le=_MOST_APPROVALS)] = 1
    pending_for: Duration = DEFAULT_PENDING

    @property
    def value(self) -> Approval:
        """The approval as the domain knows it."""
        approvers = tuple(dict.fromkeys(person.lower() for person in self.approvers))
        return Approval(self.required, approvers, self.count, self.pending_for)


class PolicyDocument(Document):
    """The policy of one machine."""

    ports: Annotated[list[PolicyPortDocument], Field(min_length=1, max_length=_MOST_PORTS)] | None = None
    lock: LockDocument = LockDocument()
    justification: JustificationDocument = JustificationDocument()
    requestors: People = Field(default=[])
    approval: ApprovalDocument = ApprovalDocument()
    break_glass: bool = False
    end_sessions: bool = False
    notifications: Annotated[list[NotificationDocument], Field(max_length=_MOST_NOTIFICATIONS)] = Field(default=[])

    @property
    def value(self) -> Policy:
        """The policy as the domain knows it."""
        ports = default_ports() if self.ports is None else tuple(port.value for port in self.ports)
        people = tuple(person.lower() for person in self.requestors)
        return Policy(
            ports,
            self.lock.value,
            self.justification.required,
            people,
            approval=self.approval.value,
            ticket_pattern=self.justification.ticket_pattern,
            break_glass=self.break_glass,
            end_sessions=self.end_sessions,
            notifications=tuple(one.value for one in self.notifications),
        )


class ManyDocument(Document):
    """One policy for many machines."""

    machines: Annotated[list[MachineName], Field(min_length=1, max_length=MOST_MACHINES)]
    policy: PolicyDocument = PolicyDocument()


def read_policy(body: bytes, shortest: timedelta, receivers: Receivers = NOBODY) -> Policy | Invalid:
    """Read a policy, or tell everything that is wrong with it.

    `shortest` is the least time that a port may offer; only `receivers` may be told anything.
    """
    document = read(PolicyDocument, body, _across)
    return document if isinstance(document, Invalid) else _checked(document.value, (shortest, receivers))


def read_many(
    body: bytes, shortest: timedelta, receivers: Receivers = NOBODY
) -> tuple[list[MachineId], Policy] | Invalid:
    """Read a policy for many machines, or tell everything that is wrong with it."""
    document = read(ManyDocument, body, _across_many)
    if isinstance(document, Invalid):
        return document
    policy = _checked(document.policy.value, (shortest, receivers), "policy.")
    return policy if isinstance(policy, Invalid) else (document.machines, policy)


def _checked(policy: Policy, limits: tuple[timedelta, Receivers], place: str = "") -> Policy | Invalid:
    shortest, receivers = limits
    issues = (*durations(policy, shortest), *contradictions(policy), *_asking(policy, shortest))
    issues = (*issues, *_notifications(policy, receivers))
    return Invalid(tuple(replace(issue, path=place + issue.path) for issue in issues)) if issues else policy


def _across(document: Mapping[str, Any]) -> Iterator[Issue]:
    for path, port in objects(document, "ports"):
        yield from at_most_one(port, path, *PREFIX_FIELDS)


def _across_many(document: Mapping[str, Any]) -> Iterator[Issue]:
    policy = document.get("policy")
    for issue in _across(policy) if isinstance(policy, dict) else ():
        yield replace(issue, path=f"policy.{issue.path}")
    machines = document.get("machines")
    seen: set[str] = set()
    for index, name in enumerate(machines if isinstance(machines, list) else ()):
        key = str(name).strip("/").lower()
        if key in seen:
            yield Issue("duplicate", f"machines[{index}]", f"{name} is named twice.")
        seen.add(key)


def durations(policy: Policy, shortest: timedelta) -> Iterator[Issue]:
    """What is wrong with how long access may last."""
    for index, port in enumerate(policy.ports):
        if not shortest <= port.longest <= LONGEST_DURATION:
            least, most = write_duration(shortest), write_duration(LONGEST_DURATION)
            path = f"ports[{index}].maxRequestAccessDuration"
            yield Issue("durationOutOfRange", path, f"The longest access lasts between {least} and {most}.")


def _asking(policy: Policy, shortest: timedelta) -> Iterator[Issue]:
    if not shortest <= policy.approval.pending_for <= _LONGEST_PENDING:
        least, most = write_duration(shortest), write_duration(_LONGEST_PENDING)
        text = f"A request waits for approval between {least} and {most}."
        yield Issue("durationOutOfRange", "approval.pendingFor", text)
    if policy.ticket_pattern and (why := why_not(policy.ticket_pattern)):
        yield Issue("invalidPattern", "justification.ticketPattern", f"This is no regular expression here: {why}.")
    if policy.break_glass and not policy.approval.required:
        text = "Without approval there is no glass to break: leave this out, or require approval."
        yield Issue("breakGlassNeedsApproval", "breakGlass", text)


def _notifications(policy: Policy, receivers: Receivers) -> Iterator[Issue]:
    for index, one in enumerate(policy.notifications):
        if not one.is_kept and (why := receivers.why_not(one.url)):
            yield Issue("receiverNotAllowed", f"notifications[{index}].url", why)


def write_policy(policy: Policy) -> dict[str, Any]:
    """A policy as callers get it, and as they may send it back."""
    return {
        "ports": [
            {
                "number": write_span(port.span),
                "protocol": str(port.protocol).upper(),
                "allowedSourceAddressPrefixes": list(port.sources),
                "maxRequestAccessDuration": write_duration(port.longest),
            }
            for port in policy.ports
        ],
        "lock": {
            "scope": str(policy.lock.scope),
            "keepOpen": [write_span(span) for span in policy.lock.keep_open],
            "from": str(policy.lock.origin),
        },
        "justification": {"required": policy.justification_required, "ticketPattern": policy.ticket_pattern},
        "requestors": list(policy.requestors),
        "approval": {
            "required": policy.approval.required,
            "approvers": list(policy.approval.approvers),
            "count": policy.approval.count,
            "pendingFor": write_duration(policy.approval.pending_for),
        },
        "breakGlass": policy.break_glass,
        "endSessions": policy.end_sessions,
        "notifications": [write_notification(one) for one in policy.notifications],
    }
