"""The whole story by clicking: from a machine that is open to everybody to an access that has expired."""

from datetime import datetime, timedelta

from playwright.async_api import expect

from tests.journeys.azure import Azure
from tests.journeys.client import USER, Postern, wish
from tests.portal.people import People

SHORT = [{"number": 22, "maxRequestAccessDuration": "PT8S"}]
WATCHED = {"approval": {"required": True}, "breakGlass": True}


async def test_an_administrator_enables_a_machine_and_it_is_locked(people: People, azure: Azure) -> None:
    ada = await people.enter("administrator", "recommended")
    await ada.tick("Choose web-01")
    await ada.click("Enable JIT on 1 VM")
    await ada.click("Preview")
    await ada.sees("postern-lock-all", "allow-ssh")
    await ada.click("Save")
    await ada.sees("1 machine is under a policy now.")
    await ada.click("Done")
    await ada.click("Configured", "link")
    await expect(ada.row("web-01")).to_contain_text("locked")
    assert not await azure.passes("web-01", USER, 22)


async def test_what_is_asked_for_opens_counts_down_and_expires(people: People, postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", ports=SHORT)
    rita = await people.enter("requestor")
    await rita.click("Request access to web-01")
    await rita.sees("Opens for 127.0.0.1 at once.")
    await rita.fill("From which addresses", USER)
    await rita.fill("Justification", "To see why the disk is full")
    await rita.click("Request access")
    await rita.sees("ssh ", " s", "To see why the disk is full")
    assert await azure.passes("web-01", USER, 22)
    await rita.sees("Closed: its time was up")
    assert not await azure.passes("web-01", USER, 22)


async def test_a_request_that_waits_opens_before_the_eyes_of_who_asked_when_it_is_approved(
    people: People, postern: Postern
) -> None:
    await postern.enable("web-01", **WATCHED)
    rita = await people.enter("requestor")
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.sees("Opens for 127.0.0.1 when 1 person agreed.")
    await rita.click("Request access")
    await rita.sees("Waiting for approval")
    arthur = await people.enter("approver", "requests")
    await arthur.sees("asks for", "locked")
    await arthur.fill("Comment", "go ahead")
    await arthur.click("Approve")
    await arthur.sees("Nothing waits for an approver.")
    await rita.sees("go ahead", "End now")


async def test_what_is_asked_for_later_waits_for_its_start(people: People, postern: Postern) -> None:
    await postern.enable("web-01", ports=[{"number": 22, "maxRequestAccessDuration": "PT3H"}])
    rita = await people.enter("requestor")
    await rita.click("Request access to web-01")
    await rita.fill("From when on", f"{datetime.now() + timedelta(hours=20):%Y-%m-%dT%H:%M}")  # noqa: DTZ005 - her clock.
    await rita.sees("Opens for 127.0.0.1, from ")
    await rita.click("Request access")
    await rita.sees("Waiting for its start", "Cancel the request")


async def test_who_is_denied_reads_why(people: People, postern: Postern) -> None:
    await postern.enable("web-01", **WATCHED)
    grant = (await postern.call("requestor", "POST", "/api/grants", wish("web-01"))).json()
    rita = await people.enter("requestor", f"grants/{grant['id']}")
    arthur = await people.enter("approver", "requests")
    await arthur.fill("Comment", "use the bastion")
    await arthur.click("Deny")
    await rita.sees("Denied", "use the bastion")


async def test_breaking_the_glass_says_what_will_happen_and_opens_at_once(people: People, postern: Postern) -> None:
    await postern.enable("web-01", **WATCHED)
    rita = await people.enter("requestor")
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.sees("All approvers are told at once")
    await rita.fill("Justification", "Production is down")
    await rita.tick("Open at once, without approval")
    await rita.click("Break the glass")
    await rita.sees("glass broken", "End now")


async def test_an_access_is_made_longer_and_ended_early(people: People, postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01", duration="PT50M"))
    rita = await people.enter("requestor", f"grants/{grant['id']}")
    await rita.sees("min")
    await rita.click("Extend")
    await rita.sees("1 h 50 min")
    await rita.click("End now")
    await rita.sees("Closed early")
    assert not await azure.passes("web-01", USER, 22)


async def test_the_command_to_connect_is_copied(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    rita = await people.enter("requestor", permissions=["clipboard-read", "clipboard-write"])
    await rita.visit(f"grants/{grant['id']}")
    await rita.click("Copy the command")
    await rita.sees("Copied")
    assert grant["connect"]["ssh"] == await rita.page.evaluate("navigator.clipboard.readText()")


async def test_from_three_open_machines_to_who_attacked_them_there_is_no_dead_end(people: People, azure: Azure) -> None:
    ada = await people.enter("administrator", "recommended")
    for name in ("web-01", "app-01", "app-02"):
        await ada.tick(f"Choose {name}")
    await ada.click("Enable JIT on 3 VMs")
    await ada.tick("Somebody else has to agree")
    await ada.click("Save")
    await ada.sees("3 machines are under a policy now.")
    await azure.control("POST", "traffic", {"scenario": "brute-force", "flows": 60, "seconds": 1, "lag": 0})
    rita = await people.enter("requestor")
    await rita.click("Request access to web-01")
    await rita.tick("22 (SSH)")
    await rita.sees("Opens for 127.0.0.1 when 1 person agreed.")
    await rita.click("Request access")
    await rita.sees("Waiting for approval")
    arthur = await people.enter("approver", "requests")
    await arthur.click("Approve")
    await rita.sees("End now")
    await rita.click("End now")
    await rita.sees("Closed early")
    otto = await people.enter("auditor", "activity")
    await otto.sees("denied throughout", "Top sources")
