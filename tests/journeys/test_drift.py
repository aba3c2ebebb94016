"""What others change behind the app's back is seen at once, put right by the repair, and on record exactly once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.journeys.azure import ATTACKER, NETWORK, WELL_KNOWN, Azure
from tests.journeys.client import Json, Postern, machine, watch, wish
from tests.journeys.test_repair import ANYTHING, writable

NSG = "web-01-nsg"


@dataclass(frozen=True, slots=True)
class Case:
    """A machine, what somebody else does, and what is found."""

    name: str
    do: Callable[[Azure], Awaitable[None]]
    found: tuple[str, str]

    def __str__(self) -> str:
        return self.found[0]


async def delete_the_lock(azure: Azure) -> None:
    await azure.delete_rule(NSG, (await azure.ours(NSG))[0])


async def edit_the_lock(azure: Azure) -> None:
    [lock] = await azure.ours(NSG)
    await azure.put_rule(NSG, lock, {**writable(await azure.rule(NSG, lock)), "access": "Allow"})


async def take_the_address_out_of_the_lock(azure: Azure) -> None:
    [lock] = await azure.ours(NSG)
    await azure.put_rule(NSG, lock, {**writable(await azure.rule(NSG, lock)), "destinationAddressPrefix": "10.0.0.99"})


async def outrank_the_lock(azure: Azure) -> None:
    await azure.put_rule(NSG, "in-a-hurry", {**ANYTHING, "priority": 150})


async def leave_an_orphan(azure: Azure) -> None:
    await azure.put_rule(NSG, "postern-open-00000000000000000000000a-1", {**ANYTHING, "priority": 120})


async def take_the_group_off(azure: Azure) -> None:
    nic = await azure.interface("bare-01-nic")
    del nic["properties"]["networkSecurityGroup"]
    await azure.arm("PUT", f"{NETWORK}/networkInterfaces/bare-01-nic", nic)


async def move(azure: Azure, name: str, address: str) -> None:
    nic = await azure.interface(f"{name}-nic")
    nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = address
    await azure.arm("PUT", f"{NETWORK}/networkInterfaces/{name}-nic", nic)


CASES = (
    Case("web-01", delete_the_lock, ("lockMissing", NSG)),
    Case("web-01", edit_the_lock, ("lockEdited", NSG)),
    Case("web-01", take_the_address_out_of_the_lock, ("lockEdited", NSG)),
    Case("web-01", outrank_the_lock, ("lockOutranked", NSG)),
    Case("web-01", leave_an_orphan, ("ruleOrphaned", NSG)),
    Case("bare-01", take_the_group_off, ("groupMissing", "bare-01")),
)


async def repair(postern: Postern, azure: Azure) -> None:
    """Let a repair run from its beginning to its end."""
    calls = len(await azure.calls())
    await postern.run("repair")
    # It begins by reading all groups.
    await watch(lambda: azure.calls("networkSecurityGroups?", calls), bool, patience=10)
    await azure.until_quiet()


async def listed(postern: Postern, name: str, is_so: Callable[[Json], bool]) -> Json:
    """A machine of the list once the index has caught up with what was written."""
    return await watch(lambda: postern.row(name), is_so, patience=10)


def seen(row: Json) -> tuple[str, list[str]]:
    return row["lock"]["state"], [leak["rule"] for leak in row["lock"]["because"]]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_what_was_opened_is_closed_again_and_is_on_record_once(
    postern: Postern, azure: Azure, case: Case
) -> None:
    await postern.enable(case.name)
    await case.do(azure)
    assert await azure.passes(case.name, ATTACKER, 22)
    assert "exposed" == seen(await postern.row(case.name))[0]
    await repair(postern, azure)
    assert ({}, [case.found]) == (await azure.open_to(case.name, WELL_KNOWN), await azure.findings())
    await repair(postern, azure)
    assert ([case.found], ("holds", [])) == (await azure.findings(), seen(await postern.row(case.name)))


async def test_a_finding_is_told_in_a_sentence_with_its_time_and_by_nobody(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    [lock] = await azure.ours(NSG)
    await delete_the_lock(azure)
    await repair(postern, azure)
    [found] = [one for one in await azure.records() if one["kind"] == "lockMissing"]
    assert f"{lock}, which locks web-01, was gone and was put back." == found["detail"]
    assert ("", "Postern", True) == (found["byId"], found["byName"], found["PartitionKey"] == found["at"][:10])


async def test_a_repair_that_finds_nothing_writes_nothing_anywhere(postern: Postern, azure: Azure) -> None:
    for name in ("web-01", "app-01", "app-02", "edge-01", "lb-01", "bare-01"):
        await postern.enable(name)
    await postern.ask(wish("web-01"))
    calls, records = len(await azure.calls()), await azure.records()
    await repair(postern, azure)
    assert ({}, records) == (await azure.writes(since=calls), await azure.records())


async def test_an_allow_at_the_first_number_shows_at_once_and_its_coming_and_going_is_on_record(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    assert ("holds", []) == seen(await postern.row("web-01"))
    await azure.put_rule(NSG, "in-a-hurry", {**ANYTHING, "priority": 100})
    row = await postern.row("web-01")
    assert (("exposed", ["in-a-hurry"]), "critical", []) == (seen(row), row["urgency"], await azure.findings())
    for _ in range(2):
        await repair(postern, azure)
        assert [("exposed", "web-01")] == await azure.findings()
    await azure.delete_rule(NSG, "in-a-hurry")
    assert ("holds", []) == seen(await postern.row("web-01"))
    for _ in range(2):
        await repair(postern, azure)
        assert [("exposed", "web-01"), ("holdsAgain", "web-01")] == await azure.findings()


async def test_enabling_a_machine_that_cannot_be_locked_is_on_record_as_well(postern: Postern, azure: Azure) -> None:
    await postern.enable("edge-01")
    assert [("exposed", "edge-01")] == await azure.findings()
    await repair(postern, azure)
    assert [("exposed", "edge-01")] == await azure.findings()


async def test_a_machine_that_got_another_address_is_locked_there_and_its_old_one_is_free(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    await move(azure, "web-01", "10.0.0.77")
    assert await azure.passes("web-01", ATTACKER, 22)
    row = await listed(postern, "web-01", lambda one: one["privateAddresses"] == ["10.0.0.77"])
    assert "exposed" == seen(row)[0]
    for _ in range(2):
        await repair(postern, azure)
        assert {} == await azure.open_to("web-01", WELL_KNOWN)
    # The old address may stay locked until it is known that nobody else has it.
    [lock] = await azure.ours(NSG)
    assert "10.0.0.77" == (await azure.rule(NSG, lock)).get("destinationAddressPrefix")
    assert [("machineChanged", "web-01")] == await azure.findings()


async def test_a_grant_for_an_address_that_the_machine_no_longer_has_ends(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    await move(azure, "web-01", "10.0.0.77")
    await listed(postern, "web-01", lambda one: one["privateAddresses"] == ["10.0.0.77"])
    await repair(postern, azure)
    ended = await postern.grant(grant["id"])
    assert ("revoked", "machineChanged") == (ended["state"], ended["reason"])
    assert ({}, []) == (await azure.open_to("web-01", WELL_KNOWN), await azure.ours(NSG, "postern-open-"))


async def test_a_machine_that_is_gone_loses_its_policy_and_rules_and_its_neighbour_keeps_its_lock(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("app-01")
    await postern.enable("app-02")
    await azure.arm("DELETE", machine("app-01"))
    await listed(postern, "app-01", lambda one: one["power"] is None)  # Known by its policy alone.
    await repair(postern, azure)
    await watch(azure.findings, bool, patience=10)
    await azure.until_quiet()
    assert 404 == (await postern.call("auditor", "GET", f"/api/policies{machine('app-01')}")).status_code
    assert ({}, [("machineGone", "app-01")]) == (await azure.open_to("app-02", WELL_KNOWN), await azure.findings())
    [lock] = await azure.ours("app-nsg")
    assert "10.0.1.5" == (await azure.rule("app-nsg", lock))["destinationAddressPrefix"]
    last = [one for one in await azure.records() if one["kind"] == "policyRemoved"]
    assert [("Postern", machine("app-01"))] == [(one["byName"], one["machine"]) for one in last]


async def test_a_group_of_ours_that_somebody_deleted_is_made_again(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01")
    await take_the_group_off(azure)
    await azure.arm("DELETE", f"{NETWORK}/networkSecurityGroups/postern-bare-01")
    await repair(postern, azure)
    assert {} == await azure.open_to("bare-01", WELL_KNOWN)
    assert ("groupMissing", "bare-01") in await azure.findings()
    before = await azure.findings()
    await repair(postern, azure)
    assert before == await azure.findings()


async def test_a_group_that_azure_does_not_let_us_read_stops_no_repair_of_the_others(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    await postern.enable("lb-01")
    await azure.fault("403", "GET", f"{NSG}$", times=1000)
    await azure.delete_rule("lb-01-nsg", (await azure.ours("lb-01-nsg", "postern-lock-"))[0])
    await repair(postern, azure)
    assert set() == await azure.passing("lb-01", ATTACKER, WELL_KNOWN)
    assert [("lockMissing", "lb-01-nsg")] == await azure.findings()


async def test_without_the_index_each_machine_is_repaired_all_the_same(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await delete_the_lock(azure)
    await azure.fault("403", "POST", "Microsoft.ResourceGraph", times=1000)
    await postern.run("repair")
    assert [("lockMissing", NSG)] == await watch(azure.findings, bool, patience=10)
    assert {} == await azure.open_to("web-01", WELL_KNOWN)
