"""A grant: one caller's time-boxed access to ports of one machine from given sources.

Each change of state goes through `_changed`, which asks `lifecycle` and leaves exactly one audit record in the
grant itself. The record is stored together with the new state, so that no crash can part the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.approvals import Approval, Decision, Extension, Question, Verdict
from shared.domain.lifecycle import HOLDING, UNFINISHED, WAITING, Event, Reason, State, advance
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.domain.ranges import Span
from shared.domain.rules import Protocol


@dataclass(frozen=True, slots=True)
class GrantPort:
    """A span of ports of a grant, its protocol, and who gets in."""

    span: Span
    protocol: Protocol
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """An allow rule of a grant, where it was seen."""

    nsg: str
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One line of the audit: what happened to which grant, when, by whom, and why."""

    number: int  # Counts the changes of one grant from 0; with the grant's id it names the record.
    state: State
    at: datetime
    by: Person | None  # None: Postern itself, for example because time was up.
    reason: Reason | None = None
    detail: str = ""
    event: Event | None = None  # What happened, where the state alone does not tell.


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant and its latest audit record."""

    id: str
    machine: MachineId
    state: State
    requestor: Person
    ports: tuple[GrantPort, ...]
    requested_at: datetime
    # The end: as asked for, or the duration from when it opened. Until it has opened this is the end that
    # it would have if it opened at its start, or at once, so that a deadline is stored before any hole exists.
    ends_at: datetime
    occurrence: Occurrence
    duration: timedelta | None = None  # None: the end was asked for as a time.
    justification: str = ""
    started_at: datetime | None = None
    rules: tuple[PlacedRule, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    nsgs: tuple[str, ...] = ()  # Where its rules may stand; closing looks there and needs no policy.
    ticket: str = ""
    starts_at: datetime | None = None  # The start that was asked for; None: as soon as may be.
    lapses_at: datetime | None = None  # When a request that nobody approved is over; None: it needed no approval.
    admitted_at: datetime | None = None  # Since when it may open.
    decisions: tuple[Decision, ...] = ()
    extension: Extension | None = None
    break_glass: bool = False  # Opened without the approval that the policy asks for.
    asked_as: tuple[str, ...] = ()  # Which of those who might ask the requestor was: itself, or groups of which it is.

    @property
    def unfinished(self) -> bool:
        """Whether something is still to come of this grant."""
        return self.state in UNFINISHED

    @property
    def holding(self) -> bool:
        """Whether something of this grant may be open."""
        return self.state in HOLDING

    @property
    def approvals(self) -> frozenset[str]:
        """The object ids of those who approved what now waits: the longer stay if there is one, else the request."""
        question = Question.EXTENSION if self.extension else Question.REQUEST
        # What was said about an earlier wish does not count for this one; the clocks of two processes cannot tell.
        since = self.extension.said_before if self.extension else 0
        said = (one for one in self.decisions[since:] if one.about is question)
        return frozenset(one.by.id for one in said if one.verdict is Verdict.APPROVED)

    def agreed(self, approval: Approval) -> frozenset[str]:
        """Those of `approvals` that count: by people whom the policy, as it now is, still names."""
        said = {one.by.id: one.named_as for one in self.decisions if one.verdict is Verdict.APPROVED}
        return frozenset(id_ for id_ in self.approvals if approval.names(frozenset({id_, *said[id_]})))

    def wakes_at(self, opening: timedelta) -> datetime:
        """When something has to be done about it, should nobody do it before. `opening` is how long that may take."""
        match self.state:
            case State.PENDING if self.lapses_at:
                return self.lapses_at
            case State.SCHEDULED if self.starts_at:
                return self.starts_at
            case State.OPENING:
                return min(self.ends_at, (self.admitted_at or self.requested_at) + opening)
            case State.CLOSING:
                return self.occurrence.at
        return self.ends_at

    def noted(self, opening: timedelta) -> frozenset[datetime]:
        """All times at which something may have been noted to be done about it."""
        opened_by = min(self.ends_at, (self.admitted_at or self.requested_at) + opening)
        times = (self.ends_at, self.occurrence.at, opened_by, self.starts_at, self.lapses_at)
        return frozenset(time for time in times if time)

    def approved(self, decision: Decision) -> Grant:
        """An approver agreed, and others still have to."""
        decided = replace(self, decisions=(*self.decisions, decision))
        return _told(_changed(decided, Event.APPROVED, decision.at, decision.by), Event.APPROVED, decision.comment)

    def admitted_by(self, decision: Decision) -> Grant:
        """The last approver who had to agree did so: it opens, or waits for its start."""
        decided = replace(self, decisions=(*self.decisions, decision))
        if self.starts_at and self.starts_at > decision.at:
            postponed = _changed(decided, Event.POSTPONED, decision.at, decision.by)
            return _told(postponed, Event.APPROVED, decision.comment)
        return _told(decided.admitted(decision.at, decision.by), Event.APPROVED, decision.comment)

    def admitted(self, now: datetime, by: Person | None = None) -> Grant:
        """Its time has come: it may open. The time that it waited does not eat its duration."""
        ends_at = now + self.duration if self.duration is not None else self.ends_at
        return replace(_changed(self, Event.ADMITTED, now, by), admitted_at=now, ends_at=ends_at)

    def denied(self, decision: Decision) -> Grant:
        """An approver said no to the request."""
        decided = replace(self, decisions=(*self.decisions, decision))
        return decided.ended(decision.at, Reason.DENIED, decision.by, decision.comment)

    def opened(self, now: datetime, rules: tuple[PlacedRule, ...]) -> Grant:
        """The hole was seen open: the clock starts now, but where the end stands in the rule itself already."""
        ends_at = self.ends_at if self.duration is None or self.machine.is_host else now + self.duration
        return replace(_changed(self, Event.OPENED, now), started_at=now, ends_at=ends_at, rules=rules)

    def extension_asked(self, extension: Extension, by: Person) -> Grant:
        """A longer stay was asked for, and has to be approved."""
        asked = replace(self, extension=replace(extension, said_before=len(self.decisions)))
        changed = _changed(asked, Event.EXTENSION_ASKED, extension.asked_at, by)
        return _told(changed, Event.EXTENSION_ASKED, extension.justification)

    def extension_denied(self, decision: Decision) -> Grant:
        """An approver said no to the longer stay; the grant goes on until its own end."""
        decided = replace(self, extension=None, decisions=(*self.decisions, decision))
        changed = _changed(decided, Event.EXTENSION_DENIED, decision.at, decision.by)
        return _told(changed, Event.EXTENSION_DENIED, decision.comment)

    def extension_cancelled(self, now: datetime, by: Person, comment: str) -> Grant:
        """The longer stay is no longer wanted."""
        changed = _changed(replace(self, extension=None), Event.EXTENSION_CANCELLED, now, by)
        return _told(changed, Event.EXTENSION_CANCELLED, comment)

    def extended(self, now: datetime, ends_at: datetime, by: Person, why: str = "") -> Grant:
        """It may stay open until a later time."""
        changed = _changed(replace(self, extension=None, ends_at=ends_at), Event.EXTENDED, now, by)
        return _told(changed, Event.EXTENDED, f"until {ends_at:%Y-%m-%dT%H:%M:%SZ}{f': {why}' if why else ''}")

    def extended_by(self, decision: Decision, ends_at: datetime) -> Grant:
        """The last approver who had to agree to the longer stay did so."""
        decided = replace(self, decisions=(*self.decisions, decision))
        return decided.extended(decision.at, ends_at, decision.by, decision.comment)

    def ended(self, now: datetime, reason: Reason, by: Person | None = None, detail: str = "") -> Grant:
        """It has to close; one that waits is over at once."""
        event = Event.DROPPED if self.state in WAITING else Event.ENDED
        return _changed(replace(self, reason=reason, detail=detail, extension=None), event, now, by)

    def gone(self, now: datetime) -> Grant:
        """Its rules were seen gone."""
        return replace(_changed(self, Event.GONE, now), rules=())

    def expired(self, now: datetime) -> Grant:
        """Its time is up, and its rules were seen gone before anything else was done about it."""
        return replace(self, reason=Reason.DEADLINE, detail="", extension=None).gone(now)


@dataclass(frozen=True, slots=True)
class GrantFilter:
    """Which grants a list shall show; None means any."""

    machine: MachineId | None = None
    requestor: str | None = None
    states: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST under an Idempotency-Key: what was asked (as a digest) and which grant it was to become."""

    digest: str
    grant: str


def _changed(grant: Grant, event: Event, now: datetime, by: Person | None = None) -> Grant:
    state = advance(grant.state, event, grant.reason)
    number = grant.occurrence.number + 1
    return replace(grant, state=state, occurrence=Occurrence(number, state, now, by, grant.reason, grant.detail))


def _told(grant: Grant, event: Event, detail: str) -> Grant:
    """The grant with its occurrence told as what happened, where the state alone does not tell."""
    return replace(grant, occurrence=replace(grant.occurrence, event=event, detail=detail))
