"""When the network, the app or the session is away: what is shown, that nothing is lost, and that it comes back."""

import json
from typing import Final

from playwright.async_api import Route, expect

from tests.journeys.client import Postern
from tests.portal.people import People

AWAY: Final = {"type": "about:blank", "title": "Azure is away", "status": 503, "code": "away",
               "detail": "Azure cannot be reached."}  # fmt: skip


async def refuse(route: Route) -> None:
    """Answer as the app does while Azure is down."""
    headers = {"Content-Type": "application/problem+json", "Retry-After": "1"}
    await route.fulfill(status=503, headers=headers, body=json.dumps(AWAY))


async def test_while_the_network_is_away_what_was_known_stays_and_then_it_goes_on(
    people: People, postern: Postern
) -> None:
    await postern.enable("web-01")
    rita = await people.enter("requestor", expects="Failed to load resource")
    await rita.sees("web-01")
    await rita.page.context.set_offline(True)
    await rita.fill("Search", "web")
    await rita.sees("Postern cannot be reached.", "web-01")
    await rita.page.context.set_offline(False)
    await expect(rita.page.get_by_role("alert")).to_have_count(0)
    await rita.sees("web-01")


async def test_while_azure_is_away_it_is_said_and_then_the_list_comes_by_itself(people: People) -> None:
    ada = await people.enter("administrator", expects="503")
    await ada.page.route("**/api/machines?*", refuse)
    await ada.visit("recommended")
    await ada.sees("Azure cannot be reached.", "Trying again makes sense in 1 seconds.")
    await ada.page.unroute("**/api/machines?*")
    await ada.sees("bare-01")
    await expect(ada.page.get_by_role("alert")).to_have_count(0)


async def test_what_was_written_is_kept_when_it_cannot_be_sent(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    rita = await people.enter("requestor", expects="Failed to load resource")
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.fill("Justification", "To see why the disk is full")
    await rita.page.context.set_offline(True)
    await rita.click("Request access")
    await rita.sees("What you wrote is kept")
    await rita.page.context.set_offline(False)
    await rita.click("Request access")
    await rita.sees("End now", "To see why the disk is full")


async def test_a_request_whose_answer_was_lost_is_not_made_twice(people: People, postern: Postern) -> None:
    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await postern.enable("web-01")
    rita = await people.enter("requestor", expects="Failed to load resource")
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.page.route("**/api/grants", lose, times=1)
    await rita.click("Request access")
    await rita.sees("whether this was done is not known")
    await rita.click("Request access")
    await rita.sees("End now")
    assert 1 == len(await postern.grants())


async def test_who_is_signed_out_meanwhile_is_told_so_and_shown_the_way_back(people: People) -> None:
    ada = await people.enter("administrator", expects="401")
    await ada.page.context.clear_cookies()
    await ada.click("Recommended", "link")
    await ada.sees("You are no longer signed in.")
    await ada.click("Sign in again", "link")
    await ada.sees("Everything stays locked until somebody asks.")
