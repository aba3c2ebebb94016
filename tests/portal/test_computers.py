"""The tab of computers outside Azure: where each stands, the commands to copy, and what nodes cost."""

import pytest
from playwright.async_api import Locator, expect

from tests.journeys.client import Postern, read, watch
from tests.portal.people import People, Portal


async def settled(postern: Postern, number: int) -> None:
    """Return when the app tells of so many computers: what it read a moment ago may be told for a second more."""

    async def count() -> int:
        return len(read(await postern.call("auditor", "GET", "/api/computers"), 200)["value"])

    assert number == await watch(count, lambda found: found == number, patience=10)


@pytest.fixture(autouse=True)
async def estate(postern: Postern) -> None:
    """The computers of the demo world."""
    await settled(postern, 12)


async def commands_of(portal: Portal, name: str) -> Locator:
    """The commands for a computer, unfolded."""
    await portal.page.get_by_label(f"Commands for {name}", exact=True).click()
    return portal.row(name)


async def test_each_computer_says_where_it_stands_and_what_to_do_next(people: People) -> None:
    rita = await people.enter("requestor", "computers")
    await expect(rita.row("legacy-03")).to_contain_text("expired")
    await expect(rita.row("legacy-03")).to_contain_text("Disconnect it and connect it anew")
    await expect(rita.row("dc-01")).to_contain_text("Nothing is to be done.")
    await expect(rita.row("pos-09")).to_contain_text("since")


async def test_the_commands_are_copied_as_they_stand(people: People) -> None:
    rita = await people.enter("requestor", "computers", permissions=["clipboard-read", "clipboard-write"])
    await commands_of(rita, "pos-09")
    await rita.click("Copy the commands for pos-09")
    await expect(rita.row("pos-09")).to_contain_text("Copied")
    copied = "sudo azcmagent show\nsudo azcmagent check --location 'westeurope'"
    assert copied == await rita.page.evaluate("navigator.clipboard.readText()")


async def test_the_commands_are_reached_by_keyboard_alone(people: People) -> None:
    rita = await people.enter("requestor", "computers")
    await rita.sees("pos-09")
    await rita.page.get_by_label("Commands for pos-09", exact=True).focus()
    await rita.press("Enter")
    await rita.reach("Copy the commands for pos-09")
    await rita.press("Enter")
    await expect(rita.row("pos-09").get_by_role("status")).not_to_be_empty()


async def test_the_checks_say_what_is_missing_and_what_cannot_be_told(people: People) -> None:
    rita = await people.enter("requestor", "computers")
    await rita.page.get_by_label("Checks of pos-08", exact=True).click()
    row = rita.row("Checks").filter(has=rita.page.get_by_label("Checks of pos-08", exact=True))
    await expect(row).to_contain_text("missing: Azure Arc does not hear of its agent.")
    await expect(row).to_contain_text("not known: The name is also that of 1 other")


@pytest.mark.parametrize(
    ("text", "state", "expected"),
    [("team=identity", "", "dc-02"), ("", "silent (1)", "hmi-02"), ("nowhere", "", "No computer here matches")],
)
async def test_search_and_state_choose(people: People, text: str, state: str, expected: str) -> None:
    rita = await people.enter("requestor", "computers")
    await rita.sees("legacy-03")
    await rita.fill("Search", text)
    if state:
        await rita.pick("Show", state)
    await rita.sees(expected)
    await expect(rita.row("legacy-03")).to_have_count(0)


async def test_without_any_computer_the_page_says_how_to_get_one(people: People, postern: Postern) -> None:
    await postern.box.reset("empty")
    await settled(postern, 0)
    rita = await people.enter("requestor", "computers")
    await rita.sees("No computer outside Azure is known.")


async def test_an_administrator_gets_the_commands_for_a_new_computer(people: People) -> None:
    ada = await people.enter("administrator", "computers", expects="400")
    await ada.sees("legacy-03")
    await ada.click("Add a computer")
    await ada.fill("Resource group", "a'; reboot")
    await ada.click("Show the commands")
    await expect(ada.dialog.get_by_role("alert").first).to_contain_text("resourceGroup is a name")
    await ada.fill("Resource group", "stores")
    await ada.pick("System", "Windows")
    await ada.click("Show the commands")
    await ada.sees("In PowerShell, as an administrator:")
    await expect(ada.dialog).to_contain_text("--resource-group 'stores'")


async def test_costs_are_shown_by_group_and_by_tag_with_the_same_total(people: People) -> None:
    auditor = await people.enter("auditor", "computers")
    total = auditor.page.get_by_role("row", name="Total")
    await expect(total).to_contain_text("$795.00")
    await expect(auditor.row("onpremises").last).to_contain_text("$90.00")
    await auditor.pick("By", "Tag")
    await expect(auditor.row("identity").last).to_contain_text("$30.00")
    await expect(total).to_contain_text("$795.00")
    await auditor.sees("What Postern itself costs is not known here", "Not billed: 2 deallocated")


async def test_costs_and_adding_are_for_those_who_may(people: People) -> None:
    approver = await people.enter("approver", "computers")
    await approver.sees("legacy-03")
    await approver.misses("Add a computer", "Export the costs")


async def test_a_server_is_enabled_from_its_own_page(people: People, postern: Postern) -> None:
    if lacks := (await postern.box.client.get(f"{postern.box.site.emulator}/_box/hosts")).json()["lacks"]:
        pytest.skip(lacks)
    ada = await people.enter("administrator", "computers")
    await ada.click("files-01", "link")
    await ada.click("Enable JIT")
    await ada.click("Save")
    await ada.sees("1 machine is under a policy now.")
    await ada.visit("configured")
    await expect(ada.row("files-01")).to_contain_text("Azure Arc")
    await expect(ada.row("files-01")).to_contain_text("locked")
