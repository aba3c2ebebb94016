"""The use cases of those who call Defender's API: collections of machines instead of single ones.

All of a call is looked at before anything of it is done, so that what is refused for one machine changes nothing of
another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.collections import Collection, Place, Portion, collected
from shared.domain.forecasts import Foretold
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded, Stage
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.domain.policies import Lock, Policy, PolicyPort, Scope
from shared.ports import Conflict, NotFound
from shared.services.enabling import Assignment, Prepared, carry_out, fit
from shared.services.extending import Who
from shared.services.grants import Ask, ask, foretell, revoke
from shared.services.locking import Standing
from shared.services.opening import Progress
from shared.services.policies import Removal, disable
from shared.services.world import World, each, every

MOST_REQUESTS = 100
"""How many requests a collection shows, the latest ones."""

_RECENT = timedelta(days=7)
_READS_AT_ONCE = 16
_MACHINES_AT_ONCE = 8
_NO_COLLECTION = "There is no such policy: no machine of this resource group and location is in it."


@dataclass(frozen=True, slots=True)
class Rejection:
    """What keeps a call from being carried out, by machine; issues stand where they are in the caller's document."""

    problems: Mapping[MachineId, Refused | Exception]


@dataclass(frozen=True, slots=True)
class Replaced:
    """A collection as it now is, and those of its machines whose lock does not hold."""

    collection: Collection
    exposed: tuple[MachineId, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, by whom, and under which Idempotency-Key."""

    portions: Sequence[Portion]
    who: Who
    key: str | None = None
    digest: str = ""


async def look(world: World, place: Place, requestor: str | None) -> Collection:
    """One collection. Raises NotFound. With `requestor` only that caller's requests are shown."""
    found = await look_at_all(world, place, requestor)
    if not found:
        raise NotFound(_NO_COLLECTION)
    return found[0]


async def look_at_all(world: World, place: Place, requestor: str | None) -> list[Collection]:
    """Every collection of a place. With `requestor` only that caller's requests are shown."""
    guarded = [one for one in await _all(world, place) if _is_member(one, place)]
    histories = await every(lambda one: _recent(world, one, requestor), guarded, _READS_AT_ONCE)
    told = {one.machine.id: grants for one, grants in zip(guarded, histories, strict=True)}
    return [_with_history(collection, told) for collection in collected(guarded)]


def _is_member(guarded: Guarded, place: Place) -> bool:
    """Whether a machine counts as one of a collection there; one that is being disabled no longer does."""
    return guarded.stage is Stage.GUARDED and place.holds(guarded)


async def _all(world: World, place: Place) -> list[Guarded]:
    """The machines of the collections there, also those that are being disabled."""
    return [stored.value async for stored in world.policies.all(place.subscription) if place.holds(stored.value)]


async def _recent(world: World, guarded: Guarded, requestor: str | None) -> list[Grant]:
    found = await world.grants.since(guarded.machine.id, world.clock.now() - _RECENT)
    return [grant for grant in found if requestor in {None, grant.requestor.id}][-MOST_REQUESTS:]


def _with_history(collection: Collection, told: Mapping[MachineId, Sequence[Grant]]) -> Collection:
    grants = [grant for one in collection.machines for grant in told[one.machine.id]]
    latest = sorted(grants, key=lambda grant: grant.id)[-MOST_REQUESTS:]
    return replace(collection, grants=tuple(latest))


async def put(
    world: World, place: Place, name: str, ports: Mapping[MachineId, tuple[PolicyPort, ...]], by: Person
) -> Replaced | Rejection:
    """Make a collection of exactly these machines: set their ports, and disable those that are in it no longer.

    Whatever a machine's policy says besides is kept; a machine without one is locked on its ports only, as Defender
    does it. What is disabled comes last, and only when all others are locked. Raises Unavailable.
    """
    refused: dict[MachineId, Standing | Refused | Exception] = {}
    changes = {id_: _change(name, some, by) for id_, some in ports.items()}
    fitting, _ = await fit(world, refused, {id_: one for id_, one in changes.items() if not place.misplaced(id_, None)})
    if wrong := {**_problems(refused), **dict(_misplaced(place, ports, fitting))}:
        return Rejection(wrong)
    dropped = [one for one in await _all(world, place) if one.machine.id not in ports]
    done = await carry_out(world, fitting)
    if wrong := _problems(done) or await _disable(world, dropped, by):
        return Rejection(wrong)
    exposed = [id_ for id_, one in done.items() if isinstance(one, Standing) and one.leaks]
    return Replaced(await look(world, place, None), tuple(exposed))


def _change(name: str, ports: tuple[PolicyPort, ...], by: Person) -> Assignment:
    return Assignment(Policy(ports, Lock(Scope.PORTS)), by, collection=name)


def _problems(results: Mapping[MachineId, object]) -> dict[MachineId, Refused | Exception]:
    return {id_: one for id_, one in results.items() if isinstance(one, Refused | Exception)}


def _misplaced(
    place: Place, ids: Mapping[MachineId, object], fitting: Mapping[MachineId, Prepared]
) -> Iterator[tuple[MachineId, Refused]]:
    for id_ in ids:
        if issues := place.misplaced(id_, fitting[id_].actual if id_ in fitting else None):
            yield id_, Refused(issues)


async def remove(world: World, place: Place, by: Person) -> bool | Rejection:
    """Disable every machine of a collection, also those of which it was begun; whether there were any."""
    members = await _all(world, place)
    wrong = await _disable(world, members, by)
    return Rejection(wrong) if wrong else bool(members)


async def _disable(world: World, some: Sequence[Guarded], by: Person) -> dict[MachineId, Refused | Exception]:
    """Disable machines; one whose policy somebody has changed meanwhile, or put elsewhere, is left as it is."""
    removals = {one.machine.id: Removal(by, one.version) for one in some}
    results = await each(lambda id_: disable(world, id_, removals[id_]), removals, _MACHINES_AT_ONCE)
    found = _problems(dict(zip(removals, results, strict=True)))
    return {id_: one for id_, one in found.items() if not isinstance(one, NotFound)}


async def initiate(world: World, place: Place, request: Request) -> list[Grant] | Rejection:
    """Ask for all that is wanted: one grant for what ends together on a machine. Raises NotFound.

    Everything is foretold first. Should something be refused all the same, because the world moved meanwhile, then
    what was granted of the request is given up again.
    """
    wanted = {portion.machine for portion in request.portions}
    known = await every(
        world.policies.get, [one for one in wanted if one.subscription == place.subscription], _READS_AT_ONCE
    )
    members = {one.value.machine.id for one in known if one and _is_member(one.value, place)}
    if not members:
        raise NotFound(_NO_COLLECTION)
    if wrong := await _against(world, request, members):
        return Rejection(wrong)
    asks = [_ask(request, number) for number in range(len(request.portions))]
    results = await each(lambda one: ask(world, one), asks, _MACHINES_AT_ONCE)
    answers = [_answer(result) for result in results]
    grants = [one for one in answers if isinstance(one, Grant)]
    if len(grants) == len(asks):
        return grants
    # One that cannot be given up now ends at its time, and stands in the list of grants.
    await each(lambda grant: revoke(world, grant.id, request.who.person), grants, _MACHINES_AT_ONCE)
    return Rejection(_by_machine(request, answers))


async def _against(world: World, request: Request, members: set[MachineId]) -> dict[MachineId, Refused | Exception]:
    async def look_ahead(number: int) -> Foretold | Refused:
        portion = request.portions[number]
        if portion.machine not in members:
            text = f"{portion.machine.name} is not in this policy."
            return Refused((Issue("machineNotInPolicy", "", text),))
        told = await foretell(world, replace(_ask(request, number), key=None))
        # What waits for approval may find room when it opens.
        if isinstance(told, Foretold) and told.obstacles and told.grant.state is State.OPENING:
            return Refused((Issue("blocked", "", f"It cannot be opened: {told.obstacles[0]}."),))
        return told

    return _by_machine(request, await each(look_ahead, range(len(request.portions)), _MACHINES_AT_ONCE))


def _ask(request: Request, number: int) -> Ask:
    portion, who = request.portions[number], request.who
    key = f"{request.key}/{number}" if request.key else None
    return Ask(portion.machine, portion.wish, who.person, who.asker, key, request.digest)


def _answer(result: Progress | Refused | Exception) -> Grant | Refused | Exception:
    """The grant that came of an asking, unless it failed at once."""
    if not isinstance(result, Progress):
        return result
    grant = result.grant
    if grant.reason and grant.started_at is None:
        return Conflict(f"The access could not be opened: {grant.detail or grant.reason}.")
    return grant


def _by_machine(request: Request, results: Sequence[object]) -> dict[MachineId, Refused | Exception]:
    """What was refused, the issues of each machine together; an error of one is told rather than its issues."""
    errors: dict[MachineId, Refused | Exception] = {}
    issues: dict[MachineId, tuple[Issue, ...]] = {}
    for portion, result in zip(request.portions, results, strict=True):
        if isinstance(result, Exception):
            errors.setdefault(portion.machine, result)
        elif isinstance(result, Refused):
            placed = tuple(portion.placed(issue) for issue in result.issues)
            issues[portion.machine] = tuple(dict.fromkeys((*issues.get(portion.machine, ()), *placed)))
    return {id_: Refused(some) for id_, some in issues.items()} | errors
