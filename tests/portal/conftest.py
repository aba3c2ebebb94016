"""A fresh demo world for each test, and people who look at the portal, each in a window of his or her own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from emulator.box import Box
from tests.journeys.azure import Azure
from tests.journeys.client import Postern
from tests.journeys.past import Past
from tests.portal.browser import NONE, OPTIONS, find_chromium
from tests.portal.people import People

PATIENCE = 20_000  # milliseconds


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium; where there is none the tests are skipped, and say what to do."""
    async with async_playwright() as playwright:
        program = find_chromium(Path(playwright.chromium.executable_path))
        if program is None:
            pytest.skip(NONE)
        expect.set_options(timeout=PATIENCE)
        browser = await playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def accounts(browser: Browser, box: Box) -> Postern:
    """The app with the tokens that were fetched so far; a reset leaves them valid."""
    assert browser.is_connected()
    return Postern(box)


@pytest.fixture
async def azure(accounts: Postern) -> Azure:
    """A fresh demo world whose operations end at once."""
    await accounts.box.reset()
    found = Azure(accounts.box)
    await found.quick()
    return found


@pytest.fixture
def postern(accounts: Postern, azure: Azure) -> Postern:
    """The app in a fresh world, to arrange by calls what a test is not about."""
    assert accounts.box is azure.box
    return accounts


@pytest.fixture
def past(postern: Postern, azure: Azure) -> Past:
    """Who was at work."""
    return Past(postern, azure)


@pytest.fixture
async def people(browser: Browser, azure: Azure) -> AsyncIterator[People]:
    """People in a fresh world. What their browsers complained of, and the test did not expect, fails it at the end."""
    found = People(browser, azure.box.site.postern)
    yield found
    assert [] == await found.leave()
