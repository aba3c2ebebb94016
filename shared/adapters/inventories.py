"""The `Inventory` port over several: what is in Azure, and what is guarded outside of it.

Azure has to answer. What cannot be seen outside hides nothing else, and the list says that it is missing; machines that
are known, but whose gates cannot be read, are shown as those about which nothing can be told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from datetime import timedelta

from shared.domain.inventory import Attached, Occupied, ResourceLock, Sighting, Snapshot
from shared.ports import Inventory, Unavailable

_PATIENCE = timedelta(seconds=20)
_log = logging.getLogger("postern")


class Inventories:
    """Azure's inventory, and those of other places beside it."""

    def __init__(self, azure: Inventory, outside: Sequence[Inventory]) -> None:
        self._azure, self._outside = azure, outside

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every machine, and what is missing. Raises Unavailable when those in Azure cannot be seen."""
        azure, others = await asyncio.gather(
            self._azure.machines(subscriptions),
            asyncio.gather(*(_tried(one.machines(subscriptions)) for one in self._outside)),
        )
        seen = [azure, *(one for one in others if isinstance(one, Snapshot))]
        unseen = [str(one) for one in others if isinstance(one, Unavailable)]
        return Snapshot(
            min(one.at for one in seen),
            [machine for one in seen for machine in one.machines],
            {id_: ranges for one in seen for id_, ranges in one.networks.items()},
            sum(one.unreadable for one in seen),
            (*(text for one in seen for text in one.missing), *unseen),
        )

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """Every group and every gate of a subscription. Raises Unavailable when those in Azure cannot be read."""
        azure, others = await asyncio.gather(
            self._azure.groups(subscription), asyncio.gather(*(_gates(one, subscription) for one in self._outside))
        )
        return [*azure, *(gate for some in others for gate in some)]

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which machine has which address. Raises Unavailable when that cannot be told of all that are in Azure.

        A gate outside is its own machine's alone: nobody in Azure is ever behind it.
        """
        azure, found = await asyncio.gather(
            self._azure.interfaces(subscription),
            asyncio.gather(*(_tried(one.interfaces(subscription)) for one in self._outside)),
        )
        return [*azure, *(place for some in found if not isinstance(some, Unavailable) for place in some)]

    async def resource_locks(self, subscription: str) -> Sequence[ResourceLock]:
        """Azure's resource locks: nowhere else is there anything of the kind."""
        return await self._azure.resource_locks(subscription)


async def _tried[T](look: Awaitable[T]) -> T | Unavailable:
    """What is seen, or why nothing is: whatever goes wrong outside, and however long it would take."""
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            return await look
    except Unavailable as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it hides nothing else.
        _log.exception("what is outside Azure could not be looked at")
        return Unavailable(f"What is outside Azure could not be looked at: {type(error).__name__}.")


async def _gates(inventory: Inventory, subscription: str) -> Sequence[Attached]:
    """The gates of a place; where they cannot be read, those of the machines that are known, with nothing inside."""
    found = await _tried(inventory.groups(subscription))
    if not isinstance(found, Unavailable):
        return found
    known = await _tried(inventory.machines((subscription,)))
    return [] if isinstance(known, Unavailable) else [_unread(one) for one in known.machines]


def _unread(sighting: Sighting) -> Attached:
    id_ = sighting.machine_id
    nics = tuple(sorted({place.nic for place in sighting.places}))
    return Attached(id_.gate if id_ else sighting.id, None, nics, ())
