"""The whole box, from the outside: what it says, how it ends, what it leaves behind."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emulator.box import ROOT, Box, Site
from emulator.guide import USERS, describe_box
from emulator.ports import HOST, Ports

type Find = Callable[[], Ports]

WELCOME = "The box is up"


@asynccontextmanager
async def run_box(ports: Ports, directory: Path) -> AsyncIterator[Process]:
    """`make run`'s program; killed at the end if it still runs."""
    moved = {
        "POSTERN_PORT": str(ports.postern),
        "EMULATOR_PORT": str(ports.emulator),
        "AZURITE_PORT": str(ports.azurite),
    }
    environment = {**os.environ, **moved, "BOX_DIR": str(directory)}
    words = (sys.executable, "-m", "emulator.box")
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def await_welcome(process: Process) -> str:
    assert process.stdout
    said = ""
    while WELCOME not in said:
        line = await process.stdout.readline()
        assert line, (await process.communicate())[1].decode()
        said += line.decode()
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_box_that_is_told_to_stop_leaves_nothing_running(
    number: signal.Signals, tmp_path: Path, find_ports: Find
) -> None:
    ports = find_ports()
    async with run_box(ports, tmp_path) as process:
        said = await await_welcome(process)
        process.send_signal(number)
        _, complaints = await process.communicate()
    assert float(re.findall(r"after ([0-9.]+) s", said)[0]) < 10
    assert (process.returncode, complaints) == (0, b"")
    assert list(ports.taken()) == []


async def test_a_box_that_is_killed_hard_leaves_nothing_running(tmp_path: Path, find_ports: Find) -> None:
    ports = find_ports()
    async with run_box(ports, tmp_path) as process:
        await await_welcome(process)
        process.kill()
        await process.communicate()
    async with asyncio.timeout(10):
        while list(ports.taken()):  # noqa: ASYNC110 - other processes' ends set no event here.
            await asyncio.sleep(0.02)


async def test_a_taken_port_is_named_with_its_variable(tmp_path: Path, find_ports: Find) -> None:
    ports = find_ports()
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), HOST, ports.emulator)
    async with server, run_box(ports, tmp_path) as process:
        _, complaints = await process.communicate()
    assert process.returncode == 1
    assert f"Port {ports.emulator} is taken by another program; EMULATOR_PORT" in complaints.decode()


async def test_the_functions_host_comes_back_after_it_was_killed(box: Box) -> None:
    before = box.host.pid
    await box.host.kill()
    await box.restart_host()
    assert before != box.host.pid
    assert await box.sign_in("requestor")


@pytest.mark.parametrize("user", USERS)
async def test_every_account_that_the_guide_names_can_sign_in(box: Box, user: str) -> None:
    assert (await box.sign_in(user)).count(".") == 2


async def test_the_lines_to_try_work_as_they_stand(box: Box) -> None:
    await box.reset()
    lines = describe_box(box.site).split("Try it, in another shell:")[1].rsplit("Ctrl-C", 1)[0]
    script = f"set -e\n{lines}"
    shell = await asyncio.create_subprocess_exec("/bin/sh", "-c", script, stdout=PIPE, stderr=PIPE)
    told, complaints = await shell.communicate()
    assert complaints == b""
    assert '"state":"active"' in told.decode().replace(" ", "")
    assert '{"port":22,"passes":true,' in told.decode().rsplit("results", 1)[1].replace(" ", "")


def test_the_guide_names_this_boxs_own_addresses(tmp_path: Path) -> None:
    told = describe_box(Site(Ports(1, 2, 3), tmp_path))
    assert [name for name in ("127.0.0.1:1", "127.0.0.1:2", str(tmp_path / "logs")) if name not in told] == []
