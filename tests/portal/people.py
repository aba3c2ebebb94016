"""People at the portal: who they are, what their windows show, and what their browsers complain of.

Knows how the portal is operated: labels, buttons, rows. Refuses to know how it is made: no class name, no selector of
its markup but tables and dialogs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from emulator.install import Place

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / ".box" / "screenshots"
AXE: Final = Place(ROOT).packages / "axe-core" / "axe.min.js"
# Success criteria of WCAG 2.0 to 2.2, levels A and AA, and what axe advises besides.
STANDARDS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_CHECK: Final = """async (standards) => {
  const found = await axe.run(document, { runOnly: standards, resultTypes: ['violations'] });
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`));
}"""
MOST_STOPS: Final = 60
_FOCUSED: Final = """(() => {
  const one = document.activeElement;
  const own = one.matches('a, button') ? one.innerText : '';
  return one.getAttribute('aria-label') || one.labels?.[0]?.innerText || own;
})()"""
_WIDER: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_SETTLE: Final = "Promise.all(document.getAnimations().map((one) => one.finished))"


@dataclass
class Portal:
    """The portal in one window, as one person sees it."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    async def visit(self, place: str) -> Self:
        """Go to a place in the portal, such as `requests`, and wait until it says what it is."""
        await self.page.goto(f"{self.address}/#/{place}")
        await expect(self.page.locator("h1")).to_be_visible()
        return self

    async def click(self, name: str, role: Any = "button", *, within: Locator | None = None) -> None:  # noqa: ANN401 - Playwright's list of roles.
        """Click on what has exactly this name."""
        await (within or self.page).get_by_role(role, name=name, exact=True).click()

    async def fill(self, label: str, text: str) -> None:
        """Write into a field and leave it."""
        await self.page.get_by_label(label, exact=True).fill(text)
        await self.page.get_by_label(label, exact=True).blur()

    async def pick(self, label: str, option: str) -> None:
        """Choose from a list."""
        await self.page.get_by_role("combobox", name=label, exact=True).select_option(label=option)

    async def tick(self, label: str) -> None:
        """Tick a box."""
        await self.page.get_by_label(label).check()

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def reach(self, name: str) -> None:
        """Go on with the Tab key until something of this name has the focus. Raises LookupError."""
        for _ in range(MOST_STOPS):
            await self.press("Tab")
            if name in str(await self.page.evaluate(_FOCUSED)):
                return
        raise LookupError(f"no stop of the Tab key is called {name}")

    async def more(self, machine: str, action: str) -> None:
        """Choose from the menu of a machine's row."""
        await self.click(f"More about {machine}")
        await self.click(action, "menuitem")

    async def sees(self, *texts: str) -> None:
        """Each of the texts is shown, or comes to be within the patience of `expect`."""
        for text in texts:
            await expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    async def misses(self, *names: str) -> None:
        """There is no button and no link with one of these names."""
        for name in names:
            for role in ("button", "link"):
                await expect(self.page.get_by_role(role, name=re.compile(name))).to_have_count(0)

    def row(self, text: str) -> Locator:
        """The rows of the view's tables that have a text in them."""
        return self.page.get_by_role("row").filter(has_text=text)

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    async def names(self) -> list[str]:
        """The machines in the list, in its order."""
        return await self.page.locator("tbody").get_by_role("rowheader").get_by_role("link").all_inner_texts()

    async def picture(self, name: str) -> None:
        """Keep what is shown."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    async def barriers(self, standards: Sequence[str] = STANDARDS) -> list[str]:
        """What axe finds to stand in the way of people with disabilities, by some of its rules."""
        await self.page.evaluate(_SETTLE)
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE.read_text("utf-8"))
        found: list[str] = await self.page.evaluate(_CHECK, list(standards))
        return found

    async def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(await self.page.evaluate(_WIDER))

    def expects(self, complaint: str) -> None:
        """Let pass what the browser is bound to complain of, such as a status that the test brings about."""
        self._expected.append(complaint)

    _expected: list[str] = field(default_factory=list)

    def note(self, complaint: str) -> None:
        """Keep a complaint unless it is expected."""
        if not any(one in complaint for one in self._expected):
            self.complaints.append(complaint)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what the console says is wrong."""
        if message.type in {"error", "warning"}:
            self.note(f"{message.text} {message.location.get('url', '')}")


@dataclass
class People:
    """Everybody in a test who looks at the portal."""

    browser: Browser
    address: str
    _windows: list[tuple[BrowserContext, Portal]] = field(default_factory=list)

    async def stranger(self, **options: Any) -> Portal:  # noqa: ANN401 - Playwright's options of a window.
        """Somebody who has not signed in yet. The browser complains of the 401 by which the portal learns that."""
        window = await self.browser.new_context(**{"viewport": {"width": 1280, "height": 850}, **options})
        portal = Portal(await window.new_page(), self.address)
        portal.page.on("console", portal.hear)
        portal.page.on("pageerror", lambda error: portal.note(str(error)))
        portal.page.on("request", lambda request: self._watch(portal, request.url))
        self._windows.append((window, portal))
        return portal

    async def enter(self, user: str, place: str = "configured", expects: str = "", **options: Any) -> Portal:  # noqa: ANN401 - as above.
        """A demo user, signed in, at a place in the portal; `expects` is a complaint that lies in the test's nature."""
        portal = await self.stranger(**options)
        if expects:
            portal.expects(expects)
        answer = await portal.page.context.request.post(f"{self.address}/.auth/local/login", data={"user": user})
        assert answer.ok
        return await portal.visit(place)

    async def leave(self) -> list[str]:
        """Close all windows; what the browsers complained of."""
        for window, _ in self._windows:
            await window.close()
        return [complaint for _, portal in self._windows for complaint in portal.complaints]

    def _watch(self, portal: Portal, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            portal.note(f"asked another host: {url}")
