"""What other views want of the logs, and never wait for long."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from shared.domain.evidence import Counts, Evidence, Gap, Lack, LetIn, Part, Passed, Scope, Target
from shared.domain.flow_logs import FlowLog
from shared.services.glancing import attempts_of_the_day, recently_let_in
from shared.services.world import World
from tests.domain.values import NOW, STRANGER, SUBSCRIPTION
from tests.services.town import WEB_01, WEB_02, Town

LOGGED = {"NTANetAnalytics": NOW}
WEB_01_KEY, WEB_02_KEY = f"{SUBSCRIPTION}/demo/web-01", f"{SUBSCRIPTION}/demo/web-02"


def target(key: str, denied: int) -> Target:
    return Target(key, Counts(denied), 1, NOW)


async def attempts(town: Town) -> dict[str, int]:
    async def ask(world: World) -> dict[str, int]:
        seen = (await world.inventory.machines(world.subscriptions)).machines
        wanted = [one for one in seen if one.machine_id in {WEB_01, WEB_02}]
        return dict(await attempts_of_the_day(world, wanted))

    return await town.live(ask)


async def log_flows(town: Town) -> None:
    """Have all subnets of the town log their flows."""
    snapshot = await town.live(lambda world: world.inventory.machines(world.subscriptions))
    places = [place for one in snapshot.machines for place in one.places]
    town.flow_logs.logs = [FlowLog(place.nic.lower(), True, town.logs.workspace) for place in places]  # noqa: FBT003


async def test_attempts_are_those_of_the_last_day_and_none_where_nobody_tried() -> None:
    town = Town()
    await log_flows(town)
    town.logs.evidence = Evidence(targets=(target(WEB_01_KEY, 7),), newest=LOGGED)
    assert {WEB_01_KEY: 7, WEB_02_KEY: 0} == await attempts(town)
    [(scope, _)] = town.logs.asked
    assert timedelta(days=1) == scope.until - scope.since


async def test_nothing_is_said_of_machines_whose_flows_nobody_logs() -> None:
    town = Town()
    town.logs.evidence = Evidence(targets=(target(WEB_01_KEY, 7),), newest=LOGGED)
    assert {WEB_01_KEY: 7} == await attempts(town)


async def test_without_logs_no_number_is_told() -> None:
    town = Town()
    await log_flows(town)
    for evidence in (Evidence(), Evidence(newest=LOGGED, lacking=frozenset({Part.TARGETS}))):
        town.logs.evidence = evidence
        assert {} == await attempts(town)


async def test_a_preview_gets_what_was_let_in_in_the_last_week_by_machine() -> None:
    town = Town()
    await log_flows(town)
    one = LetIn(Passed(WEB_01_KEY, "allow-ssh", STRANGER, 3, NOW, NOW), 22, "TCP")
    town.logs.evidence = Evidence(let_in=(one,), newest=LOGGED)
    recent = await town.live(lambda world: recently_let_in(world, (WEB_01, WEB_02)))
    assert ((one,), ()) == (recent.of(WEB_01), recent.of(WEB_02))
    [(scope, _)] = town.logs.asked
    assert timedelta(days=7) == scope.until - scope.since


async def test_that_nobody_logs_flows_is_not_that_none_came() -> None:
    town = Town()
    town.logs.evidence = Evidence(newest=LOGGED)
    recent = await town.live(lambda world: recently_let_in(world, (WEB_01,)))
    assert (None, [Lack.NO_FLOW_LOG]) == (recent.of(WEB_01), [gap.lack for gap in recent.gaps])


async def test_a_query_that_failed_tells_nothing_of_what_would_be_cut() -> None:
    town = Town()
    await log_flows(town)
    failed = Gap(Lack.FAILED, Part.LET_IN, "It failed.")
    town.logs.evidence = Evidence(newest=LOGGED, lacking=frozenset({Part.LET_IN}), gaps=(failed,))
    assert None is (await town.live(lambda world: recently_let_in(world, (WEB_01,)))).of(WEB_01)


class SilentLogs:
    """Logs that never answer."""

    workspace = "33333333-3333-3333-3333-333333333333"

    async def tell(self, scope: Scope, about: Collection[Part], patience: timedelta | None = None) -> Evidence:  # noqa: ARG002 - the port's form.
        """Nothing, ever."""
        await asyncio.Event().wait()
        return Evidence()


async def test_logs_that_do_not_answer_keep_no_preview_waiting() -> None:
    town = Town()
    await log_flows(town)
    world = replace(town.world(), logs=SilentLogs())
    recent = await recently_let_in(world, (WEB_01,))
    assert (None, [Lack.TIMED_OUT]) == (recent.of(WEB_01), [gap.lack for gap in recent.gaps])
    assert timedelta(seconds=2) == town.clock.now() - NOW
    await abandon(world)


async def abandon(world: World) -> None:
    """End what goes on in the background."""
    for task in world.background:
        task.cancel()
    await asyncio.gather(*world.background, return_exceptions=True)
