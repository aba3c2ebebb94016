"""Setting locks: of one machine or of many together, each group written once however many of its machines there are.

What closes comes first and is seen to stand; only then is a group that was made for a machine put on its interfaces,
and only after that are addresses set free that a machine no longer has. Whatever fails stops only those that it
concerns, and is finished by doing the same again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.claims import LockClaim, Wanted
from shared.domain.exposure import Leak
from shared.domain.findings import exposure_changed
from shared.domain.guarding import Guarded, lock_claims_by_group
from shared.domain.machines import Machine
from shared.domain.rules import Nsg
from shared.ports import Conflict, Stored, Unavailable
from shared.services.measuring import Sight
from shared.services.serving import Purpose
from shared.services.settling import Settled, settle, settle_even_if_gone
from shared.services.world import World, each, every

_GROUPS_AT_ONCE = 8
_MACHINES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy as kept, and what was measured of its lock; `leaks` is empty when it holds, None when not measured."""

    stored: Stored[Guarded]
    leaks: tuple[Leak, ...] | None


async def lock(world: World, stored: Stored[Guarded]) -> Standing:
    """Set one machine's lock and measure it. Raises what stood in the way."""
    [result] = await lock_all(world, [stored])
    if isinstance(result, Exception):
        raise result
    return result


async def lock_all(world: World, machines: Sequence[Stored[Guarded]]) -> list[Standing | Exception]:
    """Set the locks of machines, and measure each; a machine that something went wrong for gives the error."""
    groups = lock_claims_by_group(stored.value for stored in machines)
    served = await each(lambda nsg: _serve(world, nsg, groups[nsg]), groups, _GROUPS_AT_ONCE)
    results = {nsg.lower(): result for nsg, result in zip(groups, served, strict=True)}
    sight = Sight(world, [group for result in results.values() if (group := _seen(result))])

    async def finish(stored: Stored[Guarded]) -> Standing:
        for nsg in stored.value.lock_claims():
            if isinstance(failed := results[nsg.lower()], Exception):
                raise failed
        return await _finish(world, stored, sight)

    return await each(finish, machines, _MACHINES_AT_ONCE)


def _seen(result: Settled | Exception | None) -> Nsg | None:
    return result.observed.nsg if isinstance(result, Settled) and result.observed else None


async def _serve(world: World, nsg: str, claims: dict[str, LockClaim]) -> Settled | None:
    """Serve the claims that close in one group. What only frees waits on the desk until `_free` comes."""
    closing = {key: claim for key, claim in claims.items() if claim.wanted is Wanted.PRESENT}
    if not closing:
        return None
    entries = await world.desk.entries(nsg)
    new = [claim for key, claim in closing.items() if key not in entries or entries[key].claim != claim]
    await every(lambda claim: world.desk.post(nsg, claim), new, _MACHINES_AT_ONCE)
    settled = await settle(world, nsg, closing, Purpose.CLOSE)
    if settled is None:
        raise Unavailable(f"{nsg} is being changed by somebody else; it will be locked after that")
    return settled


async def _finish(world: World, stored: Stored[Guarded], sight: Sight) -> Standing:
    guarded = stored.value
    if guarded.own_group:
        guarded = replace(guarded, machine=await _attached(world, guarded))
    if guarded.former:
        stored = await _free(world, stored)
    return await note_exposure(world, stored, await sight.measure(guarded))


async def _attached(world: World, guarded: Guarded) -> Machine:
    """Put the group that Postern made, in which the lock was seen to stand, on the interfaces that have none.

    Whether it is there is read back, like everything else.
    """
    machine = await world.network.machine(guarded.machine.id)
    known = {endpoint.address for endpoint in guarded.machine.endpoints if guarded.owns(endpoint.nic_nsg)}
    bare = sorted({endpoint.nic for endpoint in machine.bare if endpoint.address in known})
    for nic in bare:
        await world.network.attach(nic, guarded.own_group or "")
    return await world.network.machine(guarded.machine.id) if bare else machine


async def _free(world: World, stored: Stored[Guarded]) -> Stored[Guarded]:
    """Set free what was locked of the machine where it no longer is."""
    gone = {nsg: claim for nsg, claim in stored.value.lock_claims().items() if claim.wanted is Wanted.ABSENT}
    for nsg, claim in gone.items():
        await world.desk.post(nsg, claim)
        await settle_even_if_gone(world, nsg, [claim.key])
    try:
        return await world.policies.put(replace(stored.value, former=()), stored.etag)
    except Conflict:
        # Somebody has changed the policy meanwhile; freeing twice does no harm.
        return stored


async def note_exposure(world: World, stored: Stored[Guarded], leaks: tuple[Leak, ...] | None) -> Standing:
    """Keep what gets through, and have it on record when it is not what got through before."""
    news = exposure_changed(stored.value.exposed_by, leaks) if leaks is not None else None
    if leaks is None or news is None:
        return Standing(stored, leaks)
    # Whoever changes the policy at the same time measures it too, and so does the next repair.
    with suppress(Conflict):
        noted = stored.value.noting(news[0], world.clock.now(), news[1])
        stored = await world.policies.put(replace(noted, exposed_by=leaks), stored.etag)
        await record_finding(world, stored.value)
    return Standing(stored, leaks)


async def record_finding(world: World, guarded: Guarded) -> None:
    """Make sure that the latest finding about a machine is on record; recording it again changes nothing."""
    if guarded.found:
        await world.audit.found(guarded.found)
