"""What the app still does when its identity lacks a role, and how it says what lacks."""

import pytest

from tests.journeys.azure import ATTACKER, INSIDE, WELL_KNOWN, Azure
from tests.journeys.client import USER, Json, Postern, machine, read, watch, wish
from tests.journeys.past import Past
from tests.journeys.test_bad_requests import problem

NETWORK = "Microsoft.Network"
RULES = f"{NETWORK}/networkSecurityGroups/securityRules"
WRITE = f"{NETWORK}/networkSecurityGroups/write"
ALL = {"create-nsg", "flush", "lock-and-grant", "read-flow-logs", "read-logs"}


async def only(azure: Azure, *roles: str) -> None:
    """The app's identity has these roles and no others."""
    await azure.control("POST", "roles", {"roles": sorted(roles)})


async def without(azure: Azure, action: str) -> None:
    """The app's identity has all roles, and in none of them this action of Microsoft.Network."""
    await azure.control("POST", "roles", {"roles": sorted(ALL), "without": [f"{NETWORK}/{action}"]})


async def lacking(azure: Azure) -> set[str]:
    """The actions that the app tried without having them."""
    uses: list[Json] = (await azure.control("GET", "actions"))["actions"]
    return {str(one["action"]) for one in uses if not one["granted"]}


async def test_single_rules_are_enough_to_lock_open_and_close(postern: Postern, azure: Azure) -> None:
    await only(azure, "lock-and-grant")
    assert "holds" == (await postern.enable("mon-01"))["lock"]["state"]
    assert set() == await azure.passing("mon-01", INSIDE, WELL_KNOWN)
    grant = await postern.ask(wish("mon-01"))
    assert {USER: {22}} == await azure.open_to("mon-01", WELL_KNOWN)
    assert 200 == (await postern.revoke(grant["id"])).status_code
    assert {} == await azure.open_to("mon-01", WELL_KNOWN)


async def test_what_needs_several_rules_goes_rule_by_rule(postern: Postern, azure: Azure) -> None:
    await only(azure, "lock-and-grant")
    assert "holds" == (await postern.enable("ftp-01", lock={"keepOpen": [5000]}))["lock"]["state"]
    assert ({5000}, {WRITE}) == (await azure.passing("ftp-01", ATTACKER, (22, 5000)), await lacking(azure))
    await postern.disable("ftp-01")
    assert [] == await azure.ours("ftp-01-nsg")


async def test_a_bare_machine_is_refused_by_the_name_of_what_lacks(postern: Postern, azure: Azure) -> None:
    await only(azure, "lock-and-grant")
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('bare-02')}", {})
    problem(answer, 503, "unavailable")
    assert answer.json()["detail"].endswith(f"AuthorizationFailed: Postern's identity lacks a permission: {WRITE}")
    assert "postern-bare-02" not in await azure.group_names()


async def test_an_interface_that_may_not_be_written_is_refused_by_the_name_of_what_lacks(
    postern: Postern, azure: Azure
) -> None:
    await only(azure, "lock-and-grant", "flush")
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('bare-02')}", {})
    problem(answer, 503, "unavailable")
    assert answer.json()["detail"].endswith(f"lacks a permission: {NETWORK}/networkInterfaces/write")
    assert "networkSecurityGroup" not in (await azure.interface("bare-02-nic"))["properties"]


async def test_sessions_that_cannot_be_ended_are_said_to_live_on(postern: Postern, azure: Azure) -> None:
    await only(azure, "lock-and-grant")
    enabled = await postern.enable("mon-01", endSessions=True)
    assert ("holds", "continue") == (enabled["lock"]["state"], enabled["sessions"]["state"])
    assert f"lacks a permission: {WRITE}" in enabled["sessions"]["note"]


async def test_a_rule_of_others_that_names_application_groups_keeps_no_machine_open(
    postern: Postern, azure: Azure
) -> None:
    await only(azure, "lock-and-grant", "create-nsg")
    enabled = await postern.enable("db-02", endSessions=True)
    join = f"{NETWORK}/applicationSecurityGroups/joinNetworkSecurityRule/action"
    assert ("holds", {join}) == (enabled["lock"]["state"], await lacking(azure))
    assert f"LinkedAuthorizationFailed: Postern's identity lacks a permission: {join}" in enabled["sessions"]["note"]


async def test_without_the_logs_the_activity_says_so_once_and_tells_what_is_on_record(past: Past, azure: Azure) -> None:
    await only(azure, *(ALL - {"read-logs"}))
    await past.postern.enable("web-01")
    await past.knock(flows=3)
    found = await past.activity()
    assert [("forbidden", "Log Analytics")] == [(gap["code"], gap["subject"]) for gap in found["gaps"]]
    assert ["policy"] == [one["kind"] for one in found["value"]]


async def test_without_any_role_nothing_is_locked_and_what_lacks_is_named(postern: Postern, azure: Azure) -> None:
    await only(azure)
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('mon-01')}", {})
    problem(answer, 503, "unavailable")
    assert answer.json()["detail"].endswith("lacks a permission: Microsoft.Compute/virtualMachines/read")


@pytest.mark.parametrize(
    "action",
    ["networkInterfaces/read", "virtualNetworks/subnets/read", "publicIPAddresses/read", "networkSecurityGroups/read"],
)
async def test_a_machine_whose_network_may_not_be_read_is_not_locked(
    postern: Postern, azure: Azure, action: str
) -> None:
    await without(azure, action)
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('web-03')}", {})
    problem(answer, 503, "unavailable")
    assert (f"lacks a permission: {NETWORK}/{action}", []) == (
        answer.json()["detail"].partition("identity ")[2],
        await azure.ours("web-nsg"),
    )


async def test_a_rule_that_may_not_be_deleted_keeps_its_grant_closing_until_it_may(
    postern: Postern, azure: Azure
) -> None:
    await only(azure, "lock-and-grant")
    await postern.enable("mon-01")
    grant = await postern.ask(wish("mon-01"))
    await azure.control("POST", "roles", {"roles": ["lock-and-grant"], "without": [f"{RULES}/delete"]})
    await postern.revoke(grant["id"])
    assert "closing" == (await postern.grant(grant["id"]))["state"]
    assert [22] == sorted(await azure.passing("mon-01", USER, WELL_KNOWN))
    await only(azure, "lock-and-grant")
    await postern.run("sweep")
    assert "revoked" == (await postern.until(grant["id"], "revoked"))["state"]


async def test_a_group_that_may_not_be_joined_is_made_and_attached_to_nothing(postern: Postern, azure: Azure) -> None:
    await without(azure, "networkSecurityGroups/join/action")
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('bare-02')}", {})
    problem(answer, 503, "unavailable")
    assert answer.json()["detail"].endswith(f"lacks a permission: {NETWORK}/networkSecurityGroups/join/action")
    assert "postern-bare-02" in await azure.group_names()
    assert "networkSecurityGroup" not in (await azure.interface("bare-02-nic"))["properties"]
    assert ["exposed"] == [one["code"] for one in (await postern.row("bare-02"))["reasons"]]


async def test_a_group_that_may_not_be_deleted_is_kept_and_the_answer_says_why(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-02")
    await without(azure, "networkSecurityGroups/delete")
    path = f"/api/policies{machine('bare-02')}?deleteCreatedNsg=true"
    created = read(await postern.call("administrator", "DELETE", path), 200)["createdNsg"]
    assert (False, True) == (created["deleted"], f"{NETWORK}/networkSecurityGroups/delete" in created["why"])
    assert "postern-bare-02" in await azure.group_names()


async def test_resource_locks_that_may_not_be_read_are_a_warning(postern: Postern, azure: Azure) -> None:
    lacking = {"roles": ["lock-and-grant"], "without": ["Microsoft.Authorization/locks/read"]}
    await azure.control("POST", "roles", lacking)
    # The app keeps what it has read of locks for a second.
    page = await watch(postern.machines, lambda page: bool(page["warnings"]), patience=10)
    assert ["Resource locks could not be read"] == [one[:32] for one in page["warnings"]]
