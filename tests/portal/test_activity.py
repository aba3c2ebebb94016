"""Looking back: pictures first, then the line of time, and how old the data is."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.async_api import expect

from tests.journeys.client import Postern, time_of, wish
from tests.journeys.past import BOT, Past
from tests.portal.people import People


async def test_the_chart_the_numbers_and_the_table_tell_the_same(people: People, past: Past) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=7)
    await past.stay()
    auditor = await people.enter("auditor", "activity")
    await auditor.sees("7 attempts denied, most of them at", "1 access open in this time.")
    await expect(auditor.row(BOT)).to_contain_text("denied throughout")
    await expect(auditor.page.locator("canvas")).to_be_visible()
    await auditor.sees("The newest log record is of")


async def test_a_machines_own_page_tells_only_of_it(people: People, past: Past) -> None:
    for name in ("web-01", "app-01"):
        await past.postern.enable(name)
    auditor = await people.enter("auditor")
    await auditor.more("app-01", "Properties")
    await auditor.sees("set the policy of app-01.")
    await expect(auditor.row("web-01")).to_have_count(0)


async def test_the_table_is_taken_along_as_a_sheet(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    auditor = await people.enter("auditor", "activity")
    async with auditor.page.expect_download() as download:
        await auditor.click("Export", "link")
    sheet = await asyncio.to_thread((await (await download.value).path()).read_text, "utf-8-sig")
    assert "Ada Administrator set the policy of web-01." in sheet


async def test_times_are_local_and_utc_for_whoever_points_at_them(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    asked: datetime = time_of(grant["requestedAt"])
    rita = await people.enter("requestor", timezone_id="Asia/Kolkata", locale="en-GB")
    await rita.visit(f"grants/{grant['id']}")
    shown = rita.page.get_by_role("time").filter(has_text=f"{asked.astimezone(ZoneInfo('Asia/Kolkata')):%H:%M}").first
    await expect(shown).to_have_attribute("title", f"{asked:%Y-%m-%d %H:%M:%S} UTC")


async def test_while_the_logs_are_away_the_rest_is_told(people: People, past: Past) -> None:
    await past.postern.enable("web-01")
    await past.azure.fault("503", "POST", r"/v1/\$batch", times=50)
    auditor = await people.enter("auditor", "activity", expects="503")
    await auditor.sees("set the policy of web-01.")
    await past.azure.disarm()
