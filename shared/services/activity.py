"""Looking back: the activity of machines, from the record of what Postern did and from the logs.

Without the logs the half that is on record is told all the same, with what is missing. Who may see only what is about
own grants gets these, and the sign-ins that they let in.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.activity import EVERYTHING, Entry, Place, Wanted, fold, own
from shared.domain.evidence import Evidence, Gap, Lack, Part, Scope, log_key
from shared.domain.guarding import Guarded
from shared.domain.machines import MachineId
from shared.domain.records import Record, Stay, stays
from shared.domain.shapes import some_names
from shared.domain.summaries import Summary, summarize
from shared.domain.usage import Usage, usage
from shared.services.glancing import Dark, dark_of
from shared.services.viewing import guarded_in
from shared.services.world import World

# A grant that was open when the time begins that is asked about was asked for at most a day before, or was extended.
_LONGEST_STAY: Final = timedelta(hours=25)
_MOST_RECORDS: Final = 20_000
_STALE_AFTER: Final = timedelta(hours=2)
_ALL: Final = frozenset(Part) - {Part.LET_IN}
_OF_OWN_GRANTS: Final = frozenset({Part.USES, Part.SIGN_INS})


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about: a time, machines or all of them, and which entries."""

    since: datetime
    until: datetime
    machines: frozenset[MachineId] | None = None  # None: all machines under a policy.
    requestor: str | None = None  # Only what is about this caller's own grants.
    wanted: Wanted = EVERYTHING


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was found, before anything is chosen or counted."""

    asked: Asked
    records: Sequence[Record]
    evidence: Evidence
    names: Mapping[str, str]  # The resource ids of machines, by how logs name them.
    unlogged: Collection[str] | None = ()  # The machines, as logs name them, whose flows nobody logs; None: unknown.
    gaps: tuple[Gap, ...] = ()
    known: Mapping[str, Stay] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, where the next page begins, how grants were used, and what is missing."""

    entries: Sequence[Entry]
    next: Place | None
    usage: Mapping[str, Usage]
    seen: Seen


async def timeline(world: World, asked: Asked, size: int, after: Place | None = None) -> Page:
    """A page of the activity, the newest first. Raises Unavailable when the record cannot be read."""
    seen = await look(world, asked)
    entries = fold(seen.records, seen.evidence, seen.known.values(), asked.since)
    if asked.requestor is not None:
        entries = own(entries, frozenset(record.grant for record in seen.records))
    shown = (one for one in entries if asked.wanted.shows(one) and (after is None or one.place < after))
    first = heapq.nlargest(size + 1, shown, key=lambda one: one.place)
    rest = first[size - 1].place if len(first) > size else None
    return Page(first[:size], rest, usage(seen.known, seen.evidence, asked.since, seen.unlogged), seen)


async def summary(world: World, asked: Asked) -> tuple[Summary, Seen]:
    """The activity in numbers. Raises Unavailable when the record cannot be read."""
    seen = await look(world, asked)
    used = usage(seen.known, seen.evidence, asked.since, seen.unlogged)
    return summarize(seen.evidence, seen.known, used, asked.since), seen


async def look(world: World, asked: Asked) -> Seen:
    """Read the record, the logs, and for which networks there are any, side by side."""
    if asked.requestor is not None:
        return await _look_at_own(world, asked)
    guarded = await guarded_in(world, world.subscriptions)
    scope = _scope(world, asked, guarded)
    recorded, evidence, unseen = await asyncio.gather(
        world.history.between(_of_record(scope, asked), _MOST_RECORDS),
        _tell(world, scope),
        dark_of(world, scope.machines or ()),
    )
    names = _names((*guarded, *(scope.machines or ())), recorded.records)
    late = (*_silent(scope, evidence), *_stale(world, scope, evidence, unseen))
    gaps = (*_capped(is_capped=recorded.capped), *unseen.gaps, *late)
    return Seen(asked, recorded.records, evidence, names, unseen.machines, gaps, stays(recorded.records))


async def _look_at_own(world: World, asked: Asked) -> Seen:
    """The grants of one caller: what is not about them is not even asked for.

    Who came by which grant is told with all grants of these machines in view, or another's visit might be called one's
    own.
    """
    scope = Scope(world.subscriptions, asked.since - _LONGEST_STAY, asked.until, asked.machines)
    recorded = await world.history.between(scope, _MOST_RECORDS, asked.requestor)
    machines = frozenset(stay.machine for stay in stays(recorded.records).values())
    every = await world.history.between(replace(scope, machines=machines), _MOST_RECORDS)
    evidence = await _tell(world, Scope(world.subscriptions, asked.since, asked.until, machines), _OF_OWN_GRANTS)
    unseen = await dark_of(world, machines)
    known, names = stays(every.records), _names(machines, recorded.records)
    gaps = _capped(is_capped=recorded.capped or every.capped)
    return Seen(asked, recorded.records, evidence, names, unseen.machines, gaps, known)


def _scope(world: World, asked: Asked, guarded: Mapping[MachineId, Guarded]) -> Scope:
    machines = asked.machines if asked.machines is not None else frozenset(guarded)
    groups = {nsg.lower() for one in machines if one in guarded for nsg in guarded[one].last_seen.nsgs}
    return Scope(world.subscriptions, asked.since, asked.until, machines, frozenset(groups))


def _of_record(scope: Scope, asked: Asked) -> Scope:
    """What is read of the record: all of it where no machine is named, also about those without a policy by now."""
    since = scope.since - _LONGEST_STAY
    return replace(scope, since=since, machines=scope.machines if asked.machines is not None else None)


async def _tell(world: World, scope: Scope, about: Collection[Part] = _ALL) -> Evidence:
    return await world.logs.tell(scope, about) if scope.machines else Evidence()


def _names(machines: Iterable[MachineId], records: Iterable[Record]) -> Mapping[str, str]:
    """How machines are spelled, by how logs name them; what is known of machines outweighs what is on record."""
    from_records = {one.subject.lower(): one.subject for one in records if one.grant}
    every = [*map(MachineId, from_records.values()), *machines]
    return {log_key(one): str(one) for one in every}


def _capped(*, is_capped: bool) -> tuple[Gap, ...]:
    text = f"Only the newest {_MOST_RECORDS} records are looked at: ask about a shorter time, or about one machine."
    return (Gap(Lack.CAPPED, "records", text),) if is_capped else ()


def _silent(scope: Scope, evidence: Evidence) -> Iterable[Gap]:
    """The machines of which nobody would hear if somebody signed in, where agents are heard of at all."""
    heard = {beat.machine for beat in evidence.beats}
    silent = [one.name for one in scope.machines or () if log_key(one) not in heard]
    if silent and Part.BEATS not in evidence.lacking:
        text = f"Who signed in to {some_names(silent)} is not known: no Azure Monitor agent on it has reported."
        yield Gap(Lack.NO_AGENT, "agents", text)


def _stale(world: World, scope: Scope, evidence: Evidence, unseen: Dark) -> Iterable[Gap]:
    """That flows come late is told where the newest is older than they usually are, or where there is none at all."""
    newest, until = evidence.flows_until, min(scope.until, world.clock.now())
    lit = [one for one in scope.machines or () if not unseen.hides(log_key(one))]
    if newest is None and lit and Part.HOURS not in evidence.lacking:
        text = "The logs tell of no flow at all in this time: nothing came, or it is not told yet, or no longer."
        yield Gap(Lack.STALE, "flows", text)
    elif newest and until - newest > _STALE_AFTER:
        hours = (until - newest) // timedelta(hours=1)
        text = f"The newest flow that the logs tell of is {hours} hours older: what came since is not shown yet."
        yield Gap(Lack.STALE, "flows", text)
