"""Looking at a machine's policy, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.exposure import Leak
from shared.domain.forecasts import Preview
from shared.domain.guarding import Guarded, Stage
from shared.domain.lifecycle import Reason
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.ports import NotFound, Outdated, Stored, Unavailable
from shared.services.closing import Ending, close
from shared.services.enabling import known
from shared.services.locking import Standing
from shared.services.measuring import measure_now
from shared.services.previewing import foresee, preview
from shared.services.settling import settle_even_if_gone
from shared.services.world import World, every

NO_POLICY = "Just-in-time access is not enabled on this machine, or you may not see it."
_GROUPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Removal:
    """Who wants a policy gone, and which version of it; with `discards_group` the group that Postern made goes too."""

    by: Person | None
    version: str | None = None
    discards_group: bool = False


@dataclass(frozen=True, slots=True)
class Removed:
    """What is left of a machine whose policy is gone: what is open, and why its group was kept, if it was."""

    guarded: Guarded
    leaks: tuple[Leak, ...] | None
    kept_because: str | None = None


async def look(world: World, id_: MachineId) -> Standing:
    """A machine's policy, and its lock as measured now. Raises NotFound, Unavailable."""
    stored = await _stored(world, id_)
    return Standing(stored, await measure_now(world, stored.value))


async def _stored(world: World, id_: MachineId, version: str | None = None) -> Stored[Guarded]:
    known(world, id_)
    stored = await world.policies.get(id_)
    if stored is None:
        raise NotFound(NO_POLICY)
    if version and stored.value.version != version:
        raise Outdated("The policy has been changed since you read it.")
    return stored


async def foretell_removal(world: World, id_: MachineId, removal: Removal) -> Preview:
    """What removing the policy would do. Writes nothing."""
    stored = await _stored(world, id_, removal.version)
    actual = await world.network.machine(id_)
    removing = replace(stored.value, stage=Stage.REMOVING)
    forecasts = await foresee(world, [removing])
    for result in forecasts.values():
        if isinstance(result, Exception):
            raise result
    return await preview(world, removing, actual, forecasts)


async def disable(world: World, id_: MachineId, removal: Removal) -> Removed:
    """End a machine's grants, take its lock away, and forget its policy; the answer tells what is open afterwards.

    Raises NotFound, Conflict, Unavailable; after the last, doing the same again goes on, as does the repair.
    """
    return await remove(world, await retire(world, await _stored(world, id_, removal.version), removal))


async def retire(world: World, stored: Stored[Guarded], removal: Removal) -> Stored[Guarded]:
    """Store that a policy is to go; from then on it is only a question of time. Raises Conflict."""
    old = stored.value
    if old.stage is Stage.REMOVING and old.discards_group >= removal.discards_group:
        return stored
    await world.audit.policy_changed(old)
    removing = replace(old, stage=Stage.REMOVING, revision=old.revision + 1, changed_at=world.clock.now())
    removing = replace(removing, changed_by=removal.by, discards_group=removal.discards_group)
    return await world.policies.put(removing, stored.etag)


async def remove(world: World, stored: Stored[Guarded]) -> Removed:
    """Finish taking a policy away: grants first, so that nothing is left that its removal could orphan."""
    guarded = stored.value
    await world.audit.policy_changed(guarded)
    ending = Ending(Reason.POLICY_REMOVED, guarded.changed_by)
    closed = await close(world, [(grant, ending) for grant in await world.grants.unfinished(guarded.machine.id)])
    if closed.problems:
        raise Unavailable("Not all of the machine's grants could be closed yet.") from closed.problems[0]
    claims = guarded.lock_claims()
    for nsg, claim in claims.items():
        await world.desk.post(nsg, claim)
    settled = await every(lambda nsg: settle_even_if_gone(world, nsg, [claims[nsg].key]), claims, _GROUPS_AT_ONCE)
    if not all(settled):
        raise Unavailable("The machine's groups are being changed by somebody else.")
    kept_because = await _discard_group(world, guarded) if guarded.discards_group else None
    left = await measure_now(world, guarded)
    await world.policies.remove(stored)
    return Removed(guarded, left, kept_because)


async def _discard_group(world: World, guarded: Guarded) -> str | None:
    """Take the group that Postern made off the machine and delete it; why not, when others have put it to use."""
    own = guarded.own_group
    if own is None:
        return "Postern has made no group for this machine."
    try:
        nsg = (await world.network.group(own)).nsg
    except NotFound:
        return None
    if nsg.made_for != guarded.machine.id.key:
        return f"{own} was not made by Postern for this machine."
    if nsg.rules or nsg.outbound.rules:
        return f"{own} holds rules that somebody else has put there."
    for nic in await _interfaces(world, guarded):
        await world.network.detach(nic, own)
    return None if await world.network.discard(own) else f"{own} is used by others too."


async def _interfaces(world: World, guarded: Guarded) -> list[str]:
    """The machine's interfaces that have its own group, as ARM has it now; none when the machine is gone."""
    try:
        machine = await world.network.machine(guarded.machine.id)
    except NotFound:
        return []
    return sorted({endpoint.nic for endpoint in machine.endpoints if guarded.owns(endpoint.nic_nsg)})
