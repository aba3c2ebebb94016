"""Working under a group's lease: nobody else writes the group meanwhile, and work stops when the lease is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta

from shared.ports import Conflict, Lease, Unavailable
from shared.services.world import World

_LOOK_AGAIN = timedelta(seconds=1)


async def take(world: World, nsg: str, holder: str) -> Lease | None:
    """The group's lease, if it is free or its holder has let it run out. Raises Unavailable."""
    now = world.clock.now()
    return await world.desk.acquire(nsg, holder, now + world.times.lease, now)


def new_holder(world: World) -> str:
    """A name to hold leases under."""
    return f"{world.chance(64):016x}"


async def under_lease[T](world: World, nsg: str, work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Do something about a group that nobody else may write meanwhile. Raises Unavailable when it stays taken."""
    holder, until = new_holder(world), world.clock.now() + world.times.patience
    while True:
        if lease := await take(world, nsg, holder):
            return await hold(world, lease, work())
        if world.clock.now() >= until:
            raise Unavailable(f"{nsg} is being changed by somebody else")
        await world.clock.sleep(_LOOK_AGAIN)


async def hold[T](world: World, lease: Lease, work: Coroutine[None, None, T]) -> T:
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
