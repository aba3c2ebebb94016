"""Setting free what is no longer guarded. To free an address is to open it, so who else might be there is asked first.

An address that a machine had may be another's by now, and that one's own lock may not have followed yet. Such an
address stays in the lock rule, as one that nobody here knows, until the other's lock takes it over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from shared.domain.claims import LockClaim
from shared.domain.guarding import Former, Guarded, Stage, places
from shared.domain.machines import MachineId
from shared.ports import Stored, Unavailable
from shared.services.settling import settle_even_if_gone
from shared.services.viewing import Panorama, panorama
from shared.services.world import World, each

_MACHINES_AT_ONCE = 8


async def free_all(
    world: World, guarded: Sequence[Stored[Guarded]], unread: Sequence[Stored[Guarded]], seen: Panorama
) -> list[Exception]:
    """Set free where machines once were, of all that was locked just now; what went wrong.

    Where those are that could not be read tells the index; while it does not show one of them, nothing is set free.
    """
    if not all(seen.machine(stored.value.machine.id) for stored in unread):
        return []
    everybody = (*guarded, *unread)
    kept = {(place, stored.value.machine.id) for stored in everybody for place in places(stored.value.machine)}
    held = kept | {(place, id_) for id_ in _ids(everybody) for place in _seen_at(seen, id_)}
    moved = [stored for stored in guarded if stored.value.former or stored.value.freeing]
    results = await each(lambda stored: _free(world, stored, held), moved, _MACHINES_AT_ONCE)
    return [result for result in results if isinstance(result, Exception)]


def _ids(guarded: Iterable[Stored[Guarded]]) -> list[MachineId]:
    return [stored.value.machine.id for stored in guarded]


def _seen_at(seen: Panorama, id_: MachineId) -> list[Former]:
    machine = seen.machine(id_)
    return places(machine) if machine else []


async def _free(world: World, stored: Stored[Guarded], held: set[tuple[Former, MachineId]]) -> None:
    guarded = stored.value
    others = {place for place, id_ in held if id_ != guarded.machine.id}
    freeing = guarded.setting_free(set(guarded.former) - others, others)
    stored = await world.policies.put(freeing, stored.etag)
    for nsg, claim in freeing.lock_claims().items():
        if any(group == nsg.lower() for group, _ in freeing.freeing):
            await _settle(world, nsg, claim)
    await world.policies.put(replace(stored.value, freeing=()), stored.etag)


async def unlock(world: World, stored: Stored[Guarded]) -> Stored[Guarded]:
    """Take a machine's locks away, except where another machine under a policy is seen to be by now."""
    guarded = stored.value
    mine = {*places(guarded.machine), *guarded.former, *guarded.freeing}
    yielded = tuple(sorted(mine & await _others(world, guarded)))
    if yielded != guarded.yielded:
        stored = await world.policies.put(replace(guarded, yielded=yielded), stored.etag)
    for nsg, claim in stored.value.lock_claims().items():
        await _settle(world, nsg, claim)
    return stored


async def _others(world: World, guarded: Guarded) -> set[Former]:
    """Where other machines under a policy are, by what is kept of them and by what is seen."""
    subscription = guarded.machine.id.subscription
    seen = await panorama(world, [subscription])
    found: set[Former] = set()
    async for stored in world.policies.all(subscription):
        other = stored.value
        if other.machine.id != guarded.machine.id and other.stage is Stage.GUARDED:
            found |= {*places(other.machine), *_seen_at(seen, other.machine.id)}
    return found


async def _settle(world: World, nsg: str, claim: LockClaim) -> None:
    await world.desk.post(nsg, claim)
    if await settle_even_if_gone(world, nsg, [claim.key]) is None:
        raise Unavailable(f"{nsg} is being changed by somebody else; what is to be set free there stays locked")
