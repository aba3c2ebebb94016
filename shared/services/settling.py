"""The one way in which a network security group is ever changed.

`settle` takes the group's lease, reads its claims and the group itself, plans for all claims together, applies
the plan, reads back, records what was seen of each claim, and goes on while claims are pending. Whoever finds the
lease taken waits for the holder to serve its claims too: those who come together are served by one write. A crash
leaves claims, which the next settling finishes; opening, closing, sweeping and repairing are one mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.claims import Claim, OpenClaim
from shared.domain.machines import machine_behind
from shared.ports import Conflict, Entry, NotFound, Observed, Unavailable
from shared.services.rounds import Rounds
from shared.services.serving import Purpose
from shared.services.world import World, every

_SECOND_LOOK = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the claims asked about, and the group as last read, when it was read for this call."""

    entries: Mapping[str, Entry | None]  # None: the claim is off the desk; what it named is not there.
    observed: Observed | None = None
    gone: AbstractSet[str] = frozenset()  # The claims that left the desk in this settling, their rules seen gone.


async def settle(world: World, nsg: str, keys: Iterable[str], purpose: Purpose) -> Settled | None:
    """Make a group fulfil its claims; None when the lease could not be had and the claims not be seen served in time.

    Without `keys` the group is looked at in any case. Raises Unavailable and NotFound.
    """
    wanted, until, key = frozenset(keys), world.clock.now() + world.times.patience, nsg.lower()
    while True:
        going = world.settlings.get(key)
        if going and going.task.done():
            going = None
        rounds = world.settlings[key] = going or Rounds(world, nsg, purpose)
        rounds.join(purpose)
        # What was read before this call says nothing of claims that were put on the desk for it. Who wants the group
        # itself to be looked at waits for the end of rounds that go on, and begins then.
        look = rounds.looks + 1 if wanted or not going else None
        if await rounds.told(wanted, look, until):
            entries = {key: rounds.entries.get(key) for key in wanted}
            return Settled(entries, None if going else rounds.observed, wanted & rounds.gone)
        if not rounds.task.done():
            return None


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
        machine = machine_behind(nsg)
        if (
            machine
            and machine.is_host
            and any(_is_running(entries[key].claim, world) for key in wanted if key in entries)
        ):
            # The server is still there, wherever its resource is, and knows only the end that it was told of.
            raise Unavailable(f"{nsg} is not found, and what is open ends by the server's own clock") from None
        await world.desk.conclude(nsg, {entries[key]: None for key in wanted if key in entries})
        return Settled(dict.fromkeys(wanted))


def _is_running(claim: Claim, world: World) -> bool:
    return isinstance(claim, OpenClaim) and claim.ends_at > world.clock.now()


async def _confirm_gone(world: World, nsg: str) -> None:
    """Look a second time before believing that a group is gone: grants end on the strength of it. Raises Conflict."""
    await world.clock.sleep(_SECOND_LOOK)
    try:
        await world.network.group(nsg)
    except NotFound:
        return
    raise Conflict(f"{nsg} was not found, and then it was")
