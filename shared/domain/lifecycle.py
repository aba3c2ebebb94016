"""The life of a grant. This table is the only authority on which state follows which.

Rule 1: whatever affects transitions is in this file. Rule 2: this file knows neither who asks nor what an
NSG is. Looking up a pair that is not in `TRANSITIONS` is what an illegal transition is; states without an
entry are ends.

A grant that waits has no rule anywhere, so it ends at once. Any other goes through `closing`, also when its opening
fails, because its rule may already stand: such a grant has ended only when its rules were seen gone. One whose time is
up is closed first and written down afterwards; where that went well, there is nothing to be said of closing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a grant stands."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    OPENING = "opening"
    ACTIVE = "active"
    CLOSING = "closing"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DENIED = "denied"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    FAILED = "failed"


class Event(StrEnum):
    """What can happen to a grant."""

    APPROVED = "approved"  # An approver agreed, and others still have to.
    POSTPONED = "postponed"  # Nothing speaks against it any more, and its start is still to come.
    ADMITTED = "admitted"  # Nothing speaks against it any more, and its time has come.
    DROPPED = "dropped"  # It ends before anything was opened; the reason says why.
    OPENED = "opened"  # Its rules were seen in force.
    EXTENSION_ASKED = "extensionAsked"  # A longer stay was asked for, and has to be approved.
    EXTENSION_DENIED = "extensionDenied"  # The longer stay will not be.
    EXTENSION_CANCELLED = "extensionCancelled"  # The longer stay is no longer wanted.
    EXTENDED = "extended"  # It may stay open for longer.
    ENDED = "ended"  # It has to close; the reason says why.
    GONE = "gone"  # Its rules were seen gone.


class Reason(StrEnum):
    """Why a grant ended. The set is closed."""

    DEADLINE = "deadline"
    REVOKED = "revoked"
    DENIED = "denied"
    CANCELLED = "cancelled"
    UNANSWERED = "unanswered"
    POLICY_CHANGED = "policyChanged"
    POLICY_REMOVED = "policyRemoved"
    PORT_REMOVED = "portRemoved"
    MACHINE_CHANGED = "machineChanged"
    REMOVED_OUTSIDE = "removedOutside"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


ENDS: Final[Mapping[Reason, State]] = {
    Reason.DEADLINE: State.EXPIRED,
    Reason.REVOKED: State.REVOKED,
    Reason.DENIED: State.DENIED,
    Reason.CANCELLED: State.CANCELLED,
    Reason.UNANSWERED: State.LAPSED,
    Reason.POLICY_CHANGED: State.REVOKED,
    Reason.POLICY_REMOVED: State.REVOKED,
    Reason.PORT_REMOVED: State.REVOKED,
    Reason.MACHINE_CHANGED: State.REVOKED,
    Reason.REMOVED_OUTSIDE: State.REVOKED,
    Reason.BLOCKED: State.FAILED,
    Reason.INTERRUPTED: State.FAILED,
}

# Where several states can follow, the reason decides between them.
TRANSITIONS: Final[Mapping[tuple[State, Event], frozenset[State]]] = {
    (State.PENDING, Event.APPROVED): frozenset({State.PENDING}),
    (State.PENDING, Event.POSTPONED): frozenset({State.SCHEDULED}),
    (State.PENDING, Event.ADMITTED): frozenset({State.OPENING}),
    (State.PENDING, Event.DROPPED): frozenset({State.DENIED, State.CANCELLED, State.LAPSED, State.REVOKED}),
    (State.SCHEDULED, Event.ADMITTED): frozenset({State.OPENING}),
    (State.SCHEDULED, Event.DROPPED): frozenset({State.CANCELLED, State.REVOKED, State.FAILED}),
    (State.OPENING, Event.OPENED): frozenset({State.ACTIVE}),
    (State.OPENING, Event.ENDED): frozenset({State.CLOSING}),
    (State.ACTIVE, Event.EXTENSION_ASKED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.APPROVED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.EXTENSION_DENIED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.EXTENSION_CANCELLED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.EXTENDED): frozenset({State.ACTIVE}),
    (State.ACTIVE, Event.ENDED): frozenset({State.CLOSING}),
    (State.ACTIVE, Event.GONE): frozenset({State.EXPIRED}),
    (State.CLOSING, Event.GONE): frozenset({State.EXPIRED, State.REVOKED, State.FAILED}),
}

UNFINISHED: Final = frozenset(state for state, _ in TRANSITIONS)
WAITING: Final = frozenset(state for state, event in TRANSITIONS if event is Event.DROPPED)
HOLDING: Final = UNFINISHED - WAITING


class IllegalTransition(Exception):  # noqa: N818 - it is named after what happened, as in the state machines' literature.
    """The event cannot happen in this state; nothing was changed."""


def advance(state: State, event: Event, reason: Reason | None = None) -> State:
    """The state after `event`. Raises IllegalTransition; `reason` is needed where a grant ends."""
    following = TRANSITIONS.get((state, event), frozenset())
    if event in {Event.DROPPED, Event.GONE}:
        following &= {ENDS[reason]} if reason else frozenset()
    elif event is Event.ENDED and (reason is None or ENDS[reason] not in TRANSITIONS[State.CLOSING, Event.GONE]):
        # It could start to close and would never be over.
        following = frozenset()
    if len(following) != 1:
        raise IllegalTransition(f"{event} cannot happen to a grant that is {state} (reason: {reason})")
    return next(iter(following))
