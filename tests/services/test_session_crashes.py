"""The switch that ends sessions, wherever the process dies and whichever call fails on the way."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.rules import Flush
from shared.ports import Conflict, Unavailable
from shared.services.grants import ask
from shared.services.repairing import repair
from shared.services.sweeping import sweep
from shared.services.world import World
from tests.domain.values import GROUP, SUBNET_GROUP
from tests.services.process import Crash, Process
from tests.services.test_sessions import OFF, OURS, flush, put, removing, setting
from tests.services.town import BARE, HOUR, WEB_02, Town, wish


async def asked(town: Town) -> None:
    await put(town)
    await put(town, WEB_02)
    await town.ask()


async def overdue(town: Town) -> None:
    await asked(town)
    town.clock.advance(HOUR)


async def nothing(town: Town) -> None:
    assert not town.shelf.policies


type Act = Callable[[World], Awaitable[object]]
ACTS: dict[str, tuple[Callable[[Town], Awaitable[None]], Act, Flush]] = {
    "enable": (nothing, setting(), OURS),
    "enable a machine without a group": (nothing, setting(BARE), OFF),
    "take back": (asked, setting(ends=False), OFF),
    "disable": (asked, removing(), OFF),
    "sweep": (overdue, sweep, OURS),
    "repair": (overdue, repair, OURS),
    "ask": (asked, lambda world: ask(world, wish(WEB_02)), OURS),
}


def expected(town: Town, nsg: str) -> Flush:
    """What the switch of a group has to be, by the policies that are kept."""
    return OURS if any(nsg in one.value.flushed for one in town.shelf.policies.values()) else OFF


@pytest.mark.parametrize("name", ACTS)
async def test_wherever_the_process_dies_the_timers_leave_it_as_the_policies_need_it(name: str) -> None:
    before, act, _ = ACTS[name]
    call, reached = 1, True
    while reached:
        town = Town()
        await before(town)
        try:
            await town.live(act, Process(dies_at=call))
            reached = False
        except Crash:
            pass
        town.clock.advance(timedelta(hours=3))
        assert ((), ()) == ((await town.sweep()).problems, (await town.repair()).problems)
        for nsg in (GROUP, SUBNET_GROUP):
            assert expected(town, nsg) == flush(town, nsg), f"{nsg} after dying at call {call}"
        assert ([], []) == (town.cloud.lived_on, town.cloud.offences), f"after dying at call {call}"
        call += 1
    assert call > 10


@pytest.mark.parametrize("name", ACTS)
async def test_whichever_call_fails_the_timers_leave_it_as_the_policies_need_it(name: str) -> None:
    before, act, last = ACTS[name]
    for call in range(1, 45):
        town = Town()
        await before(town)
        with suppress(Unavailable, Conflict):
            await town.live(act, Process(errors={call: Unavailable("down")}))
        town.clock.advance(timedelta(hours=3))
        await town.sweep()
        assert () == (await town.repair()).problems
        assert expected(town, GROUP) == flush(town), f"after failing at call {call}"
        assert ([], []) == (town.cloud.lived_on, town.cloud.offences), f"after failing at call {call}"
    assert last == flush(town)
