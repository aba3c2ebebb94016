"""How many nodes there are to pay for, in Azure and outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.costs import Counted, count, node_of_computer, node_of_machine
from shared.domain.evidence import Gap, Lack
from shared.domain.inventory import Sighting
from shared.services.computers import look
from shared.services.world import World


@dataclass(frozen=True, slots=True)
class Estate:
    """The nodes of all guarded subscriptions, and what could not be counted."""

    counted: Counted
    at: datetime
    gaps: Sequence[Gap]


async def estate(world: World, tag: str = "") -> Estate:
    """All nodes, also by the values of a tag if one is named. Raises Unavailable."""
    snapshot, seen = await asyncio.gather(world.inventory.machines(world.subscriptions), look(world))
    machines = [node for one in snapshot.machines if (node := node_of_machine(one))]
    computers = [node_of_computer(computer) for computer, _ in seen.found]
    known = {computer.key for computer, _ in seen.found}
    others = [one for one in snapshot.machines if node_of_machine(one) is None and one.id.lower() not in known]
    gaps = (*_uncounted(others, snapshot.unreadable), *seen.gaps)
    return Estate(count([*machines, *computers], tag), min(snapshot.at, seen.at), gaps)


def _uncounted(others: Sequence[Sighting], unreadable: int) -> Iterator[Gap]:
    if others:
        text = f"{len(others)} are not counted: classic machines, scale sets in Uniform mode, machines of other clouds."
        yield Gap(Lack.PARTIAL, "machines", text)
    if unreadable:
        text = f"{unreadable} machines are not counted: Azure describes them in a way that Postern does not understand."
        yield Gap(Lack.FAILED, "machines", text)
