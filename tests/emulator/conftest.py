"""What the emulator's tests share: an Azure in this process with a clock to turn, and one behind a real socket."""

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from emulator import certificate, world
from emulator.arm.cloud import Cloud
from emulator.hybrid.namespaces import Namespaces
from emulator.server import Settings, build_app
from emulator.tokens import Signer, make_key

SUBSCRIPTION = f"/subscriptions/{world.SUBSCRIPTION}"
NETWORK = f"{SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Network"
COMPUTE = f"{SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Compute"
GROUPS = f"{NETWORK}/networkSecurityGroups"
WEB = f"{GROUPS}/web-01-nsg"
RULE = f"{WEB}/securityRules/mine"
START = 1_800_000_000.0


@dataclass(slots=True)
class Clock:
    """Time that moves when told."""

    now: float = START

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass(slots=True)
class Box:
    """The emulator in this process: its cloud, its clock, and a client with a good token."""

    cloud: Cloud
    clock: Clock
    client: httpx.AsyncClient
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One ARM call with token and api-version; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": f"Bearer {self.token}", **named}
        url = path if "api-version=" in path else f"{path}{'&' if '?' in path else '?'}api-version=2025-05-01"
        return await self.client.request(method, url, json=body, headers=given)

    async def control(self, path: str, body: object = None, method: str = "POST") -> Any:  # noqa: ANN401  # JSON.
        """One control call that must succeed."""
        answer = await self.client.request(method, f"/_box/{path}", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()

    async def passes(self, source: str, machine: str, port: int, protocol: str = "Tcp") -> bool:
        """Whether a packet reaches a machine now."""
        body = {"source": source, "machine": machine, "port": port, "protocol": protocol}
        verdict = await self.control("packets", body)
        return bool(verdict["passes"])

    async def fault(self, kind: str, path: str = "", **more: object) -> None:
        """Arm one fault."""
        await self.control("faults", {"match": {"path": path}, "kind": kind, **more})

    def finish(self) -> None:
        """Let running operations end."""
        self.clock.advance(1)


def rule(**changes: object) -> dict[str, Any]:
    """A PUT body of a rule that is right, with changes; None takes a property away."""
    properties = {
        "protocol": "Tcp",
        "access": "Deny",
        "direction": "Inbound",
        "priority": 200,
        "sourcePortRange": "*",
        "destinationPortRange": "22",
        "sourceAddressPrefix": "*",
        "destinationAddressPrefix": "10.0.0.4",
        **changes,
    }
    return {"properties": {name: value for name, value in properties.items() if value is not None}}


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    """One signing key for all tests, since making one takes a while."""
    return make_key()


@pytest.fixture
async def box(key: RSAPrivateKey, tmp_path: Path) -> AsyncIterator[Box]:
    """The demo world, in this process, with a clock to turn."""
    clock, numbers = Clock(), count(1)
    cloud = Cloud(clock=clock, new_id=lambda: f"00000000-0000-0000-0001-{next(numbers):012d}")
    world.build(cloud, "demo")
    # Nobody listens on ports 2 and 3, so that a reset in a test can never empty a box that happens to run.
    settings = Settings(azurite_port=1, directory=tmp_path)
    hosts = Namespaces(f"test{os.getpid()}", settings.directory)
    transport = httpx.ASGITransport(build_app(settings, cloud, Signer(key, clock), hosts))
    async with httpx.AsyncClient(transport=transport, base_url="https://box.example") as client:
        box = Box(cloud, clock, client)
        box.token = (await box.control("token", {}))["access_token"]
        yield box
    await hosts.close()


@dataclass(frozen=True, slots=True)
class Served:
    """The emulator as a process: its address, its certificate and a client that trusts it."""

    base: str
    cert: Path
    client: httpx.AsyncClient
    process: asyncio.subprocess.Process


@pytest.fixture(scope="session")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """`python -m emulator.server` on a free port, shared by the tests that leave it as they found it."""
    async with serving(tmp_path_factory.mktemp("box")) as found:
        yield found


@pytest.fixture
async def free_server(tmp_path: Path) -> AsyncIterator[Served]:
    """A process of one test's own, which the test may stop."""
    async with serving(tmp_path) as found:
        yield found


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[Served]:
    """The emulator as a process, stopped by SIGTERM afterwards."""
    cert = certificate.ensure(directory).cert
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "EMULATOR_PORT": str(port), "BOX_DIR": str(directory)}
    async with AsyncExitStack() as stack:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "emulator.server", env=environment)
        stack.push_async_callback(process.wait)
        stack.callback(stop, process)
        trust = ssl.create_default_context(cafile=str(cert))
        base = f"https://127.0.0.1:{port}"
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, verify=trust, trust_env=False))
        await wait_until_ready(client)
        yield Served(base, cert, client, process)


def stop(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, if it has not."""
    if process.returncode is None:
        process.terminate()


async def wait_until_ready(client: httpx.AsyncClient) -> None:
    """Ask until somebody answers; pytest's own timeout is the limit."""
    while True:
        try:
            await client.get("/_box/ready")
        except httpx.ConnectError:
            await asyncio.sleep(0.02)
        else:
            return
