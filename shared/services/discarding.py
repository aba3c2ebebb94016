"""Deleting the group that Postern made for a machine, under its lease, so that nobody puts a lock in it meanwhile."""

from __future__ import annotations

from shared.domain.guarding import Guarded, Stage
from shared.ports import Conflict, NotFound, Stored
from shared.services.leasing import under_lease
from shared.services.world import World


async def discard_group(world: World, stored: Stored[Guarded]) -> str | None:
    """Take the machine's own group off its interfaces and delete it; why not, when others have put it to use.

    Raises Conflict when the policy is no longer the one that is being removed, Unavailable.
    """
    own = stored.value.own_group or stored.value.machine.id.own_nsg
    return await under_lease(world, own, lambda: _discard(world, stored, own))


async def _discard(world: World, stored: Stored[Guarded], own: str) -> str | None:
    present = await world.policies.get(stored.value.machine.id)
    if present is None or present.etag != stored.etag or present.value.stage is not Stage.REMOVING:
        raise Conflict("The policy was changed by somebody else meanwhile.")
    if (why_not := await _why_not(world, stored.value, own)) is not None:
        return why_not
    for nic in await _interfaces(world, stored.value, own):
        await world.network.detach(nic, own)
    # Somebody may have put a rule in it since, who will now find it kept.
    return await _why_not(world, stored.value, own) or await world.network.discard(own)


async def _why_not(world: World, guarded: Guarded, own: str) -> str | None:
    try:
        nsg = (await world.network.group(own)).nsg
    except NotFound:
        return None if guarded.own_group else "Postern has made no group for this machine."
    if nsg.made_for != guarded.machine.id.key:
        return f"{own} was not made by Postern for this machine."
    return f"{own} still holds rules." if nsg.rules or nsg.outbound.rules else None


async def _interfaces(world: World, guarded: Guarded, own: str) -> list[str]:
    """The machine's interfaces that have its own group, as ARM has it now; none when the machine is gone."""
    try:
        machine = await world.network.machine(guarded.machine.id)
    except NotFound:
        return []
    return sorted({endpoint.nic for endpoint in machine.endpoints if (endpoint.nic_nsg or "").lower() == own.lower()})
