"""One program of the box: a process of its own, in a process group of its own, with a log and a way to ask if it is up.

Knows how to start, await, stop and kill it. Refuses to know what it does.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

LEASH = Path(__file__).with_name("leash.py")
TAIL = 15  # lines of a log that are shown
PATIENCE = 6.0  # seconds; the Functions host gives running invocations five
PAUSE = 0.04  # seconds between two questions


class ServiceError(Exception):
    """A program of the box failed; the text names it and shows the end of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. `is_ready` asks the running program; it may raise OSError while nobody answers."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    is_ready: Callable[[], Awaitable[bool]]


class Service:
    """A program that can be started again after it was stopped or killed."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The running process, which also names its group; None when there is none."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self, patience: float) -> None:
        """Start it and wait until it is ready; `ServiceError` when it ends or takes longer than `patience` seconds."""
        program = self._program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", str(LEASH), str(os.getpid()), *program.command),
                cwd=program.folder,
                env=program.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C on the terminal is for the box, which then stops its programs in order.
                process_group=0,
            )
        try:
            async with asyncio.timeout(patience):
                await self._await_ready()
        except TimeoutError:
            raise ServiceError(self._explain(f"did not answer within {patience:.0f} s")) from None

    async def stop(self) -> None:
        """Ask it to end, and end it when it does not within `PATIENCE`."""
        if self._process and self.pid:
            self._signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._process.wait()
            except TimeoutError:
                await self.kill()
        self._process = None

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process and self.pid:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        self._process = None

    def check(self) -> None:
        """Raise `ServiceError` when it ended although nobody stopped it."""
        if self._process and self._process.returncode is not None:
            raise ServiceError(self._explain(f"ended with status {self._process.returncode}"))

    async def _await_ready(self) -> None:
        while True:
            self.check()
            try:
                if await self._program.is_ready():
                    return
            except OSError:
                # Nobody listens yet.
                pass
            await asyncio.sleep(PAUSE)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            os.killpg(self.pid, number)

    def _explain(self, what: str) -> str:
        log = self._program.log
        lines = log.read_text("utf-8", "replace").splitlines()[-TAIL:] or ["(its log is empty)"]
        return "\n".join([f"{self._program.name} {what}. The end of {log}:", *(f"  {line}" for line in lines)])
