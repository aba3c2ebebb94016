"""What stands on the queue of events, and how long it is tried again.

A message holds no address and no secret: only what happened, and the name of who is to be told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.events import Matter
from shared.domain.subscriptions import Kind

# A message is put on the queue before what it tells is stored. What is not true by then never will be.
BELIEVED_FOR: Final = timedelta(minutes=10)
_SOONEST_LOOK, _LATEST_LOOK = timedelta(seconds=1), timedelta(minutes=1)
# How long to wait after each failure to deliver; after the last the message is given up.
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21600))


@dataclass(frozen=True, slots=True)
class Happened:
    """Something is about to be stored, or has been; `said_at` is when that was said."""

    matter: Matter
    said_at: datetime

    def look_again_in(self, now: datetime) -> timedelta | None:
        """When to look again whether it came true; None when it never will."""
        age = now - self.said_at
        return min(max(_SOONEST_LOOK, age / 2), _LATEST_LOOK) if age < BELIEVED_FOR else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one who is to be told, by name; `failures` counts the tries so far."""

    matter: Matter
    kind: Kind
    receiver: str
    failures: int = 0

    @property
    def pause(self) -> timedelta | None:
        """How long to wait after one more failure; None when that is the end."""
        return PAUSES[self.failures] if self.failures < len(PAUSES) else None

    def failed(self) -> Delivery:
        """To be tried again."""
        return replace(self, failures=self.failures + 1)


type Message = Happened | Delivery
