"""Setting locks: of one machine or of many together, each group written once however many of its machines there are.

What closes is seen to stand before a group that was made for a machine is put on its interfaces. Nothing is set free
here: where a machine no longer is it stays locked, until `freeing` has seen that nobody else is there. Whatever fails
stops only those that it concerns, and is finished by doing the same again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.domain.claims import Claim, Finding, FlushClaim, LockClaim, Outcome, Wanted
from shared.domain.exposure import Leak
from shared.domain.findings import What, exposure_changed
from shared.domain.guarding import Guarded, Stage, claims_by_group
from shared.domain.machines import Machine
from shared.domain.observing import has_vanished, is_wanted
from shared.domain.planning import plan
from shared.domain.rules import Nsg
from shared.domain.sessions import CONTINUING, Sessions, sessions_of
from shared.ports import Conflict, Entry, Observed, Stored, Unavailable
from shared.services.measuring import Sight, measure_now
from shared.services.serving import Purpose
from shared.services.settling import Settled, settle, settle_even_if_gone
from shared.services.viewing import Panorama
from shared.services.world import World, each, every

_GROUPS_AT_ONCE = 8
_MACHINES_AT_ONCE = 16
_MOST_LEAKS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy as kept, and what was measured of its lock; `leaks` is empty when it holds, None when not measured."""

    stored: Stored[Guarded]
    leaks: tuple[Leak, ...] | None
    sessions: Sessions = CONTINUING


async def lock_all(
    world: World, machines: Sequence[Stored[Guarded]], seen: Panorama | None = None
) -> list[Standing | Exception]:
    """Set the locks of machines, and measure each; a machine that something went wrong for gives the error.

    Of what was `seen` just now, only that is looked at again which has something to be done about it.
    """
    groups = claims_by_group(stored.value for stored in machines)
    known = seen.groups if seen else {}
    served = await each(lambda nsg: _serve(world, nsg, groups[nsg], known), groups, _GROUPS_AT_ONCE)
    results = {nsg.lower(): result for nsg, result in zip(groups, served, strict=True)}
    # What somebody else has settled meanwhile is looked at anew.
    others = [group for nsg, group in known.items() if nsg not in results]
    sight = Sight(world, [*others, *(group for result in served if (group := _read(result)))])

    async def finish(stored: Stored[Guarded]) -> Standing:
        guarded = stored.value
        # Where the machine only once was, nothing keeps its lock from standing where it is.
        claims = {nsg: claim for nsg, claim in guarded.lock_claims().items() if guarded.machine.locked_in(nsg)}
        try:
            for nsg, claim in claims.items():
                _check(results[nsg.lower()], claim, own=guarded.owns(nsg))
        except Exception:
            # A lock that could not be set leaves the machine as open as it is, and that is told as well.
            with suppress(Conflict, Unavailable):
                await note_exposure(world, stored, await measure_now(world, guarded))
            raise
        standing = await _finish(world, stored, sight, seen)
        return await _with_sessions(world, standing, guarded.flush_claims(), results)

    return await each(finish, machines, _MACHINES_AT_ONCE)


def _read(result: Settled | Exception) -> Nsg | None:
    return result.observed.nsg if isinstance(result, Settled) and result.observed else None


def _check(result: Settled | Exception, claim: LockClaim, *, own: bool) -> None:
    """Raises what keeps a lock from being called set. Whether rules of others outrank it, the measuring tells."""
    if isinstance(result, Exception):
        raise result
    entry = result.entries.get(claim.key)
    if entry is None or entry.claim != claim:
        raise Conflict("The policy was changed by somebody else meanwhile.")
    if entry.pending:
        raise Unavailable("The lock is not set yet; the repair goes on with it.")
    if own and entry.outcome.finding is not Finding.FULFILLED:
        raise Conflict(f"The machine's own group could not be locked: {entry.outcome.detail}.")


async def _with_sessions(
    world: World, standing: Standing, claims: Mapping[str, FlushClaim], results: Mapping[str, Settled | Exception]
) -> Standing:
    """With what becomes of open sessions, and with the groups forgotten in which `flushConnection` was taken back."""
    guarded = standing.stored.value
    seen: dict[str, Outcome | None] = {}
    back: set[str] = set()
    for nsg, claim in claims.items():
        result = results.get(nsg.lower())
        entry = result.entries.get(claim.key) if isinstance(result, Settled) else None
        if claim.wanted is Wanted.PRESENT:
            seen[nsg] = entry.outcome if entry and entry.claim == claim else _why_unseen(result)
        elif isinstance(result, Settled) and entry is None:
            back.add(nsg.lower())
    left = tuple(nsg for nsg in guarded.flush_in if nsg.lower() not in back)
    if left != guarded.flush_in:
        # If somebody was faster with another note, the next repair forgets them.
        with suppress(Conflict):
            stored = await world.policies.put(replace(guarded, flush_in=left), standing.stored.etag)
            standing = replace(standing, stored=stored)
    return replace(standing, sessions=sessions_of(seen) if seen else CONTINUING)


def _why_unseen(result: Settled | Exception | None) -> Outcome | None:
    return Outcome(Finding.BLOCKED, (), str(result)) if isinstance(result, Exception) else None


async def _serve(world: World, nsg: str, claims: Mapping[str, Claim], known: Mapping[str, Nsg]) -> Settled:
    """Serve the claims of one group; a group at rest, as it was seen just now, is left alone."""
    entries = await world.desk.entries(nsg)
    new = [claim for key, claim in claims.items() if key not in entries or entries[key].claim != claim]
    new = [claim for claim in new if claim.wanted is Wanted.PRESENT or claim.key in entries]
    present = known.get(nsg.lower())
    if present and not new and _is_at_rest(world, present, entries):
        return Settled({key: entries.get(key) for key in claims}, Observed(present, {}))
    await every(lambda claim: world.desk.post(nsg, claim), new, _MACHINES_AT_ONCE)
    stays = any(claim.wanted is Wanted.PRESENT for claim in claims.values())
    settled = await (settle(world, nsg, claims, Purpose.CLOSE) if stays else settle_even_if_gone(world, nsg, claims))
    if settled is None:
        raise Unavailable(f"{nsg} is being changed by somebody else; it will be locked after that")
    return settled


def _is_at_rest(world: World, nsg: Nsg, entries: Mapping[str, Entry]) -> bool:
    """Whether all that is claimed of a group was served, and nothing has changed since."""
    now = world.clock.now()
    served = all(not entry.pending and is_wanted(entry.claim, now) for entry in entries.values())
    vanished = any(has_vanished(entry.claim, entry.outcome, nsg) for entry in entries.values())
    at_rest = served and nsg.settled and not vanished
    return at_rest and not plan(nsg, (entry.claim for entry in entries.values()), now)


async def _finish(world: World, stored: Stored[Guarded], sight: Sight, seen: Panorama | None) -> Standing:
    guarded = stored.value
    if guarded.own_group and not (seen and guarded.attached and seen.agrees(guarded.machine)):
        stored, machine = await _attached(world, stored)
        guarded = replace(stored.value, machine=machine)
    return await note_exposure(world, stored, await sight.measure(guarded))


async def _attached(world: World, stored: Stored[Guarded]) -> tuple[Stored[Guarded], Machine]:
    """Put the group that Postern made, in which the lock was seen to stand, on the interfaces that have none.

    Whether it is there is read back, like everything else.
    """
    guarded = stored.value
    machine = await world.network.machine(guarded.machine.id)
    known = {endpoint.address for endpoint in guarded.machine.endpoints if guarded.owns(endpoint.nic_nsg)}
    bare = sorted({endpoint.nic for endpoint in machine.bare if endpoint.address in known})
    if bare:
        stored = await _confirmed(world, stored)
    for nic in bare:
        await world.network.attach(nic, guarded.own_group or "")
    machine = await world.network.machine(guarded.machine.id) if bare else machine
    if machine.bare or (guarded.attached and not guarded.bare and not bare):
        return stored, machine
    noted = replace(stored.value, attached=True, bare=False)
    if guarded.attached and bare:
        text = f"It had no network security group; {guarded.own_group} was put on it again."
        noted = noted.noting(What.GROUP_MISSING, world.clock.now(), text)
    return await keep(world, stored, noted), machine


async def _confirmed(world: World, stored: Stored[Guarded]) -> Stored[Guarded]:
    """The policy as it is kept now, if it is still to be enforced. Raises Conflict."""
    present = await world.policies.get(stored.value.machine.id)
    if present is None or present.value.stage is Stage.REMOVING or present.value.version != stored.value.version:
        raise Conflict("The policy was changed by somebody else meanwhile.")
    return present


async def keep(world: World, stored: Stored[Guarded], noted: Guarded) -> Stored[Guarded]:
    """Store what was noted about a machine, with its finding on record. Raises Conflict: the policy has changed."""
    await record_finding(world, stored.value)
    kept = await world.policies.put(noted, stored.etag)
    await record_finding(world, kept.value)
    return kept


async def note_exposure(world: World, stored: Stored[Guarded], leaks: tuple[Leak, ...] | None) -> Standing:
    """Keep what gets through, and have it on record when it is not what got through before."""
    some = leaks[:_MOST_LEAKS_KEPT] if leaks is not None else None
    news = exposure_changed(stored.value.exposed_by, some) if some is not None else None
    if some is None or news is None:
        return Standing(stored, leaks)
    try:
        noted = stored.value.noting(news[0], world.clock.now(), news[1])
        return Standing(await keep(world, stored, replace(noted, exposed_by=some)), leaks)
    except Conflict:
        # If only a note about the machine was faster, the next repair takes this one down.
        return Standing(await _confirmed(world, stored), leaks)


async def record_finding(world: World, guarded: Guarded) -> None:
    """Make sure that the latest finding about a machine is on record; recording it again changes nothing."""
    if guarded.found:
        await world.audit.found(guarded.found)
