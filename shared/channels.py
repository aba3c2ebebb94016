"""What telling others needs of the outside world. As `shared.ports` otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.messages import Message
from shared.domain.subscriptions import Subscription


class Records(Protocol):
    """What is on record."""

    async def has_change(self, grant: Grant) -> bool:
        """Whether the change that led to a grant as given is on record. Raises Unavailable."""
        ...

    async def has_finding(self, found: Found) -> bool:
        """Whether a finding is on record. Raises Unavailable."""
        ...


class Events(Protocol):
    """The queue of what is to be told."""

    async def send(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Have a message looked at after `delay`. Raises Unavailable."""
        ...

    async def give_up(self, message: Message) -> None:
        """Put a message where operators look for what could not be dealt with. Raises Unavailable."""
        ...


class Subscriptions(Protocol):
    """Who asked over the API to be told."""

    async def put(self, subscription: Subscription) -> None:
        """Keep a subscription, in place of an earlier one of the same id. Raises Unavailable."""
        ...

    async def get(self, id_: str) -> Subscription | None:
        """One subscription. Raises Unavailable."""
        ...

    async def remove(self, id_: str) -> None:
        """Forget a subscription; one that is gone already is no error. Raises Unavailable."""
        ...

    async def all(self) -> Sequence[Subscription]:
        """Every subscription. Raises Unavailable."""
        ...


class Reception(StrEnum):
    """How a receiver took what it was sent."""

    TAKEN = "taken"
    UNWANTED = "unwanted"  # It says that it will never want anything again.
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """How it was taken, and what there is to say about it; never with the address."""

    reception: Reception
    detail: str = ""


class Webhooks(Protocol):
    """Sending to the outside."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send once, to a public address only, following nobody elsewhere. A failure is a receipt like any other."""
        ...
