"""What the page fetches, and when."""

import re
from pathlib import Path
from typing import Final

from playwright.async_api import expect

from tests.portal.people import People

FOLDER: Final = Path(__file__).parents[2] / "shared" / "portal"
FIRST_VIEW: Final = 150_000  # bytes, compressed
_SIZES: Final = "performance.getEntriesByType('resource').map((one) => [one.name.split('/').pop(), one.transferSize])"


def test_the_page_asks_for_all_modules_at_once() -> None:
    named = re.findall(r'(?:modulepreload" href|module" src)="/portal/([^"]+)"', (FOLDER / "index.html").read_text())
    modules = {one.relative_to(FOLDER).as_posix() for one in FOLDER.rglob("*.js")}
    assert modules - {"vendor/uplot.js"} == set(named)


async def test_the_first_view_is_small_and_the_chart_comes_when_it_is_looked_at(people: People) -> None:
    ada = await people.enter("administrator", "recommended")
    await ada.sees("bare-01")
    first = dict(await ada.page.evaluate(_SIZES))
    assert FIRST_VIEW > sum(first.values()) > 0
    assert "uplot.js" not in first
    await ada.click("Activity", "link")
    await ada.page.locator("canvas").wait_for()
    assert "uplot.js" in dict(await ada.page.evaluate(_SIZES))


async def test_each_view_has_a_title_of_its_own(people: People) -> None:
    ada = await people.enter("administrator")
    for view in ("Recommended", "Non-Azure computers", "Requests", "Activity"):
        await ada.click(view, "link")
        await expect(ada.page).to_have_title(f"{view} \u2013 Postern")
