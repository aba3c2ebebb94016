"""Several at once on the same machines and groups, in one process and in more, in every order that chance makes up."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ports import Conflict, NotFound, Unavailable
from shared.services.enabling import Assignment, enable
from shared.services.grants import ask, revoke
from shared.services.policies import Removal, disable
from shared.services.repairing import repair
from shared.services.sweeping import sweep
from shared.services.world import World
from tests.domain.values import STRANGER
from tests.services.cloud import Trouble
from tests.services.town import BOB, POLICY, WEB_01, WEB_02, Town, wish

type Act = Callable[[World], Awaitable[object]]


async def give_all_up(world: World) -> None:
    for machine in (WEB_01, WEB_02):
        for stored in await world.grants.unfinished(machine):
            await revoke(world, stored.value.id, BOB)


ACTS: dict[str, Act] = {
    "ask for web-01": lambda world: ask(world, wish(WEB_01)),
    "ask for web-02": lambda world: ask(world, wish(WEB_02)),
    "ask with a key": lambda world: ask(world, wish(WEB_01, key="k")),
    "give all up": give_all_up,
    "disable web-01": lambda world: disable(world, WEB_01, Removal(BOB)),
    "enable web-01": lambda world: enable(world, WEB_01, Assignment(POLICY, BOB)),
    "sweep": sweep,
    "repair": repair,
}


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who comes in, how many turns and seconds after the others, and in which process."""

    act: str
    turns: int
    seconds: int
    process: int


ENTRANCES = st.builds(
    Entrance, st.sampled_from(sorted(ACTS)), st.integers(0, 40), st.sampled_from((0, 0, 0, 1, 3)), st.integers(0, 2)
)


async def meet(town: Town, entrances: list[Entrance]) -> list[object]:
    """Everybody acts; what failed is given back."""
    worlds = [town.world() for _ in range(3)]

    async def enter(entrance: Entrance) -> object:
        await town.clock.sleep(timedelta(seconds=entrance.seconds))
        for _ in range(entrance.turns):
            await asyncio.sleep(0)
        world = worlds[entrance.process]
        result = await ACTS[entrance.act](world)
        await asyncio.gather(*world.background)
        return result

    return list(await asyncio.gather(*map(enter, entrances), return_exceptions=True))


async def crowded_town(entrances: list[Entrance], troubles: list[Trouble]) -> tuple[Town, list[object]]:
    town = Town()
    for machine in (WEB_01, WEB_02):
        await town.enable(machine)
    await town.ask()
    town.cloud.troubles.extend(troubles)
    results = await meet(town, entrances)
    town.cloud.troubles.clear()
    return town, results


_SOME = st.lists(ENTRANCES, min_size=2, max_size=5)
_TROUBLES = st.lists(st.sampled_from((Trouble.CONFLICT, Trouble.LOST, Trouble.PART, Trouble.UNAVAILABLE)), max_size=1)


@settings(max_examples=60)
@given(_SOME, _TROUBLES)
def test_whoever_meets_there_is_one_writer_and_only_the_known_failures(
    entrances: list[Entrance], troubles: list[Trouble]
) -> None:
    town, results = asyncio.run(crowded_town(entrances, troubles))
    failures = [result for result in results if isinstance(result, BaseException)]
    assert [one for one in failures if not isinstance(one, Conflict | NotFound | Unavailable)] == []
    assert town.cloud.offences == []


@settings(max_examples=60)
@given(_SOME, _TROUBLES)
def test_whoever_met_everything_is_closed_and_on_record_in_the_end(
    entrances: list[Entrance], troubles: list[Trouble]
) -> None:
    async def play() -> Town:
        town, _ = await crowded_town(entrances, troubles)
        town.clock.advance(timedelta(hours=3))
        assert () == (await town.sweep()).problems
        assert () == (await town.repair()).problems
        return town

    town = asyncio.run(play())
    assert list(town.holes()) == []
    assert town.is_recorded_once()
    assert town.shelf.dues == set()
    assert (WEB_01 in town.shelf.policies) is not town.passes(22, STRANGER)
    assert not town.passes(22, STRANGER, "10.0.0.5")


@settings(max_examples=60)
@given(_SOME)
def test_whoever_met_no_hole_outlives_its_grant_even_before_any_sweep(entrances: list[Entrance]) -> None:
    town, _ = asyncio.run(crowded_town(entrances, []))
    ids = {hole.name.removeprefix("postern-open-")[:24] for hole in town.holes()}
    assert [id_ for id_ in ids if not town.grant(id_).unfinished] == []
