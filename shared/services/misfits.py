"""Grants that no longer fit the world: found by whoever changes a policy, and by the repair.

A grant was given for ports that the policy offered and for addresses that the machine had. When either is no longer
so it ends, rather than let somebody in to what is now something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.claims import Finding, OpenClaim
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded
from shared.domain.lifecycle import Reason, State
from shared.ports import Entry
from shared.services.closing import Closed, Ending, close
from shared.services.world import World, each

_AT_ONCE = 8

type Desks = Mapping[str, Mapping[str, Entry]]


async def end_misfits(world: World, guarded: Guarded) -> Closed:
    """Close the machine's grants that do not fit `guarded` any more, and go on with those that are closing."""
    unfinished = await world.grants.unfinished(guarded.machine.id)
    # Whoever died between changing a grant and recording it left that to the next change, which may be days away.
    recorded = await each(lambda stored: world.grants.record(stored.value), unfinished, _AT_ONCE)
    nsgs = {nsg.lower() for stored in unfinished for nsg in stored.value.nsgs}
    desks = {nsg: await world.desk.entries(nsg) for nsg in nsgs}
    misfits = ((stored, _ending(stored.value, guarded, desks)) for stored in unfinished)
    closed = await close(world, [(stored, ending) for stored, ending in misfits if ending])
    return replace(closed, problems=(*(one for one in recorded if one), *closed.problems))


def _ending(grant: Grant, guarded: Guarded, desks: Desks) -> Ending | None:
    entries = {nsg.lower(): desks[nsg.lower()].get(f"open|{grant.id}") for nsg in grant.nsgs}
    if grant.state is State.CLOSING and grant.reason:
        return Ending(grant.reason)
    if any(entry and entry.outcome.finding is Finding.VANISHED for entry in entries.values()):
        return Ending(Reason.REMOVED_OUTSIDE)
    if blocked := next((one for one in entries.values() if one and one.outcome.finding is Finding.BLOCKED), None):
        return Ending(Reason.BLOCKED, detail=blocked.outcome.detail)
    if not guarded.offers(grant):
        return Ending(Reason.PORT_REMOVED, guarded.changed_by)
    if any(entry and _has_moved(entry, guarded, nsg) for nsg, entry in entries.items()):
        return Ending(Reason.MACHINE_CHANGED, detail="The machine's addresses or groups are no longer what they were.")
    return None


def _has_moved(entry: Entry, guarded: Guarded, nsg: str) -> bool:
    claim = entry.claim
    if not isinstance(claim, OpenClaim):
        return False
    before, now = ({e.address for e in some} for some in (claim.endpoints, guarded.machine.behind(nsg)))
    # A server's own networks come and go; an access to it is over when one of the addresses is gone that it is for.
    return not before <= now if guarded.machine.id.is_host else before != now
