"""One program: started, awaited, stopped, killed, and never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from emulator.service import Program, Service, ServiceError

FOREVER = "import signal, time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
ROOT = Path(__file__).parents[2]
# A box that is killed hard, in the role of the one that starts a program.
PARENT = """
import asyncio, sys
from pathlib import Path
from tests.box.test_service import FOREVER, plan
from emulator.service import Service
async def main():
    service = Service(plan(Path(sys.argv[1]), FOREVER))
    await service.start(10)
    print(service.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def plan(folder: Path, code: str, is_ready: Callable[[], Awaitable[bool]] | None = None) -> Program:
    log = folder / "logs" / "trial.log"

    async def said_up() -> bool:
        return log.read_bytes().endswith(b"up\n")

    return Program("trial", (sys.executable, "-c", code), {}, folder, log, is_ready or said_up)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_program_that_ends_at_once_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    service = Service(plan(tmp_path, "import sys; sys.exit('the disk is full')"))
    with pytest.raises(ServiceError, match=r"(?s)trial ended with status 1.*the disk is full"):
        await service.start(10)


async def test_a_program_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    async def never() -> bool:
        raise ConnectionRefusedError

    service = Service(plan(tmp_path, FOREVER, never))
    with pytest.raises(ServiceError, match="trial did not answer within"):
        await service.start(0.3)
    await service.stop()


async def test_a_stopped_program_is_gone(tmp_path: Path) -> None:
    service = Service(plan(tmp_path, FOREVER))
    await service.start(10)
    pid = service.pid
    await service.stop()
    assert pid
    assert not lives(pid)
    assert service.pid is None


async def test_a_program_that_does_not_listen_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.service.PATIENCE", 0.2)
    service = Service(plan(tmp_path, DEAF))
    await service.start(10)
    pid = service.pid
    await service.stop()
    assert pid
    assert not lives(pid)


async def test_a_killed_program_can_be_started_again(tmp_path: Path) -> None:
    service = Service(plan(tmp_path, FOREVER))
    await service.start(10)
    first = service.pid
    await service.kill()
    await service.start(10)
    assert first != service.pid
    await service.stop()


async def test_a_program_that_ends_later_is_noticed(tmp_path: Path) -> None:
    service = Service(plan(tmp_path, FOREVER))
    await service.start(10)
    assert service.pid
    os.killpg(service.pid, signal.SIGKILL)
    with pytest.raises(ServiceError, match="trial ended with status -9"):
        await wait_for_failure(service)


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells a process that its parent has died.")
async def test_a_program_does_not_outlive_a_box_that_is_killed_hard(tmp_path: Path) -> None:
    words = (sys.executable, "-c", PARENT, str(tmp_path))
    parent = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert parent.stdout
    child = int(await parent.stdout.readline())
    assert lives(child)
    parent.kill()
    await parent.communicate()
    await wait_for_end(child)


async def wait_for_failure(service: Service) -> None:
    async with asyncio.timeout(10):
        while True:
            service.check()
            await asyncio.sleep(0.01)


async def wait_for_end(pid: int) -> None:
    """Whoever adopts it has yet to bury it: a zombie is dead enough."""
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - another process's end sets no event here.
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
