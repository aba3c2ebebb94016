"""Letting a grant stay open for longer: decided as a request for that time from now on would be.

The desks are told of the later end before the grant is: should the grant not be changed after all, it ends at its own
time, which the sweep keeps whatever the desks say.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.approvals import Extension
from shared.domain.claims import Wanted
from shared.domain.decisions import Asker, Wish, decide, wish_of
from shared.domain.grants import Grant
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import State
from shared.domain.people import Person
from shared.domain.rules import Rule
from shared.domain.shapes import belongs_to_grant, deadline_of
from shared.ports import Conflict, Due, NotFound, Stored, Unavailable
from shared.services.opening import remind_of, tell_desk
from shared.services.serving import Purpose
from shared.services.settling import settle
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
    """The grant with its later end, or with the wish for it where that needs approval; or every reason against it.

    Raises Conflict when it is not active, or a longer stay waits for approval already; Unavailable.
    """
    grant, now = stored.value, world.clock.now()
    if grant.state is not State.ACTIVE or grant.ends_at <= now:
        raise Conflict(f"A grant that is {grant.state} cannot be extended.")
    if grant.extension and now < grant.extension.lapses_at:
        raise Conflict("A longer stay waits for approval already; cancel it first.")
    wish = longer_wish(grant, longer.duration, longer.end_time_utc, longer.justification)
    if issues := await against(world, grant, wish, who.asker):
        return Refused(issues)
    guarded = await world.policies.get(grant.machine)
    if guarded and (guarded.value.policy.approval.required or grant.lapses_at):
        answer_by = min(grant.ends_at, now + guarded.value.policy.approval.pending_for)
        asked = Extension(now, answer_by, longer.duration, longer.end_time_utc, longer.justification)
        return (await world.grants.save(stored, grant.extension_asked(asked, who.person))).value
    longer_grant = grant.extended(now, now + wish.lasts(now), who.person, longer.justification)
    return (await prolong(world, stored, longer_grant)).value


async def prolong(world: World, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
    """Let a grant stay open until its later end. Raises Conflict when it is being closed, Unavailable."""
    await world.dues.add(Due(changed.ends_at, changed.id))
    told = [await _tell(world, nsg, changed) for nsg in changed.nsgs]
    if Wanted.ABSENT in told or Wanted.PRESENT not in told:
        # Somebody is closing it, or has just seen its rules gone.
        raise Conflict("The grant is being closed.")
    if changed.machine.is_host:
        await _order(world, stored.value, changed)
    kept = await world.grants.save(stored, changed)
    await remind_of(world, changed, changed.ends_at)
    # The sweep strikes off what is left here.
    with suppress(Unavailable):
        await world.dues.remove(Due(stored.value.ends_at, changed.id))
    return kept


async def _order(world: World, grant: Grant, changed: Grant) -> None:
    """Have a server told of the later end before it is promised: at the end that it knows it closes by itself.

    Raises Unavailable where it did not take it; the earlier end holds then.
    """
    for nsg in changed.nsgs:
        try:
            await settle(world, nsg, (), Purpose.CLOSE)
            rules = [rule for rule in (await world.network.group(nsg)).nsg.rules if belongs_to_grant(rule, changed.id)]
            taken = bool(rules) and all(rule.settled and _lasts(rule, changed.ends_at) for rule in rules)
        except (Conflict, NotFound, Unavailable):
            taken = False
        if not taken:
            await _tell(world, nsg, grant)
            raise Unavailable(f"{changed.machine.name} was not told of the later end: the earlier one holds.")


def _lasts(rule: Rule, until: datetime) -> bool:
    """Whether a rule ends at a time, which is written in whole seconds."""
    end = deadline_of(rule)
    return end is not None and until - end < timedelta(seconds=1)


def longer_wish(grant: Grant, duration: timedelta | None, ends_at: datetime | None, why: str) -> Wish:
    """What a longer stay comes to: the same access, from now on. Exactly one of `duration` and `ends_at` is given."""
    wish = replace(wish_of(grant), duration=duration, ends_at=ends_at, starts_at=None, break_glass=False)
    return replace(wish, justification=why or grant.justification)


async def against(world: World, grant: Grant, wish: Wish, asker: Asker) -> tuple[Issue, ...]:
    """What speaks against a longer stay: what would speak against asking for it now, and that it is no longer."""
    stored, now = await world.policies.get(grant.machine), world.clock.now()
    if stored is None or not stored.value.offers(grant):
        return (Issue("portNotInPolicy", "", "The policy no longer offers what was granted."),)
    decision = decide(stored.value.policy, wish, asker, now, world.times.shortest_grant)
    issues = decision.issues if isinstance(decision, Refused) else ()
    if now + wish.lasts(now) <= grant.ends_at:
        path = "duration" if wish.ends_at is None else "endTimeUtc"
        issues = (*issues, Issue("notLonger", path, f"The grant lasts until {grant.ends_at.isoformat()} already."))
    return issues


async def _tell(world: World, nsg: str, grant: Grant) -> Wanted | None:
    entries = await world.desk.entries(nsg)
    return await tell_desk(world, nsg, grant, entries.get(f"open|{grant.id}"))
