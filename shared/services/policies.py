"""Enabling just-in-time access on a machine, changing it, looking at it, and taking it away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.domain.claims import Claim, OpenClaim, Wanted
from shared.domain.exposure import Leak, leaks
from shared.domain.guarding import Guarded, Stage
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import Reason
from shared.domain.machines import Machine, MachineId
from shared.domain.observing import is_wanted
from shared.domain.people import Person
from shared.domain.policies import Policy
from shared.domain.rules import Nsg
from shared.ports import NotFound, Outdated, Stored, Unavailable
from shared.services.closing import Ending, close
from shared.services.misfits import end_misfits
from shared.services.serving import Purpose
from shared.services.settling import settle_all, settle_even_if_gone
from shared.services.world import World

_NO_MACHINE = "There is no such machine, or you may not see it."
_NO_POLICY = "Just-in-time access is not enabled on this machine, or you may not see it."


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy as kept, and what was measured of its lock; `leaks` is empty when it holds, None when not measured."""

    stored: Stored[Guarded]
    leaks: tuple[Leak, ...] | None


async def enable(
    world: World, id_: MachineId, policy: Policy, by: Person, etag: str | None = None
) -> Standing | Refused:
    """Put a machine under a policy, or change its policy: the intent is stored, then the lock is set and measured.

    With `etag` only that version is replaced. Raises NotFound (no such machine), Conflict, Unavailable; after the
    last the policy stands and the lock is pending, and doing the same again finishes it, as does the repair.
    """
    _known(world, id_)
    try:
        machine = await world.network.machine(id_)
    except NotFound as error:
        raise NotFound(_NO_MACHINE) from error
    if issues := unlockable(machine):
        return Refused(issues)
    before = await world.policies.get(id_)
    if etag and (before is None or before.etag != etag):
        raise Outdated("The policy has been changed since you read it.")
    if before:
        # Whoever changed it last may have died before that was on record.
        await world.audit.policy_changed(before.value)
    revision = before.value.revision + 1 if before else 0
    guarded = Guarded(machine, policy, revision, world.clock.now(), by)
    stored = await world.policies.put(guarded, before.etag if before else None)
    await world.audit.policy_changed(guarded)
    standing = await lock(world, stored, before.value if before else None)
    await end_misfits(world, guarded)
    return standing


def _known(world: World, id_: MachineId) -> None:
    if id_.subscription not in world.subscriptions:
        raise NotFound(_NO_MACHINE)


def unlockable(machine: Machine) -> tuple[Issue, ...]:
    """Why a machine cannot be locked as it stands; empty when it can."""
    if not machine.endpoints:
        return (Issue("noNetworkInterface", "", f"{machine.id.name} has no network interface that could be guarded."),)
    bare = [endpoint.address for endpoint in machine.endpoints if endpoint.lock_nsg is None]
    text = "has no network security group, neither on its network interface nor on its subnet"
    return tuple(Issue("noNetworkSecurityGroup", "", f"{machine.id.name} ({address}) {text}.") for address in bare)


async def lock(world: World, stored: Stored[Guarded], before: Guarded | None = None) -> Standing:
    """Set the lock in each group that holds a part of it, take it from those that no longer do, and measure."""
    guarded = stored.value
    claims: dict[str, Claim] = {}
    if before:
        claims |= {nsg.lower(): claim for nsg, claim in before.lock_claims(Wanted.ABSENT).items()}
    claims |= {nsg.lower(): claim for nsg, claim in guarded.lock_claims().items()}
    await asyncio.gather(*(world.desk.post(nsg, claim) for nsg, claim in claims.items()))
    gone = {nsg: claim for nsg, claim in claims.items() if claim.wanted is Wanted.ABSENT}
    await asyncio.gather(*(settle_even_if_gone(world, nsg, [claim.key]) for nsg, claim in gone.items()))
    kept = {nsg: claim for nsg, claim in claims.items() if claim.wanted is Wanted.PRESENT}
    settled = await settle_all(world, kept, Purpose.CLOSE)
    seen = {nsg: result.observed.nsg for nsg, result in settled.items() if result and result.observed}
    return Standing(stored, await measure(world, guarded, seen))


async def measure(world: World, guarded: Guarded, seen: Mapping[str, Nsg]) -> tuple[Leak, ...] | None:
    """What still gets through to the machine, by its groups as they now stand; None when it has no address to try.

    `seen` are groups that were read just now.
    """
    if not guarded.machine.endpoints:
        return None
    missing = [nsg for nsg in guarded.machine.nsgs if nsg.lower() not in seen]
    read = await asyncio.gather(*(world.network.group(nsg) for nsg in missing))
    groups = {**seen, **{nsg.lower(): observed.nsg for nsg, observed in zip(missing, read, strict=True)}}
    desks = await asyncio.gather(*(world.desk.entries(nsg) for nsg in guarded.machine.nsgs))
    claims = [entry.claim for desk in desks for entry in desk.values()]
    now = world.clock.now()
    return leaks(guarded.lock, groups, [c for c in claims if isinstance(c, OpenClaim) and is_wanted(c, now)])


async def measure_now(world: World, guarded: Guarded, seen: Mapping[str, Nsg]) -> tuple[Leak, ...] | None:
    """As `measure`, on the machine as ARM has it now; None also when the machine or one of its groups is gone."""
    try:
        machine = await world.network.machine(guarded.machine.id)
        return await measure(world, replace(guarded, machine=machine), seen)
    except NotFound:
        return None


async def look(world: World, id_: MachineId) -> Standing:
    """A machine's policy, and its lock as measured now. Raises NotFound, Unavailable."""
    _known(world, id_)
    stored = await world.policies.get(id_)
    if stored is None:
        raise NotFound(_NO_POLICY)
    return Standing(stored, await measure_now(world, stored.value, {}))


async def disable(world: World, id_: MachineId, by: Person, etag: str | None = None) -> Standing:
    """End a machine's grants, take its lock away, and forget its policy; the answer tells what is open afterwards.

    Raises NotFound, Conflict, Unavailable; after the last, doing the same again goes on, as does the repair.
    """
    _known(world, id_)
    stored = await world.policies.get(id_)
    if stored is None:
        raise NotFound(_NO_POLICY)
    if etag and stored.etag != etag:
        raise Outdated("The policy has been changed since you read it.")
    if stored.value.stage is Stage.GUARDED:
        revision = stored.value.revision + 1
        removing = replace(
            stored.value, stage=Stage.REMOVING, revision=revision, changed_at=world.clock.now(), changed_by=by
        )
        await world.audit.policy_changed(stored.value)
        stored = await world.policies.put(removing, stored.etag)
    return await remove(world, stored)


async def remove(world: World, stored: Stored[Guarded]) -> Standing:
    """Finish taking a policy away: grants first, so that nothing is left that its removal could orphan."""
    guarded = stored.value
    await world.audit.policy_changed(guarded)
    ending = Ending(Reason.POLICY_REMOVED, guarded.changed_by)
    closed = await close(world, [(grant, ending) for grant in await world.grants.unfinished(guarded.machine.id)])
    if closed.problems:
        raise Unavailable("Not all of the machine's grants could be closed yet.") from closed.problems[0]
    claims = guarded.lock_claims(Wanted.ABSENT)
    await asyncio.gather(*(world.desk.post(nsg, claim) for nsg, claim in claims.items()))
    settled = await asyncio.gather(*(settle_even_if_gone(world, nsg, [claim.key]) for nsg, claim in claims.items()))
    if not all(settled):
        raise Unavailable("The machine's groups are being changed by somebody else.")
    seen = {one.observed.nsg.id.lower(): one.observed.nsg for one in settled if one and one.observed}
    left = await measure_now(world, guarded, seen)
    await world.policies.remove(stored)
    return Standing(stored, left)
