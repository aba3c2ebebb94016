"""The day on which the app is away, for servers outside Azure."""

import asyncio
import sys
from pathlib import Path

import pytest

from emulator.box import Box
from emulator.environment import SUBSCRIPTION, describe_identity, describe_trust
from tests.journeys.client import STRANGER, USER, Postern, wish
from tests.journeys.test_hosts import FILES, connect, enable, reaches, street

__all__ = ["street"]  # A fixture.
ROOT = Path(__file__).parents[2]


async def close_hosts(box: Box, *options: str) -> tuple[int, str]:
    """Run the script as an operator does; its exit status and what it said."""
    ports, folder = box.site.ports, Path(box.site.directory)
    environ = {**box.site.machine, **describe_identity(ports), **describe_trust(folder)}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.close_hosts", "--subscription", SUBSCRIPTION),
        *("--endpoint", box.site.emulator, *options),
        cwd=ROOT, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await running.communicate()
    return int(running.returncode or 0), said.decode()


@pytest.fixture
async def opened(street: Postern) -> Postern:
    """A server that is locked, and an access to it that is open."""
    await enable(street)
    await street.ask(wish("files-01") | {"machine": FILES})
    return street


async def test_the_list_names_the_rules_and_changes_nothing(opened: Postern) -> None:
    status, said = await close_hosts(opened.box)
    assert (0, True, True) == (status, "postern-open-" in said, "postern-lock-all" in said)
    assert await reaches(opened, USER)


async def test_closing_ends_the_access_and_leaves_the_lock(opened: Postern) -> None:
    status, said = await close_hosts(opened.box, "--close")
    assert (0, "9 servers, 1 rules were to go, 0 are left.") == (status, said.splitlines()[-1])
    assert [False, False] == [await reaches(opened, USER), await reaches(opened, STRANGER)]


async def test_removing_leaves_nothing(opened: Postern) -> None:
    assert 0 == (await close_hosts(opened.box, "--remove"))[0]
    assert await reaches(opened, STRANGER)
    assert "0 rules were to go" in (await close_hosts(opened.box))[1]


async def test_a_server_of_which_nothing_is_known_is_emptied_by_its_name(opened: Postern) -> None:
    token = (await opened.box.post(f"{opened.box.site.emulator}/_box/token", {})).json()["access_token"]
    gate = f"{opened.box.site.emulator}{FILES}/runCommands/postern-gate?api-version=2026-07-15"
    (await opened.box.client.delete(gate, headers={"Authorization": f"Bearer {token}"})).raise_for_status()
    assert not await reaches(opened, STRANGER)
    assert 0 == (await close_hosts(opened.box, "--remove", "--server", "files-01"))[0]
    assert await reaches(opened, STRANGER)


async def test_a_server_that_cannot_be_reached_is_told_and_is_no_success(opened: Postern) -> None:
    await connect(opened, connected=False)
    status, said = await close_hosts(opened.box, "--close")
    assert (1, True) == (status, "NOT known: files-01: files-01 is disconnected" in said)
