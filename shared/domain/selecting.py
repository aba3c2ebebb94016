"""Which machines a list shows, and in which order: the questions that a person puts to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.inventory import Sighting, State
from shared.domain.listing import Condition, Row, Urgency, Use

type Place = tuple[int | str, ...]
"""Where a machine stands in a list of one order; two machines never stand in the same place."""


class By(StrEnum):
    """What a list is in the order of."""

    URGENCY = "urgency"
    NAME = "name"
    RESOURCE_GROUP = "resourceGroup"
    LOCATION = "location"


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list. By urgency the worst stands first, and by anything else the alphabet decides."""

    by: By = By.URGENCY
    descending: bool = False

    def place(self, one: Row) -> Place:
        """Where a row stands."""
        sighting = one.sighting
        name = (sighting.name.lower(), sighting.id.lower())
        match self.by:
            case By.URGENCY:
                return (*one.severity, *name)
            case By.NAME:
                return name
            case By.RESOURCE_GROUP:
                return (sighting.group.lower(), *name)
            case By.LOCATION:
                return (sighting.location.lower(), *name)

    @property
    def shape(self) -> tuple[type, ...]:
        """What the parts of a place are."""
        match self.by:
            case By.URGENCY:
                return (int, int, str, str)
            case By.NAME:
                return (str, str)
            case By.RESOURCE_GROUP | By.LOCATION:
                return (str, str, str)

    def follows(self, place: Place, after: Place | None) -> bool:
        """Whether a place comes behind another one; everything comes behind None."""
        return after is None or (place < after if self.descending else place > after)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which machines a list shall show; an empty set means all, and so does an empty text."""

    states: frozenset[State] = frozenset()
    text: str = ""
    subscription: str | None = None
    systems: frozenset[str] = frozenset()  # Operating systems in lower case.
    urgencies: frozenset[Urgency] = frozenset()
    conditions: frozenset[Condition] = frozenset()

    def shows(self, one: Row) -> bool:
        """Whether a row is to be shown."""
        return (
            (not self.states or one.state in self.states)
            and (not self.urgencies or one.urgency in self.urgencies)
            and (not self.conditions or not self.conditions.isdisjoint(one.conditions))
            and (not self.systems or one.sighting.system.lower() in self.systems)
            and (not self.text or any(self.text in word for word in _words(one.sighting)))
        )


def _words(sighting: Sighting) -> Iterable[str]:
    """What a machine can be searched by."""
    yield sighting.name.lower()
    yield sighting.group.lower()
    yield sighting.location.lower()
    yield from (place.address.lower() for place in sighting.places)
    yield from map(str.lower, sighting.public_addresses)
    yield from (f"{name}={value}".lower() for name, value in sighting.tags)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows with their use, where the next page begins, and how many machines there are in each tab."""

    rows: Sequence[tuple[Row, Use | None]]
    next: Place | None
    counts: Mapping[State, int]
    at: datetime
    warnings: tuple[str, ...]
    attempts: Mapping[str, int] = field(default_factory=dict)  # Those of the last 24 hours, as logs name machines.
