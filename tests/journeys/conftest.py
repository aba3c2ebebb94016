"""A fresh demo world for each journey, and its two sides: the app over HTTP, and Azure as it really stands."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.box import PATIENCE, Box, Site
from emulator.ports import Ports
from tests.journeys.azure import Azure
from tests.journeys.client import Postern
from tests.journeys.defender import Scripts
from tests.journeys.past import Past
from tests.journeys.tenant import ALL, Tenant


@pytest.fixture
async def azure(box: Box) -> Azure:
    """A fresh demo world whose operations end at once."""
    await box.reset()
    found = Azure(box)
    await found.quick()
    return found


@pytest.fixture(scope="session")
def accounts(box: Box) -> Postern:
    """The app with the tokens that were fetched so far; a reset leaves them valid."""
    return Postern(box)


@pytest.fixture
def postern(accounts: Postern, azure: Azure) -> Postern:
    """The app in a fresh world."""
    assert accounts.box is azure.box
    return accounts


@pytest.fixture
async def killed_box(box: Box) -> AsyncIterator[Box]:
    """The box for a test that kills its Functions host, which runs again afterwards."""
    yield box
    if box.host.pid is None:
        await box.host.start(PATIENCE)


@pytest.fixture
async def own_box(tmp_path: Path, site: Site) -> AsyncIterator[Box]:
    """A whole box of the test's own, to take apart."""
    ports = Ports.find(start=site.ports.azurite + 7)
    async with Box(Site(ports, tmp_path, machine=site.machine)) as box:
        yield box


@pytest.fixture
def scripts(postern: Postern) -> Scripts:
    """Scripts that now call Postern."""
    return Scripts(postern)


@pytest.fixture
def past(postern: Postern, azure: Azure) -> Past:
    """Who was at work, and the app's activity."""
    return Past(postern, azure)


@pytest.fixture
async def tenant(emulator: Box) -> Tenant:
    """A tenant without applications."""
    await emulator.reset("empty", storage=False)
    return Tenant(emulator)


@pytest.fixture
async def registered(tenant: Tenant) -> Tenant:
    """A tenant in which the script has run with all that it can be asked for."""
    assert 0 == await tenant.register(*ALL)
    return tenant
