"""A walk through every view and every dialog of the portal, in a world in which each has something to show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.journeys.client import Json, read, wish
from tests.journeys.past import Past
from tests.portal.people import People, Portal

WATCHED = {"approval": {"required": True}, "breakGlass": True, "justification": {"required": True}}


@dataclass(frozen=True, slots=True)
class Town:
    """What was arranged: a request that waits for web-01, and an access to app-01 that is open."""

    waiting: Json
    open: Json


async def arrange(past: Past) -> Town:
    """web-01 is watched by approvers and attacked; app-01 is open for the requestor."""
    await past.postern.enable("web-01", **WATCHED)
    await past.postern.enable("app-01")
    await past.traffic("brute-force", 60)
    body = wish("web-01", justification="To see why the disk is full")
    waiting = read(await past.postern.call("requestor", "POST", "/api/grants", body), 202)
    return Town(waiting, await past.postern.ask(wish("app-01"), Prefer="wait=20"))


async def walk(people: People, town: Town, **options: Any) -> AsyncIterator[tuple[str, Portal]]:  # noqa: ANN401 - Playwright's.
    """Each view and dialog by a name, with the window that shows it."""
    stranger = await people.stranger(**options)
    stranger.expects("401")
    yield "sign-in", await stranger.visit("configured")
    for tour in (_as_administrator, _as_requestor, _as_approver):
        async for stop in tour(people, town, **options):
            yield stop


async def _as_administrator(people: People, town: Town, **options: Any) -> AsyncIterator[tuple[str, Portal]]:  # noqa: ANN401
    ada = await people.enter("administrator", "configured", **options)
    await ada.sees("open", "locked")
    yield "configured", ada
    await ada.click("More about web-01")
    yield "menu", ada
    await ada.page.keyboard.press("Escape")
    await ada.more("web-01", "Edit")
    await ada.click("Preview")
    await ada.sees("No rule would change.")
    yield "settings", ada
    await ada.click("Cancel")
    await ada.more("web-01", "Remove")
    await ada.sees("postern-lock-all")
    yield "removal", ada
    for view, text in (("recommended", "critical"), ("unsupported", "old-01"), ("activity", "attempts denied")):
        await (await ada.visit(view)).sees(text)
        yield view, ada
    await (await ada.visit("computers")).sees("not onboarded", "Total")
    await ada.page.get_by_label("Commands for lab-04.corp.example", exact=True).click()
    await ada.page.get_by_label("Checks of pos-08", exact=True).click()
    yield "computers", ada
    await ada.click("Add a computer")
    await ada.click("Show the commands")
    await ada.sees("At the computer")
    yield "onboarding", ada
    await ada.press("Escape")
    await (await ada.visit(f"machines{town.open['machine']}")).sees("Resource id", "attempts denied")
    yield "machine", ada


async def _as_requestor(people: People, town: Town, **options: Any) -> AsyncIterator[tuple[str, Portal]]:  # noqa: ANN401
    rita = await people.enter("requestor", "configured", **options)
    rita.expects("422")  # The preview of a request without a reason.
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.sees("The policy asks for a justification.")
    yield "request", rita
    await (await rita.visit(f"grants/{town.open['id']}")).sees("Extend")
    yield "open", rita
    await (await rita.visit(f"grants/{town.waiting['id']}")).sees("Waiting for approval")
    yield "waiting", rita


async def _as_approver(people: People, town: Town, **options: Any) -> AsyncIterator[tuple[str, Portal]]:  # noqa: ANN401
    arthur = await people.enter("approver", "requests", **options)
    await arthur.sees(str(town.waiting["justification"]), "60 attempts on this machine", "locked")
    yield "inbox", arthur
