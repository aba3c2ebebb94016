"""The activity in numbers: for charts, and for whoever has a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.attacks import Attack, Became, attacks
from shared.domain.evidence import Counts, Evidence, Hour, Target, TriedName, TriedPort
from shared.domain.records import Stay
from shared.domain.usage import Usage

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Grants:
    """How many grants were open in the time that is asked about, and how many of them were used."""

    open: int
    used: int
    never_used: tuple[str, ...]  # Their ids.
    unknown: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The activity in numbers."""

    counts: Counts
    failures: int  # Sign-ins that failed.
    hours: Sequence[Hour]
    targets: Sequence[Target]  # The machines, those that were tried most first.
    sources: Sequence[Attack]  # Those that tried most.
    ports: Sequence[TriedPort]
    names: Sequence[TriedName]
    became: Mapping[Became, int]  # How many sources.
    grants: Grants

    @property
    def denied_share(self) -> float | None:
        """Which share of all flows was denied; None where there was none."""
        every = self.counts.denied + self.counts.granted + self.counts.allowed
        return self.counts.denied / every if every else None


def summarize(evidence: Evidence, known: Mapping[str, Stay], used: Mapping[str, Usage], since: datetime) -> Summary:
    """The numbers of some evidence and some grants."""
    every = attacks(evidence, known.values())
    return Summary(
        counts=_sum(evidence.hours),
        failures=sum(one.count for one in evidence.failures),
        hours=evidence.hours,
        targets=evidence.targets,
        sources=every[:_SHOWN],
        ports=evidence.ports[:_SHOWN],
        names=evidence.names[:_SHOWN],
        became={state: sum(one.became is state for one in every) for state in Became},
        grants=_grants(known, used, since),
    )


def _sum(hours: Sequence[Hour]) -> Counts:
    return Counts(
        sum(one.counts.denied for one in hours),
        sum(one.counts.granted for one in hours),
        sum(one.counts.allowed for one in hours),
    )


def _grants(known: Mapping[str, Stay], used: Mapping[str, Usage], since: datetime) -> Grants:
    within = [id_ for id_, stay in known.items() if stay.opened and (stay.over is None or stay.over >= since)]
    states = {id_: used[id_].used for id_ in within}
    never = tuple(sorted(id_ for id_, state in states.items() if state is False))
    times = Counter(states.values())
    return Grants(len(within), times[True], never, times[None])
