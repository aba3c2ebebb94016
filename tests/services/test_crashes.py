"""The process dies between any two calls. What is left is closed, locked and on record once the timers have run."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.collections import Portion
from shared.domain.guarding import Stage
from shared.ports import Conflict, Unavailable
from shared.services.approving import approve
from shared.services.collections import Request, initiate, put, remove
from shared.services.enabling import Assignment, enable
from shared.services.extending import extend
from shared.services.grants import ask, revoke
from shared.services.policies import Removal, disable
from shared.services.repairing import repair
from shared.services.starting import start_due
from shared.services.sweeping import sweep
from shared.services.world import World
from tests.domain.values import STRANGER
from tests.services.process import Crash, Process
from tests.services.test_approving import CAROLS, ONE
from tests.services.test_collections import PLACE, SSH
from tests.services.test_extending import EXTENDER, More
from tests.services.town import BOB, HOUR, POLICY, WEB_01, WEB_02, Town, wish

# One request for two machines, as callers of Defender's API make it.
BOTH = Request([Portion(id_, wish(id_).wish, ("here",)) for id_ in (WEB_01, WEB_02)], EXTENDER)

type Act = Callable[[World], Awaitable[object]]


async def asked(town: Town) -> None:
    for machine in (WEB_01, WEB_02):
        await town.enable(machine)
    await town.ask()


async def guarded(town: Town) -> None:
    for machine in (WEB_01, WEB_02):
        await town.enable(machine)


async def bare(town: Town) -> None:
    assert not town.shelf.policies


async def overdue(town: Town) -> None:
    await asked(town)
    town.clock.advance(HOUR)


async def waiting(town: Town) -> None:
    """Two machines under a policy, one of which needs approval, and a request that waits for it."""
    await town.enable(WEB_02)
    await town.enable(policy=ONE)
    await town.ask()


async def scheduled(town: Town) -> None:
    await guarded(town)
    request = wish()
    later = replace(request.wish, starts_at=town.clock.now() + HOUR)
    await town.live(lambda world: ask(world, replace(request, wish=later)))
    town.clock.advance(HOUR)


async def approve_all(world: World) -> None:
    for stored in await world.grants.unfinished(WEB_01):
        await approve(world, stored.value.id, CAROLS)


async def extend_all(world: World) -> None:
    for stored in await world.grants.unfinished(WEB_01):
        await extend(world, stored, More(), EXTENDER)


async def revoke_all(world: World) -> None:
    for stored in await world.grants.unfinished(WEB_01):
        await revoke(world, stored.value.id, BOB)


ACTS: dict[str, tuple[Callable[[Town], Awaitable[None]], Act]] = {
    "ask": (guarded, lambda world: ask(world, wish())),
    "ask with a key": (guarded, lambda world: ask(world, wish(key="k"))),
    "revoke": (asked, revoke_all),
    "extend": (asked, extend_all),
    "approve": (waiting, approve_all),
    "start": (scheduled, start_due),
    "sweep": (overdue, sweep),
    "repair": (overdue, repair),
    "enable": (bare, lambda world: enable(world, WEB_01, Assignment(POLICY, BOB))),
    "enable again": (asked, lambda world: enable(world, WEB_01, Assignment(POLICY, BOB))),
    "disable": (asked, lambda world: disable(world, WEB_01, Removal(BOB))),
    "initiate": (guarded, lambda world: initiate(world, PLACE, BOTH)),
    "put a collection": (asked, lambda world: put(world, PLACE, "default", {WEB_01: SSH}, BOB)),
    "remove a collection": (asked, lambda world: remove(world, PLACE, BOB)),
}


# The calls that somebody else may have been faster with.
CHANGES = {
    "grants.add",
    "grants.save",
    "policies.put",
    "policies.remove",
    "desk.amend",
    "desk.conclude",
    "network.apply",
}


async def crashed(name: str, call: int) -> tuple[Town, bool]:
    """A town in which the act died at that call; whether it came so far at all."""
    before, act = ACTS[name]
    town = Town()
    await before(town)
    try:
        await town.live(act, Process(dies_at=call))
    except Crash:
        return town, True
    return town, False


async def clean_up(town: Town) -> None:
    """What the timers do later on."""
    town.clock.advance(timedelta(hours=5))
    assert () == (await town.sweep()).problems
    assert () == (await town.repair()).problems


def is_consistent(town: Town) -> bool:
    over = not any(stored.value.unfinished for stored in town.shelf.grants.values())
    return (
        over and town.is_recorded_once() and not town.shelf.dues and not town.cloud.offences and not town.cloud.unlocked
    )


def is_guarded(town: Town) -> bool:
    return any(kept.value.machine.id == WEB_01 for kept in town.shelf.policies.values())


def count_of_open_claims(town: Town) -> int:
    return sum(key.startswith("open|") for desk in town.shelf.desks.values() for key in desk)


@pytest.mark.parametrize("name", ACTS)
async def test_wherever_the_process_dies_the_timers_leave_it_closed_and_consistent(name: str) -> None:
    call, reached = 1, True
    while reached:
        town, reached = await crashed(name, call)
        await clean_up(town)
        assert [] == list(town.holes()), f"open after dying at call {call}"
        assert is_consistent(town), f"inconsistent after dying at call {call}"
        assert 0 == count_of_open_claims(town), f"claims left after dying at call {call}"
        call += 1
    assert call > 10


@pytest.mark.parametrize("name", ACTS)
async def test_wherever_the_process_dies_a_machine_under_a_policy_is_locked_and_no_other(name: str) -> None:
    call, reached = 1, True
    while reached:
        town, reached = await crashed(name, call)
        await clean_up(town)
        assert is_guarded(town) is not town.passes(22, STRANGER), f"after dying at call {call}"
        call += 1


@pytest.mark.parametrize("name", ["ask", "revoke", "extend", "disable"])
@pytest.mark.parametrize("error", [Unavailable("storage is down"), Conflict("somebody was faster")])
async def test_whichever_call_fails_the_timers_leave_it_closed_and_consistent(name: str, error: Exception) -> None:
    before, act = ACTS[name]
    for call in range(1, 40):
        town = Town()
        await before(town)
        process = Process(errors={call: error})
        with suppress(Unavailable, Conflict):
            await town.live(act, process)
        if isinstance(error, Conflict) and not CHANGES & set(process.calls[call - 1 : call]):
            continue
        await clean_up(town)
        assert ([], True) == (list(town.holes()), is_consistent(town)), f"after {error} at call {call}"
        assert is_guarded(town) is not town.passes(22, STRANGER), f"after {error} at call {call}"


async def test_a_removal_that_died_is_finished_by_the_repair() -> None:
    stages, call, reached = set(), 1, True
    while reached:
        town, reached = await crashed("disable", call)
        stages |= {stored.value.stage for stored in town.shelf.policies.values()}
        await clean_up(town)
        assert {Stage.GUARDED} == {stored.value.stage for stored in town.shelf.policies.values()}
        call += 1
    assert {Stage.GUARDED, Stage.REMOVING} == stages


@pytest.mark.parametrize("name", ["ask", "ask with a key"])
async def test_wherever_asking_dies_asking_again_opens(name: str) -> None:
    call, reached = 1, True
    while reached:
        town, reached = await crashed(name, call)
        town.clock.advance(timedelta(seconds=16))
        await town.live(ACTS[name][1])
        assert town.passes(), f"closed after dying at call {call}"
        assert [] == town.cloud.offences
        call += 1


async def test_every_policy_change_is_on_record_once_wherever_enabling_died() -> None:
    call, reached = 1, True
    while reached:
        town, reached = await crashed("enable", call)
        await clean_up(town)
        revisions = {stored.value.revision for stored in town.shelf.policies.values()}
        recorded = {revision for _, _, revision in town.shelf.changes}
        assert revisions <= recorded, f"not recorded after dying at call {call}"
        call += 1
