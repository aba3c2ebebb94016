"""Closing grants: one mechanism for deadlines, revocations, removed policies and openings that failed.

First the grant is marked `closing`, so that the intent survives a crash; then its claims are withdrawn and the
groups settled; only when its rules were seen gone is it over. Closing needs no policy and asks nobody. A deadline is
known everywhere beforehand: there the groups are settled first, and what was closed is written down afterwards.
Many grants are closed together, so that each group is written once however many of them it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain.claims import OpenClaim, Wanted
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.domain.people import Person
from shared.ports import Conflict, Due, NotFound, Stored, Unavailable
from shared.services.keeping import reloaded
from shared.services.serving import Purpose
from shared.services.settling import Settled, settle, settle_even_if_gone
from shared.services.world import World, each, every

_TRIES = 3
_GRANTS_AT_ONCE = 16
_GROUPS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a grant has to close, who wants it, and what more there is to say."""

    reason: Reason
    by: Person | None = None
    detail: str = ""


type ToClose = tuple[Stored[Grant], Ending]
"""A grant that has to close, and why."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How far closing came: the grants that are over, and for the others what stood in the way."""

    grants: tuple[Grant, ...]
    problems: tuple[Exception, ...]


@dataclass(frozen=True, slots=True)
class Shut:
    """The grants whose rules were all seen gone, by id, and the groups in which that failed, and why."""

    gone: frozenset[str]
    stuck: Mapping[str, Exception]


async def shut(world: World, grants: Sequence[Grant]) -> Shut:
    """Close the holes of grants whose time is up, before anything is written down about them.

    Their ends stand on the desks and in the index of deadlines, so that the intent to close them is there already.
    """
    groups = _by_group(grants)
    served = await each(lambda nsg: _shut(world, nsg, groups[nsg]), groups, _GROUPS_AT_ONCE)
    results = dict(zip(groups, served, strict=True))
    gone = {nsg: result.gone for nsg, result in results.items() if isinstance(result, Settled)}
    ids = (grant.id for grant in grants if all(_withdrawn(grant).key in gone.get(n.lower(), ()) for n in grant.nsgs))
    # A group that was not found may be gone; `close` looks a second time before it believes that.
    stuck = {n: r for n, r in results.items() if isinstance(r, Exception) and not isinstance(r, NotFound)}
    return Shut(frozenset(ids), stuck)


async def expire(world: World, stored: Stored[Grant]) -> Grant:
    """Write down the end of a grant whose holes were shut in time. Raises Conflict when it has changed, Unavailable."""
    if stored.value.state is State.ACTIVE:
        over = (await world.grants.save(stored, stored.value.expired(world.clock.now()))).value
    else:
        opening = stored.value.state is State.OPENING
        over = await _end(world, await _intend(world, stored, Ending(Reason.DEADLINE)) if opening else stored)
    # What else was noted, such as when to look at its opening, is long past, and the next sweep strikes it off.
    await world.dues.remove(Due(over.ends_at, over.id))
    return over


async def close(
    world: World, grants: Sequence[ToClose], stuck: Mapping[str, Exception] = MappingProxyType({})
) -> Closed:
    """Close unfinished grants together. One that cannot be closed now stays `closing`; the sweep goes on with it.

    `stuck` are groups that have just been tried in vain: the intent is written down for them, and no more.
    """
    marked = await each(lambda wish: _mark(world, *wish), grants, _GRANTS_AT_ONCE)
    # Where not even the intent could be stored, the hole is closed all the same; the sweep does the rest.
    known = [result if isinstance(result, Stored) else wish[0] for result, wish in zip(marked, grants, strict=True)]
    withdrawn = await each(lambda stored: _withdraw(world, stored.value), known, _GRANTS_AT_ONCE)
    groups = _by_group([stored.value for stored in known])
    left = [nsg for nsg in groups if nsg not in stuck]
    served = await each(lambda nsg: _settle(world, nsg, groups[nsg]), left, _GROUPS_AT_ONCE)
    failed = {nsg: result for nsg, result in zip(left, served, strict=True) if isinstance(result, Exception)}
    stuck = {**{nsg: stuck[nsg] for nsg in groups if nsg in stuck}, **failed}
    closing = [result for result in marked if isinstance(result, Stored)]
    free = [grant for grant in closing if not any(nsg.lower() in stuck for nsg in grant.value.nsgs)]
    standing = {
        key for result in served if isinstance(result, Settled) for key, entry in result.entries.items() if entry
    }
    finished = await each(lambda grant: _finish(world, grant, standing), free, _GRANTS_AT_ONCE)
    told = (*marked, *withdrawn, *stuck.values(), *finished)
    problems = tuple(result for result in told if isinstance(result, Exception))
    return Closed(tuple(result for result in finished if isinstance(result, Grant)), problems)


async def _withdraw(world: World, grant: Grant) -> None:
    for nsg in grant.nsgs:
        await world.desk.post(nsg, _withdrawn(grant))


async def _settle(world: World, nsg: str, keys: Sequence[str]) -> Settled:
    return _had(nsg, await settle_even_if_gone(world, nsg, keys))


async def _shut(world: World, nsg: str, keys: Sequence[str]) -> Settled:
    return _had(nsg, await settle(world, nsg, keys, Purpose.CLOSE))


def _had(nsg: str, settled: Settled | None) -> Settled:
    if settled is None:
        raise Unavailable(f"{nsg} is being changed by somebody else")
    return settled


async def _mark(world: World, stored: Stored[Grant], ending: Ending) -> Stored[Grant]:
    """Store the intent to close, and return the grant as it is now stored.

    Somebody else may change the grant at the same time: open it, or close it too. The wish to close outlives that.
    """
    for _ in range(_TRIES):
        if not stored.value.unfinished or stored.value.state is State.CLOSING:
            break
        try:
            stored = await _intend(world, stored, ending)
            break
        except Conflict:
            stored = await reloaded(world, stored.value.id)
    else:
        raise Conflict(f"grant {stored.value.id} keeps changing")
    return stored


async def _intend(world: World, stored: Stored[Grant], ending: Ending) -> Stored[Grant]:
    changed = stored.value.ended(world.clock.now(), ending.reason, ending.by, ending.detail)
    if stored.value.state is not State.ACTIVE or ending.reason is not Reason.DEADLINE:
        # Should we die here, the sweep finds the grant at once and not only at its deadline.
        await world.dues.add(Due(changed.occurrence.at, changed.id))
    return await world.grants.save(stored, changed)


def _withdrawn(grant: Grant) -> OpenClaim:
    return OpenClaim(grant.id, grant.requestor.name, (), grant.ports, grant.ends_at, Wanted.ABSENT)


def _by_group(grants: Sequence[Grant]) -> dict[str, list[str]]:
    """For each group that may hold rules of these grants, the claims to be taken off its desk."""
    groups: dict[str, list[str]] = {}
    for grant in grants:
        for nsg in grant.nsgs:
            groups.setdefault(nsg.lower(), []).append(_withdrawn(grant).key)
    return groups


async def _finish(world: World, stored: Stored[Grant], standing: AbstractSet[str]) -> Grant:
    """The rules were seen gone: the grant is over, and nothing is due any more."""
    grant = stored.value
    if _withdrawn(grant).key in standing:
        raise Conflict(f"the rules of grant {grant.id} have not been seen gone")
    over = await _end(world, stored)
    await every(lambda at: world.dues.remove(Due(at, grant.id)), grant.noted(world.times.opening), _GRANTS_AT_ONCE)
    return over


async def _end(world: World, stored: Stored[Grant]) -> Grant:
    grant = stored.value
    try:
        over = (await world.grants.save(stored, grant.gone(world.clock.now()))).value if grant.unfinished else grant
    except Conflict:
        over = (await reloaded(world, stored.value.id)).value
        if over.unfinished:
            raise
    return over
