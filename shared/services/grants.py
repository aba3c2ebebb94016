"""Asking for access, seeing what became of it, and giving it up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.domain.addresses import is_v6
from shared.domain.claims import OpenClaim
from shared.domain.decisions import Allowed, Asker, Wish, decide
from shared.domain.forecasts import Forecast, Foretold, forecast
from shared.domain.grants import Attempt, Grant, GrantPort, Occurrence
from shared.domain.guarding import Guarded, Stage, open_claims
from shared.domain.issues import Issue, Refused
from shared.domain.keys import CHANCE_BITS, new_grant_id
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.domain.planning import Leave
from shared.domain.shapes import belongs_to_grant
from shared.ports import Conflict, Due, NotFound, Stored
from shared.services.closing import Ending, close
from shared.services.keeping import reloaded
from shared.services.opening import Progress, remind_of, resume
from shared.services.world import World, every

_GROUPS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for access: who, from where, to what, and under which Idempotency-Key."""

    machine: MachineId
    wish: Wish
    person: Person
    asker: Asker
    key: str | None = None
    digest: str = ""


async def ask(world: World, request: Ask) -> Progress | Refused:
    """Open what was asked for, if the policy allows it, or have it wait for approval or for its start.

    The grant is `active` when its rules were seen in force, `opening` when that takes longer than a caller
    wants to wait, `pending` or `scheduled` while it waits, and `failed` when the group leaves no room. Raises
    NotFound when the machine has no policy, Conflict when the Idempotency-Key was used for another request.
    """
    now = world.clock.now()
    attempt = Attempt(request.digest, new_grant_id(request.machine.key, now, world.chance(CHANCE_BITS)))
    if request.key:
        attempt = await world.attempts.first(request.person.id, request.key, attempt)
        if attempt.digest != request.digest:
            raise Conflict("This Idempotency-Key was used for another request.")
        if stored := await world.grants.get(attempt.grant):
            return await resume(world, stored)
    grant = await _decided(world, request, attempt.grant, now)
    return grant if isinstance(grant, Refused) else await resume(world, await _store(world, grant))


async def foretell(world: World, request: Ask) -> Foretold | Refused:
    """What asking would give, decided as asking decides it. Writes nothing. Raises NotFound, Unavailable."""
    now = world.clock.now()
    id_ = new_grant_id(request.machine.key, now, world.chance(CHANCE_BITS))
    grant = await _decided(world, request, id_, now)
    if isinstance(grant, Refused):
        return grant
    claims = open_claims(grant, (await _guarded(world, request.machine)).machine)
    try:
        found = await every(lambda nsg: _foresee(world, nsg, claims[nsg]), claims, _GROUPS_AT_ONCE)
    except NotFound as error:
        # A group on the way is gone: asking would make a grant that fails for this very reason.
        return Foretold(grant, (), (str(error),))
    rules = tuple(change.rule for one in found for change in one.changes if belongs_to_grant(change.rule, id_))
    obstacles = [one.obstacles[claim.key] for one, claim in zip(found, claims.values(), strict=True)
                 if claim.key in one.obstacles]  # fmt: skip
    return Foretold(grant, rules, tuple(obstacles))


async def _foresee(world: World, nsg: str, claim: OpenClaim) -> Forecast:
    standing = {key: entry.claim for key, entry in (await world.desk.entries(nsg)).items()}
    group = (await world.network.group(nsg)).nsg
    leave = Leave(frozenset({claim.grant}))
    return forecast(group, {**standing, claim.key: claim}.values(), world.clock.now(), leave)


async def _decided(world: World, request: Ask, id_: str, now: datetime) -> Grant | Refused:
    """The grant that is to be, or every reason against it at once."""
    guarded = await _guarded(world, request.machine)
    decision = decide(guarded.policy, request.wish, request.asker, now, world.times.shortest_grant)
    if isinstance(decision, Refused):
        return decision
    if issues := (*_unreachable(decision.ports, guarded), *await _too_many(world, request)):
        return Refused(issues)
    return _grant(id_, request, decision, guarded, now)


async def _guarded(world: World, machine: MachineId) -> Guarded:
    stored = await world.policies.get(machine) if machine.subscription in world.subscriptions else None
    if stored is None or stored.value.stage is not Stage.GUARDED:
        raise NotFound("Just-in-time access is not enabled on this machine, or you may not see it.")
    return stored.value


def _unreachable(ports: tuple[GrantPort, ...], guarded: Guarded) -> tuple[Issue, ...]:
    """A source of a family in which the machine has no address could never get in."""
    families = {is_v6(endpoint.address) for endpoint in guarded.machine.endpoints}
    sources = {source for port in ports for source in port.sources if source != "*" and is_v6(source) not in families}
    return tuple(
        Issue("sourceUnreachable", "ports", f"{source} cannot reach the machine, which has no address of that family.")
        for source in sorted(sources)
    )


async def _too_many(world: World, request: Ask) -> tuple[Issue, ...]:
    """One caller cannot fill a group with rules, nor the approvers' list with requests."""
    unfinished = await world.grants.unfinished(request.machine)
    mine = sum(stored.value.requestor.id == request.person.id for stored in unfinished)
    waiting = len(await world.grants.waiting(request.person.id))
    return tuple(_limits(world, mine, waiting))


def _limits(world: World, unfinished: int, waiting: int) -> Iterator[Issue]:
    if unfinished >= world.most_unfinished:
        text = f"You have {unfinished} grants on this machine that are not over; {world.most_unfinished} are the most."
        yield Issue("tooManyGrants", "", text)
    if waiting >= world.most_waiting:
        text = f"You have {waiting} requests that wait for approval or their start; {world.most_waiting} are the most."
        yield Issue("tooManyWaiting", "", text)


def _grant(id_: str, request: Ask, allowed: Allowed, guarded: Guarded, now: datetime) -> Grant:
    wish, approval = request.wish, allowed.approval
    starts_at = wish.starts_at if wish.starts(now) > now else None
    state = State.PENDING if approval else State.SCHEDULED if starts_at else State.OPENING
    ends_at = wish.starts(now) + wish.lasts(now)
    answer_by = now + approval.pending_for if approval else None
    return Grant(
        id=id_,
        machine=guarded.machine.id,
        state=state,
        requestor=request.person,
        ports=allowed.ports,
        requested_at=now,
        ends_at=ends_at,
        duration=wish.duration,
        justification=wish.justification,
        # One that waits has nothing anywhere; where it opens is noted before it does.
        nsgs=guarded.machine.nsgs if state is State.OPENING else (),
        occurrence=Occurrence(0, state, now, request.person),
        ticket=wish.ticket,
        starts_at=starts_at,
        lapses_at=min(answer_by, wish.ends_at or answer_by) if answer_by else None,
        admitted_at=now if state is State.OPENING else None,
        break_glass=wish.break_glass,
        asked_as=allowed.asked_as,
    )


async def _store(world: World, grant: Grant) -> Stored[Grant]:
    """Keep the grant and its deadline before anything is opened; the deadline first, so that no grant is without."""
    await world.dues.add(Due(grant.wakes_at(world.times.opening), grant.id))
    if grant.state is State.SCHEDULED and grant.starts_at:
        await remind_of(world, grant, grant.starts_at)
    try:
        return await world.grants.add(grant)
    except Conflict:
        # The same POST came twice at once; both go on with the one grant.
        stored = await world.grants.get(grant.id)
        if stored is None:
            raise
        return stored


async def revoke(world: World, id_: str, by: Person, comment: str = "") -> Grant:
    """End a grant before its time. One that has ended already is returned as it is. Raises NotFound."""
    stored = await reloaded(world, id_)
    if not stored.value.unfinished:
        return stored.value
    closed = await close(world, [(stored, Ending(Reason.REVOKED, by, comment))])
    grant = (await reloaded(world, id_)).value
    if closed.problems and grant.unfinished and grant.state is not State.CLOSING:
        # Not even the intent could be stored: nobody will go on with this, so the caller has to know.
        raise closed.problems[0]
    return grant
