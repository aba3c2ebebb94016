"""Computers outside Azure as people look at them: what Azure Arc knows and what reports, and where each stands."""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.computers import Computer, merged
from shared.domain.evidence import Evidence, Gap, Lack, Part, Scope
from shared.domain.onboarding import Place, usual_place
from shared.domain.readiness import Look, State, state
from shared.services.glancing import whole_minute
from shared.services.world import World

_LOOK_BACK: Final = timedelta(days=1)
_RANK: Final = {one: number for number, one in enumerate(State)}
_UNHEARD: Final = "No workspace of Log Analytics is set (POSTERN_WORKSPACE): which computers report to it is not known."

type Seat = tuple[int | str, ...]
"""Where a computer stands in the list: what has most to be done first, then by name; no two have the same seat."""

SEAT: Final = (int, str, str)
"""What the parts of a seat are."""


@dataclass(frozen=True, slots=True)
class Seen:
    """All computers outside Azure with where they stand, and what cannot be told of them."""

    at: datetime
    found: Sequence[tuple[Computer, State]]
    look: Look
    place: Place  # Where most servers are, which is where a computer goes that Azure Arc does not know.
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which computers a list shall show; an empty set means all, and so does an empty text."""

    states: frozenset[State] = frozenset()
    text: str = ""

    def shows(self, computer: Computer, where: State) -> bool:
        """Whether a computer is to be shown."""
        is_of_these = not self.states or where in self.states
        return is_of_these and (not self.text or any(self.text in word for word in _words(computer)))


@dataclass(frozen=True, slots=True)
class Page:
    """Some computers, where the next page begins, and how many there are in each state."""

    rows: Sequence[tuple[Computer, State]]
    next: Seat | None
    counts: Mapping[State, int]
    seen: Seen


async def look(world: World) -> Seen:
    """All computers outside Azure. Raises Unavailable; what the logs cannot tell is a gap."""
    until = whole_minute(world.clock.now())
    scope = Scope(world.subscriptions, until - _LOOK_BACK, until)
    shown, told = await asyncio.gather(
        world.servers.servers(world.subscriptions), world.logs.tell(scope, {Part.REPORTERS})
    )
    gaps = tuple(_gaps(world, told, shown.unreadable))
    seen_by = Look(world.clock.now(), gaps[0].text if Part.REPORTERS in told.lacking and gaps else "")
    found = [(one, state(one, seen_by)) for one in merged(shown.servers, told.reporters)]
    return Seen(shown.at, found, seen_by, usual_place(shown.servers), gaps)


async def page(world: World, wanted: Wanted, size: int, after: Seat | None) -> Page:
    """A page of the computers. Raises Unavailable."""
    seen = await look(world)
    counts = Counter(where for _, where in seen.found)
    shown = (one for one in seen.found if wanted.shows(*one) and (after is None or seat(*one) > after))
    first = heapq.nsmallest(size + 1, shown, key=lambda one: seat(*one))
    rows = first[:size]
    return Page(rows, seat(*rows[-1]) if len(first) > size else None, counts, seen)


def seat(computer: Computer, where: State) -> Seat:
    """Where a computer stands in the list."""
    return _RANK[where], computer.name.lower(), computer.key


def _gaps(world: World, told: Evidence, unreadable: int) -> Iterator[Gap]:
    if not world.logs.workspace:
        yield Gap(Lack.NO_WORKSPACE, "POSTERN_WORKSPACE", _UNHEARD)
    else:
        yield from told.gaps
    if unreadable:
        text = f"{unreadable} servers of Azure Arc are described in a way that Postern does not understand."
        yield Gap(Lack.FAILED, "servers", text)


def _words(computer: Computer) -> Iterator[str]:
    """What a computer can be searched by."""
    yield computer.name.lower()
    yield from computer.names
    yield from map(str.lower, computer.addresses)
    if server := computer.server:
        yield server.group.lower()
        yield server.location.lower()
        yield from (f"{name}={value}".lower() for name, value in server.tags)
