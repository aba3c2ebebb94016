"""The activity: everything that happened around machines, in one line of time.

It is folded from the record of what Postern did and from what the logs tell. What a source tried is one entry, however
often it tried, and stands where it was last seen. A sign-in is tied to the grant that let it in, where one did.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.attacks import Attack, attacks
from shared.domain.evidence import Alert, Edit, Evidence
from shared.domain.keys import short_hash
from shared.domain.records import Record, Stay
from shared.domain.visits import Visit, visits

_ID_LENGTH = 16


class Kind(StrEnum):
    """What an entry is about. The set is closed."""

    GRANT = "grant"
    POLICY = "policy"
    FINDING = "finding"
    ATTACK = "attack"
    SIGN_IN = "signIn"
    RULE_EDIT = "ruleEdit"
    ALERT = "alert"


type Matter = Record | Attack | Visit | Edit | Alert

type Place = tuple[datetime, str]
"""Where an entry stands: its time, and its id among those of the same time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the activity."""

    id: str
    at: datetime
    kind: Kind
    matter: Matter

    @property
    def place(self) -> Place:
        """Where it stands."""
        return (self.at, self.id)

    @property
    def grant(self) -> str:
        """The grant that it is about; empty when it is about none."""
        match self.matter:
            case Record():
                return self.matter.grant
            case Visit():
                return self.matter.stay.grant if self.matter.stay else ""
        return ""

    def words(self) -> Iterator[str]:
        """What it can be searched by, in lower case."""
        yield from (word.lower() for word in _words(self.matter) if word)


def fold(records: Iterable[Record], evidence: Evidence, known: Collection[Stay], since: datetime) -> tuple[Entry, ...]:
    """All entries since a time, the newest first. `known` are the grants by which somebody may have come."""
    found = [_of_record(one) for one in records if one.at >= since]
    found += [_of_attack(one) for one in attacks(evidence, known)]
    # Logs may hold a sign-in twice, as Windows does for whoever has an elevated token as well.
    found += [_of_visit(one) for one in visits(dict.fromkeys(evidence.sign_ins), known)]
    found += [Entry(f"e-{one.id}", one.at, Kind.RULE_EDIT, one) for one in evidence.edits]
    found += [Entry(f"d-{short_hash(one.id, _ID_LENGTH)}", one.at, Kind.ALERT, one) for one in evidence.alerts]
    return tuple(sorted(found, key=lambda one: one.place, reverse=True))


def own(entries: Iterable[Entry], grants: Collection[str]) -> tuple[Entry, ...]:
    """What is about some grants. Who came while one for everybody stood open may be anybody, and is nobody's to see."""
    return tuple(
        one for one in entries if one.grant in grants and (not isinstance(one.matter, Visit) or one.matter.is_excused)
    )


def _of_record(record: Record) -> Entry:
    kind = Kind.GRANT if record.grant else Kind.FINDING if record.is_finding else Kind.POLICY
    return Entry(f"r-{short_hash(record.key, _ID_LENGTH)}", record.at, kind, record)


def _of_attack(attack: Attack) -> Entry:
    return Entry(f"a-{short_hash(attack.source, _ID_LENGTH)}", attack.last, Kind.ATTACK, attack)


def _of_visit(visit: Visit) -> Entry:
    one = visit.sign_in
    name = short_hash(f"{one.at.isoformat()}|{one.machine}|{one.source}|{one.user}", _ID_LENGTH)
    return Entry(f"s-{name}", one.at, Kind.SIGN_IN, visit)


def _words(matter: Matter) -> Iterable[str]:
    match matter:
        case Record():
            by = matter.by
            names = (by.name, by.id, by.address or "") if by else ("Postern",)
            return (
                matter.kind, matter.subject, matter.grant, matter.ports, matter.justification, matter.ticket,
                matter.reason, matter.detail, *names,
            )  # fmt: skip
        case Attack():
            ports = map(str, matter.ports)
            return (
                matter.source,
                matter.country,
                matter.became,
                *matter.machines,
                *matter.users,
                *matter.rules,
                *ports,
            )
        case Visit():
            one, stay = matter.sign_in, matter.stay
            return (one.machine, one.source, one.user, *((stay.grant, stay.requestor.name) if stay else ()))
        case Edit():
            return (matter.resource, matter.operation, matter.caller, matter.address)
    return (matter.machine, matter.name, matter.severity, matter.text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; what is empty stands for any."""

    kinds: frozenset[Kind] = frozenset()
    text: str = ""

    def shows(self, entry: Entry) -> bool:
        """Whether an entry is to be shown."""
        if self.kinds and entry.kind not in self.kinds:
            return False
        return not self.text or any(self.text in word for word in entry.words())


EVERYTHING: Final = Wanted()
