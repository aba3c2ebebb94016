"""Sign-ins, each with the grant that let it in, where one did."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.domain.evidence import Failures, SignIn
from shared.domain.records import SLACK, Stay

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Visit:
    """A sign-in, and the grant that let it in; None: none did."""

    sign_in: SignIn
    stay: Stay | None

    @property
    def is_excused(self) -> bool:
        """Whether it surely came by the grant: a grant for everybody says nothing of who came."""
        return self.stay is not None and self.stay.is_narrow


@dataclass(slots=True)
class _Shelf:
    """The stays of one machine, in the order in which they began; how long the longest of those that are over was."""

    over: list[Stay] = field(default_factory=list)
    open: list[Stay] = field(default_factory=list)
    longest: timedelta = timedelta()

    def near(self, at: datetime) -> Iterator[Stay]:
        """Those that may go on at a time: of thousands a few."""
        yield from self.open
        first = bisect_left(self.over, at - self.longest - 2 * SLACK, key=_beginning)
        yield from self.over[first : bisect_right(self.over, at + SLACK, key=_beginning)]


def _beginning(stay: Stay) -> datetime:
    return stay.began or _LONG_AGO


class Stays:
    """The stays that are known, found by their machine and time."""

    def __init__(self, known: Iterable[Stay]) -> None:
        self._by_machine: dict[str, _Shelf] = {}
        for stay in sorted(known, key=_beginning):
            shelf = self._by_machine.setdefault(stay.machine_key, _Shelf())
            if stay.began is None or stay.over is None:
                shelf.open.append(stay)
            else:
                shelf.over.append(stay)
                shelf.longest = max(shelf.longest, stay.over - stay.began)

    def visit(self, one: SignIn) -> Visit:
        """A sign-in with the grant that covers it; of several one for few addresses, and that was asked for last."""
        covering = self._covering(one.machine, one.source, one.at)
        return Visit(one, max(covering, key=lambda stay: (stay.is_narrow, stay.grant), default=None))

    def cover(self, failed: Failures) -> bool:
        """Whether somebody who could not sign in had come by a grant, the first time and the last."""
        times = (failed.first, failed.last)
        return all(any(one.is_narrow for one in self._covering(failed.machine, failed.source, at)) for at in times)

    def _covering(self, machine: str, source: str, at: datetime) -> list[Stay]:
        shelf = self._by_machine.get(machine)
        return [stay for stay in shelf.near(at) if stay.covers(machine, source, at)] if shelf else []


def visits(sign_ins: Iterable[SignIn], known: Iterable[Stay]) -> Iterator[Visit]:
    """Each sign-in with the grant that covers it."""
    stays = Stays(known)
    return (stays.visit(one) for one in sign_ins)


def outside(sign_ins: Iterable[SignIn], known: Iterable[Stay]) -> Iterator[SignIn]:
    """The sign-ins that no grant excuses."""
    return (visit.sign_in for visit in visits(sign_ins, known) if not visit.is_excused)
