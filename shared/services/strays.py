"""Rules of grants in groups that no machine under a policy lies behind: whoever only visits machines never sees them.

They are left when a machine's policy is lost, such as with a table that came back from an older backup.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.domain.guarding import Guarded
from shared.domain.rules import OPEN_MARK, Access
from shared.services.serving import Purpose
from shared.services.settling import settle
from shared.services.world import World, each

_AT_ONCE = 8


async def close_strays(world: World, subscription: str, guarded: Iterable[Guarded]) -> tuple[Exception, ...]:
    """Close what no grant claims in the groups that these machines do not lie behind; what stood in the way."""
    try:
        groups = await world.inventory.groups(subscription)
    except Exception as error:  # noqa: BLE001 - whatever an index answers, locks are repaired without it.
        return (error,)
    visited = {nsg.lower() for one in guarded for nsg in (*one.machine.nsgs, *one.claims())}
    strays = [
        one.id
        for one in groups
        if one.nsg and one.id.lower() not in visited
        if any(rule.mark == OPEN_MARK and rule.access is Access.ALLOW for rule in one.nsg.rules)
    ]
    settled = await each(lambda nsg: settle(world, nsg, (), Purpose.CLOSE), strays, _AT_ONCE)
    return tuple(one for one in settled if isinstance(one, Exception))
