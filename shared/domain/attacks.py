"""Attempts on attack: who was turned away, seen together over all logs, and whether any of them got in.

Whoever was denied, or could not sign in, has tried. What became of it is the worst that the logs show: a sign-in
outside of any grant, then flows that another rule let in where others were denied, then what a grant let in. Whoever
was let in only elsewhere, to a web server for example, was denied throughout where it was denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.evidence import Counts, Evidence, Failures, LetIn, SignIn, Source
from shared.domain.records import Stay
from shared.domain.visits import Stays, outside

_NAMES_SHOWN: Final = 50


class Became(StrEnum):
    """What became of attempts. The set is closed; the worst comes first."""

    SIGNED_IN = "signedIn"  # Somebody signed in from there, outside of any grant.
    REACHED = "reached"  # Another rule than a grant's let it in where it had been denied.
    GRANTED = "granted"  # Turned away at some time, and let in by a grant at another.
    ELSEWHERE = "elsewhere"  # Denied throughout where it was denied, and let in to other ports.
    DENIED = "denied"  # Denied throughout.


@dataclass(frozen=True, slots=True)
class Attack:
    """What one address tried."""

    source: str
    became: Became
    counts: Counts
    failures: int  # Sign-ins that failed.
    first: datetime
    last: datetime
    country: str = ""
    ports: tuple[int, ...] = ()
    machines: tuple[str, ...] = ()  # As logs name them.
    users: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()  # Those that let it in where it had been denied.
    first_in: datetime | None = None  # Since when these rules let it in.
    sign_ins: int = 0  # Those outside of any grant.

    @property
    def attempts(self) -> int:
        """How often it tried: flows that were denied, and sign-ins that failed."""
        return self.counts.denied + self.failures


def attacks(evidence: Evidence, known: Iterable[Stay]) -> tuple[Attack, ...]:
    """Everybody who tried, the most persistent first."""
    every, sources = tuple(known), {one.address: one for one in evidence.sources}
    failed: dict[str, list[Failures]] = {}
    for one in evidence.failures:
        failed.setdefault(one.source, []).append(one)
    signed: dict[str, list[SignIn]] = {}
    for sign_in in outside(evidence.sign_ins, every):
        signed.setdefault(sign_in.source, []).append(sign_in)
    reached: dict[str, list[LetIn]] = {}
    for let_in in evidence.reached:
        reached.setdefault(let_in.passed.source, []).append(let_in)
    tried, stays = set(sources) | set(failed), Stays(every)
    found = (
        _attack(_Signs(sources.get(one), failed.get(one, []), signed.get(one, []), reached.get(one, [])), stays)
        for one in tried
    )
    return tuple(sorted(found, key=lambda one: (-one.attempts, one.source)))


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the logs have about one address."""

    source: Source | None
    failed: list[Failures]
    signed: list[SignIn]  # Outside of any grant.
    reached: list[LetIn]


def _attack(signs: _Signs, known: Stays) -> Attack:
    source, failed, reached = signs.source, signs.failed, signs.reached
    seen = (*((source,) if source else ()), *failed)
    users = sorted({user for one in failed for user in one.users})
    return Attack(
        source=source.address if source else failed[0].source,
        became=_became(signs, known),
        counts=source.counts if source else Counts(),
        failures=sum(one.count for one in failed),
        first=min(one.first for one in seen),
        last=max(one.last for one in seen),
        country=source.country if source else "",
        ports=source.ports if source else (),
        machines=tuple(sorted({*(source.machines if source else ()), *(one.machine for one in failed)})),
        users=tuple(users[:_NAMES_SHOWN]),
        rules=tuple(sorted({one.passed.rule for one in reached})),
        first_in=min((one.passed.first for one in reached), default=None),
        sign_ins=len(signs.signed),
    )


def _became(signs: _Signs, known: Stays) -> Became:
    if signs.signed:
        return Became.SIGNED_IN
    # A sign-in fails on the machine itself, so that something let the packets through, whether the flows tell or not.
    if signs.reached or not all(map(known.cover, signs.failed)):
        return Became.REACHED
    counts = signs.source.counts if signs.source else Counts()
    if counts.granted or signs.failed:
        return Became.GRANTED
    return Became.ELSEWHERE if counts.allowed else Became.DENIED
