"""Cards in a real browser, drawn by their makers' own library: readable, and harmless whatever somebody wrote.

A picture of each is kept in `.box/screenshots`.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page

from emulator.install import Place
from shared.documents.cards import write_card, write_standing
from shared.documents.events import Telling
from shared.domain.approvals import Extension
from shared.domain.events import EndingSoon
from shared.domain.findings import Found, What
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.lifecycle import Event, Reason, State
from shared.domain.people import Person
from shared.domain.rules import Protocol
from shared.domain.subscriptions import Kind
from tests.domain.test_events import grant
from tests.domain.values import GRANT, LATER, NOW, machine_id
from tests.portal.people import PICTURES, ROOT

LIBRARY: Final = Place(ROOT).packages / "adaptivecards" / "dist" / "adaptivecards.min.js"
ADDRESS: Final = "https://postern.example.com"
RITA, ARTHUR = Person("rita", "Rita Requestor"), Person("arthur", "Arthur Approver")
PORTS: Final = (GrantPort((22, 22), Protocol.TCP, ("203.0.113.7",)),)
WIDTH: Final = 520  # pixels: about what a channel gives a card.
HOSTILE: Final = "<img src=x onerror=alert(1)> <b>bold</b> [click](https://evil.example) \u202egnp.exe {{DATE(1)}} "
_DRAW: Final = """(document_) => {
  const card = new AdaptiveCards.AdaptiveCard();
  const grounds = { default: '#ffffff', emphasis: '#f0f0f0', accent: '#e8ebfa', good: '#e7f2da', warning: '#fbf6d9',
    attention: '#fbe4e6' };
  const styles = Object.entries(grounds).map(([name, ground]) => [name, { backgroundColor: ground }]);
  card.hostConfig = new AdaptiveCards.HostConfig({
    fontFamily: 'sans-serif', spacing: { padding: 14 }, containerStyles: Object.fromEntries(styles),
  });
  window.pressed = [];
  card.onExecuteAction = (action) => window.pressed.push(action.data ?? action.url);
  const context = new AdaptiveCards.SerializationContext();
  card.parse(document_, context);
  document.getElementById('card').replaceChildren(card.render());
  const events = [...Array(context.eventCount).keys()].map((index) => context.getEventAt(index).message);
  return [...events, ...card.validateProperties().validationEvents.map((one) => one.message)];
}"""
# What a channel looks like, about: the library draws buttons as the browser has them.
_PAGE: Final = """<style>
  body { margin: 12px; background: #f5f5f5 } #card { background: #fff }
  .ac-pushButton { padding: 5px 14px; background: #fff; border: 1px solid #d1d1d1; border-radius: 4px }
  .ac-pushButton.style-positive { background: #5b5fc7; border-color: #5b5fc7; color: #fff }
  .ac-pushButton.style-destructive { border-color: #c4314b; color: #c4314b }
  textarea { border: 1px solid #d1d1d1; border-radius: 4px; padding: 6px }
</style><div id=card></div>"""


def asked(state: State = State.PENDING, number: int = 0, event: Event | None = None, **more: Any) -> Grant:  # noqa: ANN401 - fields of a grant.
    """A grant of Rita's as somebody would ask for it."""
    last = Occurrence(number, state, NOW, ARTHUR if number else RITA, event=event, detail=more.pop("detail", ""))
    common = {"requestor": RITA, "ports": PORTS, "justification": "The disk is full, see INC-4711", "occurrence": last}
    return grant(state, number, event, **{"duration": timedelta(hours=1), **common, **more})


WAITS = asked(ticket="INC-4711", lapses_at=LATER)
OPEN = asked(State.ACTIVE, 2, started_at=NOW)
LONGER = replace(OPEN, extension=Extension(NOW, LATER, timedelta(hours=2), justification="Still copying"))
EXPOSED = Found(What.EXPOSED, str(machine_id()), NOW, "22 is open to the Internet through rule allow-ssh at 310")
CARDS: Final = {
    "approval-needed": Telling(WAITS, Kind.APPROVAL_NEEDED, ADDRESS),
    "longer-stay": Telling(LONGER, Kind.APPROVAL_NEEDED, ADDRESS),
    "decided": Telling(asked(State.PENDING, 1, Event.APPROVED, detail="go ahead"), Kind.DECIDED, ADDRESS),
    "opened": Telling(OPEN, Kind.OPENED, ADDRESS),
    "ending-soon": Telling(EndingSoon(OPEN, LATER), Kind.ENDING_SOON, ADDRESS),
    "ended": Telling(asked(State.REVOKED, 3, started_at=NOW, reason=Reason.REVOKED), Kind.ENDED, ADDRESS),
    "lapsed": Telling(asked(State.LAPSED, 1, reason=Reason.UNANSWERED), Kind.ENDED, ADDRESS),
    "broken-glass": Telling(asked(State.OPENING, break_glass=True), Kind.BROKEN_GLASS, ADDRESS),
    "exposed": Telling(EXPOSED, Kind.EXPOSED, ADDRESS),
    "found": Telling(replace(EXPOSED, what=What.LOCK_MISSING, detail="postern-lock-all"), Kind.FOUND, ADDRESS),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A window that shows one card."""

    page: Page

    async def show(self, telling: Telling) -> list[str]:
        """Draw a card; what the library has to say against it."""
        return await self.draw(json.loads(write_card(telling)[1])["attachments"][0]["content"])

    async def draw(self, card: dict[str, Any]) -> list[str]:
        """The same for a card as it is."""
        complaints: list[str] = await self.page.evaluate(_DRAW, card)
        return complaints

    async def text(self) -> str:
        """All that can be read."""
        return await self.page.locator("#card").inner_text()

    async def buttons(self) -> list[str]:
        """What can be pressed."""
        either = self.page.get_by_role("button").or_(self.page.get_by_role("link"))
        return await either.all_inner_texts()


@pytest.fixture
async def sheet(browser: Browser) -> AsyncIterator[Sheet]:
    """A window in which the library is loaded, and nothing else."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": 700}, device_scale_factor=2)
    await page.set_content(_PAGE)
    await page.add_script_tag(path=LIBRARY)
    yield Sheet(page)
    await page.close()


def test_every_kind_of_card_has_its_picture() -> None:
    assert set(Kind) == {telling.kind for telling in CARDS.values()}


@pytest.mark.parametrize("name", CARDS)
async def test_the_library_draws_each_card_and_has_nothing_against_it(sheet: Sheet, name: str) -> None:
    assert [] == await sheet.show(CARDS[name])
    PICTURES.mkdir(parents=True, exist_ok=True)
    await sheet.page.locator("#card").screenshot(path=PICTURES / f"card-{name}.png")


async def test_the_library_complains_of_what_is_no_card(sheet: Sheet) -> None:
    assert await sheet.draw({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Pony"}]})


async def test_a_request_says_who_what_and_why_and_can_be_answered(sheet: Sheet) -> None:
    await sheet.show(CARDS["approval-needed"])
    text = await sheet.text()
    wanted = ("Approval needed", "web-01", "Rita Requestor", "22 from 203.0.113.7", "1 h", "INC-4711", GRANT)
    assert [] == [one for one in wanted if one not in text]
    assert ["Approve", "Deny", "Look at it"] == await sheet.buttons()


@pytest.mark.parametrize("button", ["Approve", "Deny"])
async def test_a_button_sends_the_grant_the_verdict_and_the_comment(sheet: Sheet, button: str) -> None:
    await sheet.show(CARDS["approval-needed"])
    await sheet.page.get_by_role("textbox").fill("go ahead")
    await sheet.page.get_by_role("button", name=button).click()
    sent = {"grant": GRANT, "verdict": button.lower(), "comment": "go ahead"}
    assert [sent] == await sheet.page.evaluate("window.pressed")


async def test_a_longer_stay_says_for_how_long_and_why(sheet: Sheet) -> None:
    await sheet.show(CARDS["longer-stay"])
    text = await sheet.text()
    wanted = ("Approval needed for a longer stay", "for 2 h", "Still copying")
    assert [] == [one for one in wanted if one not in text]


async def test_a_request_that_nobody_answered_is_not_called_an_access(sheet: Sheet) -> None:
    await sheet.show(CARDS["lapsed"])
    text = await sheet.text()
    assert ("A request is over" in text, "lapsed (unanswered)" in text) == (True, True)


@pytest.mark.parametrize("text", [HOSTILE, "a" * 3000, "\u05d0\u05d1\u05d2 \u202e" * 200, "\U0001f600" * 900])
async def test_what_somebody_wrote_is_shown_as_written_and_does_no_harm(sheet: Sheet, text: str) -> None:
    telling = replace(CARDS["approval-needed"], matter=replace(WAITS, justification=text, ticket=text[:100]))
    assert [] == await sheet.show(telling)
    inside = sheet.page.locator("#card")
    assert 0 == await inside.locator("a, img, b, strong, script").count()
    assert ("\u202e" in await sheet.text(), ["Approve", "Deny", "Look at it"]) == (False, await sheet.buttons())
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert 0 >= await sheet.page.evaluate(wider)


async def test_a_finding_says_where_without_a_word_that_is_too_long(sheet: Sheet) -> None:
    await sheet.show(CARDS["exposed"])
    assert ["Name", "web-01", "Resource group", "demo"] == [
        one for one in (await sheet.text()).split("\n") if one in {"Name", "web-01", "Resource group", "demo"}
    ]


async def test_markup_can_be_read_as_it_was_written(sheet: Sheet) -> None:
    await sheet.show(replace(CARDS["approval-needed"], matter=replace(WAITS, justification=HOSTILE)))
    assert "<img src=x onerror=alert(1)> <b>bold</b> [click]" in await sheet.text()


async def test_a_grant_that_waits_no_more_is_shown_without_buttons_that_decide(sheet: Sheet) -> None:
    await sheet.draw(write_standing(asked(State.DENIED, 1, reason=Reason.DENIED), ADDRESS, waits=False)["card"])
    assert ["Look at it"] == await sheet.buttons()
