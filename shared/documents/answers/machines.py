"""Machines as callers get them."""

from __future__ import annotations

from typing import Annotated, Any

from shared.documents.answers import Answer, As, LockAnswer, PersonAnswer, Ports, Time, one_of
from shared.documents.answers.grants import GrantAnswer
from shared.documents.policies import PolicyDocument
from shared.domain.inventory import MachineKind
from shared.domain.inventory import State as Tab
from shared.domain.listing import Condition, Urgency
from shared.domain.policies import Scope


class TabReasonAnswer(Answer):
    """Why a machine is in its tab, or what is wrong with it."""

    code: str
    message: str


class ExposedAnswer(Answer):
    """A port that the Internet reaches, the rule that lets it, and from where."""

    port: Ports
    protocol: str
    address: str
    nsg: str | None
    rule: str | None
    priority: int | None
    sources: list[str]


class SummaryAnswer(Answer):
    """A policy in one line."""

    ports: list[Ports]
    scope: Annotated[str, one_of(*Scope)]


class LatestAnswer(Answer):
    """The latest access to a machine."""

    at: Time | None
    by: PersonAnswer | None
    grant: str


class UseAnswer(Answer):
    """How a machine was used: the grants that may be open, those of the last seven days, the latest access of these."""

    activeGrants: int
    grantsLast7Days: int
    lastAccess: LatestAnswer | None


class SightingAnswer(Answer):
    """A machine and what is to be said about its safety."""

    id: str
    name: str
    kind: Annotated[str, one_of(*MachineKind)]
    subscription: str
    resourceGroup: str
    location: str
    os: str | None
    power: str | None
    tags: dict[str, str]
    privateAddresses: list[str]
    publicAddresses: list[str]
    state: Annotated[str, one_of(*Tab)]
    reasons: list[TabReasonAnswer]
    urgency: Annotated[str, one_of(*Urgency)]
    conditions: list[Annotated[str, one_of(*Condition)]]  # None of a machine that is not guarded.
    exposure: list[ExposedAnswer]
    suggestedPorts: list[int]
    lock: LockAnswer | None
    use: UseAnswer | None
    attemptsLast24Hours: int | None  # Flows that were denied; null where the logs cannot tell.


class MachineAnswer(SightingAnswer):
    """One machine of the list."""

    policy: SummaryAnswer | None


class CountsAnswer(Answer):
    """How many machines are in each tab."""

    configured: int
    notConfigured: int
    unsupported: int


class MachinesAnswer(Answer):
    """A page of machines, the worst first; `asOf` is how old the index is."""

    value: list[MachineAnswer]
    nextPageToken: str | None
    counts: CountsAnswer
    asOf: Time
    warnings: list[str]


class EndpointAnswer(Answer):
    """One address of a machine, and the groups on the way to it."""

    address: str
    nic: str | None
    nicNsg: str | None
    subnetNsg: str | None
    applicationSecurityGroups: list[str]
    behindLoadBalancer: bool


class GroupAnswer(Answer):
    """A network security group on the way: how many rules it has, and how many of them are Postern's."""

    id: str
    rules: int
    rulesOfPostern: int
    flushConnection: bool


class DetailsAnswer(SightingAnswer):
    """One machine as Azure Resource Manager has it now, with those of its grants that the caller may see."""

    endpoints: list[EndpointAnswer]
    nsgs: list[GroupAnswer]
    policy: Annotated[dict[str, Any], As(PolicyDocument)] | None
    changedAt: Time | None
    changedBy: PersonAnswer | None
    grants: list[GrantAnswer]
