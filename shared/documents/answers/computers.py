"""Computers outside Azure, and what nodes cost, as callers get them."""

from __future__ import annotations

from typing import Annotated

from pydantic import WithJsonSchema

from shared.documents.answers import Answer, Time, one_of
from shared.documents.answers.activity import GapAnswer
from shared.domain.readiness import State, Verdict

type Money = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^-?\d+\.\d{2,}$"})]
"""An amount as a decimal number in a text, so that nobody reads it as a binary fraction."""


class CheckAnswer(Answer):
    """Something that was looked at, and what was found."""

    code: Annotated[str, one_of("onboarded", "connected", "agent", "heartbeat", "namesakes")]
    result: Annotated[str, one_of(*Verdict)]
    message: str


class StepAnswer(Answer):
    """What to do next: in words, and as commands of a shell, if there are any."""

    text: str
    shell: Annotated[str, one_of("bash", "powershell")] | None
    commands: list[str]


class ComputerAnswer(Answer):
    """A computer outside Azure. What only Azure Arc knows is null where Azure Arc does not know it."""

    id: str | None  # Of its server of Azure Arc.
    name: str
    state: Annotated[str, one_of(*State)]
    subscription: str | None
    resourceGroup: str | None
    location: str | None
    os: str | None
    product: str | None
    status: str | None  # Of its agent, as Azure Arc has it.
    statusSince: Time | None
    agentVersion: str | None
    lastHeartbeat: Time | None  # In the last day.
    addresses: list[str]
    tags: dict[str, str]
    checks: list[CheckAnswer]
    next: StepAnswer


class StatesAnswer(Answer):
    """How many computers are in each state."""

    expired: int
    disconnected: int
    reportsButNotOnboarded: int
    needsAgentUpdate: int
    onboardedButSilent: int
    ready: int


class ComputersAnswer(Answer):
    """A page of computers, those with most to be done first; `gaps` says what cannot be told, and why."""

    value: list[ComputerAnswer]
    nextPageToken: str | None
    counts: StatesAnswer
    asOf: Time
    gaps: list[GapAnswer]


class OnboardingAnswer(StepAnswer):
    """How a computer becomes a server of Azure Arc; `tenant` is null where nobody says which it is."""

    tenant: str | None


class PriceAnswer(Answer):
    """The price of a node and month: whose word it is, and of which day; null where the operator said it."""

    amount: Money
    currency: str
    source: str
    asOf: Annotated[str, WithJsonSchema({"type": "string", "format": "date"})] | None


class TallyAnswer(Answer):
    """Nodes and what they cost in a month: all of them, and those that are billed as they are now."""

    nodes: int
    amount: Money
    billedNodes: int
    billedAmount: Money


class PartAnswer(TallyAnswer):
    """The nodes of one subscription, resource group or value of a tag; null is for those that have none."""

    subscription: str | None
    name: str | None


class NotBilledAnswer(Answer):
    """Why nodes are not billed as they are now, and how many."""

    deallocated: int
    disconnected: int
    notOnboarded: int
    unknown: int


class TagAnswer(Answer):
    """The nodes by the values of a tag."""

    name: str
    values: list[PartAnswer]


class OwnCostAnswer(Answer):
    """What Postern costs in a month, as the operator says, and how much less that is than the nodes cost."""

    amount: Money
    difference: Money
    billedDifference: Money


class CostsAnswer(Answer):
    """What nodes cost in a month where they are paid for one by one, beside what Postern costs."""

    price: PriceAnswer
    total: TallyAnswer
    notBilled: NotBilledAnswer
    ownCost: OwnCostAnswer | None
    subscriptions: list[PartAnswer]
    resourceGroups: list[PartAnswer]
    tag: TagAnswer | None
    asOf: Time
    gaps: list[GapAnswer]
