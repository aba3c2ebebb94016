"""Asking for access, seeing what became of it, and giving it up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.addresses import is_v6
from shared.domain.claims import Finding, OpenClaim, Wanted
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
from shared.ports import Conflict, Due, Entry, NotFound, Stored, Unavailable
from shared.services.closing import Ending, close, first_due
from shared.services.serving import Purpose
from shared.services.settling import Settled, settle_all
from shared.services.world import World, every

_TRIES = 3
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


@dataclass(frozen=True, slots=True)
class Progress:
    """A grant as it now stands, and what holds it up, if Azure does."""

    grant: Grant
    held_up: Unavailable | None = None


async def ask(world: World, request: Ask) -> Progress | Refused:
    """Open what was asked for, if the policy allows it.

    The grant is `active` when its rules were seen in force, `opening` when that takes longer than a caller
    wants to wait, and `failed` when the group leaves no room. Raises NotFound when the machine has no policy,
    Conflict when the Idempotency-Key was used for another request.
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
    """One caller cannot fill a group with rules: so many grants of a machine may be under way, and no more."""
    unfinished = await world.grants.unfinished(request.machine)
    mine = sum(stored.value.requestor.id == request.person.id for stored in unfinished)
    if mine < world.most_unfinished:
        return ()
    text = f"You have {mine} grants on this machine that are not over; {world.most_unfinished} are the most."
    return (Issue("tooManyGrants", "", text),)


def _grant(id_: str, request: Ask, allowed: Allowed, guarded: Guarded, now: datetime) -> Grant:
    wish = request.wish
    return Grant(
        id=id_,
        machine=guarded.machine.id,
        state=State.OPENING,
        requestor=request.person,
        ports=allowed.ports,
        requested_at=now,
        ends_at=now + wish.lasts(now),
        duration=wish.duration,
        justification=wish.justification,
        nsgs=guarded.machine.nsgs,
        occurrence=Occurrence(0, State.OPENING, now, request.person),
    )


async def _store(world: World, grant: Grant) -> Stored[Grant]:
    """Keep the grant and its deadline before anything is opened; the deadline first, so that no grant is without."""
    await world.dues.add(Due(first_due(grant.requested_at, grant.ends_at, world), grant.id))
    try:
        return await world.grants.add(grant)
    except Conflict:
        # The same POST came twice at once; both go on with the one grant.
        stored = await world.grants.get(grant.id)
        if stored is None:
            raise
        return stored


async def resume(world: World, stored: Stored[Grant]) -> Progress:
    """Go on with a grant that is opening, for whoever asks for it or asks about it; others are returned as they are."""
    grant = stored.value
    if grant.state is not State.OPENING:
        return Progress(grant)
    guarded = await world.policies.get(grant.machine)
    if guarded is None or guarded.value.stage is not Stage.GUARDED:
        return Progress(grant)
    return await world.patiently(_open(world, stored, guarded.value), otherwise=Progress(grant))


async def _open(world: World, stored: Stored[Grant], guarded: Guarded) -> Progress:
    claims = open_claims(stored.value, guarded.machine)
    try:
        stored = await _look_there_too(world, stored, claims)
        await asyncio.gather(*(world.desk.offer(nsg, claim) for nsg, claim in claims.items()))
        settled = await settle_all(world, claims, Purpose.OPEN)
        return Progress(await _conclude(world, stored, claims, settled))
    except Unavailable as error:
        # The intent is kept: whoever asks about the grant goes on with it, and if nobody does, the sweep ends it.
        return Progress(stored.value, error)
    except NotFound as error:
        return Progress(await _fail(world, stored, str(error)))
    except Conflict:
        return Progress(await get(world, stored.value.id))


async def _look_there_too(world: World, stored: Stored[Grant], nsgs: Iterable[str]) -> Stored[Grant]:
    """Note every group in which the grant may be opened before it is: closing looks where the grant says."""
    known = {nsg.lower() for nsg in stored.value.nsgs}
    more = tuple(nsg for nsg in nsgs if nsg.lower() not in known)
    if not more:
        return stored
    return await world.grants.save(stored, replace(stored.value, nsgs=(*stored.value.nsgs, *more)))


async def _fail(world: World, stored: Stored[Grant], why: str) -> Grant:
    await close(world, [(stored, Ending(Reason.BLOCKED, detail=why))])
    return await get(world, stored.value.id)


async def _conclude(
    world: World, stored: Stored[Grant], claims: Mapping[str, OpenClaim], settled: Mapping[str, Settled | None]
) -> Grant:
    seen = {nsg: result.entries[claims[nsg].key] if result else None for nsg, result in settled.items()}
    entries = {nsg: entry for nsg, entry in seen.items() if entry}
    if blocked := next((e for e in entries.values() if e.outcome.finding is Finding.BLOCKED), None):
        return await _fail(world, stored, blocked.outcome.detail)
    if len(entries) < len(seen) or any(e.outcome.finding is not Finding.FULFILLED for e in entries.values()):
        return await get(world, stored.value.id)
    rules = tuple(rule for entry in entries.values() for rule in entry.outcome.rules)
    opened = stored.value.opened(world.clock.now(), rules)
    await world.dues.add(Due(opened.ends_at, opened.id))
    await world.grants.save(stored, opened)
    await _keep_time(world, opened, entries)
    return opened


async def _keep_time(world: World, grant: Grant, entries: Mapping[str, Entry]) -> None:
    """Tell the desks and the reminder when the opened grant ends. Until then the earlier, stored end holds."""
    for nsg, entry in entries.items():
        if isinstance(entry.claim, OpenClaim) and entry.claim.ends_at != grant.ends_at:
            await _extend(world, nsg, entry, grant)
    # Without a reminder the sweep closes the grant, only a little later.
    with suppress(Unavailable):
        await world.reminders.send(grant.id, grant.ends_at - world.clock.now() - world.times.head_start)


async def _extend(world: World, nsg: str, entry: Entry | None, grant: Grant) -> None:
    for _ in range(_TRIES):
        if entry is None or not isinstance(entry.claim, OpenClaim) or entry.claim.wanted is Wanted.ABSENT:
            # Somebody is closing it, and needs no telling.
            return
        try:
            await world.desk.amend(nsg, entry, replace(entry.claim, ends_at=grant.ends_at))
        except Conflict:
            entry = (await world.desk.entries(nsg)).get(entry.claim.key)
        else:
            return


async def get(world: World, id_: str) -> Grant:
    """One grant. Raises NotFound."""
    stored = await world.grants.get(id_)
    if stored is None:
        raise NotFound("There is no such grant, or you may not see it.")
    return stored.value


async def revoke(world: World, id_: str, by: Person) -> Grant:
    """End a grant before its time. One that has ended already is returned as it is. Raises NotFound."""
    stored = await world.grants.get(id_)
    if stored is None:
        raise NotFound("There is no such grant, or you may not see it.")
    if not stored.value.unfinished:
        return stored.value
    closed = await close(world, [(stored, Ending(Reason.REVOKED, by))])
    grant = await get(world, id_)
    if closed.problems and grant.state in {State.OPENING, State.ACTIVE}:
        # Not even the intent could be stored: nobody will go on with this, so the caller has to know.
        raise closed.problems[0]
    return grant
