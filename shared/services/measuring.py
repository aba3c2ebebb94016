"""What gets through to machines, measured on their groups as they now stand, and what becomes of open sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace

from shared.domain.claims import OpenClaim
from shared.domain.exposure import Leak, leaks
from shared.domain.guarding import Guarded
from shared.domain.observing import is_wanted
from shared.domain.rules import Nsg
from shared.domain.sessions import CONTINUING, UNMEASURED, Sessions, sessions_of
from shared.ports import NotFound
from shared.services.world import World


class Sight:
    """Groups and the grants in them, each looked at once, however many machines share them."""

    def __init__(self, world: World, seen: Iterable[Nsg] = ()) -> None:
        self._world = world
        self._seen = {nsg.id.lower(): nsg for nsg in seen}
        self._groups: dict[str, asyncio.Task[Nsg]] = {}
        self._desks: dict[str, asyncio.Task[list[OpenClaim]]] = {}

    async def measure(self, guarded: Guarded) -> tuple[Leak, ...] | None:
        """What gets through to a machine; None when it has no address to try. Raises NotFound, Unavailable."""
        machine = guarded.machine
        if not machine.endpoints:
            return None
        groups = await asyncio.gather(*(self._group(nsg) for nsg in machine.nsgs))
        opened = await asyncio.gather(*(self._opened(nsg) for nsg in machine.nsgs))
        found: Mapping[str, Nsg] = {nsg.lower(): group for nsg, group in zip(machine.nsgs, groups, strict=True)}
        mine = [claim for claims in opened for claim in claims if _concerns(claim, guarded)]
        return leaks(guarded.lock, found, mine)

    async def _group(self, nsg: str) -> Nsg:
        if nsg.lower() in self._seen:
            return self._seen[nsg.lower()]
        return await _once(self._groups, nsg, self._read)

    async def _opened(self, nsg: str) -> list[OpenClaim]:
        return await _once(self._desks, nsg, lambda one: open_claims_in(self._world, one))

    async def _read(self, nsg: str) -> Nsg:
        return (await self._world.network.group(nsg)).nsg


async def open_claims_in(world: World, nsg: str) -> list[OpenClaim]:
    """The grants that are open in a group, by its desk."""
    entries, now = await world.desk.entries(nsg), world.clock.now()
    claims = [entry.claim for entry in entries.values()]
    return [claim for claim in claims if isinstance(claim, OpenClaim) and is_wanted(claim, now)]


async def _once[T](looks: dict[str, asyncio.Task[T]], nsg: str, look: Callable[[str], Coroutine[None, None, T]]) -> T:
    """What a look at a group shows; those who come later share the first look."""
    if nsg.lower() not in looks:
        looks[nsg.lower()] = asyncio.create_task(look(nsg))
    return await looks[nsg.lower()]


def _concerns(claim: OpenClaim, guarded: Guarded) -> bool:
    mine = {endpoint.address for endpoint in guarded.machine.endpoints}
    return any(endpoint.address in mine for endpoint in claim.endpoints)


async def measure_now(world: World, guarded: Guarded, seen: Iterable[Nsg] = ()) -> tuple[Leak, ...] | None:
    """As `measure`, on the machine as ARM has it now; None also when the machine or one of its groups is gone."""
    try:
        machine = await world.network.machine(guarded.machine.id)
        return await Sight(world, seen).measure(replace(guarded, machine=machine))
    except NotFound:
        return None


async def sessions_now(world: World, guarded: Guarded) -> Sessions:
    """What becomes of a machine's sessions that are open when a grant ends, by what was last seen of its groups."""
    if not guarded.flushed:
        return UNMEASURED if guarded.policy.end_sessions else CONTINUING
    claims = guarded.flush_claims()
    desks = await asyncio.gather(*(world.desk.entries(nsg) for nsg in guarded.flushed))
    entries = {nsg: desk.get(claims[nsg].key) for nsg, desk in zip(guarded.flushed, desks, strict=True)}
    return sessions_of({nsg: entry.outcome if entry else None for nsg, entry in entries.items()})
