"""Grants as callers get them."""

from __future__ import annotations

from typing import Annotated, NotRequired

from shared.documents.answers import Answer, Duration, PersonAnswer, Ports, RuleAnswer, SessionsAnswer, Time, one_of
from shared.domain.approvals import Question, Verdict
from shared.domain.lifecycle import Reason, State


class GrantPortAnswer(Answer):
    """A port of a grant, its protocol, and who gets in."""

    number: Ports
    protocol: Annotated[str, one_of("TCP", "UDP", "*")]
    sources: list[str]


class PlacedRuleAnswer(Answer):
    """An allow rule of a grant, where it was seen."""

    nsg: str
    name: str
    priority: int


class DecisionAnswer(Answer):
    """What an approver said; `via` is the identity that brought the answer."""

    by: PersonAnswer
    verdict: Annotated[str, one_of(*Verdict)]
    about: Annotated[str, one_of(*Question)]
    at: Time
    via: str | None
    comment: str


class ExtensionAnswer(Answer):
    """A longer stay that waits for approval."""

    requestedAt: Time
    duration: Duration | None
    endTimeUtc: Time | None
    lapsesAt: Time
    justification: str


class ConnectAnswer(Answer):
    """The address to connect to, and the command where the port says which it is."""

    host: str
    ssh: NotRequired[str]
    rdp: NotRequired[str]


class AccessAnswer(Answer):
    """What was asked for and filled in: of a grant, and of one that would be."""

    machine: str
    requestor: PersonAnswer
    ports: list[GrantPortAnswer]
    requestedAt: Time
    duration: Duration | None
    startTimeUtc: Time | None
    endTimeUtc: Time | None
    lapsesAt: Time | None
    justification: str
    ticket: str
    breakGlass: bool
    sessions: SessionsAnswer | None


class GrantAnswer(AccessAnswer):
    """One caller's access to ports of one machine, from given sources, for a limited time."""

    id: str
    state: Annotated[str, one_of(*State)]
    reason: Annotated[str, one_of(*Reason)] | None
    detail: str | None
    decisions: list[DecisionAnswer]
    extension: ExtensionAnswer | None
    rules: list[PlacedRuleAnswer]
    connect: ConnectAnswer | None


class GrantsAnswer(Answer):
    """A page of grants, the newest first."""

    value: list[GrantAnswer]
    nextPageToken: str | None


class GrantPreviewAnswer(AccessAnswer):
    """What asking would give."""

    rules: list[RuleAnswer]
    needsApproval: bool
    opens: bool
    because: list[str]
