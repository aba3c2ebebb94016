"""Whether grants were used, from which addresses, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared.domain.evidence import Evidence, Part
from shared.domain.records import Stay
from shared.domain.rules import grant_of
from shared.domain.visits import visits

# The flows of one network may be told this much later than those of another.
_LAG: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """How a grant was used, by what came through its rules and by who signed in."""

    addresses: frozenset[str] = frozenset()
    connections: int = 0
    sign_ins: int = 0
    first: datetime | None = None
    last: datetime | None = None
    used: bool | None = None  # None: the logs cannot tell.


@dataclass(slots=True)
class _Tally:
    addresses: set[str] = field(default_factory=set)
    connections: int = 0
    sign_ins: int = 0
    times: list[datetime] = field(default_factory=list)


def usage(
    known: Mapping[str, Stay], evidence: Evidence, since: datetime, unlogged: Collection[str] | None = ()
) -> Mapping[str, Usage]:
    """How each grant was used, by evidence from a time on.

    `unlogged` are the machines, as logs name them, whose flows nobody logs; None when that is not known.

    That one was never used is only said when the logs reach well beyond its end, and tell of its machine.
    """
    tallies = {grant: _Tally() for grant in known}
    for use in evidence.uses:
        if tally := tallies.get(grant_of(use.rule)):  # Of others that were open here before, nothing is asked.
            tally.addresses.add(use.source)
            tally.connections += use.connections
            tally.times += (use.first, use.last)
    for visit in visits(evidence.sign_ins, known.values()):
        if visit.stay:
            tally = tallies[visit.stay.grant]
            tally.addresses.add(visit.sign_in.source)
            tally.sign_ins += 1
            tally.times.append(visit.sign_in.at)
    reach = None if Part.USES in evidence.lacking else evidence.flows_until
    dark = {stay.machine_key for stay in known.values()} if unlogged is None else frozenset(unlogged)
    told = {one for one, stay in known.items() if stay.machine_key not in dark and _is_told(stay, since, reach)}
    return {grant: _used(tally, is_told=grant in told) for grant, tally in tallies.items()}


def _is_told(stay: Stay, since: datetime, reach: datetime | None) -> bool:
    """Whether the evidence is about the whole stay."""
    if stay.began is None or stay.began < since:
        return False
    return stay.over is not None and reach is not None and reach > stay.over + _LAG


def _used(tally: _Tally, *, is_told: bool) -> Usage:
    first, last = (min(tally.times), max(tally.times)) if tally.times else (None, None)
    used = True if tally.times else False if is_told else None
    return Usage(frozenset(tally.addresses), tally.connections, tally.sign_ins, first, last, used)
