"""Attempts on attack: who was turned away, seen together over all logs, and whether any of them got in.

Whoever was denied, or could not sign in, has tried. What became of it is the worst that the logs show: a sign-in
outside of any grant, then flows that another rule let in where others were denied, then what a grant let in. Whoever
was let in only elsewhere, to a web server for example, was denied throughout where it was denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.evidence import Counts, Evidence, Failures, LetIn, Passed, SignIn, Source, merged
from shared.domain.records import Stay
from shared.domain.rules import grant_of
from shared.domain.visits import Stays, outside

_NAMES_SHOWN: Final = 50


class Became(StrEnum):
    """What became of attempts. The set is closed; the worst comes first."""

    SIGNED_IN = "signedIn"  # Somebody signed in from there, and no grant for this address let it in.
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
    sign_ins: int = 0  # Those that no grant for this address let in.

    @property
    def attempts(self) -> int:
        """How often it tried: flows that were denied, and sign-ins that failed."""
        return self.counts.denied + self.failures


def attacks(evidence: Evidence, known: Iterable[Stay]) -> tuple[Attack, ...]:
    """Everybody who tried, the most persistent first."""
    every, sources = tuple(known), merged(evidence.sources)
    stays, by_grant = Stays(every), {stay.grant: stay for stay in every}
    failed: dict[str, list[Failures]] = {}
    for one in evidence.failures:
        failed.setdefault(one.source, []).append(one)
    signed: dict[str, list[SignIn]] = {}
    for sign_in in outside(evidence.sign_ins, every):
        signed.setdefault(sign_in.source, []).append(sign_in)
    reached: dict[str, list[LetIn]] = {}
    for let_in in evidence.reached:
        reached.setdefault(let_in.passed.source, []).append(let_in)
    forged: dict[str, list[Passed]] = {}
    for use in evidence.uses:
        if not is_meant(use, by_grant):
            forged.setdefault(use.source, []).append(use)
    signs = (
        _Signs(
            one, sources.get(one), failed.get(one, []), signed.get(one, []), reached.get(one, []), forged.get(one, [])
        )
        for one in {*sources, *failed, *reached}
    )
    found = (_attack(one, stays) for one in signs)
    return tuple(sorted(found, key=lambda one: (-one.attempts, one.source)))


def is_meant(passed: Passed, stays: Mapping[str, Stay]) -> bool:
    """Whether what came through a grant's rule is what the grant lets in: its name alone excuses nothing."""
    stay = stays.get(grant_of(passed.rule))
    return stay is not None and stay.machine_key == passed.machine and stay.lets_in(passed.source)


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the logs have about one address."""

    address: str
    source: Source | None
    failed: list[Failures]
    signed: list[SignIn]  # That no grant excuses.
    reached: list[LetIn]
    forged: list[Passed]  # Through rules that only look like a grant's.

    @property
    def inside(self) -> tuple[Passed, ...]:
        """What got through and should not have."""
        return (*(one.passed for one in self.reached), *self.forged)


def _attack(signs: _Signs, known: Stays) -> Attack:
    source, failed, inside = signs.source, signs.failed, signs.inside
    seen = (*((source,) if source else ()), *failed)
    # Who is not among those that were denied most, and got in, has at least that to show.
    times = [at for one in (*seen, *(() if seen else inside)) for at in (one.first, one.last)]
    machines = {
        *(source.machines if source else ()),
        *(one.machine for one in failed),
        *(one.machine for one in inside),
    }
    users = sorted({user for one in failed for user in one.users})
    return Attack(
        source=signs.address,
        became=_became(signs, known),
        counts=source.counts if source else Counts(),
        failures=sum(one.count for one in failed),
        first=min(times),
        last=max(times),
        country=source.country if source else "",
        ports=source.ports if source else tuple(sorted({one.port for one in signs.reached})),
        machines=tuple(sorted(machines)),
        users=tuple(users[:_NAMES_SHOWN]),
        rules=tuple(sorted({one.rule for one in inside})),
        first_in=min((one.first for one in inside), default=None),
        sign_ins=len(signs.signed),
    )


def _became(signs: _Signs, known: Stays) -> Became:
    if signs.signed:
        return Became.SIGNED_IN
    # A sign-in fails on the machine itself, so that something let the packets through, whether the flows tell or not.
    if signs.inside or not all(map(known.cover, signs.failed)):
        return Became.REACHED
    counts = signs.source.counts if signs.source else Counts()
    if counts.granted or signs.failed:
        return Became.GRANTED
    return Became.ELSEWHERE if counts.allowed else Became.DENIED
