"""Attempts on attack: who was turned away, seen together over all logs, and whether any of them got in.

Whoever was denied, or could not sign in, has tried. What became of it is the worst that the logs show: a sign-in
outside of any grant, then flows that another rule let in, then what a grant let in, and else it was denied throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.evidence import Counts, Evidence, Failures, SignIn, Source
from shared.domain.records import Stay

_NAMES_SHOWN: Final = 50


class Became(StrEnum):
    """What became of attempts. The set is closed; the worst comes first."""

    SIGNED_IN = "signedIn"  # Somebody signed in from there, outside of any grant.
    REACHED = "reached"  # Another rule than a grant's let it through.
    GRANTED = "granted"  # Turned away at some time, and let in by a grant at another.
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
    rules: tuple[str, ...] = ()  # Those that let something in.
    first_denied: datetime | None = None
    last_denied: datetime | None = None
    first_in: datetime | None = None  # Since when other rules than grants' let it through.
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
    tried = {address for address, one in sources.items() if one.counts.denied} | set(failed)
    found = (_attack(sources.get(one), failed.get(one, []), signed.get(one, []), every) for one in tried)
    return tuple(sorted(found, key=lambda one: (-one.attempts, one.source)))


def outside(sign_ins: Iterable[SignIn], known: Iterable[Stay]) -> Iterator[SignIn]:
    """The sign-ins that no grant covers."""
    every = tuple(known)
    return (one for one in sign_ins if not any(stay.covers(one.machine, one.source, one.at) for stay in every))


def _attack(source: Source | None, failed: list[Failures], signed: list[SignIn], known: tuple[Stay, ...]) -> Attack:
    address = source.address if source else failed[0].source
    seen = (*((source,) if source else ()), *failed)
    users = sorted({user for one in failed for user in one.users})
    return Attack(
        source=address,
        became=_became(source, failed, signed, known),
        counts=source.counts if source else Counts(),
        failures=sum(one.count for one in failed),
        first=min(one.first for one in seen),
        last=max(one.last for one in seen),
        country=source.country if source else "",
        ports=source.ports if source else (),
        machines=tuple(sorted({*(source.machines if source else ()), *(one.machine for one in failed)})),
        users=tuple(users[:_NAMES_SHOWN]),
        rules=source.rules if source else (),
        first_denied=source.first_denied if source else None,
        last_denied=source.last_denied if source else None,
        first_in=source.first_allowed if source else None,
        sign_ins=len(signed),
    )


def _became(source: Source | None, failed: list[Failures], signed: list[SignIn], known: tuple[Stay, ...]) -> Became:
    if signed:
        return Became.SIGNED_IN
    if source and source.counts.allowed:
        return Became.REACHED
    if source and source.counts.granted:
        return Became.GRANTED
    if not failed:
        return Became.DENIED
    # A sign-in fails on the machine itself, so that something let the packets through, whether the flows tell or not.
    by_grants = all(any(stay.covers(one.machine, one.source, one.first) for stay in known) for one in failed)
    return Became.GRANTED if by_grants else Became.REACHED
