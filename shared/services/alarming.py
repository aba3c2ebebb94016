"""Looking for what somebody has to be told of: every few minutes, in what the logs tell of yesterday and today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from shared.domain.alarms import alarms, blindness
from shared.domain.evidence import Evidence, Gap, Lack, Part, Scope
from shared.domain.findings import Found
from shared.domain.guarding import Guarded
from shared.domain.policies import MANAGEMENT_PORTS
from shared.domain.records import stays
from shared.services.glancing import whole_minute
from shared.services.viewing import guarded_in
from shared.services.world import World, each

_DAY: Final = timedelta(days=1)
_PARTS: Final = frozenset({Part.SOURCES, Part.FAILURES, Part.SIGN_INS, Part.LET_IN, Part.REACHED})
_MOST_RECORDS: Final = 20_000
_AT_ONCE: Final = 8
_PATIENCE: Final = timedelta(minutes=3)
_LONGEST_SPAN: Final = 100


async def watch(world: World) -> tuple[tuple[Found, ...], Evidence, list[Exception]]:
    """What was found and is on record now, the evidence, and what could not be recorded. Raises Unavailable."""
    guarded = tuple((await guarded_in(world, world.subscriptions)).values())
    until = whole_minute(world.clock.now())
    since = until.replace(hour=0, minute=0) - _DAY
    machines = frozenset(one.machine.id for one in guarded)
    if not machines or not world.logs.workspace:
        return (), Evidence(), []
    scope = Scope(world.subscriptions, since, until, machines, ports=_ports(guarded))
    # Nobody waits for the watch, which asks about two days.
    evidence = await world.logs.tell(scope, _PARTS, _PATIENCE)
    recorded = await world.history.between(Scope(world.subscriptions, since - _DAY, until, machines), _MOST_RECORDS)
    if recorded.capped:
        evidence = _without_grants(evidence)
    found = alarms(evidence, stays(recorded.records).values(), guarded, world.alarming_attempts)
    if blind := blindness(evidence, world.subscriptions[0], until):
        found = (*found, blind)
    results = await each(world.audit.found, found, _AT_ONCE)
    return found, evidence, [one for one in results if isinstance(one, Exception)]


def _without_grants(evidence: Evidence) -> Evidence:
    """What can be judged without knowing all grants: nobody can say who came by none, and that is told."""
    text = f"There are more than {_MOST_RECORDS} records: who came by no grant cannot be told."
    return replace(
        evidence,
        sign_ins=(),
        let_in=(),
        lacking=evidence.lacking | {Part.SIGN_INS, Part.LET_IN},
        gaps=(*evidence.gaps, Gap(Lack.PARTIAL, "records", text)),
    )


def _ports(guarded: Iterable[Guarded]) -> frozenset[int]:
    """The ports by which people get in to machines. Of others, what a lock lets through is told without the logs."""
    offered = [port.span for one in guarded for port in one.policy.ports]
    named = {port for low, high in offered for port in range(low, min(high, low + _LONGEST_SPAN) + 1)}
    return frozenset({*MANAGEMENT_PORTS, *named})
