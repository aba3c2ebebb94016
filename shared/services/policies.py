"""Enabling just-in-time access on a machine, changing it, looking at it, and taking it away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from shared.domain.claims import Claim, Wanted
from shared.domain.decisions import still_offers
from shared.domain.exposure import Leak, leaks
from shared.domain.grants import Person
from shared.domain.guarding import Guarded, Stage
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import Reason
from shared.domain.machines import Machine, MachineId
from shared.domain.policies import Policy
from shared.domain.rules import Nsg
from shared.ports import NotFound, Outdated, Stored, Unavailable
from shared.services.closing import Ending, close
from shared.services.serving import Purpose
from shared.services.settling import settle_all
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
    if issues := _unlockable(machine):
        return Refused(issues)
    before = await world.policies.get(id_)
    if etag and (before is None or before.etag != etag):
        raise Outdated("The policy has been changed since you read it.")
    revision = before.value.revision + 1 if before else 0
    guarded = Guarded(machine, policy, revision, world.clock.now(), by)
    stored = await world.policies.put(guarded, before.etag if before else None)
    await world.audit.policy_changed(guarded)
    await _end_what_is_no_longer_offered(world, guarded)
    return await lock(world, stored, before.value if before else None)


async def _end_what_is_no_longer_offered(world: World, guarded: Guarded) -> None:
    """Close grants on ports that the policy has lost. What cannot be closed now stays `closing` for the sweep."""
    unfinished = await world.grants.unfinished(guarded.machine.id)
    ending = Ending(Reason.PORT_REMOVED, guarded.changed_by)
    lost = [g for g in unfinished if not all(still_offers(guarded.policy, port) for port in g.value.ports)]
    await close(world, [(grant, ending) for grant in lost])


def _known(world: World, id_: MachineId) -> None:
    if id_.subscription not in world.subscriptions:
        raise NotFound(_NO_MACHINE)


def _unlockable(machine: Machine) -> tuple[Issue, ...]:
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
    settled = await settle_all(world, claims, Purpose.CLOSE)
    seen = {nsg: result.observed.nsg for nsg, result in settled.items() if result and result.observed}
    return Standing(stored, await measure(world, guarded, seen))


async def measure(world: World, guarded: Guarded, seen: dict[str, Nsg] | None = None) -> tuple[Leak, ...]:
    """What still gets through to the machine, by its groups as they now stand; `seen` are those just read."""
    groups = dict(seen or {})
    missing = [nsg for nsg in guarded.machine.nsgs if nsg.lower() not in groups]
    read = await asyncio.gather(*(world.network.group(nsg) for nsg in missing))
    groups |= {nsg.lower(): observed.nsg for nsg, observed in zip(missing, read, strict=True)}
    return leaks(guarded.lock, groups)


async def look(world: World, id_: MachineId) -> Standing:
    """A machine's policy, and its lock as measured now. Raises NotFound, Unavailable."""
    _known(world, id_)
    stored = await world.policies.get(id_)
    if stored is None:
        raise NotFound(_NO_POLICY)
    return Standing(stored, await measure(world, stored.value))


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
        stored = await world.policies.put(removing, stored.etag)
        await world.audit.policy_changed(removing)
    return await remove(world, stored)


async def remove(world: World, stored: Stored[Guarded]) -> Standing:
    """Finish taking a policy away: grants first, so that nothing is left that its removal could orphan."""
    guarded = stored.value
    ending = Ending(Reason.POLICY_REMOVED, guarded.changed_by)
    closed = await close(world, [(grant, ending) for grant in await world.grants.unfinished(guarded.machine.id)])
    if closed.problems:
        raise Unavailable("Not all of the machine's grants could be closed yet.") from closed.problems[0]
    claims = guarded.lock_claims(Wanted.ABSENT)
    await asyncio.gather(*(world.desk.post(nsg, claim) for nsg, claim in claims.items()))
    settled = await settle_all(world, claims, Purpose.CLOSE)
    if not all(settled.values()):
        raise Unavailable("The machine's groups are being changed by somebody else.")
    seen = {nsg.lower(): result.observed.nsg for nsg, result in settled.items() if result and result.observed}
    left = await measure(world, guarded, seen)
    await world.policies.remove(stored)
    return Standing(stored, left)
