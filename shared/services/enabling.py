"""Enabling just-in-time access on machines, one or many, and changing their policy.

First each machine is read from ARM and everything that speaks against it is told, with nothing written; then the
policies are stored, and then the locks are set together, so that each group is written once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.forecasts import Forecast, Preview
from shared.domain.guarding import Guarded
from shared.domain.hosts import misfits
from shared.domain.inventory import ResourceLock, forbidding
from shared.domain.issues import Issue, Refused
from shared.domain.machines import Machine, MachineId
from shared.domain.people import Person
from shared.domain.policies import Policy, contradictions
from shared.domain.subscriptions import restored
from shared.ports import Conflict, NotFound, Outdated, Stored, Unavailable
from shared.services.glancing import recently_let_in
from shared.services.locking import Standing, lock_all
from shared.services.misfits import end_misfits
from shared.services.previewing import Forecasts, foresee, preview
from shared.services.world import World, each

_MACHINES_AT_ONCE = 16
_GROUPS_AT_ONCE = 8
_TRIES = 3
NO_MACHINE = "There is no such machine, or you may not see it."


@dataclass(frozen=True, slots=True)
class Assignment:
    """A policy for machines, and who wants it; with `version` only that version of the present policy is replaced.

    With `collection` the machine goes there, and of a policy that it has nothing but the single ports is replaced.
    """

    policy: Policy
    by: Person
    version: str | None = None
    collection: str | None = None

    def over(self, old: Guarded | None) -> Policy:
        """The policy that is to be, after the present one."""
        return self.policy if old is None or self.collection is None else old.policy.offering(self.policy.ports)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A machine as ARM has it, what is to be kept of it, and what is kept so far."""

    actual: Machine
    guarded: Guarded
    before: Stored[Guarded] | None
    change: Assignment


type Result = Standing | Refused | Exception
type Results[R] = dict[MachineId, R | Refused | Exception]


async def enable(world: World, id_: MachineId, change: Assignment) -> Standing | Refused:
    """Put a machine under a policy, or change its policy: the intent is stored, then the lock is set and measured.

    Raises NotFound (no such machine), Conflict, Unavailable; after the last the policy may stand and the lock be
    pending, and doing the same again finishes it, as does the repair.
    """
    [result] = await enable_all(world, [id_], change)
    if isinstance(result, Exception):
        raise result
    return result


async def enable_all(world: World, ids: Sequence[MachineId], change: Assignment) -> list[Result]:
    """The same for many machines; each has a result of its own, and one that fails stops no other."""
    refused: Results[Standing] = {}
    fitting, _ = await fit(world, refused, dict.fromkeys(ids, change))
    results = refused | await carry_out(world, fitting)
    return [results[id_] for id_ in ids]


async def carry_out(world: World, fitting: Mapping[MachineId, Prepared]) -> Results[Standing]:
    """Store the policies of machines that nothing speaks against, and set their locks."""
    results: Results[Standing] = {}
    stored = await _sift(results, fitting, lambda one: _keep(world, one))
    results |= zip(stored, await lock_all(world, list(stored.values())), strict=True)
    ended = await each(lambda one: end_misfits(world, one.value), stored.values(), _GROUPS_AT_ONCE)
    results |= {id_: one for id_, one in zip(stored, ended, strict=True) if isinstance(one, Exception)}
    return results


async def foretell(world: World, ids: Sequence[MachineId], change: Assignment) -> list[Preview | Refused | Exception]:
    """What enabling machines together would do, and for each that would be refused, why. Writes nothing."""
    results: Results[Preview] = {}
    fitting, forecasts = await fit(world, results, dict.fromkeys(ids, change))
    recent = await recently_let_in(world, fitting)
    results |= await _sift(results, fitting, lambda one: preview(world, one.guarded, one.actual, forecasts, recent))
    return [results[id_] for id_ in ids]


async def fit[R](
    world: World, results: Results[R], changes: Mapping[MachineId, Assignment]
) -> tuple[dict[MachineId, Prepared], Forecasts]:
    """The machines that nothing speaks against, and what would become of their groups; the others have their result."""
    ids = {id_: id_ for id_ in changes}
    prepared = await _sift(results, ids, lambda id_: _prepare(world, id_, changes[id_]))
    locks = await _resource_locks(world, {id_.subscription for id_ in prepared})
    forecasts = await foresee(world, [one.guarded for one in prepared.values()])

    async def check(one: Prepared) -> Prepared | Refused:
        issues = (*_room(one, forecasts), *_locked(one, locks))
        return Refused(issues) if issues else one

    return await _sift(results, prepared, check), forecasts


async def _sift[T, R, X](
    results: Results[X],
    items: Mapping[MachineId, T],
    do: Callable[[T], Awaitable[R | Refused]],
) -> dict[MachineId, R]:
    """Do something for each machine; those for which it went well go on, the others have their result."""
    done: dict[MachineId, R] = {}
    for id_, result in zip(items, await each(do, items.values(), _MACHINES_AT_ONCE), strict=True):
        if isinstance(result, Exception | Refused):
            results[id_] = result
        else:
            done[id_] = result
    return done


def known(world: World, id_: MachineId) -> None:
    """Raises NotFound for a machine in a subscription that is none of ours."""
    if id_.subscription not in world.subscriptions:
        raise NotFound(NO_MACHINE)


async def _prepare(world: World, id_: MachineId, change: Assignment) -> Prepared | Refused:
    """The machine as ARM has it, and what is to be kept of it. Raises NotFound, Outdated, Unavailable."""
    known(world, id_)
    try:
        machine = await world.network.machine(id_)
    except NotFound as error:
        raise NotFound(NO_MACHINE) from error
    if issues := unlockable(machine):
        return Refused(issues)
    before = await world.policies.get(id_)
    if change.version and (before is None or before.value.version != change.version):
        raise Outdated("The policy has been changed since you read it.")
    told = restored(change.policy.notifications, before.value.policy.notifications if before else ())
    if isinstance(told, Refused):
        return told
    change = replace(change, policy=replace(change.policy, notifications=told))
    policy = change.over(before.value if before else None)
    if issues := (*contradictions(policy), *misfits(machine, policy)):
        return Refused(issues)
    return Prepared(machine, _to_be(world, machine, change, before), before, change)


def unlockable(machine: Machine) -> tuple[Issue, ...]:
    """Why a machine cannot be locked, whatever is done for it; empty when it can."""
    name = machine.id.name
    if not machine.endpoints:
        return (Issue("noNetworkInterface", "", f"{name} has no network interface that could be guarded."),)
    if machine.managed_by:
        text = f"{name} is managed by {machine.managed_by}, which changes its network as it sees fit."
        return (Issue("managedByService", "", text),)
    return ()


def _to_be(world: World, machine: Machine, change: Assignment, before: Stored[Guarded] | None) -> Guarded:
    old = before.value if before else None
    new = Guarded(machine, change.over(old), old.revision + 1 if old else 0, world.clock.now(), change.by)
    new = replace(new, collection=change.collection or (old.collection if old else new.collection))
    if old:
        new = replace(new, machine=old.machine, former=old.former, freeing=old.freeing, own_group=old.own_group)
        new = replace(new, attached=old.attached, exposed_by=old.exposed_by, found=old.found, flush_in=old.flush_in)
    return as_guarded(new, machine)


def as_guarded(guarded: Guarded, machine: Machine) -> Guarded:
    """With the machine as it was just seen, and with a group of its own for what has none."""
    own = guarded.own_group or (machine.id.own_nsg if machine.bare else None)
    seen = guarded.seen_as(machine.behind_own(own) if own else machine)
    return replace(seen, own_group=own, bare=bool(machine.bare)).remembering_flush()


def _room(one: Prepared, forecasts: Forecasts) -> Iterator[Issue]:
    """What keeps the machine's lock from being set. Raises what kept a group from being read."""
    for nsg, claim in one.guarded.lock_claims().items():
        found = forecasts.get(nsg.lower())
        if found is None or not one.guarded.machine.locked_in(nsg):
            continue
        if isinstance(found, Exception):
            raise found
        if found.before.hurdle:
            yield Issue("groupUnfit", "", found.before.hurdle)
        if obstacle := found.obstacles.get(claim.key):
            yield Issue("groupFull", "", f"{nsg} has no room for the lock: {obstacle}.")
        if one.actual.bare and one.guarded.owns(nsg) and _is_somebody_elses(found, one):
            text = f"There is a group {nsg} already, and Postern did not make it: attach it, or give it another name."
            yield Issue("groupNameTaken", "", text)


def _is_somebody_elses(found: Forecast, one: Prepared) -> bool:
    return bool(found.before.etag) and found.before.made_for != one.actual.id.key


async def _resource_locks(world: World, subscriptions: set[str]) -> list[ResourceLock]:
    """The resource locks that may forbid what is to be written; those that we may not see, the write will meet."""
    found: list[ResourceLock] = []
    for subscription in sorted(subscriptions):
        with suppress(Unavailable):
            found += await world.inventory.resource_locks(subscription)
    return found


def _locked(one: Prepared, locks: Sequence[ResourceLock]) -> Iterator[Issue]:
    nics = [endpoint.nic for endpoint in one.actual.bare]
    for resource in (*one.guarded.lock_claims(), *nics):
        if lock := forbidding(locks, resource):
            yield Issue("readOnly", "", f"The resource lock {lock.name} makes {resource} read-only.")


async def _keep(world: World, one: Prepared) -> Stored[Guarded]:
    """Store the policy, with what was noted about the machine meanwhile. Raises Conflict when the policy changed."""
    for _ in range(_TRIES):
        if one.before:
            # Whoever changed it last may have died before that was on record.
            await world.audit.policy_changed(one.before.value)
        try:
            stored = await world.policies.put(one.guarded, one.before.etag if one.before else None)
        except Conflict:
            fresh = await world.policies.get(one.actual.id)
            if fresh is None or one.before is None or fresh.value.version != one.before.value.version:
                raise
            one = replace(one, guarded=_to_be(world, one.actual, one.change, fresh), before=fresh)
        else:
            await world.audit.policy_changed(one.guarded)
            return stored
    raise Conflict("The policy keeps changing.")
