"""One round of a settling: bring a group in line with the claims on its desk, and record what was seen.

A claim that nobody has served yet is a hint, not an authority. Before it is acted on, the grant or the policy that
it came from is asked, under the group's lease. Whoever ends a grant or removes a policy says so there first and
settles afterwards: so either the word is heard here, or the settling that follows it undoes what was done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from shared.domain.claims import Claim, Finding, FlushClaim, LockClaim, OpenClaim, Outcome, Wanted
from shared.domain.findings import Found, What, found_in_group
from shared.domain.lifecycle import State
from shared.domain.observing import has_vanished, is_wanted, outcome_of, stands
from shared.domain.planning import Kind, Leave, Plan, plan
from shared.domain.rules import Nsg
from shared.ports import Conflict, Entry, NotFound, Observed, PriorityTaken, Rejected
from shared.services.world import World, every

_READS_AT_ONCE = 16
_MOST_FAILURES = 3

type Entries = Mapping[str, Entry]


class Purpose(Enum):
    """What a settling is for. Locks are set and holes are closed by any; only a request opens."""

    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a settling is for, and what ARM has refused in the course of it."""

    purpose: Purpose
    refused: set[int] = field(default_factory=set)  # Priority numbers.
    unflushable: list[str] = field(default_factory=list)  # Why `flushConnection` could not be switched.
    failures: list[str] = field(default_factory=list)  # What went wrong with writes that were to switch it.
    found: list[Found] = field(default_factory=list)  # What was otherwise than it was left.
    gone: set[str] = field(default_factory=set)  # The claims taken off the desk whose rules were seen gone.

    def leave(self, openable: frozenset[str]) -> Leave:
        """What a plan may do in this turn."""
        # No closing waits for a switch that keeps failing.
        given_up = (*self.unflushable, *self.failures[_MOST_FAILURES - 1 :])
        return Leave(openable, self.refused, given_up[0] if given_up else "")

    def leaves(self, entry: Entry) -> bool:
        """Whether the claim asks for a hole that nobody has made yet and that this settling may not make."""
        opens = isinstance(entry.claim, OpenClaim) and entry.claim.wanted is Wanted.PRESENT
        return opens and entry.pending and self.purpose is not Purpose.OPEN


class DeskChanged(Conflict):
    """Somebody has put new claims on the desk. Read them; of the group all is known."""

    def __init__(self, observed: Observed) -> None:
        super().__init__(f"the claims on {observed.nsg.id} have changed")
        self.observed = observed


async def serve(world: World, observed: Observed, entries: Entries, turn: Turn) -> Observed:
    """Bring the group in line with the claims, and return it as read back. Raises Conflict: then try again."""
    try:
        openable = await _ask_authorities(world, observed.nsg, entries, turn)
    except Conflict as error:
        raise DeskChanged(observed) from error
    now = world.clock.now()
    vanished = [e for e in entries.values() if has_vanished(e.claim, e.outcome, observed.nsg)]
    trespassing = [e for e in entries.values() if _trespasses(e.claim, observed.nsg)]
    claims = [entry.claim for entry in entries.values() if entry not in vanished and entry not in trespassing]
    made = plan(observed.nsg, claims, now, turn.leave(openable))
    if displaced := _displaced(entries, made, now):
        # Written down first: a rule that is gone, and of which nobody knows why, looks as if somebody had taken it.
        await _record_or_read_again(world, observed, displaced)
        raise DeskChanged(observed)
    if made:
        seen_before = {entry.claim: entry.outcome for entry in entries.values()}
        news = found_in_group(observed.nsg, made, seen_before, now)
        # Should the answer be lost, the next look finds it mended, and the finding is known all the same.
        known = {(one.what, one.subject, one.detail) for one in turn.found}
        turn.found.extend(one for one in news if (one.what, one.subject, one.detail) not in known)
        observed = await _carry_out(world, observed, made, entries, turn)
        made = plan(observed.nsg, claims, now, turn.leave(openable))
    if made:
        # A second look found more to do, for example a better number that the first round has set free.
        raise Conflict(f"{observed.nsg.id} needs another round")
    seen: dict[Entry, Outcome | None] = {}
    for entry in entries.values():
        if not is_wanted(entry.claim, now):
            seen[entry] = None
        elif entry in vanished:
            seen[entry] = Outcome(Finding.VANISHED)
        elif entry in trespassing:
            seen[entry] = Outcome(Finding.BLOCKED, (), f"{observed.nsg.id} was not made by Postern for this machine")
        elif not turn.leaves(entry) and not _is_given_up(entry):
            seen[entry] = outcome_of(entry.claim, observed.nsg, made.obstacles.get(entry.claim.key))
    await _record_or_read_again(world, observed, seen)
    turn.gone.update(entry.claim.key for entry, outcome in seen.items() if outcome is None)
    return observed


def _trespasses(claim: Claim, nsg: Nsg) -> bool:
    """Whether a claim is about a group that Postern was to make, and somebody else has made one of that name."""
    if isinstance(claim, OpenClaim) or claim.wanted is Wanted.ABSENT:
        return False
    if isinstance(claim, FlushClaim):
        return claim.own and nsg.made_for != claim.flush_for.key
    return bool(claim.make_in) and nsg.made_for != claim.machine.key


def _displaced(entries: Entries, made: Plan, now: datetime) -> dict[Entry, Outcome | None]:
    """The grants that were open, and that rules of somebody else leave no room for any more."""
    return {
        entry: Outcome(Finding.BLOCKED, (), made.obstacles[entry.claim.key])
        for entry in entries.values()
        if isinstance(entry.claim, OpenClaim) and is_wanted(entry.claim, now)
        if entry.outcome.finding is Finding.FULFILLED and entry.claim.key in made.obstacles
    }


def _is_given_up(entry: Entry) -> bool:
    """Whether an opening was found to be impossible. It stays so until its grant, which fails, takes it away."""
    return isinstance(entry.claim, OpenClaim) and entry.outcome.finding is Finding.BLOCKED


async def _record_or_read_again(world: World, observed: Observed, seen: Mapping[Entry, Outcome | None]) -> None:
    try:
        await _record(world, observed.nsg, seen)
    except Conflict as error:
        raise DeskChanged(observed) from error


async def _record(world: World, nsg: Nsg, seen: Mapping[Entry, Outcome | None]) -> None:
    news = {entry: outcome for entry, outcome in seen.items() if outcome != entry.outcome}
    if news:
        await world.desk.conclude(nsg.id, news)


async def _carry_out(world: World, observed: Observed, made: Plan, entries: Entries, turn: Turn) -> Observed:
    """Apply a plan. What ARM refuses, at once or as an operation that fails later, gets another number next time."""
    try:
        after = await world.network.apply(observed, made)
    except PriorityTaken:
        turn.refused.update(_numbers(made))
        raise
    except Conflict as error:
        turn.failures.extend([str(error)] if made.flush else ())
        raise
    except NotFound as gone:
        # Only a read that does not find the group says that it is gone, and its rules with it.
        raise Conflict(f"{observed.nsg.id} was not found for writing") from gone
    except Rejected as error:
        await _give_up(world, observed.nsg, entries, error)
        await _conclude_closings(world, observed.nsg, entries)
        raise
    if after.unflushable:
        turn.unflushable.append(after.unflushable)
        if made.flush and not made.flush.on:
            text = f"flushConnection, which Postern had switched on, could not be switched off: {after.unflushable}."
            turn.found.append(Found(What.FLUSH_LEFT_ON, after.nsg.id, world.clock.now(), text))
    if not made.stands_in(after.nsg):
        turn.refused.update(_numbers(made))
        raise Conflict(f"{after.nsg.id} is not as it was written")
    return after


async def _give_up(world: World, nsg: Nsg, entries: Entries, error: Rejected) -> None:
    """Let a grant fail whose rule ARM will not have, so that it stands in nobody's way. Raises Conflict."""
    guilty = [e for e in entries.values() if isinstance(e.claim, OpenClaim) and f"-{e.claim.grant}-" in error.rule]
    if guilty:
        await _record(world, nsg, {entry: Outcome(Finding.BLOCKED, (), str(error)) for entry in guilty})
        raise Conflict("a rule was given up") from error


async def _conclude_closings(world: World, nsg: Nsg, entries: Entries) -> None:
    """Take the closings off the desk that were seen done, although ARM refused what else was planned with them."""
    present, now = (await world.network.group(nsg.id)).nsg, world.clock.now()
    closed = [
        entry
        for entry in entries.values()
        if isinstance(entry.claim, OpenClaim) and not is_wanted(entry.claim, now) and not stands(entry.claim, present)
    ]
    await _record(world, present, dict.fromkeys(closed))


def _numbers(made: Plan) -> set[int]:
    return {change.rule.priority for change in made.changes if change.kind is not Kind.DELETE}


async def _ask_authorities(world: World, nsg: Nsg, entries: Entries, turn: Turn) -> frozenset[str]:
    """The grants that may be opened now. Raises Conflict when a claim had to be put right, so that it is read again."""
    pending = [entry for entry in entries.values() if entry.pending and not turn.leaves(entry)]
    await every(lambda entry: _ask(world, nsg, entry), pending, _READS_AT_ONCE)
    wanted = [entry.claim for entry in pending if entry.claim.wanted is Wanted.PRESENT]
    return frozenset(claim.grant for claim in wanted if isinstance(claim, OpenClaim))


async def _ask(world: World, nsg: Nsg, entry: Entry) -> None:
    claim = entry.claim
    right: Claim
    if isinstance(claim, LockClaim):
        right = await _lock_claim(world, nsg, claim)
    elif isinstance(claim, FlushClaim):
        right = await _flush_claim(world, nsg, claim)
    else:
        right = await _open_claim(world, nsg, claim)
    if right != claim:
        await world.desk.amend(nsg.id, entry, right)
        raise Conflict("a claim was out of date")


async def _open_claim(world: World, nsg: Nsg, claim: OpenClaim) -> OpenClaim:
    """A grant may be opened where its closing will look for it, and while the policy still offers what it grants."""
    if claim.wanted is Wanted.ABSENT:
        return claim
    stored = await world.grants.get(claim.grant)
    grant = stored.value if stored else None
    if grant is None or grant.state is not State.OPENING or nsg.id.lower() not in map(str.lower, grant.nsgs):
        return replace(claim, wanted=Wanted.ABSENT)
    guarded = await world.policies.get(grant.machine)
    offered = guarded is not None and guarded.value.offers(grant)
    return claim if offered else replace(claim, wanted=Wanted.ABSENT)


async def _lock_claim(world: World, nsg: Nsg, claim: LockClaim) -> LockClaim:
    stored = await world.policies.get(claim.machine)
    claims = stored.value.lock_claims() if stored else {}
    wanted = {id_.lower(): wanted for id_, wanted in claims.items()}
    # A claim that comes late, when its policy is gone or elsewhere, frees nothing: that was done with the policy.
    return wanted.get(nsg.id.lower()) or replace(claim, endpoints=(), former=(), wanted=Wanted.ABSENT)


async def _flush_claim(world: World, nsg: Nsg, claim: FlushClaim) -> FlushClaim:
    stored = await world.policies.get(claim.flush_for)
    claims = stored.value.flush_claims() if stored else {}
    wanted = {id_.lower(): wanted for id_, wanted in claims.items()}
    return wanted.get(nsg.id.lower()) or replace(claim, wanted=Wanted.ABSENT)
