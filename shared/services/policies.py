"""Looking at a machine's policy, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.exposure import Leak
from shared.domain.forecasts import Preview
from shared.domain.guarding import Guarded, Stage
from shared.domain.lifecycle import Reason
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.ports import Conflict, NotFound, Outdated, Stored, Unavailable
from shared.services.closing import Ending, close
from shared.services.discarding import discard_group
from shared.services.enabling import known
from shared.services.freeing import Holders, as_leaving, holders, unlock
from shared.services.gates import empty_gate
from shared.services.glancing import recently_let_in
from shared.services.locking import Standing
from shared.services.measuring import measure_now, sessions_now
from shared.services.previewing import foresee, preview
from shared.services.world import World

_TRIES = 3
NO_POLICY = "Just-in-time access is not enabled on this machine, or you may not see it."


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
    return Standing(stored, await measure_now(world, stored.value), await sessions_now(world, stored.value))


async def _stored(world: World, id_: MachineId, version: str | None = None) -> Stored[Guarded]:
    known(world, id_)
    stored = await world.policies.get(id_)
    if stored is None:
        raise NotFound(NO_POLICY)
    # A removal that goes on has a version of its own; whoever began it may repeat what they said.
    if version and stored.value.version != version and stored.value.stage is Stage.GUARDED:
        raise Outdated("The policy has been changed since you read it.")
    return stored


async def foretell_removal(world: World, id_: MachineId, removal: Removal) -> Preview:
    """What removing the policy would do. Writes nothing."""
    stored = await _stored(world, id_, removal.version)
    actual = await world.network.machine(id_)
    removing = replace(stored.value, stage=Stage.REMOVING, discards_group=removal.discards_group)
    removing = as_leaving(removing, await holders(world, id_.subscription))
    forecasts = await foresee(world, [removing])
    for result in forecasts.values():
        if isinstance(result, Exception):
            raise result
    return await preview(world, removing, actual, forecasts, await recently_let_in(world, (id_,)))


async def disable(world: World, id_: MachineId, removal: Removal) -> Removed:
    """End a machine's grants, take its lock away, and forget its policy; the answer tells what is open afterwards.

    Raises NotFound, Conflict, Unavailable; after the last, doing the same again goes on, as does the repair.
    """
    for _ in range(_TRIES):
        stored = await _stored(world, id_, removal.version)
        try:
            stored = await retire(world, stored, removal)
            return await remove(world, stored)
        except Conflict:
            # A note about the machine may have been faster; a change of the policy is told from it by its version.
            present = await world.policies.get(id_)
            if present is None or present.value.version != stored.value.version:
                raise
    raise Conflict("The policy keeps changing.")


async def retire(world: World, stored: Stored[Guarded], removal: Removal) -> Stored[Guarded]:
    """Store that a policy is to go; from then on it is only a question of time. Raises Conflict."""
    old = stored.value
    if old.stage is Stage.REMOVING and old.discards_group == removal.discards_group:
        return stored
    await world.audit.policy_changed(old)
    removing = replace(old, stage=Stage.REMOVING, revision=old.revision + 1, changed_at=world.clock.now())
    removing = replace(removing, changed_by=removal.by, discards_group=removal.discards_group)
    return await world.policies.put(removing, stored.etag)


async def remove(world: World, stored: Stored[Guarded], there: Holders | None = None) -> Removed:
    """Finish taking a policy away: grants first, so that nothing is left that its removal could orphan.

    `there` is who is where, for those who remove many and have looked already.
    """
    guarded = stored.value
    await world.audit.policy_changed(guarded)
    ending = Ending(Reason.POLICY_REMOVED, guarded.changed_by)
    closed = await close(world, [(grant, ending) for grant in await world.grants.unfinished(guarded.machine.id)])
    if closed.problems:
        raise Unavailable("Not all of the machine's grants could be closed yet.") from closed.problems[0]
    stored = await unlock(world, stored, there)
    await empty_gate(world, guarded.machine.id)
    discards = guarded.discards_group and not guarded.machine.id.is_host
    kept_because = await discard_group(world, stored) if discards else None
    await world.policies.remove(stored)
    try:
        left = await measure_now(world, guarded)
    except Unavailable:
        # The policy is gone whether or not somebody lets us look at what is open now.
        left = None
    return Removed(guarded, left, kept_because)
