"""Sessions that are open when a grant ends: they live on, unless the policy ends them."""

import pytest

from tests.journeys.azure import ATTACKER, GROUPS, Azure
from tests.journeys.client import ENDS, USER, Json, Postern, machine, read, watch, wish
from tests.journeys.test_previews import foretold

NSG = "web-01-nsg"
POLICY = f"/api/policies{machine('web-01')}"
OFF, THEIRS, OURS = (False, False), (True, False), (True, True)


async def policy(postern: Postern) -> Json:
    return read(await postern.call("auditor", "GET", POLICY), 200)


@pytest.mark.parametrize(("ends", "state"), [(False, "continue"), (True, "end")])
async def test_a_session_ends_with_its_grant_only_where_the_policy_says_so(
    postern: Postern,
    azure: Azure,
    ends: bool,  # noqa: FBT001 - a case.
    state: str,
) -> None:
    await postern.enable("web-01", endSessions=ends)
    grant = await postern.ask(wish("web-01", duration="PT5S"))
    session = await azure.connect("web-01", USER)
    assert ([session], state) == (await azure.established(), grant["sessions"]["state"])
    assert "expired" == (await postern.until(grant["id"], *ENDS, patience=15))["state"]
    assert not await azure.passes("web-01", USER, 22)
    assert ([] if ends else [session]) == await azure.established()


async def test_a_session_of_another_grant_lives_on(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", endSessions=True)
    first, _ = await postern.ask(wish("web-01")), await postern.ask(wish("web-01", source="203.0.113.9"))
    await azure.connect("web-01", USER)
    other = await azure.connect("web-01", "203.0.113.9")
    await postern.revoke(first["id"])
    assert [other] == await azure.established()


async def test_a_session_through_two_groups_is_cut(postern: Postern, azure: Azure) -> None:
    await postern.enable("both-01", ports=[{"number": 3389}], endSessions=True)
    grant = await postern.ask(wish("both-01", 3389))
    assert await azure.connect("both-01", USER, 3389)
    await postern.revoke(grant["id"])
    assert [] == await azure.established()
    assert [OURS, OURS] == [await azure.flush(nsg) for nsg in ("both-01-nsg", "both-subnet-nsg")]


async def test_enabling_ends_what_was_open_and_is_no_longer_allowed(postern: Postern, azure: Azure) -> None:
    assert await azure.connect("web-01", ATTACKER)
    https = await azure.connect("web-01", ATTACKER, 443)
    await postern.enable("web-01", endSessions=True, lock={"keepOpen": [443]})
    assert [https] == await azure.established()


async def test_the_switch_is_told_beforehand_and_then_made_and_taken_back(postern: Postern, azure: Azure) -> None:
    whole = f"{GROUPS}/{NSG}"
    preview = await foretold(postern, "web-01", policy={"endSessions": True})
    assert ([{"nsg": whole, "on": True}], "end") == (preview["flushConnection"], preview["sessions"]["state"])
    assert "every machine behind that group" in preview["notes"][-1]
    assert OFF == await azure.flush(NSG)
    enabled = await postern.enable("web-01", endSessions=True)
    assert (OURS, "end", True) == (
        await azure.flush(NSG),
        enabled["sessions"]["state"],
        enabled["policy"]["endSessions"],
    )
    preview = await foretold(postern, "web-01")
    assert ([{"nsg": whole, "on": False}], "continue") == (preview["flushConnection"], preview["sessions"]["state"])
    await postern.enable("web-01")
    assert (OFF, "continue") == (await azure.flush(NSG), (await policy(postern))["sessions"]["state"])


async def test_a_preview_of_a_request_tells_what_becomes_of_sessions(postern: Postern, azure: Azure) -> None:
    for ends, state in ((False, "continue"), (True, "end")):
        await postern.enable("web-01", endSessions=ends)
        told = read(await postern.call("requestor", "POST", "/api/grants?preview=true", wish("web-01")), 200)
        assert state == told["sessions"]["state"]
    assert [] == await azure.ours(NSG, "postern-open-")


async def test_removing_the_policy_takes_the_switch_back(postern: Postern, azure: Azure) -> None:
    before = await azure.arm("GET", f"{GROUPS}/{NSG}")
    await postern.enable("web-01", endSessions=True)
    grant = await postern.ask(wish("web-01"))
    await azure.connect("web-01", USER)
    await postern.disable("web-01")
    assert ([], OFF) == (await azure.established(), await azure.flush(NSG))
    after = await azure.arm("GET", f"{GROUPS}/{NSG}")
    assert before.get("tags", {}) == after.get("tags", {})
    assert "revoked" == (await postern.until(grant["id"], *ENDS))["state"]


async def test_what_the_customer_switched_on_stays_on(postern: Postern, azure: Azure) -> None:
    await azure.set_flush(NSG, on=True)
    await postern.enable("web-01", endSessions=True)
    assert THEIRS == await azure.flush(NSG)
    await postern.disable("web-01")
    assert THEIRS == await azure.flush(NSG)


async def test_a_repair_switches_it_on_again_and_has_it_on_record(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", endSessions=True)
    await azure.set_flush(NSG, on=False)
    await postern.run("repair")
    assert OURS == await watch(lambda: azure.flush(NSG), lambda found: found == OURS, patience=10)
    found = await watch(azure.findings, lambda some: ("flushSwitchedOff", NSG) in some, patience=5)
    assert [("flushSwitchedOff", NSG)] == found


async def test_a_machine_without_a_group_gets_one_that_ends_sessions(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01", endSessions=True)
    assert OURS == await azure.flush("postern-bare-01")
    grant = await postern.ask(wish("bare-01"))
    await azure.connect("bare-01", USER)
    await postern.revoke(grant["id"])
    assert [] == await azure.established()


async def test_where_the_group_may_not_be_written_it_is_locked_and_the_truth_is_told(
    postern: Postern, azure: Azure
) -> None:
    await azure.fault("403", "PUT", f"{NSG}($|\\?)", times=99)
    enabled = await postern.enable("web-01", endSessions=True)
    assert ("holds", "continue") == (enabled["lock"]["state"], enabled["sessions"]["state"])
    assert "lacks a permission" in enabled["sessions"]["note"]
    grant = await postern.ask(wish("web-01"))
    session = await azure.connect("web-01", USER)
    assert "continue" == grant["sessions"]["state"]
    await postern.revoke(grant["id"])
    assert ([session], False) == (await azure.established(), await azure.passes("web-01", USER, 22))
    await azure.disarm()
    await postern.enable("web-01", endSessions=True)
    assert [] == await azure.established()
