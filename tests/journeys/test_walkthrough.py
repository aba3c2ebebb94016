"""The lines of docs/walkthrough.md, pasted into bash as a newcomer would, and what the network then lets through."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from emulator.box import Box
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Postern, seconds_past

PAGE: Final = (Path(__file__).parents[2] / "docs/walkthrough.md").read_text("utf-8")
BLOCKS: Final = dict(re.findall(r"^## ([^\n]+)\n(?:(?!\n## ).)*?\n```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
DONE: Final = "this block is done:"
OPEN: Final = '"passes":true'


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell into which blocks are pasted."""

    process: Process

    async def paste(self, heading: str) -> str:
        """What the shell prints in the course of a block, which must end well."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f'{BLOCKS[heading]}\necho "{DONE} $?"\n'.encode())
        told = await self.process.stdout.readuntil(f"{DONE} ".encode())
        assert b"0\n" == await self.process.stdout.readline(), told.decode()
        return told.decode().removesuffix(f"{DONE} ")


@pytest.fixture
async def shell(box: Box) -> AsyncIterator[Shell]:
    """A shell that is told where the box of this test run is."""
    site = box.site
    told = {"POSTERN": site.postern, "BOX": site.emulator, "CERTIFICATE": str(site.directory / "cert.pem")}
    process = await asyncio.create_subprocess_exec(
        "bash", "-o", "pipefail", env={**os.environ, **told}, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    yield Shell(process)
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_the_walk_leads_where_the_page_says(postern: Postern, azure: Azure, shell: Shell) -> None:
    assert "" == await shell.paste("Three words for the shell")
    assert '"holds"' in await shell.paste("Lock the machine")
    asked = await shell.paste("Ask")
    assert (True, False) == (asked.startswith("pending\n"), OPEN in asked)
    assert set() == await azure.passing("web-01", USER, (22,))
    assert "Go ahead" in await shell.paste("Approve")
    assert {22} == await azure.passing("web-01", USER, (22,))
    connected = await shell.paste("Wait, and connect")
    assert (True, True) == (connected.startswith("ssh "), OPEN in connected)
    [grant] = await postern.grants()
    assert "active" == grant["state"]


async def test_the_walk_goes_on_to_a_later_end_and_to_a_closed_gate(
    postern: Postern, azure: Azure, shell: Shell
) -> None:
    for heading in list(BLOCKS)[:-1]:
        told = await shell.paste(heading)
    [grant] = await postern.grants()
    assert told.strip().endswith(grant["endTimeUtc"])
    assert 7000 < -seconds_past(grant["endTimeUtc"]) <= 7200
    assert {22} == await azure.passing("web-01", USER, (22,))
    last = await shell.paste("Give it up")
    assert (True, False) == ("}revoked\n" in last, OPEN in last)
    assert set() == await azure.passing("web-01", USER, (22,))


def test_every_block_of_the_page_is_run() -> None:
    assert PAGE.count("```sh\n") == len(BLOCKS)
