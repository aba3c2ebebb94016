"""What setting or removing a policy would do, foretold by the planning that would do it. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from shared.domain.claims import Claim, Finding, LockClaim, Outcome, Wanted
from shared.domain.exposure import leaks
from shared.domain.forecasts import Forecast, Preview, closed_ways, cut_flows, forecast, ways_in
from shared.domain.guarding import Guarded, Stage, claims_by_group
from shared.domain.machines import Machine
from shared.domain.rules import Nsg
from shared.domain.sessions import CONTINUING, Sessions, sessions_of
from shared.ports import NotFound
from shared.services.glancing import UNKNOWN, Recent
from shared.services.measuring import open_claims_in
from shared.services.rounds import unmade
from shared.services.world import World, each

_GROUPS_AT_ONCE = 8

type Forecasts = Mapping[str, Forecast | Exception]  # By the group's id in lower case.


async def foresee(world: World, machines: Iterable[Guarded]) -> Forecasts:
    """What would become of the groups in which something is wanted for these machines, all of them together.

    A group that is gone and holds no more than what is to go anyhow has no forecast.
    """
    claims = claims_by_group(machines)
    found = await each(lambda nsg: _foresee(world, nsg, claims[nsg]), claims, _GROUPS_AT_ONCE)
    return {nsg.lower(): result for nsg, result in zip(claims, found, strict=True) if result is not None}


async def _foresee(world: World, nsg: str, claims: Mapping[str, Claim]) -> Forecast | None:
    standing = {key: entry.claim for key, entry in (await world.desk.entries(nsg)).items()}
    try:
        group = (await world.network.group(nsg)).nsg
    except NotFound:
        wanted = [claim for claim in claims.values() if claim.wanted is Wanted.PRESENT]
        if not wanted:
            return None
        locks = [claim for claim in wanted if isinstance(claim, LockClaim)]
        if not locks or not all(claim.make_in for claim in locks):
            raise
        group = unmade(nsg, locks[0]).nsg
    return forecast(group, {**standing, **claims}.values(), world.clock.now())


async def preview(
    world: World, guarded: Guarded, actual: Machine, forecasts: Forecasts, recent: Recent = UNKNOWN
) -> Preview:
    """What would become of a machine that is `actual` now, if `guarded` were stored and served."""
    seen = [_forecast(forecasts, nsg) for nsg in guarded.claims() if nsg.lower() in forecasts]
    target = _afterwards(guarded, actual)
    before, after = await _groups(world, (guarded.machine, actual, target), forecasts)
    was, will = ways_in(actual, before), ways_in(target, after)
    cut, let_in = closed_ways(was, will), recent.of(actual.id)
    opened = [claim for nsg in guarded.machine.nsgs for claim in await open_claims_in(world, nsg)]
    return Preview(
        guarded,
        tuple(seen),
        leaks(
            replace(guarded.lock, endpoints=target.endpoints),
            after,
            opened,
        ),
        cut,
        will,
        tuple(sorted({endpoint.nic for endpoint in actual.bare})) if guarded.stage is Stage.GUARDED else (),
        await _ending(world, guarded),
        _sessions(guarded, forecasts),
        None if let_in is None else cut_flows(cut, let_in),
        tuple(gap.text for gap in recent.gaps),
    )


def _sessions(guarded: Guarded, forecasts: Forecasts) -> Sessions:
    """What would become of sessions that are open when a grant ends."""
    after = {nsg: _forecast(forecasts, nsg).after for nsg in guarded.flushed if nsg.lower() in forecasts}
    seen = {nsg: Outcome(Finding.FULFILLED) if group.flush.on else None for nsg, group in after.items()}
    return sessions_of(seen) if seen else CONTINUING


def _afterwards(guarded: Guarded, actual: Machine) -> Machine:
    """The machine when all is done: with its own group, or without it when that is to be discarded."""
    if guarded.stage is Stage.GUARDED:
        return guarded.machine
    return actual.without(guarded.own_group) if guarded.discards_group and guarded.own_group else actual


def _forecast(forecasts: Forecasts, nsg: str) -> Forecast:
    found = forecasts[nsg.lower()]
    if isinstance(found, Exception):
        raise found
    return found


async def _groups(
    world: World, machines: Sequence[Machine], forecasts: Forecasts
) -> tuple[dict[str, Nsg], dict[str, Nsg]]:
    """The groups on the way as they are and as they would be; those that hold no lock stay as they are."""
    nsgs = {nsg.lower(): nsg for machine in machines for nsg in machine.nsgs}
    foreseen = {key: _forecast(forecasts, key) for key in nsgs if key in forecasts}
    same = {key: (await world.network.group(nsg)).nsg for key, nsg in nsgs.items() if key not in foreseen}
    before = {key: one.before for key, one in foreseen.items() if one.before.etag}
    return {**same, **before}, {**same, **{key: one.after for key, one in foreseen.items()}}


async def _ending(world: World, guarded: Guarded) -> tuple[str, ...]:
    unfinished = await world.grants.unfinished(guarded.machine.id)
    return tuple(stored.value.id for stored in unfinished if not guarded.offers(stored.value))
