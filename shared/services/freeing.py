"""Setting free what is no longer guarded. To free an address is to open it, so who else might be there is asked first.

An address that a machine had may be another's by now, and that one's own lock may not have followed yet. Who is where
is told by the network interfaces themselves, as Azure Resource Manager has them, and by nothing that lags: when they
cannot be read nothing is set free. An address that another guarded machine has stays in the lock rule, as one that
nobody here knows, until that one's lock takes it over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.claims import Claim, LockClaim, Wanted
from shared.domain.guarding import Former, Guarded, Stage, places
from shared.domain.machines import MachineId
from shared.ports import Conflict, Stored, Unavailable
from shared.services.settling import settle_even_if_gone
from shared.services.world import World, each, every

_GROUPS_AT_ONCE = 8
_MACHINES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Holders:
    """Where every machine with a policy is: by what is kept of it, and by what Azure Resource Manager says now."""

    guarded: frozenset[MachineId]  # Those whose policy stands, and is not being removed.
    kept: frozenset[tuple[Former, MachineId]]
    seen: frozenset[tuple[Former, MachineId]]

    def others(self, id_: MachineId) -> set[Former]:
        """The places that other guarded machines hold."""
        held = self.kept | self.seen
        return {place for place, holder in held if holder in self.guarded and holder != id_}

    def mine(self, id_: MachineId) -> set[Former]:
        """The places where a machine is seen."""
        return {place for place, holder in self.seen if holder == id_}


async def holders(world: World, subscription: str) -> Holders:
    """Look who is where. Raises Unavailable when that cannot be told of everybody."""
    interfaces, groups = await asyncio.gather(
        world.inventory.interfaces(subscription), world.inventory.groups(subscription)
    )
    subnets = {subnet.lower(): group.id.lower() for group in groups for subnet in group.subnets}
    policies = {one.machine.id: one async for one in _every_policy(world, subscription)}
    seen = {
        ((nsg.lower(), one.address), one.machine)
        for one in interfaces
        if one.machine in policies and (nsg := one.nsg or subnets.get(one.subnet.lower()))
    }
    kept = {(place, id_) for id_, one in policies.items() for place in places(one.machine)}
    guarded = frozenset(id_ for id_, one in policies.items() if one.stage is Stage.GUARDED)
    return Holders(guarded, frozenset(kept), frozenset(seen))


async def _every_policy(world: World, subscription: str) -> AsyncIterator[Guarded]:
    async for stored in world.policies.all(subscription):
        yield stored.value


async def free_all(world: World, moved: Sequence[Stored[Guarded]], there: Holders) -> list[Exception]:
    """Set free where these machines once were; what went wrong."""
    results = await each(lambda stored: _free(world, stored, there), moved, _MACHINES_AT_ONCE)
    return [result for result in results if isinstance(result, Exception)]


async def _free(world: World, stored: Stored[Guarded], there: Holders) -> None:
    before = stored.value
    others = there.others(before.machine.id) | there.mine(before.machine.id)
    after = before.setting_free(set(before.former) - others, others)
    stored = await world.policies.put(after, stored.etag)
    try:
        for nsg, claim in _claims_of(before, after):
            await _settle(world, nsg, claim)
    except Exception:
        # What was allowed just now is not to be done later, when another may be there.
        with suppress(Conflict, Unavailable):
            await world.policies.put(after.keeping_locked(), stored.etag)
        raise
    await world.policies.put(replace(after, freeing=()), stored.etag)


def _claims_of(before: Guarded, after: Guarded) -> Iterable[tuple[str, LockClaim]]:
    """What there is to settle in each group in which something is set free, or which the machine has left for good."""
    wanted = after.lock_claims()
    touched = {group for group, _ in after.freeing}
    yield from ((nsg, claim) for nsg, claim in wanted.items() if nsg.lower() in touched)
    here = {nsg.lower() for nsg in wanted}
    for nsg, claim in before.lock_claims().items():
        if nsg.lower() not in here:
            yield nsg, replace(claim, endpoints=(), former=(), wanted=Wanted.ABSENT)


def as_leaving(guarded: Guarded, there: Holders) -> Guarded:
    """With what is to be set free when the policy goes, and with what stays locked for others."""
    mine = {*places(guarded.machine), *guarded.former, *guarded.freeing}
    # Where it is seen but was not known to be, it may have been locked for somebody who has gone since.
    freeing = tuple(sorted({*guarded.freeing, *(there.mine(guarded.machine.id) - mine)}))
    others = there.others(guarded.machine.id)
    return replace(guarded, freeing=freeing, yielded=tuple(sorted({*mine, *freeing} & others)))


async def unlock(world: World, stored: Stored[Guarded], there: Holders | None = None) -> Stored[Guarded]:
    """Take a machine's locks away, except where another machine under a policy is."""
    guarded = stored.value
    leaving = as_leaving(guarded, there or await holders(world, guarded.machine.id.subscription))
    if leaving != guarded:
        stored = await world.policies.put(leaving, stored.etag)
    claims = stored.value.claims()
    flushed = {nsg.lower() for nsg in guarded.flush_in}
    here = [nsg for nsg in claims if guarded.machine.locked_in(nsg) or nsg.lower() in flushed]
    await every(lambda nsg: _settle(world, nsg, *claims[nsg]), here, _GROUPS_AT_ONCE)
    # Where it only once was it stays locked if that cannot be changed now, and keeps no policy from going.
    elsewhere = [nsg for nsg in claims if nsg not in here]
    await each(lambda nsg: _settle(world, nsg, *claims[nsg]), elsewhere, _GROUPS_AT_ONCE)
    return stored


async def _settle(world: World, nsg: str, *claims: Claim) -> None:
    for claim in claims:
        await world.desk.post(nsg, claim)
    if await settle_even_if_gone(world, nsg, [claim.key for claim in claims]) is None:
        raise Unavailable(f"{nsg} is being changed by somebody else; what is to be set free there stays locked")
