"""The list of machines: each in its tab with its reason, whatever it is and however many there are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.box import Box, Site
from emulator.environment import SUBSCRIPTION
from emulator.ports import Ports
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, machine, read, watch, wish
from tests.journeys.test_bad_requests import problem

# Every machine of the demo world that nobody has enabled: its tab, and why it is there.
PLACES = {
    "notConfigured noNetworkSecurityGroup": "bare-01 bare-02 bare-03 dual-02 partner-03 sleeper-02",
    "notConfigured openToInternet": (
        "app-01 app-02 build-01 desk-01 desk-02 desk-03 dual-01 edge-01 flex-01 ftp-01 kept-01 lb-01 "
        "lb-02 mon-01 multi-01 partner-02 router-01 sleeper-01 web-01 web-02 web-03"
    ),
    "notConfigured openToSome": "jump-01 jump-02",
    "notConfigured notGuarded": "both-01 closed-01 closed-02 crowded-01 db-01 db-02 partner-01 sql-01 voip-01",
    "notConfigured unknown": "dc-01 dc-02 erp-01 files-01 hmi-02",
    "unsupported readOnly": "frozen-01",
    "unsupported managedByService": "bricks-01",
    "unsupported noNetworkInterface": "nic-less-01",
    "unsupported classic": "old-01",
    "unsupported scaleSetUniform": "set-01",
    "unsupported disconnected": "pos-08 pos-09",
    "unsupported expired needsAgentUpdate": "legacy-03",
    "unsupported needsAgentUpdate": "pos-07",
}
# The settings of Azure: in the usual box the index is read again each second.
MINUTE = {"POSTERN_INVENTORY_AGE": "PT1M"}
MEGABYTE = 1024  # in the kilobytes that Linux counts memory in


@pytest.fixture(scope="module")
async def listed(box: Box) -> Postern:
    """The demo world as it is at first, for tests that only look."""
    await box.reset()
    return Postern(box)


@pytest.fixture
async def patient_box(tmp_path: Path, site: Site) -> AsyncIterator[Box]:
    """A whole box whose app keeps what it has read of the index for as long as on Azure."""
    ports = Ports.find(start=site.ports.azurite + 7)
    async with Box(replace(site, ports=ports, directory=tmp_path, settings=MINUTE)) as box:
        yield box


def names(document: Json) -> list[str]:
    return [one["name"] for one in document["value"]]


async def test_every_machine_of_the_demo_world_stands_in_its_tab_with_its_reason(listed: Postern) -> None:
    found = (await listed.machines(pageSize="200"))["value"]
    expected = {name: place for place, members in PLACES.items() for name in members.split()}
    actual = {one["name"]: " ".join((one["state"], *(why["code"] for why in one["reasons"]))) for one in found}
    assert (expected, len(found)) == (actual, len(actual))


async def test_bare_machines_with_a_public_address_come_first_and_closed_ones_last(listed: Postern) -> None:
    found = (await listed.machines(pageSize="200"))["value"]
    assert ["bare-01", "bare-03", "partner-03"] == [one["name"] for one in found[:3]]
    order = ["critical", "high", "medium", "low"]
    assert sorted((one["urgency"] for one in found), key=order.index) == [one["urgency"] for one in found]


async def test_what_one_sees_of_a_machine_is_what_azure_has(listed: Postern) -> None:
    web = await listed.row("web-01")
    expected = {
        "id": machine("web-01"), "name": "web-01", "kind": "virtualMachine", "subscription": SUBSCRIPTION,
        "resourceGroup": "demo", "location": "westeurope", "os": "Linux", "power": "running", "tags": {"team": "shop"},
        "privateAddresses": ["10.0.0.4"], "publicAddresses": ["198.51.100.4"], "suggestedPorts": [22],
        "lock": None, "policy": None, "use": None,
    }  # fmt: skip
    assert expected == {name: web[name] for name in expected}


async def test_what_is_open_is_told_with_the_rule_that_opens_it(listed: Postern) -> None:
    opened = [(one["port"], one["rule"], one["priority"]) for one in (await listed.row("web-01"))["exposure"]]
    assert [(22, "allow-ssh", 310), (3389, "allow-rdp", 300)] == sorted(opened)


async def test_a_machine_that_is_switched_off_is_shown_as_such(listed: Postern) -> None:
    powers = [(await listed.row(name))["power"] for name in ("sleeper-01", "sleeper-02", "web-01")]
    assert ["deallocated", "stopped", "running"] == powers


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"state": "unsupported", "q": "demo"}, {"bricks-01", "frozen-01", "nic-less-01", "old-01", "set-01"}),
        ({"state": "unsupported", "q": "onprem"}, {"legacy-03", "pos-07", "pos-08", "pos-09"}),
        ({"state": "configured"}, set()),
        ({"q": "web-0"}, {"web-01", "web-02", "web-03"}),
        ({"q": "partner", "urgency": "critical"}, {"partner-03"}),
        ({"q": "bare", "os": "windows"}, set()),
        ({"condition": "locked,open,exposed,unknown"}, set()),
        ({"q": "TEAM=finance"}, {"erp-01", "sql-01"}),
        ({"q": "198.51.100.7"}, {"edge-01"}),
        ({"q": "fd00:db8:7::5"}, {"dual-02"}),
        ({"q": "northeurope"}, {"partner-01", "partner-02", "partner-03"}),
        ({"q": "bare", "state": "notConfigured"}, {"bare-01", "bare-02", "bare-03"}),
        ({"subscription": "33333333-3333-3333-3333-333333333333"}, set()),
        ({"subscription": SUBSCRIPTION.upper(), "q": "edge"}, {"edge-01"}),
    ],
)
async def test_a_filter_shows_what_it_names(listed: Postern, wanted: dict[str, str], expected: set[str]) -> None:
    assert expected == set(names(await listed.machines(**wanted)))


async def test_the_tabs_tell_how_many_machines_are_in_each_whatever_is_shown(listed: Postern) -> None:
    counts = (await listed.machines(state="unsupported", q="old"))["counts"]
    assert {"configured": 0, "notConfigured": 43, "unsupported": 9} == counts


async def test_the_pages_together_are_the_list(listed: Postern) -> None:
    whole, part = names(await listed.machines(pageSize="200")), await listed.machines(pageSize="10")
    found = names(part)
    while part["nextPageToken"]:
        part = await listed.machines(pageSize="10", pageToken=part["nextPageToken"])
        found += names(part)
    assert whole == found


@pytest.mark.parametrize("by", ["name", "resourceGroup", "location"])
async def test_the_pages_of_an_order_together_are_the_list_the_other_way_round(listed: Postern, by: str) -> None:
    whole = names(await listed.machines(orderBy=by, pageSize="200"))
    asked = {"orderBy": by, "descending": "true", "pageSize": "10"}
    part = await listed.machines(**asked)
    found = names(part)
    while part["nextPageToken"]:
        part = await listed.machines(**asked, pageToken=part["nextPageToken"])
        found += names(part)
    assert whole[::-1] == found


async def test_a_list_by_name_is_one(listed: Postern) -> None:
    found = names(await listed.machines(orderBy="name", pageSize="200"))
    assert sorted(found, key=str.lower) == found


@pytest.mark.parametrize(
    "wanted",
    [
        "state=open",
        "condition=closed",
        "urgency=dire",
        "orderBy=size",
        "pageToken=x",
        "pageToken=W10=",
        "pageSize=0",
        f"q={'x' * 201}",
    ],
)
async def test_a_filter_that_makes_no_sense_is_refused(listed: Postern, wanted: str) -> None:
    assert 400 == (await listed.call("auditor", "GET", f"/api/machines?{wanted}")).status_code


@pytest.mark.parametrize("path", ["/api/machines", f"/api/machines{machine('web-01')}", "/api/policies"])
async def test_whoever_has_a_role_may_look_and_nobody_else(listed: Postern, path: str) -> None:
    users = ("requestor", "approver", "administrator", "auditor", "outsider")
    assert [200, 200, 200, 200, 403] == [(await listed.call(user, "GET", path)).status_code for user in users]
    assert 401 == (await listed.send("GET", path, None)).status_code


@pytest.mark.parametrize("id_", [machine("nobody"), machine("old-01"), machine("web-01").replace("1111-", "2222-")])
async def test_a_machine_that_is_not_there_or_not_ours_is_not_found(listed: Postern, id_: str) -> None:
    problem(await listed.call("auditor", "GET", f"/api/machines{id_}"), 404, "notFound")


async def detail(postern: Postern, name: str, user: str = "auditor") -> Json:
    return read(await postern.call(user, "GET", f"/api/machines{machine(name)}"), 200)


async def test_one_machine_is_shown_with_the_groups_on_its_way(listed: Postern) -> None:
    both = await detail(listed, "both-01")
    [place] = both["endpoints"]
    assert ["both-subnet-nsg", "both-01-nsg"] == [place[name].split("/")[-1] for name in ("subnetNsg", "nicNsg")]
    counted = {one["id"].split("/")[-1]: (one["rules"], one["rulesOfPostern"]) for one in both["nsgs"]}
    assert {"both-subnet-nsg": (1, 0), "both-01-nsg": (1, 0)} == counted
    assert ("10.0.2.4", "both-01-nic") == (place["address"], place["nic"].split("/")[-1])


async def test_a_machine_behind_a_load_balancer_and_one_in_an_application_group_are_shown_so(listed: Postern) -> None:
    [balanced], [member] = [(await detail(listed, name))["endpoints"] for name in ("lb-01", "db-01")]
    assert (True, False) == (balanced["behindLoadBalancer"], member["behindLoadBalancer"])
    assert ["db-asg"] == [one.split("/")[-1] for one in member["applicationSecurityGroups"]]


async def test_an_enabled_machine_moves_to_its_tab_and_tells_that_its_lock_holds(postern: Postern) -> None:
    await postern.enable("web-01", ports=[{"number": 22}, {"number": "5000-5010"}])
    row = await postern.row("web-01")
    assert ("configured", ["holds"], "none") == (row["state"], [one["code"] for one in row["reasons"]], row["urgency"])
    assert ({"state": "holds", "because": []}, []) == (row["lock"], row["exposure"])
    assert {"ports": [22, "5000-5010"], "scope": "all"} == row["policy"]
    assert ["locked"] == row["conditions"]
    assert ["web-01"] == names(await postern.machines(state="configured"))


async def test_a_machine_whose_lock_is_outranked_stands_first_in_its_tab_and_names_the_rule(postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.enable("edge-01")
    rows = (await postern.machines(state="configured"))["value"]
    assert [("edge-01", "critical"), ("web-01", "none")] == [(one["name"], one["urgency"]) for one in rows]
    assert ["allow-ssh-first"] == [one["rule"] for one in rows[0]["lock"]["because"]]


async def test_a_granted_access_is_no_leak_and_is_told_as_use(postern: Postern) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    row = await postern.row("web-01")
    assert ["open"] == row["conditions"]
    assert ["web-01"] == names(await postern.machines(condition="open"))
    assert ("holds", 1, 1) == (row["lock"]["state"], row["use"]["activeGrants"], row["use"]["grantsLast7Days"])
    assert grant["id"] == row["use"]["lastAccess"]["grant"]
    assert [("10.0.0.4", 22)] == [(one["address"], one["port"]) for one in row["exposure"]]


async def test_grants_of_a_machine_are_shown_to_those_who_may_see_them(postern: Postern) -> None:
    await postern.enable("web-01")
    mine = (await postern.ask(wish("web-01")))["id"]
    other = (await postern.ask(wish("web-01", source="203.0.113.9"), user="pipeline"))["id"]
    shown = {
        user: {one["id"] for one in (await detail(postern, "web-01", user))["grants"]}
        for user in ("requestor", "pipeline", "approver", "auditor", "administrator")
    }
    all_ = {mine, other}
    assert {"requestor": {mine}, "pipeline": {other}, "approver": all_, "auditor": all_, "administrator": all_} == shown


async def test_the_detail_of_an_enabled_machine_has_its_policy_and_its_lock(postern: Postern) -> None:
    await postern.enable("web-01", ports=[{"number": 22}])
    await postern.ask(wish("web-01"))
    found = await detail(postern, "web-01")
    assert [(22, "TCP")] == [(one["number"], one["protocol"]) for one in found["policy"]["ports"]]
    assert ("holds", [2]) == (found["lock"]["state"], [one["rulesOfPostern"] for one in found["nsgs"]])
    assert [USER] == found["grants"][0]["ports"][0]["sources"]


async def test_without_the_index_there_is_no_list_and_not_an_empty_one(postern: Postern, azure: Azure) -> None:
    await azure.fault("403", "POST", "Microsoft.ResourceGraph", times=1000)
    # What was read a moment ago may be shown for a second more.
    answer = await watch(
        lambda: postern.call("auditor", "GET", "/api/machines"), lambda one: not one.is_success, patience=10
    )
    problem(answer, 503, "unavailable")
    await azure.disarm()
    assert {"configured": 0, "notConfigured": 43, "unsupported": 9} == (await postern.machines())["counts"]


async def test_without_the_resource_locks_the_list_says_so(postern: Postern, azure: Azure) -> None:
    await azure.fault("403", "GET", "Microsoft.Authorization/locks", times=1000)
    # As above.
    [warning] = (await watch(postern.machines, lambda page: bool(page["warnings"]), patience=10))["warnings"]
    assert "Resource locks could not be read" in warning


def memory(box: Box) -> dict[str, int]:
    """Kilobytes that the Functions host takes now (VmRSS), and that it took at most (VmHWM)."""
    lines = (line.split() for line in Path(f"/proc/{box.host.pid}/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[0] in {"VmRSS:", "VmHWM:"}}


async def test_ten_thousand_machines_are_listed_each_once_with_few_queries_and_little_memory(patient_box: Box) -> None:
    postern, azure = Postern(patient_box), Azure(patient_box)
    await patient_box.reset("large", machines=10_000)
    before = memory(patient_box)["VmRSS"]
    part = await postern.machines(pageSize="200")
    assert len(await azure.calls("Microsoft.ResourceGraph")) <= 13
    found = [one["id"] for one in part["value"]]
    while part["nextPageToken"]:
        part = await postern.machines(pageSize="200", pageToken=part["nextPageToken"])
        found += [one["id"] for one in part["value"]]
    assert [machine(f"vm-{number:05}", "large") for number in range(1, 10_001)] == sorted(found)
    assert memory(patient_box)["VmHWM"] - before < 150 * MEGABYTE
