"""Events and subscriptions, as those who are told get them."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from shared.documents.answers import Answer, PersonAnswer, Time, one_of
from shared.documents.answers.grants import GrantAnswer
from shared.domain.findings import What
from shared.domain.lifecycle import Event
from shared.domain.subscriptions import Format, Kind


class HappenedAnswer(Answer):
    """What happened to a grant: when, by whom (null: Postern itself), and what was said to it."""

    at: Time
    by: PersonAnswer | None
    event: Annotated[str, one_of(*Event)] | None
    detail: str | None


class LinksAnswer(Answer):
    """Where to look at a grant, and what may be called about it."""

    page: NotRequired[str]
    grant: NotRequired[str]
    extend: NotRequired[str]
    approve: NotRequired[str]
    deny: NotRequired[str]


class EventDataAnswer(Answer):
    """About a grant: itself, what happened, and who may approve. About a machine: what was found on which resource."""

    grant: NotRequired[GrantAnswer]
    happened: NotRequired[HappenedAnswer | None]
    approvers: NotRequired[list[str]]
    links: NotRequired[LinksAnswer]
    what: NotRequired[Annotated[str, one_of(*What)]]
    resource: NotRequired[str]
    detail: NotRequired[str]


class EventAnswer(Answer):
    """An event as a CloudEvent 1.0."""

    specversion: Annotated[str, one_of("1.0")]
    id: str
    source: str
    type: Annotated[str, one_of(*Kind)]
    subject: str
    time: Time
    datacontenttype: Annotated[str, one_of("application/json")]
    data: EventDataAnswer


class CardAnswer(Answer):
    """A grant as an Adaptive Card, and whether it waits for approval, for which the card then has buttons."""

    grant: str
    waits: bool
    card: dict[str, Any]


class SubscriptionAnswer(Answer):
    """A subscription; of its callback only the host is told."""

    id: str
    owner: PersonAnswer
    host: str
    format: Annotated[str, one_of(*Format)]
    events: list[Annotated[str, one_of(*Kind)]]
    createdAt: Time


class SubscriptionsAnswer(Answer):
    """Every subscription."""

    value: list[SubscriptionAnswer]
