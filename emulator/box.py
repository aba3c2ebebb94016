"""The box: Azurite, the ARM emulator and the Functions host, started, watched and stopped together. `make run`.

Knows how each is started and when it is ready. Refuses to know what the app in it does.
"""

import asyncio
import os
import signal
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from emulator import certificate
from emulator.environment import (
    describe_app,
    describe_aws,
    describe_emulator,
    describe_host,
    describe_machine,
    find_directory,
)
from emulator.guide import describe_box
from emulator.install import Place
from emulator.ports import HOST, Ports, PortsError
from emulator.service import Program, Service, ServiceError

ROOT = Path(__file__).parent.parent
PATIENCE = 10.0  # seconds for each program; together they take four
AWS_PORT = 7444


@dataclass(frozen=True, slots=True)
class Site:
    """Where one box lives: its ports, its state, the app it runs, and what the machine's environment gives it."""

    ports: Ports
    directory: Path
    app: Path = ROOT
    machine: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)  # app settings besides the usual ones
    aws: int = 0  # The port of an AWS beside it; 0 for none.

    @property
    def postern(self) -> str:
        """The app's address."""
        return f"http://{HOST}:{self.ports.postern}"

    @property
    def emulator(self) -> str:
        """ARM's address, and the control API's."""
        return f"https://{HOST}:{self.ports.emulator}"


class Box:
    """An Azure for one laptop. As a context manager it runs all three programs; the parts can also be started alone."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._client: httpx.AsyncClient | None = None
        place = Place(ROOT)
        self.azurite = Service(
            self._plan("azurite", (str(place.node), str(place.azurite), *_azurite_options(site)), {}, self._listens)
        )
        self.emulator = Service(
            self._plan(
                "emulator",
                (sys.executable, "-m", "emulator.server"),
                describe_emulator(site.ports, site.directory),
                lambda: self._answers(f"{site.emulator}/_box/ready"),
            )
        )
        self.host = Service(
            self._plan(
                "functions",
                (sys.executable, "-m", "emulator.functions", "--app", str(site.app)),
                {
                    **describe_app(site.ports, site.directory),
                    **describe_host(site.ports, site.directory),
                    **(describe_aws(site.aws) if site.aws else {}),
                    **site.settings,
                },
                lambda: self._answers(f"{site.postern}/admin/host/status"),
            )
        )
        aws = (sys.executable, "-m", "emulator.aws", str(site.aws))
        self.aws = Service(self._plan("aws", aws, {}, lambda: self._answers(f"http://{HOST}:{site.aws}/moto-api/")))

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Everything, in the demo world. `PortsError` or `ServiceError` names what is in the way."""
        self.site.ports.check()
        self.prepare()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.azurite.start(PATIENCE))
            group.create_task(self.emulator.start(PATIENCE))
            if self.site.aws:
                group.create_task(self.aws.start(PATIENCE))
        await self.reset()
        await self.host.start(PATIENCE)

    def prepare(self) -> None:
        """Make the certificate and forget the logs and timers of an earlier run."""
        directory = self.site.directory
        certificate.ensure(directory)
        for old in (*directory.glob("logs/*.log"), directory / "timers.json"):
            old.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Everything, the last started first. Nothing is left running."""
        if self._client:
            # Servers wait a while for connections that are still open.
            await self._client.aclose()
            self._client = None
        for service in (self.host, self.aws, self.emulator, self.azurite):
            await service.stop()

    async def restart_host(self) -> None:
        """The Functions host alone, after `host.kill()` or `host.stop()`, or to let it read its settings again."""
        await self.host.stop()
        await self.host.start(PATIENCE)

    async def watch(self) -> None:
        """Never returns; raises `ServiceError` when a program ends by itself."""
        while True:
            for service in (self.azurite, self.emulator, self.aws, self.host):
                service.check()
            await asyncio.sleep(0.2)

    async def reset(self, seed: str = "demo", **body: object) -> None:
        """A known world ("demo", "empty" or "large" with `machines`), and empty Tables and queues."""
        await self.post(f"{self.site.emulator}/_box/reset", {"seed": seed, **body})

    async def sign_in(self, user: str) -> str:
        """A bearer token of a demo user, for calls to the app."""
        answer = await self.post(f"{self.site.postern}/.auth/local/token", {"user": user})
        return str(answer.json()["access_token"])

    async def post(self, url: str, body: object) -> httpx.Response:
        """A call to the box itself, which must succeed."""
        return (await self.client.post(url, json=body)).raise_for_status()

    @property
    def client(self) -> httpx.AsyncClient:
        """Trusts the box's certificate. The machine's proxies are left out: everything is on this machine."""
        if self._client is None:
            trust = ssl.create_default_context(cafile=certificate.ensure(self.site.directory).cert)
            self._client = httpx.AsyncClient(verify=trust, trust_env=False, timeout=30)
        return self._client

    def _plan(
        self,
        name: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        is_ready: Callable[[], Awaitable[bool]],
    ) -> Program:
        log = self.site.directory / "logs" / f"{name}.log"
        return Program(name, command, {**self.site.machine, **environment}, ROOT, log, is_ready)

    async def _answers(self, url: str) -> bool:
        try:
            return (await self.client.get(url)).is_success
        except httpx.TransportError:
            return False

    async def _listens(self) -> bool:
        for offset in range(3):
            _, writer = await asyncio.open_connection(HOST, self.site.ports.azurite + offset)
            writer.close()
            await writer.wait_closed()
        return True


def _azurite_options(site: Site) -> tuple[str, ...]:
    """Over https with tokens, so that the app signs in as it does on Azure."""
    services = [("blob", 0), ("queue", 1), ("table", 2)]
    listening = [
        word
        for name, offset in services
        for word in (f"--{name}Host", HOST, f"--{name}Port", str(site.ports.azurite + offset))
    ]
    directory = site.directory
    tls = ("--oauth", "basic", "--cert", str(directory / "cert.pem"), "--key", str(directory / "key.pem"))
    quiet = ("--silent", "--disableTelemetry", "--skipApiVersionCheck")
    return (*listening, *tls, *quiet, "--location", str(directory / "azurite"))


async def keep(box: Box, act: Callable[[], Awaitable[int]]) -> int:
    """Run the box while `act` goes on; its exit status. Ends early, with 0, at Ctrl-C or SIGTERM.

    `ServiceError` and `PortsError` say what did not start or did not last.
    """
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    async def start_and_act() -> int:
        await box.start()
        return await act()

    async def stop_early() -> int:
        await stopped.wait()
        return 0

    async def watch() -> int:
        await box.watch()
        return 1

    tasks = [asyncio.create_task(work()) for work in (start_and_act, stop_early, watch)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # Whatever failed explains more than what merely ended with it.
        return max((task.result() for task in done), default=0)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await box.stop()


def find_site(environ: Mapping[str, str], aws: int = 0) -> Site:
    """The box that this environment describes; `PortsError` when it makes no sense."""
    ports = Ports.read(environ)
    return Site(ports, find_directory(environ, ports, ROOT), machine=describe_machine(environ), aws=aws)


async def serve(environ: Mapping[str, str], write: Callable[[str], object], aws: int = 0) -> int:
    """Start the box, say where everything is, and serve until told to stop; the exit status."""
    begun = time.monotonic()
    box = Box(find_site(environ, aws))

    async def go_on() -> int:
        write(f"The box is up after {time.monotonic() - begun:.1f} s.\n\n{describe_box(box.site)}\n")
        await asyncio.Event().wait()
        return 0

    write("Starting Azurite, the ARM emulator and the Functions host ...\n")
    try:
        return await keep(box, go_on)
    finally:
        write("\nThe box is down.\n")


def run(serving: Coroutine[object, None, int]) -> int:
    """An exit status, with failures of the box told on stderr."""
    try:
        return asyncio.run(serving)
    except* (ServiceError, PortsError) as failures:
        for failure in failures.exceptions:
            sys.stderr.write(f"{failure}\n")
    return 1


def say(text: str) -> None:
    """To the terminal, at once even when it is piped on."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(run(serve(os.environ, say, AWS_PORT if "--aws" in sys.argv[1:] else 0)))
