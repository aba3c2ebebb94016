"""What others change behind the app's back: what opened is closed again, and what was closed is never opened."""

from tests.journeys.azure import ATTACKER, WELL_KNOWN, Azure
from tests.journeys.client import ENDS, USER, Json, Postern, machine, watch, wish

NSG = "web-01-nsg"
ANYTHING = {
    "direction": "Inbound", "access": "Allow", "protocol": "*", "sourcePortRange": "*", "sourceAddressPrefix": "*",
    "destinationAddressPrefix": "*", "destinationPortRange": "*",
}  # fmt: skip


async def repaired(postern: Postern, azure: Azure, expected: dict[str, set[int]]) -> dict[str, set[int]]:
    """Who gets in to web-01 and where, as soon as a repair has made it what is expected, or after ten seconds."""
    await postern.run("repair")
    return await watch(lambda: azure.open_to("web-01", WELL_KNOWN), lambda found: found == expected, patience=10)


def writable(properties: Json) -> Json:
    """A rule's properties without those that only ARM writes."""
    return {name: value for name, value in properties.items() if name != "provisioningState"}


async def test_a_lock_that_somebody_deleted_is_put_back(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    before = await azure.rules(NSG)
    [lock] = await azure.ours(NSG)
    await azure.delete_rule(NSG, lock)
    assert await azure.passes("web-01", ATTACKER, 22)
    assert {} == await repaired(postern, azure, {})
    assert before == await azure.rules(NSG)


async def test_a_lock_that_somebody_turned_into_an_allow_is_a_lock_again(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    [lock] = await azure.ours(NSG)
    await azure.put_rule(NSG, lock, {**writable(await azure.rule(NSG, lock)), "access": "Allow"})
    assert await azure.passes("web-01", ATTACKER, 22)
    assert {} == await repaired(postern, azure, {})


async def test_a_lock_that_somebody_moved_below_the_customers_rules_comes_back_above_them(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    [lock] = await azure.ours(NSG)
    await azure.put_rule(NSG, lock, {**writable(await azure.rule(NSG, lock)), "priority": 4000})
    assert await azure.passes("web-01", ATTACKER, 22)
    assert {} == await repaired(postern, azure, {})


async def test_a_lock_moves_above_an_allow_that_a_customer_added_later(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await azure.put_rule(NSG, "allow-in-a-hurry", {**ANYTHING, "priority": 150})
    assert await azure.passes("web-01", ATTACKER, 22)
    assert {} == await repaired(postern, azure, {})
    assert 150 == (await azure.rule(NSG, "allow-in-a-hurry"))["priority"]


async def test_a_rule_of_a_grant_that_there_is_not_is_taken_away(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await azure.put_rule(NSG, "postern-open-00000000000000000000000a-1", {**ANYTHING, "priority": 120})
    assert await azure.passes("web-01", ATTACKER, 22)
    assert {} == await repaired(postern, azure, {})
    assert [] == await azure.ours(NSG, "postern-open-")


async def test_a_rule_of_ours_that_somebody_widened_is_narrowed_again(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    name = grant["rules"][0]["name"]
    narrow = writable(await azure.rule(NSG, name))
    await azure.put_rule(NSG, name, {**narrow, "sourceAddressPrefix": "*", "destinationPortRange": "*"})
    assert await azure.passes("web-01", ATTACKER, 3389)
    assert {USER: {22}} == await repaired(postern, azure, {USER: {22}})
    assert "active" == (await postern.until(grant["id"], "active"))["state"]


async def test_a_grant_whose_rule_somebody_removed_ends_and_is_not_reopened(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    await azure.delete_rule(NSG, grant["rules"][0]["name"])
    await postern.run("repair")
    ended = await postern.until(grant["id"], *ENDS)
    assert ("revoked", "removedOutside") == (ended["state"], ended["reason"])
    await postern.run("repair")
    await postern.insist(grant["id"], *ENDS)
    assert ({}, []) == (await azure.open_to("web-01"), await azure.ours(NSG, "postern-open-"))


async def test_another_persons_request_does_not_bring_a_removed_rule_back(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    removed = await postern.ask(wish("web-01"))
    await azure.delete_rule(NSG, removed["rules"][0]["name"])
    await postern.ask(wish("web-01", source="203.0.113.9"), user="pipeline")
    assert not await azure.passes("web-01", USER, 22)
    assert await azure.passes("web-01", "203.0.113.9", 22)


async def test_a_repair_leaves_open_what_is_granted_and_changes_nothing_needlessly(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    await postern.enable("lb-01")
    await postern.ask(wish("web-01"))
    before, calls = await azure.rules(NSG), len(await azure.calls())
    await azure.delete_rule("lb-01-nsg", (await azure.ours("lb-01-nsg", "postern-lock-"))[0])
    await postern.run("repair")
    await azure.until_ours("lb-01-nsg", 1, "postern-lock-")
    assert before == await azure.rules(NSG)
    assert 0 == (await azure.writes(calls))["web-01-nsg"]


async def test_a_machine_that_is_gone_stops_no_repair_of_the_others(postern: Postern, azure: Azure) -> None:
    await postern.enable("jump-01")
    await postern.enable("web-01")
    await azure.arm("DELETE", machine("jump-01"))
    await azure.delete_rule(NSG, (await azure.ours(NSG))[0])
    assert {} == await repaired(postern, azure, {})


async def test_a_repair_ends_nothing_and_opens_nothing_while_azure_refuses(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    # Neither the list of groups can be read nor, after that, the group itself.
    await azure.fault("403", "GET", "networkSecurityGroups", times=2)
    await postern.run("repair")
    await azure.until_faulty()
    assert {USER: {22}} == await azure.open_to("web-01", WELL_KNOWN)
    assert "active" == (await postern.until(grant["id"], "active"))["state"]
