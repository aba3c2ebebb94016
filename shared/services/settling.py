"""The one way in which a network security group is ever changed.

`settle` takes the group's lease, reads its claims and the group itself, plans for all claims together, applies
the plan, reads back, records what was seen of each claim, and goes on while claims are pending. Whoever finds the
lease taken waits for the holder to serve its claims too: those who come together are served by one write. A crash
leaves claims, which the next settling finishes; opening, closing, sweeping and repairing are one mechanism.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.claims import Claim, LockClaim, Wanted
from shared.domain.observing import is_wanted
from shared.domain.rules import DEFAULTS, Nsg
from shared.ports import Conflict, Entry, Lease, NotFound, Observed, Unavailable
from shared.services.serving import Entries, Purpose, Turn, serve
from shared.services.world import World, every

_FIRST_LOOK, _LAST_LOOK = timedelta(milliseconds=250), timedelta(seconds=1)
_AFTER_CONFLICT, _AFTER_MANY_CONFLICTS = timedelta(milliseconds=300), timedelta(seconds=5)
_SECOND_LOOK = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the claims asked about, and the group as last read, when this call read it itself."""

    entries: Mapping[str, Entry | None]  # None: the claim is off the desk; what it named is not there.
    observed: Observed | None = None


async def settle(
    world: World, nsg: str, keys: Iterable[str], purpose: Purpose, patience: timedelta | None = None
) -> Settled | None:
    """Make a group fulfil its claims; None when the lease could not be had and the claims not be seen served in time.

    Without `keys` the group is looked at in any case. Raises Unavailable and NotFound.
    """
    wanted, holder = frozenset(keys), f"{world.chance(64):016x}"
    until = world.clock.now() + (world.times.patience if patience is None else patience)
    pause = _FIRST_LOOK
    while True:
        now = world.clock.now()
        if lease := await world.desk.acquire(nsg, holder, now + world.times.lease, now):
            turn = Turn(purpose)
            observed, entries = await _holding(world, lease, _drain(world, nsg, turn))
            for found in turn.found:
                await world.audit.found(found)
            return Settled(_chosen(entries, wanted), observed)
        if now >= until:
            return None
        await world.clock.sleep(pause)
        pause = min(pause * 1.5, _LAST_LOOK)
        chosen = _chosen(await world.desk.entries(nsg), wanted)
        if chosen and not any(entry is not None and _waits(entry, now) for entry in chosen.values()):
            return Settled(chosen)


async def under_lease[T](world: World, nsg: str, work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Do something about a group that nobody else may write meanwhile. Raises Unavailable when it stays taken."""
    holder, until = f"{world.chance(64):016x}", world.clock.now() + world.times.patience
    while True:
        now = world.clock.now()
        if lease := await world.desk.acquire(nsg, holder, now + world.times.lease, now):
            return await _holding(world, lease, work())
        if now >= until:
            raise Unavailable(f"{nsg} is being changed by somebody else")
        await world.clock.sleep(_LAST_LOOK)


def _chosen(entries: Mapping[str, Entry], keys: Iterable[str]) -> dict[str, Entry | None]:
    return {key: entries.get(key) for key in keys}


def _waits(entry: Entry, now: datetime) -> bool:
    """Whether a claim still has to be served: nobody has looked at it, or it is there to be taken off the desk."""
    return entry.pending or not is_wanted(entry.claim, now)


async def _holding[T](world: World, lease: Lease, work: Coroutine[None, None, T]) -> T:
    """Do work under a lease: renew it meanwhile, stop the work when it is lost, and give it back at the end."""
    keeper = _Keeper(world, lease)
    working, renewing = asyncio.create_task(work), asyncio.create_task(keeper.renew())
    try:
        await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Unavailable("the lease on the group was lost; somebody else goes on")
        return working.result()
    finally:
        working.cancel()
        renewing.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)
        await keeper.give_back()


class _Keeper:
    def __init__(self, world: World, lease: Lease) -> None:
        self._world = world
        self._lease = lease
        self._lost = False

    async def renew(self) -> None:
        """Renew again and again; returns when the lease is lost."""
        length = self._world.times.lease
        while not self._lost:
            await self._world.clock.sleep(length / 3)
            try:
                self._lease = await self._world.desk.renew(self._lease, self._world.clock.now() + length)
            except (Conflict, Unavailable):
                # Whether it is lost or only unknown, going on would risk two writers at once.
                self._lost = True

    async def give_back(self) -> None:
        if not self._lost:
            # What was done stands whether or not storage answers now; a lease that is not given back runs out.
            with suppress(Unavailable):
                await self._world.desk.release(self._lease)


async def _drain(world: World, nsg: str, turn: Turn) -> tuple[Observed, Entries]:
    """Settle until nothing that this turn may serve is pending."""
    give_up = world.clock.now() + world.times.settling
    observed: Observed | None = None
    pause = _AFTER_CONFLICT
    while world.clock.now() < give_up:
        entries = await world.desk.entries(nsg)
        try:
            observed = await serve(world, observed or await _steady(world, nsg, entries), entries, turn)
        except Conflict:
            observed = None
            await world.clock.sleep(pause)
            pause = min(pause * 1.5, _AFTER_MANY_CONFLICTS)
            continue
        entries, now = await world.desk.entries(nsg), world.clock.now()
        # A claim may have come in, or a grant's time run out, while the last ones were served.
        if not any(_waits(entry, now) and not turn.leaves(entry) for entry in entries.values()):
            return observed, entries
    raise Unavailable(f"{nsg} kept changing while it was being settled")


async def _steady(world: World, nsg: str, entries: Entries) -> Observed:
    """The group, when ARM is not busy with it: planning on what is just being changed would be guessing."""
    try:
        observed = await world.network.group(nsg)
    except NotFound:
        makers = [entry.claim for entry in entries.values() if isinstance(entry.claim, LockClaim)]
        wanted = [claim for claim in makers if claim.make_in and claim.wanted is Wanted.PRESENT]
        if not wanted:
            raise
        return unmade(nsg, wanted[0])
    if not observed.nsg.settled:
        raise Conflict(f"{nsg} is being updated")
    return observed


def unmade(nsg: str, claim: LockClaim) -> Observed:
    """A group that is still to be made for a machine that has none, with the lock inside from the start."""
    group = Nsg(nsg, etag="", rules=(), defaults=DEFAULTS, made_for=claim.machine.key)
    return Observed(group, {"location": claim.make_in})


async def settle_all(world: World, claims: Mapping[str, Claim], purpose: Purpose) -> dict[str, Settled | None]:
    """Settle several groups side by side, each with one claim that is on its desk."""
    settled = await every(lambda nsg: settle(world, nsg, [claims[nsg].key], purpose), claims, at_once=len(claims) or 1)
    return dict(zip(claims, settled, strict=True))


async def settle_even_if_gone(world: World, nsg: str, keys: Iterable[str]) -> Settled | None:
    """Settle what is to go from a group; one that no longer exists holds no rules, so its claims are fulfilled too."""
    wanted = tuple(keys)
    try:
        return await settle(world, nsg, wanted, Purpose.CLOSE)
    except NotFound:
        await _confirm_gone(world, nsg)
        entries = await world.desk.entries(nsg)
        await world.desk.conclude(nsg, {entries[key]: None for key in wanted if key in entries})
        return Settled(dict.fromkeys(wanted))


async def _confirm_gone(world: World, nsg: str) -> None:
    """Look a second time before believing that a group is gone: grants end on the strength of it. Raises Conflict."""
    await world.clock.sleep(_SECOND_LOOK)
    try:
        await world.network.group(nsg)
    except NotFound:
        return
    raise Conflict(f"{nsg} was not found, and then it was")
