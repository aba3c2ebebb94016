"""Storing the next state of a grant so that something is done about it, whoever dies on the way.

When to look at the grant again is noted before the state is stored, and the former note is struck off afterwards.
"""

from __future__ import annotations

from contextlib import suppress

from shared.domain.grants import Grant
from shared.ports import Due, NotFound, Stored, Unavailable
from shared.services.world import World

NO_GRANT = "There is no such grant, or you may not see it."


async def keep(world: World, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
    """Replace a grant with its next state. Raises Conflict when it has changed meanwhile, Unavailable."""
    before, after = (grant.wakes_at(world.times.opening) for grant in (stored.value, changed))
    if changed.unfinished:
        await world.dues.add(Due(after, changed.id))
    kept = await world.grants.save(stored, changed)
    if before != after or not changed.unfinished:
        # The sweep strikes off what is left here.
        with suppress(Unavailable):
            await world.dues.remove(Due(before, changed.id))
    return kept


async def reloaded(world: World, id_: str) -> Stored[Grant]:
    """A grant as it now stands. Raises NotFound."""
    stored = await world.grants.get(id_)
    if stored is None:
        raise NotFound(NO_GRANT)
    return stored
