"""The settings of one machine and of many: what is asked for is what is written, and it is shown before."""

from tests.journeys.client import USER, Json, Postern, machine, read
from tests.journeys.past import Past
from tests.portal.people import People


async def policy(postern: Postern, name: str = "web-01") -> Json:
    """What the app holds."""
    found: Json = read(await postern.call("auditor", "GET", f"/api/policies{machine(name)}"), 200)["policy"]
    return found


async def test_ports_are_changed_added_and_removed(people: People, postern: Postern) -> None:
    await postern.enable("web-01", ports=[{"number": 22}, {"number": 3389}])
    ada = await people.enter("administrator")
    await ada.more("web-01", "Edit")
    await ada.click("Remove port 3389")
    await ada.click("Add a port")
    added = ada.dialog.get_by_role("row").last
    await added.get_by_label("Port or range").fill("5000-5010")
    await added.get_by_label("Protocol").select_option("UDP")
    await added.get_by_label("From which addresses").fill("10.0.0.0/8, 192.0.2.0/24")
    await ada.press("Tab")
    await added.get_by_label("At most").select_option("8 h")
    await ada.click("Save")
    await ada.sees("1 machine is under a policy now.")
    first, second = (await policy(postern))["ports"]
    assert (22, "5000-5010", "UDP", "PT8H") == (
        first["number"], second["number"], second["protocol"], second["maxRequestAccessDuration"]
    )  # fmt: skip
    assert ["10.0.0.0/8", "192.0.2.0/24"] == second["allowedSourceAddressPrefixes"]


async def test_who_agrees_and_what_must_be_said_are_set(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator")
    await ada.more("web-01", "Edit")
    await ada.fill("Kept open", "80, 443")
    await ada.tick("A justification is needed")
    await ada.fill("Form of the ticket", "INC[0-9]{6}")
    await ada.tick("Somebody else has to agree")
    await ada.pick("A request waits for them", "4 h")
    await ada.click("Save")
    await ada.sees("1 machine is under a policy now.")
    told = await policy(postern)
    assert (True, "INC[0-9]{6}") == (told["justification"]["required"], told["justification"]["ticketPattern"])
    assert (True, "PT4H", [80, 443]) == (
        told["approval"]["required"], told["approval"]["pendingFor"], told["lock"]["keepOpen"]
    )  # fmt: skip


async def test_what_would_be_cut_is_told_before_anything_is_written(people: People, past: Past) -> None:
    await past.knock(USER)
    ada = await people.enter("administrator", "recommended")
    await ada.more("web-01", "Enable JIT")
    await ada.click("Preview")
    await ada.sees("of the last 7 days would be cut:", USER)
    await ada.click("Cancel")
    assert [] == await past.azure.ours("web-01-nsg")


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator", expects="400")
    await ada.more("web-01", "Edit")
    await ada.fill("Kept open", "80, none")
    await ada.click("Save")
    field = ada.page.get_by_label("Kept open")
    await ada.page.get_by_role("alert").first.wait_for()
    assert ("true", "80, none") == (await field.get_attribute("aria-invalid"), await field.input_value())


async def test_many_machines_are_enabled_together(people: People, postern: Postern) -> None:
    ada = await people.enter("administrator", "recommended")
    await ada.pick("System", "Windows")
    await ada.fill("Search", "desk")
    await ada.misses("sql-01")
    await ada.tick("Choose all")
    await ada.click("Enable JIT on 3 VMs")
    await ada.click("Preview")
    await ada.sees("desk-01")
    await ada.click("Save")
    await ada.sees("3 machines are under a policy now.")
    assert 3 == (await postern.machines())["counts"]["configured"]


async def test_a_policy_is_taken_away_after_what_would_be_open_was_shown(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator")
    await ada.more("web-01", "Remove")
    await ada.sees("delete postern-lock-all", "Open again:", "allow-ssh")
    await ada.click("Remove")
    await ada.sees("No machine is guarded yet.")
    assert 0 == (await postern.machines())["counts"]["configured"]


async def test_who_is_told_is_set_and_a_kept_address_stays_kept(people: People, postern: Postern) -> None:
    told = [{"url": f"{postern.box.site.emulator}/secret", "events": ["io.postern.machine.exposed"]}]
    await postern.enable("web-01", notifications=told)
    ada = await people.enter("administrator")
    await ada.more("web-01", "Edit")
    await ada.sees("The rest of this address is kept and not shown.", "Told of 1 of 8 kinds")
    await ada.tick("an access opened")
    await ada.click("Save")
    await ada.sees("1 machine is under a policy now.")
    (kept,) = (await policy(postern))["notifications"]
    assert "/#kept-" in kept["url"]
    assert ["io.postern.grant.opened", "io.postern.machine.exposed"] == kept["events"]


async def test_a_receiver_that_is_not_allowed_is_told_at_its_address(people: People, postern: Postern) -> None:
    await postern.enable("web-01")
    ada = await people.enter("administrator", expects="400")
    await ada.more("web-01", "Edit")
    await ada.click("Add a receiver")
    await ada.fill("Address", "https://elsewhere.example.org/x")
    await ada.click("Save")
    await ada.page.get_by_role("group", name="Receiver 1").get_by_role("alert").wait_for()
    assert "https://elsewhere.example.org/x" == await ada.page.get_by_label("Address", exact=True).input_value()


async def test_machines_with_the_same_policy_are_edited_from_it(people: People, postern: Postern) -> None:
    for name in ("web-01", "app-01"):
        await postern.enable(name, ports=[{"number": 2222}])
    ada = await people.enter("administrator")
    await ada.tick("Choose all")
    await ada.click("Edit 2 VMs")
    await ada.sees("These machines have the same policy", "replaces the policies of 2 machines")
    assert "2222" == await ada.dialog.get_by_label("Port or range").input_value()


async def test_machines_with_different_policies_begin_with_the_defaults_and_say_so(
    people: People, postern: Postern
) -> None:
    await postern.enable("web-01", ports=[{"number": 2222}])
    await postern.enable("app-01", ports=[{"number": 22}])
    ada = await people.enter("administrator")
    await ada.tick("Choose all")
    await ada.click("Edit 2 VMs")
    await ada.sees("This begins with the defaults, not with the policies that these machines have.")
