"""What looking back cannot tell: flows that are late, machines without agents, and networks that nobody logs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.evidence import Evidence, Gap, Lack, Part
from shared.domain.flow_logs import FlowLog
from shared.ports import Unavailable
from shared.services.activity import Asked, timeline
from shared.services.grants import revoke
from tests.domain.past import heard
from tests.domain.values import NOW
from tests.services.process import Process
from tests.services.test_activity import ALL, DAY, EVIDENCE, a_day_in_town, lacks, page
from tests.services.town import ANN, HOUR, WEB_01

STALE = [(119, []), (120, []), (121, [("stale", "flows")])]


@pytest.mark.parametrize(("minutes", "expected"), STALE)
async def test_flows_that_are_more_than_two_hours_behind_are_told_to_be(
    minutes: int, expected: list[tuple[str, str]]
) -> None:
    town = await a_day_in_town()
    behind = town.clock.now() - timedelta(minutes=minutes)
    town.logs.evidence = replace(EVIDENCE, newest={"NTANetAnalytics": behind, "Syslog": NOW - DAY})
    assert expected == lacks(await page(town))


async def test_flows_that_reach_to_the_end_of_an_earlier_time_are_not_behind() -> None:
    town = await a_day_in_town()
    town.logs.evidence = replace(EVIDENCE, newest={"NTANetAnalytics": NOW - HOUR})
    assert [] == lacks(await page(town, Asked(NOW - DAY, NOW)))


async def test_how_far_behind_flows_are_is_told_in_hours() -> None:
    town = await a_day_in_town()
    town.logs.evidence = replace(EVIDENCE, newest={"NTANetAnalytics": NOW - timedelta(minutes=90)})
    [gap] = (await page(town)).seen.gaps
    assert "The newest flow that the logs tell of is 3 hours older: what came since is not shown yet." == gap.text


async def test_machines_whose_agents_are_silent_are_told() -> None:
    town = await a_day_in_town()
    town.logs.evidence = replace(EVIDENCE, beats=(heard("web-02"),))
    [gap] = (await page(town)).seen.gaps
    text = "Who signed in to web-01 is not known: no Azure Monitor agent on it has reported."
    assert Gap(Lack.NO_AGENT, "agents", text) == gap


async def test_where_heartbeats_cannot_be_read_nothing_is_said_of_agents() -> None:
    town = await a_day_in_town()
    town.logs.evidence = replace(EVIDENCE, beats=(), lacking=frozenset({Part.BEATS}))
    assert [] == lacks(await page(town))


async def test_networks_whose_flows_nobody_logs_are_told_and_nothing_is_said_of_use_there() -> None:
    town = await a_day_in_town()
    [grant] = town.shelf.grants
    await town.live(lambda world: revoke(world, grant, ANN))
    town.logs.evidence = Evidence(newest={"NTANetAnalytics": NOW + 10 * HOUR}, beats=(heard(),))
    lit = await page(town)
    assert (False, []) == (lit.usage[grant].used, lacks(lit))
    town.flow_logs.logs = []
    dark = await page(town)
    assert (None, ["noFlowLog"]) == (dark.usage[grant].used, [lack for lack, _ in lacks(dark)])
    [gap] = dark.seen.gaps
    assert gap.text.startswith("Who tried to reach web-01 is not known: the network ")


async def test_of_networks_of_other_machines_nothing_is_said() -> None:
    town = await a_day_in_town()
    nic = town.cloud.machines[WEB_01].endpoints[0].nic
    town.flow_logs.logs = [FlowLog(nic.lower(), enabled=True, workspace=town.logs.workspace)]
    assert [] == lacks(await page(town))


async def test_where_the_networks_cannot_be_looked_at_the_rest_is_told() -> None:
    town = await a_day_in_town()
    away = Process(away={"inventory.machines": Unavailable("the index cannot be reached")})
    found = await town.live(lambda world: timeline(world, ALL, 100), away)
    assert ([("flowLogUnknown", "flow logs")], 8) == (lacks(found), len(found.entries))
