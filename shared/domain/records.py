"""The record of what Postern did, as it is read back, and the stays that follow from it.

A stay is the time in which a grant's hole stood open. It begins with the change that had it opened, which is a little
before it was seen open, and is over when its rules were seen gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.addresses import is_address, is_wide, parse_address, parse_prefix, parse_prefixes
from shared.domain.evidence import log_key
from shared.domain.findings import What
from shared.domain.lifecycle import ENDS, Event, State
from shared.domain.machines import MachineId
from shared.domain.people import Person


def grant_kind(word: str) -> str:
    """The kind of a record about a grant, from the state that it reached or what else happened to it."""
    return f"grant{word[0].upper()}{word[1:]}"


POLICY_SET, POLICY_REMOVED = "policySet", "policyRemoved"
_OPENS: Final = frozenset(map(grant_kind, (State.OPENING, State.ACTIVE)))
_OVER: Final = frozenset(map(grant_kind, ENDS.values()))
_EXTENSIONS: Final = (Event.EXTENSION_ASKED, Event.EXTENSION_DENIED, Event.EXTENSION_CANCELLED, Event.EXTENDED)
_LATER: Final = frozenset(map(grant_kind, (*_EXTENSIONS, State.CLOSING)))  # These happen after an opening.
# Machines tell the time themselves, and not to the second as Postern does.
SLACK: Final = timedelta(seconds=5)
_FINDINGS: Final = frozenset(map(str, What))


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the record."""

    key: str  # Names the record; records of one moment are told apart by it.
    at: datetime
    kind: str
    subject: str  # The resource id of a machine, or, for some findings, of a group.
    by: Person | None = None  # None: Postern itself.
    grant: str = ""
    requestor: str = ""  # The object id of whoever asked for the grant.
    ports: str = ""
    justification: str = ""
    ticket: str = ""
    break_glass: bool = False
    reason: str = ""
    detail: str = ""

    @property
    def is_finding(self) -> bool:
        """Whether it is about something that was found to be otherwise than it was left."""
        return self.kind in _FINDINGS

    @property
    def sources(self) -> tuple[str, ...]:
        """From where the grant lets in: what stands after each port."""
        return tuple(sorted({source for port in self.ports.split(", ") for source in port.split(" ")[1:]}))


@dataclass(frozen=True, slots=True)
class Stay:
    """A grant's time on its machine."""

    grant: str
    machine: MachineId
    requestor: Person  # By whom it was asked for; without a name where only a later change is on record.
    sources: tuple[str, ...]
    began: datetime | None  # None: before the record that is at hand.
    opened: bool = False  # Whether it is known to have been open.
    over: datetime | None = None  # None: it goes on.

    @property
    def machine_key(self) -> str:
        """Its machine, as logs name it."""
        return log_key(self.machine)

    def covers(self, machine: str, source: str, at: datetime) -> bool:
        """Whether somebody who comes from an address to a machine at a time may have come by this grant."""
        within = (self.began is None or self.began - SLACK <= at) and (self.over is None or at <= self.over + SLACK)
        return within and machine == self.machine_key and self.lets_in(source)

    @property
    def is_narrow(self) -> bool:
        """Whether its sources are few enough that who comes from one of them came by this grant."""
        try:
            return not is_wide(parse_prefixes(self.sources))
        except ValueError:
            return False

    def lets_in(self, source: str) -> bool:
        """Whether an address is among those that the grant names."""
        return is_address(source) and any(_holds(prefix, source) for prefix in self.sources)


def _holds(prefix: str, address: str) -> bool:
    try:
        return parse_address(address) in parse_prefix(prefix)
    except ValueError:  # A service tag: who that is nobody here knows.
        return False


def stays(records: Iterable[Record]) -> Mapping[str, Stay]:
    """The stays that records tell of, by grant."""
    found: dict[str, Stay] = {}
    for record in sorted((one for one in records if one.grant), key=lambda one: (one.at, one.key)):
        stay = found.get(record.grant) or _begun(record)
        found[record.grant] = _after(stay, record)
    # A request of which nothing can have stood open is no stay.
    return {grant: stay for grant, stay in found.items() if stay.began or stay.opened}


def _begun(record: Record) -> Stay:
    by = record.by if record.by and record.by.id == record.requestor else Person(record.requestor, "")
    return Stay(record.grant, MachineId(record.subject), by, record.sources, None)


def _after(stay: Stay, record: Record) -> Stay:
    if record.kind in _OPENS:
        opened = record.kind == grant_kind(State.ACTIVE)
        return replace(stay, began=stay.began or record.at, opened=stay.opened or opened)
    if record.kind in _LATER:
        # A grant may stay open for days when it is extended: its beginning may be before the record that is at hand.
        return replace(stay, opened=stay.opened or stay.began is None)
    if record.kind in _OVER:
        # Only what was open expires, also where its beginning is not at hand.
        return replace(stay, over=record.at, opened=stay.opened or record.kind == grant_kind(State.EXPIRED))
    return stay
