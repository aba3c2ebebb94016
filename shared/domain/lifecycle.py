"""The life of a grant. This table is the only authority on which state follows which.

Rule 1: whatever affects transitions is in this file. Rule 2: this file knows neither who asks nor what an
NSG is. Looking up a pair that is not in `TRANSITIONS` is what an illegal transition is; states without an
entry are ends.

An opening that fails goes through `closing` like any other, because its rule may already stand: a grant has
ended only when its rules were seen gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a grant stands."""

    OPENING = "opening"
    ACTIVE = "active"
    CLOSING = "closing"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FAILED = "failed"


class Event(StrEnum):
    """What can happen to a grant."""

    OPENED = "opened"  # Its rules were seen in force.
    EXTENDED = "extended"  # It may stay open for longer.
    ENDED = "ended"  # It has to close; the reason says why.
    GONE = "gone"  # Its rules were seen gone.


class Reason(StrEnum):
    """Why a grant ended. The set is closed."""

    DEADLINE = "deadline"
    REVOKED = "revoked"
    POLICY_REMOVED = "policyRemoved"
    PORT_REMOVED = "portRemoved"
    MACHINE_CHANGED = "machineChanged"
    REMOVED_OUTSIDE = "removedOutside"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


ENDS: Final[Mapping[Reason, State]] = {
    Reason.DEADLINE: State.EXPIRED,
    Reason.REVOKED: State.REVOKED,
    Reason.POLICY_REMOVED: State.REVOKED,
    Reason.PORT_REMOVED: State.REVOKED,
    Reason.MACHINE_CHANGED: State.REVOKED,
    Reason.REMOVED_OUTSIDE: State.REVOKED,
    Reason.BLOCKED: State.FAILED,
    Reason.INTERRUPTED: State.FAILED,
}

TRANSITIONS: Final[Mapping[tuple[State, Event], frozenset[State]]] = {
    (State.OPENING, Event.OPENED): frozenset({State.ACTIVE}),
    (State.OPENING, Event.ENDED): frozenset({State.CLOSING}),
    (State.ACTIVE, Event.EXTENDED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.ENDED): frozenset({State.CLOSING}),
    # Which of the ends it is, the reason for closing has already decided.
    (State.CLOSING, Event.GONE): frozenset(ENDS.values()),
}

UNFINISHED: Final = frozenset(state for state, _ in TRANSITIONS)


class IllegalTransition(Exception):  # noqa: N818 - it is named after what happened, as in the state machines' literature.
    """The event cannot happen in this state; nothing was changed."""


def advance(state: State, event: Event, reason: Reason | None = None) -> State:
    """The state after `event`. Raises IllegalTransition; `reason` is needed where a grant reaches its end."""
    following = TRANSITIONS.get((state, event), frozenset())
    if event is Event.GONE and reason is not None:
        following &= {ENDS[reason]}
    if len(following) != 1:
        raise IllegalTransition(f"{event} cannot happen to a grant that is {state} (reason: {reason})")
    return next(iter(following))
