"""What is told to others: which change of a grant, and which finding, gives which events.

The two tables are the only authority; both are total. An event's id follows from what happened, so that whoever
receives it twice can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.findings import Found, What
from shared.domain.grants import Grant
from shared.domain.keys import short_hash
from shared.domain.lifecycle import Event, State
from shared.domain.subscriptions import Kind

_SUBJECT_LENGTH: Final = 16
_LONGEST_DETAIL: Final = 2000

# What a change gives that is told by the state it led to.
BY_STATE: Final[Mapping[State, tuple[Kind, ...]]] = {
    State.PENDING: (Kind.APPROVAL_NEEDED,),
    State.SCHEDULED: (),
    State.OPENING: (),
    State.ACTIVE: (Kind.OPENED,),
    State.CLOSING: (),  # It is told when its rules were seen gone; until then nothing is certain.
    State.EXPIRED: (Kind.ENDED,),
    State.REVOKED: (Kind.ENDED,),
    State.DENIED: (Kind.DECIDED, Kind.ENDED),
    State.CANCELLED: (Kind.ENDED,),
    State.LAPSED: (Kind.ENDED,),
    State.FAILED: (Kind.ENDED,),
}

# What a change gives that is told by what happened, because the state alone does not tell it.
BY_EVENT: Final[Mapping[Event, tuple[Kind, ...]]] = {
    Event.APPROVED: (Kind.DECIDED,),
    Event.POSTPONED: (),
    Event.ADMITTED: (),
    Event.DROPPED: (),
    Event.OPENED: (),
    Event.EXTENSION_ASKED: (Kind.APPROVAL_NEEDED,),
    Event.EXTENSION_DENIED: (Kind.DECIDED,),
    Event.EXTENSION_CANCELLED: (),
    Event.EXTENDED: (Kind.DECIDED,),  # Only where somebody had to decide about it.
    Event.ENDED: (),
    Event.GONE: (),
}

BY_FINDING: Final[Mapping[What, Kind]] = {
    **dict.fromkeys(What, Kind.FOUND),
    What.EXPOSED: Kind.EXPOSED,
}


@dataclass(frozen=True, slots=True)
class EndingSoon:
    """A grant whose end is near: it is told only if the grant is still to end at that time."""

    grant: Grant
    at: datetime


type Matter = Grant | EndingSoon | Found
"""What an event is about: a grant as it was after a change, a grant that is about to end, or a finding."""


def kinds_of(matter: Matter) -> tuple[Kind, ...]:
    """The events that something gives, in the order in which they are told."""
    match matter:
        case Found():
            return (BY_FINDING[matter.what],)
        case EndingSoon():
            return (Kind.ENDING_SOON,)
    last = matter.occurrence
    broken = (Kind.BROKEN_GLASS,) if matter.break_glass and last.number == 0 else ()
    if last.event is Event.EXTENDED and not any(one.at == last.at for one in matter.decisions):
        return ()
    return (*broken, *(BY_EVENT[last.event] if last.event else BY_STATE[last.state]))


def id_of(matter: Matter, kind: Kind) -> str:
    """The event's id: the same whenever and however often it is told."""
    match matter:
        case Found():
            subject = short_hash(matter.subject.lower(), _SUBJECT_LENGTH)
            return f"{subject}-{matter.what}-{_stamp(matter.at)}-{matter.number}"
        case EndingSoon():
            return f"{matter.grant.id}-{kind.word}-{_stamp(matter.at)}"
    return f"{matter.id}-{matter.occurrence.number}-{kind.word}"


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"


def time_of(matter: Matter) -> datetime:
    """When it happened; for an end that is near, when that was."""
    match matter:
        case Found():
            return matter.at
        case EndingSoon():
            return matter.at
    return matter.occurrence.at


def machine_of(matter: Matter) -> str:
    """The resource that it is about: a machine, or, for some findings, a group."""
    match matter:
        case Found():
            return matter.subject
        case EndingSoon():
            return str(matter.grant.machine)
    return str(matter.machine)


def warns_at(grant: Grant, lead: timedelta) -> datetime | None:
    """When to tell that an end is near, seen from the change that set the end; None when there is nothing to tell."""
    last = grant.occurrence
    sets_end = grant.state is State.ACTIVE and last.event in {None, Event.EXTENDED}
    return grant.ends_at - lead if sets_end and grant.ends_at - last.at > 2 * lead else None


def is_told(grant: Grant, lead: timedelta) -> bool:
    """Whether the last change of a grant is something that anybody is told of, now or later."""
    return bool(kinds_of(grant)) or warns_at(grant, lead) is not None


def in_brief(grant: Grant) -> Grant:
    """A grant without what never changes about it or is not told, so that it fits in a message."""
    last = replace(grant.occurrence, detail=grant.occurrence.detail[:_LONGEST_DETAIL])
    return replace(grant, ports=(), rules=(), nsgs=(), decisions=(), justification="", occurrence=last)


def in_full(brief: Grant, kept: Grant) -> Grant:
    """A grant as it was when it was put in brief, with what never changes from how it is kept now."""
    decisions = tuple(one for one in kept.decisions if one.at <= brief.occurrence.at)
    return replace(brief, ports=kept.ports, decisions=decisions, justification=kept.justification)
