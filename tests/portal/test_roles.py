"""Each role sees what it may do, and nothing else."""

import pytest
from playwright.async_api import expect

from tests.journeys.client import Postern, wish
from tests.portal.people import People

MACHINES = ["Configured", "Recommended", "Unsupported", "Non-Azure computers"]
TABS = {
    "administrator": [*MACHINES, "Requests", "Activity"],
    "requestor": [*MACHINES, "Requests", "Activity"],
    "approver": [*MACHINES, "Requests"],
    "auditor": [*MACHINES, "Requests", "Activity"],
}
ACTIONS = {
    "administrator": ["Properties", "Activity log", "Edit", "Remove"],
    "requestor": ["Properties", "Activity log"],
    "approver": ["Properties"],
    "auditor": ["Properties", "Activity log"],
}
BUTTONS = {"administrator": {"Edit .* VM"}, "requestor": {"Request access"}}


@pytest.mark.parametrize("user", TABS)
async def test_a_role_finds_its_views_and_its_actions_and_no_others(
    people: People, postern: Postern, user: str
) -> None:
    await postern.enable("web-01")
    portal = await people.enter(user)
    await portal.click("More about web-01")
    views = portal.page.get_by_role("navigation").get_by_role("link")
    assert TABS[user] == await views.all_inner_texts()
    assert ACTIONS[user] == await portal.page.get_by_role("menuitem").all_inner_texts()
    await portal.misses(*({"Request access", "Edit .* VM"} - BUTTONS.get(user, set())))


async def test_who_may_not_see_an_access_of_somebody_else_still_reads_that_the_machine_is_open(
    people: People, postern: Postern
) -> None:
    await postern.enable("web-01")
    theirs = await postern.ask(wish("web-01"), user="pipeline")
    rita = await people.enter("requestor")
    await expect(rita.row("web-01")).to_contain_text("open for somebody else")
    await postern.revoke(theirs["id"], "administrator")
    await rita.page.evaluate("dispatchEvent(new Event('online'))")
    await expect(rita.row("web-01")).to_contain_text("locked")


async def test_who_has_no_role_is_told_whom_to_ask(people: People) -> None:
    nobody = await people.enter("outsider", expects="403")
    await nobody.sees("Signed in", "Ask whoever runs Postern for a role.")


async def test_a_stranger_is_asked_to_sign_in_and_comes_back_to_where_he_was_going(people: People) -> None:
    stranger = await people.stranger()
    stranger.expects("401")
    await stranger.visit("recommended")
    await stranger.click("Sign in", "link")
    await stranger.click("administrator")
    await stranger.sees("Nothing guards these machines yet.")


async def test_a_view_that_a_role_does_not_include_says_so(people: People) -> None:
    approver = await people.enter("approver", "activity")
    await approver.sees("Your roles do not include this view.")
