"""What would become of a group, and of what reaches a machine, if its claims were served: the plan as a preview.

It is the same planning that is carried out, applied to the group in thought, round after round until nothing is left to
do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.addresses import family_of
from shared.domain.claims import Claim
from shared.domain.crossing import is_part_of
from shared.domain.evidence import LetIn
from shared.domain.exposure import Groups, Leak
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded
from shared.domain.machines import Endpoint, Machine
from shared.domain.planning import NO_LEAVE, Change, Kind, Leave, Plan, plan
from shared.domain.rules import KEEP_MARK, OPEN_MARK, Nsg, Rule
from shared.domain.sessions import CONTINUING, Sessions
from shared.domain.traffic import Traffic, through

_MOST_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Forecast:
    """A group as it stands and as it would be, what changes in all, and for each claim what is in its way."""

    before: Nsg
    after: Nsg
    changes: tuple[Change, ...]
    obstacles: Mapping[str, str]


def forecast(nsg: Nsg, claims: Iterable[Claim], now: datetime, leave: Leave = NO_LEAVE) -> Forecast:
    """The group when these claims have been served."""
    wanted, after = tuple(claims), nsg
    made = plan(after, wanted, now, leave)
    for _ in range(_MOST_ROUNDS):
        if not made:
            break
        after = with_changes(after, made)
        made = plan(after, wanted, now, leave)
    return Forecast(nsg, after, tuple(_difference(nsg, after)), made.obstacles)


def with_changes(nsg: Nsg, made: Plan) -> Nsg:
    """The group with all changes of a plan carried out."""
    touched = {change.rule.name.lower() for change in made.changes}
    kept = [rule for rule in nsg.rules if rule.name.lower() not in touched]
    written = [replace(change.rule, settled=True) for change in made.changes if change.kind is not Kind.DELETE]
    return replace(nsg, rules=(*kept, *written), flush=made.flush or nsg.flush)


def _difference(before: Nsg, after: Nsg) -> Iterator[Change]:
    yield from (Change(Kind.DELETE, rule) for rule in before.ours if not after.find(rule.name))
    for rule in after.ours:
        stands = before.find(rule.name)
        if stands is None or not stands.does_the_same_as(rule):
            yield Change(Kind.CREATE if stands is None else Kind.UPDATE, rule)


class Why(StrEnum):
    """Why something stays open."""

    GRANTED = "granted"
    PROBES = "probes"
    OUTRANKS_LOCK = "outranksLock"
    NOT_GUARDED = "notGuarded"


@dataclass(frozen=True, slots=True)
class Way:
    """What one rule lets through to one address of a machine, at the last group on the way."""

    address: str
    nsg: str | None
    rule: Rule | None  # None: no group guards the address at all.
    traffic: tuple[Traffic, ...]


def ways_in(machine: Machine, groups: Groups) -> tuple[Way, ...]:
    """Everything that reaches a machine, by the rule that finally lets it."""
    return tuple(way for endpoint in machine.endpoints for way in _ways(endpoint, groups))


def _ways(endpoint: Endpoint, groups: Groups) -> Iterator[Way]:
    if not endpoint.path:
        yield Way(endpoint.address, None, None, (Traffic(family_of(endpoint.address)),))
        return
    path = [groups[id_.lower()].every for id_ in endpoint.path]
    found = through(path, (Traffic(family_of(endpoint.address)),), endpoint.spot)
    rules = {passage.rule.name: passage.rule for passage in found}
    for name, rule in rules.items():
        yield Way(endpoint.address, endpoint.path[-1], rule, tuple(p.traffic for p in found if p.rule.name == name))


def why_open(way: Way, leaking: Iterable[tuple[str, str | None]]) -> Why:
    """Why a way stays open although the machine is locked; `leaking` are the addresses and rules that outrank it."""
    mark = way.rule.mark if way.rule else None
    if mark == OPEN_MARK:
        return Why.GRANTED
    if mark == KEEP_MARK:
        return Why.PROBES
    name = way.rule.name if way.rule else None
    return Why.OUTRANKS_LOCK if (way.address, name) in set(leaking) else Why.NOT_GUARDED


def closed_ways(before: Iterable[Way], after: Iterable[Way]) -> tuple[Way, ...]:
    """What was let through before and is not afterwards, by the rule that let it."""
    left: dict[str, list[Traffic]] = {}
    for way in after:
        left.setdefault(way.address, []).extend(way.traffic)
    return tuple(cut for way in before if (cut := _without(way, left.get(way.address, []))).traffic)


def cut_flows(cut: Iterable[Way], let_in: Iterable[LetIn]) -> tuple[LetIn, ...]:
    """What was let in of late, of that which would no longer be."""
    pieces = tuple(traffic for way in cut for traffic in way.traffic)
    return tuple(one for one in let_in if is_part_of(one, pieces))


def _without(way: Way, still: Iterable[Traffic]) -> Way:
    cut = way.traffic
    for traffic in still:
        cut = tuple(rest for piece in cut for rest in piece - traffic)
    return replace(way, traffic=cut)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one machine."""

    guarded: Guarded
    forecasts: tuple[Forecast, ...]
    leaks: tuple[Leak, ...] | None
    cut: tuple[Way, ...]  # What reaches the machine now and would no longer.
    open: tuple[Way, ...]  # What would reach it.
    attaches: tuple[str, ...]  # The interfaces on which a new group would be put.
    ends: tuple[str, ...]  # The grants that would end.
    sessions: Sessions = CONTINUING
    cut_flows: tuple[LetIn, ...] | None = None  # What was let in of late and would no longer be; None: nobody knows.
    unknown: tuple[str, ...] = ()  # What cannot be told about them, and why.


@dataclass(frozen=True, slots=True)
class Foretold:
    """The grant that asking would make, the rules that would be written for it, and what would be in their way."""

    grant: Grant
    rules: tuple[Rule, ...]
    obstacles: tuple[str, ...]
