"""Gates that tell nothing by themselves: the repair has them looked at, and records what somebody did behind them."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.findings import Found, What
from shared.domain.guarding import Guarded
from shared.domain.machines import MachineId
from shared.services.world import World, each

_AT_ONCE = 8


async def look_behind(world: World, guarded: Sequence[Guarded]) -> tuple[Exception, ...]:
    """Have the gates of guarded servers outside Azure looked at and mended; what stood in the way."""
    hosts = [one.machine.id for one in guarded if one.machine.id.is_host]
    looked = await each(lambda host: _look(world, host), hosts, _AT_ONCE)
    return tuple(one for one in looked if isinstance(one, Exception))


async def _look(world: World, host: MachineId) -> None:
    if wrong := await world.watched.look_again(host.gate):
        await world.audit.found(Found(What.LOCK_EDITED, str(host), world.clock.now(), " ".join(wrong)))
