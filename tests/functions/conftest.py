"""What the host's tests share: a queue account of the real Azurite, and the sample app served by a host of its own."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from emulator.box import PATIENCE, ROOT, Box
from emulator.environment import ACCOUNT, describe_machine
from emulator.service import Program, Service

SAMPLE = Path(__file__).parent / "sample"
# Azurite's published key, the same for everyone ("Use the Azurite emulator", well-known storage account and key).
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@pytest.fixture(scope="session")
def account(azurite: Box) -> str:
    """A connection string for Azurite's queues."""
    address = f"https://127.0.0.1:{azurite.site.ports.queues}/{ACCOUNT}"
    return f"AccountName={ACCOUNT};AccountKey={KEY};QueueEndpoint={address}"


@dataclass
class Served:
    """A host that serves the sample app, in a process of its own, and a client for it."""

    service: Service
    client: httpx.AsyncClient
    log: Path

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def plan(port: int, folder: Path, settings: Mapping[str, str], app: Path = SAMPLE) -> Service:
    """A host on a port that writes its log into a folder. It is ready when it answers."""

    async def is_ready() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{port}/admin/host/status")).is_success
            except httpx.TransportError:
                return False

    command = (sys.executable, "-W", "error", "-m", "emulator.functions", "--app", str(app))
    environment = {**describe_machine(os.environ), "POSTERN_PORT": str(port), **settings}
    return Service(Program("sample", command, environment, ROOT, folder / "sample.log", is_ready))


@pytest.fixture(scope="session")
async def served(account: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The sample app without Easy Auth."""
    settings = {
        "SampleStorage": account,
        "SAMPLE_QUEUE": "sample",
        "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
        "AzureWebJobsDisableHomepage": "true",
        "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"],
    }
    port, folder = find_port(), tmp_path_factory.mktemp("sample")
    service = plan(port, folder, settings)
    await service.start(PATIENCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield Served(service, client, folder / "sample.log")
    await service.stop()
