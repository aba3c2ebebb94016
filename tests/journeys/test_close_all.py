"""The day on which the app is away: everything is closed without it, and nothing else is touched."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from emulator.box import Box
from emulator.environment import SUBSCRIPTION, describe_identity, describe_trust
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Postern, wish

ROOT = Path(__file__).parents[2]
NSG = "web-01-nsg"


async def close_all(box: Box, *options: str) -> tuple[int, str]:
    """Run the script as an operator does; its exit status and what it said."""
    environ: Mapping[str, str] = {
        **box.site.machine,
        **describe_identity(box.site.ports),
        **describe_trust(Path(box.site.directory)),
    }
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "scripts/close_all.py", "--subscription", SUBSCRIPTION),
        *("--endpoint", box.site.emulator, *options),
        cwd=ROOT, env=dict(environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await running.communicate()
    return int(running.returncode or 0), said.decode()


@pytest.fixture
async def opened(postern: Postern, azure: Azure) -> Azure:
    """Two machines that are locked, and an access to each that is open."""
    for name in ("web-01", "app-01"):
        await postern.enable(name)
        await postern.ask(wish(name))
    return azure


async def test_the_list_names_every_rule_of_postern_and_changes_nothing(opened: Azure) -> None:
    before = await opened.rules(NSG)
    status, said = await close_all(opened.box)
    ours = [*await opened.ours(NSG), *await opened.ours("app-nsg")]
    assert (0, []) == (status, [name for name in ours if name not in said])
    assert before == await opened.rules(NSG)


async def test_closing_ends_every_access_and_leaves_locks_and_the_customers_rules(opened: Azure) -> None:
    before = await opened.rules(NSG)
    status, _ = await close_all(opened.box, "--close")
    assert (0, {}, {}) == (status, await opened.open_to("web-01"), await opened.open_to("app-01"))
    assert {name: rule for name, rule in before.items() if "postern-open-" not in name} == await opened.rules(NSG)


async def test_removing_leaves_the_customers_rules_alone(opened: Azure) -> None:
    before = await opened.rules(NSG)
    status, said = await close_all(opened.box, "--remove")
    assert (0, True) == (status, "0 are left" in said)
    assert {name: rule for name, rule in before.items() if not name.startswith("postern-")} == await opened.rules(NSG)


async def test_what_azure_is_too_busy_for_is_tried_again(opened: Azure) -> None:
    await opened.fault("409", "DELETE", "securityRules/postern-open", times=2)
    status, _ = await close_all(opened.box, "--close")
    assert (0, False) == (status, await opened.passes("web-01", USER, 22))


async def test_what_cannot_be_closed_is_named_and_is_no_success(opened: Azure) -> None:
    await opened.fault("403", "DELETE", "web-01-nsg/securityRules/postern-open", times=9)
    status, said = await close_all(opened.box, "--close")
    await opened.disarm()
    assert (1, True, {}) == (status, "NOT deleted: demo/web-01-nsg" in said, await opened.open_to("app-01"))
    assert "STILL there: demo/web-01-nsg" in said


async def test_a_lost_answer_is_no_failure_where_the_rule_is_gone(opened: Azure) -> None:
    await opened.fault("lost-answer", "DELETE", "securityRules/postern-open", times=1)
    status, said = await close_all(opened.box, "--close")
    assert (0, {}, True) == (status, await opened.open_to("web-01"), "0 are left" in said)


async def test_a_subscription_that_cannot_be_read_is_no_empty_one(opened: Azure) -> None:
    await opened.fault("403", "GET", "networkSecurityGroups", times=9)
    status, said = await close_all(opened.box, "--close")
    await opened.disarm()
    assert (2, True) == (status, "cannot be read" in said)
