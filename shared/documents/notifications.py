"""Who is to be told: in a policy, and as a subscription over the API. The address goes in and never comes out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from shared.documents.answers.events import SubscriptionAnswer
from shared.documents.fields import write_person, write_time
from shared.documents.reading import Document, read
from shared.domain.issues import Invalid, Issue
from shared.domain.receivers import Receivers
from shared.domain.subscriptions import Format, Kind, Notification, Subscription

_LONGEST_URL = 2000

Url = Annotated[str, Field(max_length=_LONGEST_URL)]
CallbackUrl = Annotated[Url, Field(json_schema_extra={"format": "uri"})]
Kinds = Annotated[list[Annotated[Kind, Field(strict=False)]], Field(max_length=len(Kind))]
FormatName = Annotated[Format, Field(strict=False)]


class NotificationDocument(Document):
    """Where something is told, how, and what; no events mean all of them."""

    url: Url
    format: FormatName = Format.CLOUD_EVENTS
    events: Kinds = Field(default=[])

    @property
    def value(self) -> Notification:
        """The notification as the domain knows it."""
        return Notification(self.url, self.format, tuple(dict.fromkeys(self.events)))


class SubscriptionDocument(Document):
    """A wish to be told, as a webhook trigger sends it."""

    callback_url: CallbackUrl
    format: FormatName = Format.CLOUD_EVENTS
    events: Kinds = Field(default=[])


def read_subscription(body: bytes, receivers: Receivers) -> Notification | Invalid:
    """Read a wish to be told, or tell everything that is wrong with it; only `receivers` may be told anything."""
    document = read(SubscriptionDocument, body, lambda _: ())
    if isinstance(document, Invalid):
        return document
    if why := receivers.why_not(document.callback_url):
        return Invalid((Issue("receiverNotAllowed", "callbackUrl", why),))
    return Notification(document.callback_url, document.format, tuple(dict.fromkeys(document.events)))


def write_notification(notification: Notification) -> dict[str, Any]:
    """A notification as everybody gets it; its `url` stands for the address, also when it is sent back."""
    return {
        "url": notification.shown,
        "format": str(notification.format),
        "events": [str(kind) for kind in notification.kinds],
    }


def write_subscription(subscription: Subscription) -> SubscriptionAnswer:
    """A subscription as administrators and its owner get it."""
    notification = subscription.notification
    return {
        "id": subscription.id,
        "owner": write_person(subscription.owner),
        "host": notification.host,
        "format": str(notification.format),
        "events": [str(kind) for kind in notification.kinds],
        "createdAt": write_time(subscription.made_at),
    }
