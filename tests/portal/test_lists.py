"""The lists of machines: found, sorted, filtered, and the worst first."""

import re

from playwright.async_api import expect

from tests.journeys.client import Postern, wish
from tests.portal.people import People

CRITICAL = ["bare-01", "bare-03", "partner-03"]


async def test_a_search_and_filters_narrow_the_list(people: People) -> None:
    ada = await people.enter("administrator", "recommended")
    await ada.pick("Show", "Critical")
    await expect(ada.row("critical")).to_have_count(len(CRITICAL))
    assert CRITICAL == await ada.names()
    await ada.fill("Search", "partner")
    await expect(ada.row("critical")).to_have_count(1)
    await ada.pick("System", "Windows")
    await ada.sees("No machine here matches what you look for.")


async def test_a_filter_is_about_all_machines_and_not_only_about_those_shown(people: People, postern: Postern) -> None:
    await postern.box.reset("large", machines=450)
    ada = await people.enter("administrator", "recommended")
    await ada.click("Machine", role="button")
    await ada.sees("vm-00001")
    await ada.fill("Search", "vm-00449")
    await expect(ada.row("vm-00449")).to_be_visible()


async def test_guarded_machines_are_filtered_by_what_is_true_of_them(people: People, postern: Postern) -> None:
    for name in ("web-01", "app-01", "edge-01"):
        await postern.enable(name)
    await postern.ask(wish("web-01"))
    ada = await people.enter("administrator")
    for condition, name in (("Open", "web-01"), ("Exposed", "edge-01"), ("Locked", "app-01")):
        await ada.pick("Show", condition)
        await expect(ada.page.get_by_role("rowheader")).to_have_text([re.compile(name)])


async def test_a_column_sorts_both_ways(people: People) -> None:
    ada = await people.enter("administrator", "recommended")
    header = ada.page.get_by_role("columnheader", name="Machine").get_by_role("button")
    first = ada.page.get_by_role("rowheader").first
    await header.click()
    await expect(first).to_contain_text("app-01")
    assert sorted(await ada.names()) == await ada.names()
    await header.click()
    await expect(first).to_contain_text("web-03")
    assert sorted(await ada.names(), reverse=True) == await ada.names()


async def test_a_lock_that_does_not_hold_stands_first_and_names_the_rule(people: People, postern: Postern) -> None:
    for name in ("app-01", "edge-01"):
        await postern.enable(name)
    ada = await people.enter("administrator")
    await expect(ada.row("edge-01")).to_contain_text("exposed through allow-ssh-first")
    assert ["edge-01", "app-01"] == await ada.names()


async def test_an_open_machine_says_for_whom_and_until_when(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.ask(wish("web-01"))
    ada = await people.enter("administrator")
    await expect(ada.row("web-01")).to_contain_text("open for Rika Requestor until")


async def test_the_list_follows_what_happens_without_being_loaded_again(people: People, postern: Postern) -> None:
    ada = await people.enter("administrator")
    await ada.sees("No machine is guarded yet.")
    await postern.enable("web-01")
    await ada.page.evaluate("dispatchEvent(new Event('online'))")
    await expect(ada.row("web-01")).to_contain_text("locked")


async def test_a_long_list_comes_in_pages(people: People, postern: Postern) -> None:
    await postern.box.reset("large", machines=450)
    ada = await people.enter("administrator", "recommended")
    table = ada.page.get_by_role("table")
    await expect(table).to_have_attribute("aria-rowcount", "201")
    await ada.click("Show more")
    await expect(table).to_have_attribute("aria-rowcount", "401")
    await ada.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(ada.row("vm-00400")).to_be_visible()


async def test_the_menu_leads_to_a_machines_own_page_and_its_activity(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator")
    await ada.more("web-01", "Properties")
    await ada.sees("Resource id", "web-01-nsg")
    await ada.click("Configured", "link")
    await ada.more("web-01", "Activity log")
    await ada.sees("Ada Administrator set the policy of web-01.")


async def test_what_cannot_be_guarded_says_why(people: People) -> None:
    ada = await people.enter("administrator", "unsupported")
    await expect(ada.row("old-01")).to_contain_text("Classic machines have no network security groups")
