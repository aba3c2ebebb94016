"""Letting a grant stay open for longer: decided as a request for that time from now on would be.

The desks are told of the later end before the grant is: should the grant not be changed after all, it ends at its own
time, which the sweep keeps whatever the desks say.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.claims import OpenClaim, Wanted
from shared.domain.decisions import AskedPort, Asker, Wish, decide
from shared.domain.grants import Grant
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import State
from shared.domain.people import Person
from shared.ports import Conflict, Due, Stored, Unavailable
from shared.services.world import World

_TRIES = 3


class Longer(Protocol):
    """For how long, or until when; exactly one of the two, and why."""

    @property
    def duration(self) -> timedelta | None:
        """From now on."""
        ...

    @property
    def end_time_utc(self) -> datetime | None:
        """The new end."""
        ...

    @property
    def justification(self) -> str:
        """Why."""
        ...


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks, and what deciding needs of them."""

    person: Person
    asker: Asker


async def extend(world: World, stored: Stored[Grant], longer: Longer, who: Who) -> Grant | Refused:
    """The grant with its later end, or every reason against it. Raises Conflict when it is not active, Unavailable."""
    grant, now = stored.value, world.clock.now()
    if grant.state is not State.ACTIVE or grant.ends_at <= now:
        raise Conflict(f"A grant that is {grant.state} cannot be extended.")
    wish = _wish(grant, longer)
    if issues := await _against(world, grant, wish, who):
        return Refused(issues)
    ends_at = now + wish.lasts(now)
    detail = f"until {ends_at:%Y-%m-%dT%H:%M:%SZ}{f': {longer.justification}' if longer.justification else ''}"
    changed = grant.extended(now, ends_at, who.person, detail)
    await world.dues.add(Due(ends_at, grant.id))
    for nsg in grant.nsgs:
        await _tell(world, nsg, changed)
    kept = (await world.grants.save(stored, changed)).value
    # Without a reminder the sweep closes the grant, only a little later.
    with suppress(Unavailable):
        await world.reminders.send(grant.id, ends_at - now - world.times.head_start)
        await world.dues.remove(Due(grant.ends_at, grant.id))
    return kept


def _wish(grant: Grant, longer: Longer) -> Wish:
    ports = tuple(AskedPort(port.span, port.protocol, port.sources) for port in grant.ports)
    why = longer.justification or grant.justification
    return Wish(ports, longer.duration, longer.end_time_utc, why)


async def _against(world: World, grant: Grant, wish: Wish, who: Who) -> tuple[Issue, ...]:
    guarded, now = await world.policies.get(grant.machine), world.clock.now()
    if guarded is None or not guarded.value.offers(grant):
        return (Issue("portNotInPolicy", "", "The policy no longer offers what was granted."),)
    decision = decide(guarded.value.policy, wish, who.asker, now, world.times.shortest_grant)
    issues = decision.issues if isinstance(decision, Refused) else ()
    if now + wish.lasts(now) <= grant.ends_at:
        path = "duration" if wish.ends_at is None else "endTimeUtc"
        issues = (*issues, Issue("notLonger", path, f"The grant lasts until {grant.ends_at.isoformat()} already."))
    return issues


async def _tell(world: World, nsg: str, grant: Grant) -> None:
    """Tell a group's desk of the later end. Raises Conflict when the grant is being closed there."""
    for _ in range(_TRIES):
        entry = (await world.desk.entries(nsg)).get(f"open|{grant.id}")
        if entry is None:
            return
        claim = entry.claim
        if not isinstance(claim, OpenClaim) or claim.wanted is Wanted.ABSENT:
            raise Conflict("The grant is being closed.")
        try:
            await world.desk.amend(nsg, entry, replace(claim, ends_at=grant.ends_at))
        except Conflict:
            continue
        return
    raise Conflict("The grant keeps changing.")
