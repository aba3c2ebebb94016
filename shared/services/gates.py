"""Gates that tell nothing by themselves: what is on a server outside Azure is known only when the server is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from shared.domain.findings import Found, What
from shared.domain.guarding import Guarded, Stage
from shared.domain.machines import MachineId
from shared.ports import NotFound, Unavailable
from shared.services.leasing import under_lease
from shared.services.world import World, each

_AT_ONCE = 32
_PATIENCE = timedelta(seconds=90)


async def look_behind(world: World, guarded: Sequence[Guarded]) -> tuple[Exception, ...]:
    """Have the gates of guarded servers looked at and mended, as many as there is time for; what stood in the way.

    It begins elsewhere each time, so that each comes to its turn.
    """
    hosts = [one.machine.id for one in guarded if one.machine.id.is_host]
    start = world.chance(32) % len(hosts) if hosts else 0
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            looked = await each(lambda host: _look(world, host), [*hosts[start:], *hosts[:start]], _AT_ONCE)
    except TimeoutError:
        return (Unavailable("not all servers outside Azure could be looked at in this pass"),)
    return tuple(one for one in looked if isinstance(one, Exception))


async def _look(world: World, host: MachineId) -> None:
    async def look() -> tuple[str, ...]:
        stored = await world.policies.get(host)
        # What is looked at is also ordered again, which must not bring back what has just been taken away.
        return await world.watched.look_again(host.gate) if stored and stored.value.stage is Stage.GUARDED else ()

    if wrong := await under_lease(world, host.gate, look):
        await world.audit.found(Found(What.LOCK_EDITED, str(host), world.clock.now(), " ".join(wrong)))


async def empty_gate(world: World, id_: MachineId) -> None:
    """Make sure that nothing of ours is left on a server whose policy goes. Raises Unavailable.

    A server that Azure no longer knows cannot be told; the finding about it says what is left there.
    """
    if not id_.is_host:
        return
    try:
        await under_lease(world, id_.gate, lambda: world.watched.empty(id_.gate))
    except NotFound:
        return
