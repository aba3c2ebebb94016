"""The one way in which a network security group is ever changed.

`settle` takes the group's lease, reads its claims and the group itself, plans for all claims together, applies
the plan, reads back, records what was seen of each claim, and goes on while claims are pending. Whoever finds the
lease taken waits for the holder to serve its claims too: those who come together are served by one write. A crash
leaves claims, which the next settling finishes; opening, closing, sweeping and repairing are one mechanism.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from shared.domain.claims import Claim, Finding, LockClaim, OpenClaim, Outcome, Wanted
from shared.domain.grants import PlacedRule
from shared.domain.lifecycle import State
from shared.domain.planning import Kind, Leave, Plan, is_due_open, plan
from shared.domain.rules import Nsg, Rule
from shared.domain.shapes import belongs_to_grant, belongs_to_lock
from shared.ports import Conflict, Entry, Lease, Observed, PriorityTaken, Stored, Unavailable
from shared.services.world import World, each

_LOOK_AGAIN = timedelta(milliseconds=250)
_AFTER_CONFLICT = timedelta(milliseconds=300)
_READS_AT_ONCE = 16


class Purpose(Enum):
    """What a settling is for. Locks are set and holes are closed by any; only a request opens."""

    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the claims asked about, and the group as last read, when this call read it itself."""

    entries: Mapping[str, Entry | None]  # None: the claim is off the desk; what it named is not there.
    observed: Observed | None = None


async def settle(
    world: World, nsg: str, keys: Iterable[str], purpose: Purpose, patience: timedelta | None = None
) -> Settled | None:
    """Make a group fulfil its claims; None when the lease could not be had and the claims not be seen served in time.

    Without `keys` the group is looked at in any case. Raises Unavailable and NotFound.
    """
    wanted, holder = frozenset(keys), f"{world.chance(64):016x}"
    until = world.clock.now() + (world.times.patience if patience is None else patience)
    while True:
        now = world.clock.now()
        if lease := await world.desk.acquire(nsg, holder, now + world.times.lease, now):
            async with _holding(world, lease):
                observed, entries = await _drain(world, nsg, purpose)
            return Settled(_chosen(entries, wanted), observed)
        if now >= until:
            return None
        await world.clock.sleep(_LOOK_AGAIN)
        chosen = _chosen(await world.desk.entries(nsg), wanted)
        if chosen and not any(entry is not None and _waits(entry, now) for entry in chosen.values()):
            return Settled(chosen)


def _chosen(entries: Mapping[str, Entry], keys: Iterable[str]) -> dict[str, Entry | None]:
    return {key: entries.get(key) for key in keys}


def _waits(entry: Entry, now: datetime) -> bool:
    """Whether a claim still has to be served: nobody has looked at it, or it is there to be taken off the desk."""
    return entry.outcome.finding is Finding.PENDING or not _present(entry.claim, now)


@asynccontextmanager
async def _holding(world: World, lease: Lease) -> AsyncIterator[None]:
    """Renew the lease while the work goes on, stop the work when the lease is lost, and give it back."""
    keeper = _Keeper(world, lease)
    work = asyncio.current_task()
    renewing = asyncio.create_task(keeper.renew(work))
    try:
        yield
    except asyncio.CancelledError:
        if keeper.lost and work and not work.uncancel():
            raise Unavailable("the lease on the group was lost; somebody else goes on") from None
        raise
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if not keeper.lost:
            await world.desk.release(keeper.lease)


class _Keeper:
    def __init__(self, world: World, lease: Lease) -> None:
        self._world = world
        self.lease = lease
        self.lost = False

    async def renew(self, work: asyncio.Task[object] | None) -> None:
        length = self._world.times.lease
        while True:
            await self._world.clock.sleep(length / 3)
            try:
                self.lease = await self._world.desk.renew(self.lease, self._world.clock.now() + length)
            except (Conflict, Unavailable):
                # Whether it is lost or only unknown, going on would risk two writers at once.
                self.lost = True
                if work:
                    work.cancel()
                return


async def _drain(world: World, nsg: str, purpose: Purpose) -> tuple[Observed, Mapping[str, Entry]]:
    """Settle until nothing that this purpose may serve is pending."""
    give_up = world.clock.now() + world.times.settling
    observed: Observed | None = None
    refused: set[int] = set()
    while world.clock.now() < give_up:
        entries = await world.desk.entries(nsg)
        try:
            observed = await _serve(world, observed or await _steady(world, nsg), entries, _Round(purpose, refused))
        except Conflict:
            observed = None
            await world.clock.sleep(_AFTER_CONFLICT)
            continue
        entries = await world.desk.entries(nsg)
        if not _unserved(entries.values(), purpose, world.clock.now()):
            return observed, entries
    raise Unavailable(f"{nsg} kept changing while it was being settled")


@dataclass(frozen=True, slots=True)
class _Round:
    """One round of a settling: what it is for, and the priority numbers that ARM refused in earlier rounds."""

    purpose: Purpose
    refused: set[int]


async def _steady(world: World, nsg: str) -> Observed:
    """The group, when ARM is not busy with it: planning on what is just being changed would be guessing."""
    observed = await world.network.group(nsg)
    if not observed.nsg.settled:
        raise Conflict(f"{nsg} is being updated")
    return observed


async def _serve(world: World, observed: Observed, entries: Mapping[str, Entry], turn: _Round) -> Observed:
    """Bring the group in line with the claims once. Raises Conflict when it is not so when read back."""
    now, purpose = world.clock.now(), turn.purpose
    openable = await _openable(world, entries.values()) if purpose is Purpose.OPEN else frozenset()
    stale = {entry for entry in entries.values() if purpose is Purpose.OPEN and _is_stale(entry, openable)}
    vanished = {entry for entry in entries.values() if _vanished(entry, observed.nsg)}
    claims = [entry.claim for entry in entries.values() if entry not in vanished | stale]
    made = plan(observed.nsg, claims, now, Leave(openable, turn.refused))
    if made:
        observed = await _carry_out(world, observed, made, turn)
        made = plan(observed.nsg, claims, now, Leave(openable))
    if made:
        turn.refused.update(change.rule.priority for change in made.changes if change.kind is not Kind.DELETE)
        raise Conflict(f"{observed.nsg.id} is not as it was written")
    seen: dict[Entry, Outcome | None] = dict.fromkeys(vanished, Outcome(Finding.VANISHED))
    for entry in entries.values():
        if entry in stale or not _present(entry.claim, now):
            seen[entry] = None
        elif entry not in vanished and not _waits_for_opening(entry, purpose):
            seen[entry] = _outcome(entry.claim, observed.nsg, made.obstacles.get(entry.claim.key))
    news = {entry: outcome for entry, outcome in seen.items() if outcome != entry.outcome}
    if news:
        await world.desk.conclude(observed.nsg.id, news)
    return observed


async def _carry_out(world: World, observed: Observed, made: Plan, turn: _Round) -> Observed:
    try:
        return await world.network.apply(observed, made)
    except PriorityTaken:
        turn.refused.update(change.rule.priority for change in made.changes if change.kind is not Kind.DELETE)
        raise


async def _openable(world: World, entries: Iterable[Entry]) -> frozenset[str]:
    """The grants that may be opened now.

    The grant itself is asked, under the lease: whoever closes a grant marks it first and settles afterwards, so
    either the mark is seen here, or the closing comes after this opening and undoes it.
    """
    waiting = [entry.claim.grant for entry in entries if isinstance(entry.claim, OpenClaim) and _is_pending(entry)]
    found = await each(world.grants.get, waiting, _READS_AT_ONCE)
    for result in found:
        if isinstance(result, Exception):
            raise result
    grants = (result.value for result in found if isinstance(result, Stored))
    return frozenset(grant.id for grant in grants if grant.state is State.OPENING)


def _is_pending(entry: Entry) -> bool:
    return entry.outcome.finding is Finding.PENDING


def _is_stale(entry: Entry, openable: frozenset[str]) -> bool:
    """Whether the claim asks to open a grant that is no longer to be opened."""
    return isinstance(entry.claim, OpenClaim) and _is_pending(entry) and entry.claim.grant not in openable


def _vanished(entry: Entry, nsg: Nsg) -> bool:
    """Whether a grant's rules were seen here once and are no longer, so that somebody else took them away.

    Such a grant is never opened again on its own: whoever removed the rule had a reason.
    """
    gone = entry.outcome.finding is Finding.VANISHED
    return isinstance(entry.claim, OpenClaim) and (
        gone or (bool(entry.outcome.rules) and not any(_stands_for(rule, entry.claim) for rule in nsg.ours))
    )


def _outcome(claim: Claim, nsg: Nsg, obstacle: str | None) -> Outcome:
    rules = tuple(PlacedRule(nsg.id, rule.name, rule.priority) for rule in nsg.ours if _stands_for(rule, claim))
    return Outcome(Finding.BLOCKED, rules, obstacle) if obstacle else Outcome(Finding.FULFILLED, rules)


def _waits_for_opening(entry: Entry, purpose: Purpose) -> bool:
    """Whether the claim asks for a hole that this settling may not make."""
    return isinstance(entry.claim, OpenClaim) and _is_pending(entry) and purpose is not Purpose.OPEN


def _present(claim: Claim, now: datetime) -> bool:
    return claim.wanted is Wanted.PRESENT if isinstance(claim, LockClaim) else is_due_open(claim, now)


def _stands_for(rule: Rule, claim: Claim) -> bool:
    return belongs_to_lock(rule, claim) if isinstance(claim, LockClaim) else belongs_to_grant(rule, claim.grant)


def _unserved(entries: Iterable[Entry], purpose: Purpose, now: datetime) -> bool:
    """Whether a claim came in meanwhile, or one ran out, that still has to be served here."""
    return any(_waits(entry, now) and not _is_left(entry, purpose, now) for entry in entries)


def _is_left(entry: Entry, purpose: Purpose, now: datetime) -> bool:
    """Whether the claim asks for a hole that this settling may not make, and its time is not yet up."""
    return _waits_for_opening(entry, purpose) and _present(entry.claim, now)


async def settle_all(world: World, claims: Mapping[str, Claim], purpose: Purpose) -> dict[str, Settled | None]:
    """Settle several groups side by side, each with one claim that is on its desk."""
    settled = await each(lambda nsg: settle(world, nsg, [claims[nsg].key], purpose), claims, at_once=len(claims) or 1)
    for result in settled:
        if isinstance(result, Exception):
            raise result
    return dict(zip(claims, (result for result in settled if not isinstance(result, Exception)), strict=True))
