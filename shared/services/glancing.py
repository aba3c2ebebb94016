"""What other views want of the logs, and never wait for long: without it they are shown all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.evidence import Evidence, Gap, Lack, LetIn, Part, Scope, log_key
from shared.domain.flow_logs import Attachment, FlowLog, flow_log_gaps, unlogged
from shared.domain.inventory import Sighting
from shared.domain.machines import MachineId
from shared.ports import Unavailable
from shared.services.world import World

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Dark:
    """The machines whose flows nobody logs, as logs name them (None: nobody knows which), and what to do about it."""

    machines: frozenset[str] | None = frozenset()
    gaps: tuple[Gap, ...] = ()

    def hides(self, machine: str) -> bool:
        """Whether what comes to a machine may be logged nowhere."""
        return self.machines is None or machine in self.machines


async def dark(world: World, sightings: Iterable[Sighting]) -> Dark:
    """For which of these machines flows are not logged."""
    if not world.logs.workspace:
        return Dark()
    try:
        logs = await world.flow_logs.flow_logs(world.subscriptions)
    except Unavailable as error:
        return unknown(error)
    return _dark(sightings, logs, world.logs.workspace)


def unknown(error: Exception) -> Dark:
    """That nobody knows for which machines flows are logged."""
    text = f"For which networks flows are logged is not known: {error}."
    return Dark(None, (Gap(Lack.FLOW_LOG_UNKNOWN, "flow logs", text),))


async def dark_of(world: World, machines: Collection[MachineId]) -> Dark:
    """The same for machines by their ids."""
    try:
        seen = (await world.inventory.machines(world.subscriptions)).machines if machines else ()
    except Unavailable as error:
        return unknown(error)
    return await dark(world, [one for one in seen if one.machine_id in machines])


def _dark(sightings: Iterable[Sighting], logs: Sequence[FlowLog], workspace: str) -> Dark:
    places = {_attachment(one, place.nic, place.subnet): one for one in sightings for place in one.places}
    missing = unlogged(places, logs, workspace)
    keys = frozenset(log_key(id_) for one in missing if (id_ := places[one].machine_id))
    return Dark(keys, tuple(flow_log_gaps(missing)))


def _attachment(machine: Sighting, nic: str, subnet: str) -> Attachment:
    network = subnet.lower().partition("/subnets/")[0]
    return Attachment(machine.name, frozenset({nic.lower(), subnet.lower(), network}), network)


async def attempts_of_the_day(world: World, sightings: Sequence[Sighting]) -> Mapping[str, int]:
    """How many flows to machines were denied in the last 24 hours, as logs name them; unknown ones are left out."""
    until = whole_minute(world.clock.now())
    scope = Scope(world.subscriptions, until - _DAY, until)
    evidence, unseen = await asyncio.gather(_glance(world, scope, Part.TARGETS), dark(world, sightings))
    if evidence.flows_until is None or Part.TARGETS in evidence.lacking:
        return {}
    counted = {one.machine: one.counts.denied for one in evidence.targets}
    keys = (log_key(id_) for one in sightings if (id_ := one.machine_id))
    return {key: counted.get(key, 0) for key in keys if key in counted or not unseen.hides(key)}


@dataclass(frozen=True, slots=True)
class Recent:
    """What was let in to machines in the last 7 days, as logs name them; None where the logs cannot tell."""

    let_in: Mapping[str, Sequence[LetIn]] | None
    gaps: tuple[Gap, ...] = ()
    unseen: Dark = Dark()

    def of(self, machine: MachineId) -> tuple[LetIn, ...] | None:
        """What was let in to one machine. That there is nothing to be seen is not that nothing came."""
        key = log_key(machine)
        if self.let_in is None or (self.unseen.hides(key) and key not in self.let_in):
            return None
        return tuple(self.let_in.get(key, ()))


UNKNOWN: Final = Recent(None)


async def recently_let_in(world: World, machines: Iterable[MachineId]) -> Recent:
    """What was let in to machines: what a lock may cut."""
    until, wanted = whole_minute(world.clock.now()), frozenset(machines)
    if not wanted:
        return Recent({})
    scope = Scope(world.subscriptions, until - _WEEK, until, wanted)
    evidence, unseen = await asyncio.gather(_glance(world, scope, Part.LET_IN), dark_of(world, wanted))
    gaps = (*evidence.gaps, *unseen.gaps)
    is_cut_short = any(gap.lack is Lack.CAPPED for gap in evidence.gaps)
    if evidence.flows_until is None or (Part.LET_IN in evidence.lacking and not is_cut_short):
        return Recent(None, gaps)
    found: dict[str, list[LetIn]] = {}
    for one in evidence.let_in:
        found.setdefault(one.passed.machine, []).append(one)
    return Recent(found, gaps, unseen)


async def _glance(world: World, scope: Scope, part: Part) -> Evidence:
    text = "Log Analytics did not answer at once. Look again in a moment."
    late = Evidence(lacking=frozenset({part}), gaps=(Gap(Lack.TIMED_OUT, "Log Analytics", text),))
    return await world.patiently(world.logs.tell(scope, {part}), late, world.times.glance)


def whole_minute(now: datetime) -> datetime:
    """The end of the minute that goes on: whoever asks again in that minute asks the same, and gets what is known."""
    return now.replace(second=0, microsecond=0) + _MINUTE
