"""A grant: one caller's time-boxed access to ports of one machine from given sources.

Each change of state goes through `_changed`, which asks `lifecycle` and leaves exactly one audit record in the
grant itself. The record is stored together with the new state, so that no crash can part the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.lifecycle import UNFINISHED, Event, Reason, State, advance
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
    # it would have if it opened at once, so that a deadline is stored before any hole exists.
    ends_at: datetime
    occurrence: Occurrence
    duration: timedelta | None = None  # None: the end was asked for as a time.
    justification: str = ""
    started_at: datetime | None = None
    rules: tuple[PlacedRule, ...] = ()
    reason: Reason | None = None
    detail: str = ""
    nsgs: tuple[str, ...] = ()  # Where its rules may stand; closing looks there and needs no policy.

    @property
    def unfinished(self) -> bool:
        """Whether something of this grant may still be open."""
        return self.state in UNFINISHED

    def opened(self, now: datetime, rules: tuple[PlacedRule, ...]) -> Grant:
        """The hole was seen open: the clock starts now."""
        ends_at = now + self.duration if self.duration is not None else self.ends_at
        return replace(_changed(self, Event.OPENED, now), started_at=now, ends_at=ends_at, rules=rules)

    def extended(self, now: datetime, ends_at: datetime, by: Person, detail: str) -> Grant:
        """It may stay open until a later time."""
        changed = _changed(self, Event.EXTENDED, now, by)
        told = replace(changed.occurrence, event=Event.EXTENDED, detail=detail)
        return replace(changed, ends_at=ends_at, occurrence=told)

    def ended(self, now: datetime, reason: Reason, by: Person | None = None, detail: str = "") -> Grant:
        """It has to close."""
        return _changed(replace(self, reason=reason, detail=detail), Event.ENDED, now, by)

    def gone(self, now: datetime) -> Grant:
        """Its rules were seen gone."""
        return replace(_changed(self, Event.GONE, now), rules=())


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
