"""What every test may ask for: the real Azurite, the ARM emulator, or the whole box, each started when first asked for.

All three fixtures give the same `Box`; a fixture's name says which of its programs run. The world is whatever the test
before left: a test that cares begins with `await box.reset()`.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count

import pytest
from aiohttp import connector

from emulator import certificate
from emulator.box import PATIENCE, Box, Site
from emulator.environment import describe_identity, describe_machine, describe_trust
from emulator.ports import Ports

BLOCKS = 16  # more than one run asks for


@pytest.fixture(scope="session")
def find_ports() -> Callable[[], Ports]:
    """Free ports, others at each call. Runs that go on at the same time look in different places."""
    starts = count(os.getpid() * BLOCKS)
    return lambda: Ports.find(next(starts))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, find_ports: Callable[[], Ports]) -> Iterator[Site]:
    """A place for this run's box alone. From here on clients in the tests trust it, and sign in as the app does."""
    directory = tmp_path_factory.mktemp("box")
    ports = find_ports()
    certificate.ensure(directory)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**describe_trust(directory), **describe_identity(ports)}.items():
            patch.setenv(name, value)
        # Whom to trust, aiohttp decides when it is imported, which may have been before the box was there.
        connector._SSL_CONTEXT_VERIFIED.load_verify_locations(directory / "cert.pem")  # noqa: SLF001 - no public way.
        yield Site(ports, directory, machine=describe_machine(os.environ))


@pytest.fixture(scope="session")
async def stopped_box(site: Site) -> AsyncIterator[Box]:
    """The box before anything is started. Whatever tests start is stopped at the end."""
    box = Box(site)
    box.prepare()
    yield box
    await box.stop()


@pytest.fixture(scope="session")
async def azurite(stopped_box: Box) -> Box:
    """Tables and queues."""
    await stopped_box.azurite.start(PATIENCE)
    return stopped_box


@pytest.fixture(scope="session")
async def emulator(stopped_box: Box) -> Box:
    """ARM, identity and the control API."""
    await stopped_box.emulator.start(PATIENCE)
    return stopped_box


@pytest.fixture(scope="session")
async def box(azurite: Box, emulator: Box) -> Box:
    """Everything, with the app of this repository. A test may kill the Functions host if it restarts it."""
    assert azurite is emulator
    await emulator.reset()
    await emulator.host.start(PATIENCE)
    return emulator
