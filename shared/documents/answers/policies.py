"""Policies, and what setting or removing one does, as callers get them."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from shared.documents.answers import (
    Answer,
    As,
    LeakAnswer,
    LockAnswer,
    PersonAnswer,
    Ports,
    RuleAnswer,
    SessionsAnswer,
    Time,
    one_of,
)
from shared.documents.answers.problems import ProblemAnswer
from shared.documents.policies import PolicyDocument
from shared.domain.forecasts import Why
from shared.domain.planning import Kind
from shared.domain.rules import Protocol


class GuardedAnswer(Answer):
    """A machine's policy with the truth about its lock."""

    machine: str
    policy: Annotated[dict[str, Any], As(PolicyDocument)]
    lock: LockAnswer
    sessions: SessionsAnswer
    changedAt: Time
    changedBy: PersonAnswer | None


class PoliciesAnswer(Answer):
    """Every policy, without measuring the locks."""

    value: list[GuardedAnswer]


class ChangeAnswer(Answer):
    """A rule that would be created, updated or deleted."""

    nsg: str
    change: Annotated[str, one_of(*(kind.name.lower() for kind in Kind))]
    rule: RuleAnswer


class ThroughAnswer(Answer):
    """Traffic, by protocols and ports."""

    protocols: list[Annotated[str, one_of(*Protocol)]]
    ports: list[Ports]


class WayAnswer(Answer):
    """What reaches an address, and the rule that lets it; no rule where there is no group."""

    address: str
    nsg: str | None
    rule: RuleAnswer | None
    through: list[ThroughAnswer]


class OpenWayAnswer(WayAnswer):
    """What would still reach an address, and why."""

    why: Annotated[str, one_of(*Why)]


class SwitchAnswer(Answer):
    """A group whose flushConnection would be switched."""

    nsg: str
    on: bool


class CutFlowAnswer(Answer):
    """Connections of the last 7 days, let in by a rule, that would no longer be."""

    source: str
    port: int
    protocol: str
    rule: str
    connections: int
    first: Time
    last: Time


class PreviewAnswer(Answer):
    """What would become of one machine; nothing was written."""

    machine: str
    changes: list[ChangeAnswer]
    createsNsg: str | None
    attachesTo: list[str]
    flushConnection: list[SwitchAnswer]
    lock: LockAnswer
    sessions: SessionsAnswer
    losesEffect: list[WayAnswer]
    staysOpen: list[OpenWayAnswer]
    endsGrants: list[str]
    cutFlows: list[CutFlowAnswer] | None
    notes: list[str]


class CreatedNsgAnswer(Answer):
    """What became of the group that Postern had made for the machine, and why it was kept."""

    id: str | None
    deleted: bool
    why: str | None


class RemovedAnswer(Answer):
    """A policy that was taken away: the rules that now let traffic in (null: not measured)."""

    machine: str
    openAfterwards: list[LeakAnswer] | None
    createdNsg: CreatedNsgAnswer | None


class ResultAnswer(Answer):
    """One machine of many: a status as if it had been asked for alone, and what goes with it."""

    machine: str
    status: int
    policy: NotRequired[Annotated[dict[str, Any], As(PolicyDocument)]]
    lock: NotRequired[LockAnswer]
    sessions: NotRequired[SessionsAnswer]
    changedAt: NotRequired[Time]
    changedBy: NotRequired[PersonAnswer | None]
    etag: NotRequired[str]
    preview: NotRequired[PreviewAnswer]
    problem: NotRequired[ProblemAnswer]


class ResultsAnswer(Answer):
    """One result for each machine that was named."""

    results: list[ResultAnswer]
