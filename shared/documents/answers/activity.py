"""The activity as callers get it."""

from __future__ import annotations

from typing import Annotated

from shared.documents.answers import Answer, PersonAnswer, Time, one_of
from shared.domain.activity import Kind
from shared.domain.attacks import Became
from shared.domain.evidence import Lack


class FlowsAnswer(Answer):
    """Flows: denied, let in by grants, and let in by other rules."""

    denied: int
    granted: int
    allowed: int


class UsageAnswer(Answer):
    """How a grant was used; `used` is null where the logs cannot tell."""

    used: bool | None
    addresses: list[str]
    connections: int
    signIns: int
    first: Time | None
    last: Time | None


class RecordAnswer(Answer):
    """What Postern has on record: about a grant, a policy, or something that was found."""

    what: str
    ports: str | None
    justification: str | None
    ticket: str | None
    breakGlass: bool
    reason: str | None
    detail: str | None
    usage: UsageAnswer | None


class AttackAnswer(Answer):
    """What one address tried, and the worst that became of it."""

    became: Annotated[str, one_of(*Became)]
    attempts: int
    flows: FlowsAnswer
    failedSignIns: int
    signIns: int
    country: str | None
    ports: list[int]
    users: list[str]
    rules: list[str]
    first: Time
    last: Time
    firstIn: Time | None


class SignInAnswer(Answer):
    """Somebody signed in; `grant` of the entry is null where no grant let it in."""

    user: str
    requestor: PersonAnswer | None


class RuleEditAnswer(Answer):
    """Somebody else changed a group or one of its rules."""

    resource: str
    nsg: str
    operation: str
    caller: str


class AlertAnswer(Answer):
    """What Microsoft Defender for Cloud says."""

    name: str
    severity: str
    text: str


class EntryAnswer(Answer):
    """One entry: a sentence about it, and the part that its kind names; the others are null."""

    id: str
    at: Time
    kind: Annotated[str, one_of(*Kind)]
    machines: list[str]
    text: str
    by: PersonAnswer | None
    source: str | None
    grant: str | None
    record: RecordAnswer | None
    attack: AttackAnswer | None
    signIn: SignInAnswer | None
    ruleEdit: RuleEditAnswer | None
    alert: AlertAnswer | None


class GapAnswer(Answer):
    """Something that cannot be told: why, of what, and what to do."""

    code: Annotated[str, one_of(*Lack)]
    subject: str
    message: str


class LookingBackAnswer(Answer):
    """The time that was asked about, how new the newest record of each table is, and what is missing."""

    since: Time
    until: Time
    newest: dict[str, Time]
    gaps: list[GapAnswer]


class ActivityAnswer(LookingBackAnswer):
    """A page of the activity, the newest first."""

    value: list[EntryAnswer]
    nextPageToken: str | None


class HourAnswer(Answer):
    """What came in one hour."""

    at: Time
    flows: FlowsAnswer


class TargetAnswer(Answer):
    """What came to one machine."""

    machine: str
    flows: FlowsAnswer
    sources: int
    last: Time


class SourceAnswer(Answer):
    """An address that tried."""

    source: str
    machines: list[str]
    attack: AttackAnswer


class TriedPortAnswer(Answer):
    """What came to one port."""

    port: int
    protocol: str
    flows: FlowsAnswer
    sources: int


class TriedNameAnswer(Answer):
    """A user name with which somebody could not sign in."""

    user: str
    failedSignIns: int
    sources: int


class OutcomesAnswer(Answer):
    """How many sources there were of each fate."""

    denied: int
    elsewhere: int
    granted: int
    reached: int
    signedIn: int


class UsedAnswer(Answer):
    """How many grants were open, used, and not used; of the others the logs cannot tell."""

    open: int
    used: int
    neverUsed: list[str]
    unknown: int


class ActivitySummaryAnswer(LookingBackAnswer):
    """The activity in numbers. `deniedShare` is from 0 to 1, or null where nothing came."""

    flows: FlowsAnswer
    deniedShare: float | None
    failedSignIns: int
    hours: list[HourAnswer]
    machines: list[TargetAnswer]
    sources: list[SourceAnswer]
    ports: list[TriedPortAnswer]
    users: list[TriedNameAnswer]
    outcomes: OutcomesAnswer
    grants: UsedAnswer
