"""Machines without any group: one is made with the lock inside, put on the interface, and taken away again if asked."""

from typing import Any

import pytest

from tests.journeys.azure import ATTACKER, GROUPS, INSIDE, NETWORK, WELL_KNOWN, Azure
from tests.journeys.client import RESOURCE_GROUPS, USER, Json, Postern, machine, read, watch, wish
from tests.journeys.test_bad_requests import problem
from tests.journeys.test_repair import ANYTHING

BARE = ("bare-01", "bare-02", "bare-03")
OWN = "postern-bare-01"
NIC = "networkInterfaces/bare-01-nic"
POLICY = f"/api/policies{machine('bare-01')}"
# What ARM itself changes with every write.
OF_ARM = {"etag", "provisioningState"}


def without(document: Any, names: set[str]) -> Any:  # noqa: ANN401 - any JSON.
    """A document without what has one of these names, at any depth."""
    if isinstance(document, dict):
        return {name: without(value, names) for name, value in document.items() if name not in names}
    return [without(one, names) for one in document] if isinstance(document, list) else document


async def interface(azure: Azure, name: str = "bare-01") -> Any:  # noqa: ANN401 - any JSON.
    return without(await azure.interface(f"{name}-nic"), OF_ARM)


async def remove(postern: Postern, query: str = "") -> Json:
    return read(await postern.call("administrator", "DELETE", f"{POLICY}{query}"), 200)


async def groups_of(azure: Azure, name: str) -> str | None:
    """The name of the group that is on a machine's interface."""
    group = (await azure.interface(f"{name}-nic"))["properties"].get("networkSecurityGroup")
    return str(group["id"].split("/")[-1]) if group else None


@pytest.mark.parametrize("name", BARE)
async def test_the_machine_is_open_to_the_inside_before_and_closed_to_all_afterwards(
    postern: Postern, azure: Azure, name: str
) -> None:
    assert {22, 3389, 8080} <= await azure.passing(name, INSIDE, WELL_KNOWN)
    assert {"state": "holds", "because": []} == (await postern.enable(name))["lock"]
    probes = {"168.63.129.16"} if name == "bare-03" else set()
    assert probes == set(await azure.open_to(name, WELL_KNOWN))


@pytest.mark.parametrize("name", BARE)
async def test_everything_but_the_group_survives_at_the_interface(postern: Postern, azure: Azure, name: str) -> None:
    before = await interface(azure, name)
    await postern.enable(name)
    assert before == without(await interface(azure, name), {"networkSecurityGroup"})
    assert f"postern-{name}" == await groups_of(azure, name)


async def test_what_bare_03_must_keep_is_there_at_all(azure: Azure) -> None:
    properties = (await interface(azure, "bare-03"))["properties"]
    first, second = (one["properties"] for one in properties["ipConfigurations"])
    assert (True, {"kept": True}) == (properties["enableAcceleratedNetworking"], properties["futureProperty"])
    assert {"publicIPAddress", "applicationSecurityGroups", "futureProperty"} <= set(first)
    assert {"loadBalancerBackendAddressPools", "applicationSecurityGroups"} <= set(second)


@pytest.mark.parametrize("name", BARE)
async def test_the_group_is_made_with_the_lock_inside_before_it_is_attached(
    postern: Postern, azure: Azure, name: str
) -> None:
    await postern.enable(name)
    calls = (await azure.control("GET", "calls"))["calls"]
    writes = [call["path"].split("?")[0].split("/")[-1] for call in calls if call["method"] in {"PUT", "DELETE"}]
    # One write of the group and none of a rule: whatever stands in it has been there from the start.
    assert [f"postern-{name}", f"{name}-nic"] == writes
    assert 1 <= len(await azure.ours(f"postern-{name}", "postern-lock-"))


async def test_the_group_says_for_whom_it_was_made_and_stands_beside_the_machine(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("bare-01")
    group = await azure.arm("GET", f"{GROUPS}/{OWN}")
    assert ("westeurope", ["postern-made-for"]) == (group["location"], list(group["tags"]))


async def test_a_grant_opens_it_and_its_end_closes_it(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01")
    grant = await postern.ask(wish("bare-01"))
    assert {USER: {22}} == await azure.open_to("bare-01", WELL_KNOWN)
    assert 200 == (await postern.revoke(grant["id"])).status_code
    assert {} == await azure.open_to("bare-01", WELL_KNOWN)


async def test_a_bare_machine_of_another_region_gets_its_group_there(postern: Postern, azure: Azure) -> None:
    id_ = machine("partner-03", "partner")
    read(await postern.call("administrator", "PUT", f"/api/policies{id_}", {}), 201)
    group = await azure.arm("GET", f"{GROUPS.replace('/demo/', '/partner/')}/postern-partner-03")
    assert ("northeurope", ["partner-03-nic"]) == (
        group["location"], [one["id"].split("/")[-1] for one in group["properties"]["networkInterfaces"]]
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["403", "503"])
async def test_a_failure_between_the_steps_leaves_nothing_half_attached_and_repair_finishes_it(
    postern: Postern, azure: Azure, kind: str
) -> None:
    before = await interface(azure)
    await azure.fault(kind, "PUT", NIC, times=1000)
    assert (await postern.call("administrator", "PUT", POLICY, {})).status_code in {409, 503}
    assert (before, 1) == (await interface(azure), len(await azure.ours(OWN, "postern-lock-")))
    assert "configured exposed" == await _seen(postern)
    await azure.disarm()
    await postern.run("repair")
    assert OWN == await watch(lambda: groups_of(azure, "bare-01"), bool, patience=10)
    assert ({}, "configured holds") == (await azure.open_to("bare-01", WELL_KNOWN), await _seen(postern))


async def _seen(postern: Postern) -> str:
    row = await postern.row("bare-01")
    return " ".join((row["state"], *(one["code"] for one in row["reasons"])))


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *((NIC, kind) for kind in ("429", "retryable", "409", "412", "500", "lost-answer", "failed-operation")),
        *((f"networkSecurityGroups/{OWN}$", kind) for kind in ("409", "500", "lost-answer", "failed-operation")),
    ],
)
async def test_whatever_goes_wrong_once_doing_it_again_finishes_it(
    postern: Postern, azure: Azure, path: str, kind: str
) -> None:
    await azure.fault(kind, "PUT", path)
    answer = await postern.call("administrator", "PUT", POLICY, {})
    assert answer.status_code in {201, 409, 503}
    assert "holds" == (await postern.enable("bare-01"))["lock"]["state"]
    assert ({}, OWN) == (await azure.open_to("bare-01", WELL_KNOWN), await groups_of(azure, "bare-01"))


async def test_without_being_asked_to_removing_leaves_the_group_on_the_interface_empty(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("bare-01")
    removed = await remove(postern)
    assert (OWN, {}) == (await groups_of(azure, "bare-01"), await azure.rules(OWN))
    assert (f"{GROUPS}/{OWN}", False) == (removed["createdNsg"]["id"], removed["createdNsg"]["deleted"])


@pytest.mark.parametrize("name", BARE)
async def test_when_asked_to_removing_takes_the_group_away_and_the_interface_is_as_before(
    postern: Postern, azure: Azure, name: str
) -> None:
    before, names = await interface(azure, name), await azure.group_names()
    await postern.enable(name)
    path = f"/api/policies{machine(name)}?deleteCreatedNsg=true"
    removed = read(await postern.call("administrator", "DELETE", path), 200)
    assert (before, names) == (await interface(azure, name), await azure.group_names())
    assert (True, None) == (removed["createdNsg"]["deleted"], removed["createdNsg"]["why"])
    assert {22, 3389, 8080} <= await azure.passing(name, INSIDE, WELL_KNOWN)


async def test_the_group_is_kept_when_somebody_put_a_rule_in_it(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01")
    await azure.put_rule(OWN, "mine", {**ANYTHING, "priority": 300, "destinationPortRange": "443"})
    created = (await remove(postern, "?deleteCreatedNsg=true"))["createdNsg"]
    assert (False, True) == (created["deleted"], "rules" in created["why"])
    assert (OWN, ["mine"]) == (await groups_of(azure, "bare-01"), list(await azure.rules(OWN)))
    assert {443} == await azure.passing("bare-01", ATTACKER, WELL_KNOWN)


async def test_the_group_is_kept_when_others_use_it_too(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01")
    spare = await azure.interface("spare-nic")
    spare["properties"]["networkSecurityGroup"] = {"id": f"{GROUPS}/{OWN}"}
    await azure.arm("PUT", f"{NETWORK}/networkInterfaces/spare-nic", spare)
    created = (await remove(postern, "?deleteCreatedNsg=true"))["createdNsg"]
    assert (False, True) == (created["deleted"], "others" in created["why"])
    assert OWN in await azure.group_names()


async def test_a_group_that_postern_did_not_make_is_never_deleted(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    path = f"/api/policies{machine('web-01')}?deleteCreatedNsg=true"
    created = read(await postern.call("administrator", "DELETE", path), 200)["createdNsg"]
    assert (False, "web-01-nsg") == (created["deleted"], await groups_of(azure, "web-01"))


async def test_a_machine_that_keeps_its_group_is_enabled_again_in_it(postern: Postern, azure: Azure) -> None:
    await postern.enable("bare-01")
    await remove(postern)
    names = await azure.group_names()
    assert "holds" == (await postern.enable("bare-01"))["lock"]["state"]
    await remove(postern, "?deleteCreatedNsg=true")
    assert names - {OWN} == await azure.group_names()


async def test_a_group_of_that_name_that_somebody_else_made_is_refused_and_left_alone(
    postern: Postern, azure: Azure
) -> None:
    await azure.arm("PUT", f"{GROUPS}/{OWN}", {"location": "westeurope", "properties": {}})
    calls = len(await azure.calls())
    answer = await postern.call("administrator", "PUT", POLICY, {})
    problem(answer, 422, "refused")
    assert ["groupNameTaken"] == [one["code"] for one in answer.json()["issues"]]
    assert ({}, None) == (await azure.writes(since=calls), await groups_of(azure, "bare-01"))


@pytest.mark.parametrize("scope", ["", "/providers/Microsoft.Network/networkInterfaces/partner-03-nic"])
async def test_a_read_only_interface_is_refused_before_anything_is_written(
    postern: Postern, azure: Azure, scope: str
) -> None:
    lock = f"{RESOURCE_GROUPS}/partner{scope}/providers/Microsoft.Authorization/locks/frozen"
    await azure.arm("PUT", lock, {"properties": {"level": "ReadOnly"}})
    # The app keeps what it has read of locks for a second.
    await watch(lambda: postern.row("partner-03"), lambda row: bool(row["state"] == "unsupported"), patience=10)
    calls = len(await azure.calls())
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('partner-03', 'partner')}", {})
    problem(answer, 422, "refused")
    assert {"readOnly"} == {one["code"] for one in answer.json()["issues"]}
    assert {} == await azure.writes(since=calls)


async def test_a_group_under_a_read_only_lock_is_refused_before_anything_is_written(
    postern: Postern, azure: Azure
) -> None:
    path, calls = f"/api/policies{machine('frozen-01')}", len(await azure.calls())
    answer = await postern.call("administrator", "PUT", path, {})
    problem(answer, 422, "refused")
    assert ["readOnly"] == [one["code"] for one in answer.json()["issues"]]
    assert ({}, 404) == (await azure.writes(calls), (await postern.call("auditor", "GET", path)).status_code)


async def test_a_group_that_only_must_not_be_deleted_is_locked_and_its_lock_taken_away(
    postern: Postern, azure: Azure
) -> None:
    before = await azure.rules("kept-nsg")
    assert "holds" == (await postern.enable("kept-01"))["lock"]["state"]
    await postern.disable("kept-01")
    assert before == await azure.rules("kept-nsg")
