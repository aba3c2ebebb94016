"""Opening what may be opened: going on with a grant until its rules were seen in force.

Only those who ask, approve or ask about a grant open it, and the start that a grant was waiting for; the sweep never
does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.claims import Finding, OpenClaim, Wanted
from shared.domain.decisions import may_begin
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded, Stage, open_claims
from shared.domain.lifecycle import Reason, State
from shared.ports import Conflict, Due, Entry, NotFound, Stored, Unavailable
from shared.services.closing import Ending, close
from shared.services.keeping import keep, reloaded
from shared.services.serving import Purpose
from shared.services.settling import Settled, settle_all
from shared.services.world import World

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """A grant as it now stands, and what holds it up, if Azure does."""

    grant: Grant
    held_up: Unavailable | None = None


async def resume(world: World, stored: Stored[Grant]) -> Progress:
    """Go on with a grant whose time has come, for whoever asks for it or about it; others are returned as they are."""
    stored = await admit(world, stored)
    grant = stored.value
    if grant.state is not State.OPENING:
        return Progress(grant)
    guarded = await world.policies.get(grant.machine)
    if guarded is None or guarded.value.stage is not Stage.GUARDED:
        return Progress(grant)
    return await world.patiently(_open(world, stored, guarded.value), otherwise=Progress(grant))


async def admit(world: World, stored: Stored[Grant]) -> Stored[Grant]:
    """Let a scheduled grant open when its start has come, or drop it when the policy by then speaks against it."""
    grant, now = stored.value, world.clock.now()
    if grant.state is not State.SCHEDULED or (grant.starts_at and now < grant.starts_at) or grant.ends_at <= now:
        return stored
    guarded = await world.policies.get(grant.machine)
    if guarded is None or guarded.value.stage is not Stage.GUARDED:
        changed = grant.ended(now, Reason.POLICY_REMOVED)
    elif issues := may_begin(guarded.value.policy, grant, now):
        changed = grant.ended(now, Reason.POLICY_CHANGED, detail=" ".join(issue.message for issue in issues))
    else:
        changed = grant.admitted(now)
    try:
        return await keep(world, stored, changed)
    except Conflict:
        # Somebody cancelled it, or another process was first.
        return await reloaded(world, grant.id)


async def remind_of(world: World, grant: Grant, at: datetime) -> None:
    """Have a grant looked at shortly before a time. Without a reminder the timers do it, only a little later."""
    with suppress(Unavailable):
        await world.reminders.send(grant.id, at - world.clock.now() - world.times.head_start)


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
        return Progress((await reloaded(world, stored.value.id)).value)


async def _look_there_too(world: World, stored: Stored[Grant], nsgs: Iterable[str]) -> Stored[Grant]:
    """Note every group in which the grant may be opened before it is: closing looks where the grant says."""
    known = {nsg.lower() for nsg in stored.value.nsgs}
    more = tuple(nsg for nsg in nsgs if nsg.lower() not in known)
    if not more:
        return stored
    return await world.grants.save(stored, replace(stored.value, nsgs=(*stored.value.nsgs, *more)))


async def _fail(world: World, stored: Stored[Grant], why: str) -> Grant:
    await close(world, [(stored, Ending(Reason.BLOCKED, detail=why))])
    return (await reloaded(world, stored.value.id)).value


async def _conclude(
    world: World, stored: Stored[Grant], claims: Mapping[str, OpenClaim], settled: Mapping[str, Settled | None]
) -> Grant:
    seen = {nsg: result.entries[claims[nsg].key] if result else None for nsg, result in settled.items()}
    entries = {nsg: entry for nsg, entry in seen.items() if entry}
    if blocked := next((e for e in entries.values() if e.outcome.finding is Finding.BLOCKED), None):
        return await _fail(world, stored, blocked.outcome.detail)
    if len(entries) < len(seen) or any(e.outcome.finding is not Finding.FULFILLED for e in entries.values()):
        return (await reloaded(world, stored.value.id)).value
    rules = tuple(rule for entry in entries.values() for rule in entry.outcome.rules)
    opened = stored.value.opened(world.clock.now(), rules)
    await world.dues.add(Due(opened.ends_at, opened.id))
    await world.grants.save(stored, opened)
    await _keep_time(world, opened, entries)
    return opened


async def _keep_time(world: World, grant: Grant, entries: Mapping[str, Entry]) -> None:
    """Tell the desks and the reminder when the opened grant ends. Until then the earlier, stored end holds."""
    await remind_of(world, grant, grant.ends_at)
    for nsg, entry in entries.items():
        await tell_desk(world, nsg, grant, entry)


async def tell_desk(world: World, nsg: str, grant: Grant, entry: Entry | None) -> Wanted | None:
    """Tell a group's desk when a grant ends; whether it is wanted there, is being closed, or is not there (None).

    `entry` is what was last seen of it there. Raises Conflict when that keeps changing.
    """
    for _ in range(_TRIES):
        if entry is None or not isinstance(entry.claim, OpenClaim):
            return None
        if entry.claim.wanted is Wanted.ABSENT or entry.claim.ends_at == grant.ends_at:
            return entry.claim.wanted
        try:
            await world.desk.amend(nsg, entry, replace(entry.claim, ends_at=grant.ends_at))
        except Conflict:
            entry = (await world.desk.entries(nsg)).get(entry.claim.key)
        else:
            return Wanted.PRESENT
    raise Conflict("The grant keeps changing.")
