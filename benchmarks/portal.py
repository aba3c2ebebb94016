"""How smooth the portal stays with many machines: `make bench-portal`.

In a box of its own, in a real Chromium: the tab of machines that nothing guards is opened, page after page is asked for
until all machines are shown, and the list is scrolled from end to end and back. Measured are how long after the API's
answer the first rows stand, and the longest time between two frames while scrolling, with one page and with all.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, async_playwright

from emulator.box import Box, Site
from emulator.environment import describe_machine
from emulator.ports import Ports

_PAGE: Final = 200  # machines, as the portal asks for them
_PATIENCE: Final = 120_000  # milliseconds
# Without a sandbox, since build machines run as root; the pages are our own.
_OPTIONS: Final = ("--no-sandbox", "--disable-dev-shm-usage")
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_SCROLL: Final = """async (steps) => {
  const times = [];
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const end = document.documentElement.scrollHeight - innerHeight;
  let before = await frame();
  for (let step = 1; step <= 2 * steps; step += 1) {
    scrollTo(0, end * (step <= steps ? step : 2 * steps - step) / steps);
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  return times;
}"""


@dataclass(frozen=True, slots=True)
class Scrolled:
    """How long frames took while a list was scrolled, in milliseconds: the median, the 99th of 100, the longest."""

    rows: int
    median: float
    p99: float
    longest: float

    def __str__(self) -> str:
        return f"{self.rows:>6} rows shown {self.median:10.0f} {self.p99:8.0f} {self.longest:8.0f}"


async def open_list(page: Page, address: str) -> float:
    """Open the list; how many seconds after the API's answer its first rows stood."""
    await page.goto(f"{address}/#/requests")
    await page.locator("h1").wait_for()
    async with page.expect_response(lambda answer: "/api/machines?" in answer.url) as answer:
        await page.evaluate("location.hash = '#/recommended'")
    await (await answer.value).finished()
    answered = time.perf_counter()
    await page.get_by_role("rowheader").first.wait_for()
    return time.perf_counter() - answered


async def scroll(page: Page, steps: int) -> Scrolled:
    """Scroll from the beginning to the end and back."""
    times = sorted(await page.evaluate(_SCROLL, steps))
    rows = int(await page.get_by_role("table").get_attribute("aria-rowcount") or 1) - 1
    return Scrolled(rows, times[len(times) // 2], times[int(len(times) * 0.99)], times[-1])


async def show_all(page: Page, machines: int) -> None:
    """Ask for page after page until all are shown."""
    for shown in range(2 * _PAGE, machines + _PAGE, _PAGE):
        await page.get_by_role("button", name="Show more").click()
        await page.locator(f'table[aria-rowcount="{min(shown, machines) + 1}"]').wait_for(timeout=_PATIENCE)


async def measure(browser: Browser, box: Box, machines: int, steps: int) -> tuple[float, Scrolled, Scrolled]:
    """Seconds until the first rows, and scrolling with one page and with all."""
    page = await browser.new_page()
    page.set_default_timeout(_PATIENCE)
    await page.context.request.post(f"{box.site.postern}/.auth/local/login", data={"user": "auditor"})
    first = await open_list(page, box.site.postern)
    some = await scroll(page, steps)
    await show_all(page, machines)
    return first, some, await scroll(page, steps)


async def main(machines: int, steps: int) -> int:
    """Measure in a box of its own and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Ports.find(start=25600), Path(folder), machine=describe_machine(os.environ))
        async with Box(site) as box, async_playwright() as playwright:
            await box.reset("large", machines=machines)
            program = next((path for name in _NAMES if (path := shutil.which(name))), None)
            browser = await playwright.chromium.launch(executable_path=program, args=_OPTIONS)
            first, some, every = await measure(browser, box, machines, steps)
            await browser.close()
    print(f"{machines} machines, {os.cpu_count()} processors, frames in milliseconds: median, 99 %, longest")
    print(f"first rows {first:.2f} s after the API's answer", some, every, sep="\n")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=10_000, help="how many there are")
    parser.add_argument("--steps", type=int, default=300, help="in how many steps the list is scrolled, each way")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.machines, given.steps)))
