"""Resource Graph: what it shows, how late, in which pages, and what it does not take."""

import asyncio
import sys
from typing import Any

import pytest

from emulator import world
from tests.emulator.conftest import COMPUTE, GROUPS, NETWORK, RULE, WEB, Box, rule
from tests.emulator.graph import MACHINES, NETWORKS, PATH, SPACES, ask, page, rows
from tests.emulator.test_groups import code

IDS = "resources | where type =~ 'microsoft.compute/virtualmachines' | project id | order by id asc"
TAGS = "resources | where name == 'web-01-nsg' | project id, tags"
TYPES = "resources | summarize machines = count() by type | order by type asc"


def named(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in found if one["name"] == name)


async def test_a_machine_is_one_row_with_its_interfaces_and_addresses_in_it(box: Box) -> None:
    machine = named(await rows(box, MACHINES), "web-01")
    (nic,) = machine.pop("nics")
    assert machine == {
        "id": f"{COMPUTE}/virtualMachines/web-01",
        "name": "web-01",
        "type": "microsoft.compute/virtualmachines",
        "location": "westeurope",
        "resourceGroup": "demo",
        "subscriptionId": world.SUBSCRIPTION,
        "tags": {"team": "shop"},
        "managedBy": "",
        "orchestration": "",
        "os": "Linux",
        "power": "PowerState/running",
        "flexibleSet": "",
    }
    assert f"{GROUPS}/web-01-nsg" == nic["nsg"]
    assert [{"id": f"{NETWORK}/publicIPAddresses/web-01-nic-pip1", "address": "198.51.100.4"}] == nic["publics"]
    assert ["10.0.0.4"] == [one["properties"]["privateIPAddress"] for one in nic["configurations"]]


async def test_every_kind_of_machine_can_be_told_apart(box: Box) -> None:
    found = await rows(box, MACHINES)
    assert ["Flexible", "Uniform"] == [named(found, name)["orchestration"] for name in ("flex-set", "set-01")]
    assert f"{COMPUTE}/virtualMachineScaleSets/flex-set" == named(found, "flex-01")["flexibleSet"]
    assert named(found, "bricks-01")["managedBy"].endswith("/workspaces/bricks")
    assert named(found, "old-01")["type"] == "microsoft.classiccompute/virtualmachines"
    assert named(found, "sleeper-01")["power"] == "PowerState/deallocated"
    assert named(found, "nic-less-01")["nics"] is None
    assert [2, 1] == [len(named(found, name)["nics"]) for name in ("router-01", "bare-03")]


async def test_a_network_shows_its_space_and_its_subnets(box: Box) -> None:
    network = (await rows(box, SPACES))[0]
    assert ["10.0.0.0/16", "fd00:db8::/32"] == network["space"]
    subnets = {one["name"]: one["properties"] for one in network["subnets"]}
    assert f"{GROUPS}/app-nsg" == subnets["app"]["networkSecurityGroup"]["id"]
    flat = {one["id"].rsplit("/", 1)[1]: one for one in await rows(box, NETWORKS)}
    assert ("10.0.1.0/24", f"{GROUPS}/app-nsg") == (flat["app"]["prefix"], flat["app"]["nsg"])
    assert ["10.0.7.0/24", "fd00:db8:7::/64"] == flat["dual"]["prefixes"]


async def test_pages_lead_to_the_end_and_show_one_moment(box: Box) -> None:
    first = await page(box, IDS, top=15)
    await box.call("DELETE", f"{COMPUTE}/virtualMachines/web-03")
    box.clock.advance(5)
    second = await page(box, IDS, skipToken=first["$skipToken"])
    third = await page(box, IDS, skipToken=second["$skipToken"], top=1000)
    found = [one["id"] for part in (first, second, third) for one in part["data"]]
    assert [15, 15, len(found) - 30] == [part["count"] for part in (first, second, third)]
    assert [len(found)] * 3 == [part["totalRecords"] for part in (first, second, third)]
    assert (sorted(set(found), key=str.lower), True) == (found, f"{COMPUTE}/virtualMachines/web-03" in found)
    assert ["false"] * 3 == [part["resultTruncated"] for part in (first, second, third)]
    assert "$skipToken" not in third
    assert len(found) - 1 == (await page(box, IDS))["totalRecords"]


async def test_a_page_holds_a_hundred_rows_where_nothing_is_said(box: Box) -> None:
    found = await page(box, "resources | project id")
    assert (100, True, "false") == (found["count"], "$skipToken" in found, found["resultTruncated"])


UNPAGED = ["resources | project name", "resources | project id | limit 50", "resources | summarize count() by id"]


@pytest.mark.parametrize("query", UNPAGED)
async def test_what_cannot_be_paged_is_truncated(box: Box, query: str) -> None:
    found = await page(box, query, top=10)
    assert (10, "true", False) == (found["count"], found["resultTruncated"], "$skipToken" in found)


async def test_rows_are_skipped_unless_the_query_has_a_limit(box: Box) -> None:
    everything = await rows(box, IDS)
    assert everything[3:5] == await rows(box, IDS, top=2, skip=3)
    assert everything[:2] == await rows(box, f"{IDS} | limit 2", skip=3)


async def test_a_skip_token_is_good_for_its_own_query_and_for_a_while(box: Box) -> None:
    token = (await page(box, IDS, top=5))["$skipToken"]
    assert code(await ask(box, "resources | project id", skipToken=token)) == (400, "BadRequest")
    assert code(await ask(box, IDS, skipToken="forged")) == (400, "BadRequest")
    box.clock.advance(599)
    assert (await page(box, IDS, skipToken=token))["count"] == 5
    box.clock.advance(1)
    assert (await ask(box, IDS, skipToken=token)).json()["error"]["details"][0]["code"] == "InvalidSkipToken"


async def test_a_table_has_columns_with_types(box: Box) -> None:
    query = "resources | where name == 'web-01' | project id, tags, one = 1, half = 0.5, yes = (name == 'web-01')"
    table = (await page(box, query, resultFormat="table"))["data"]
    types = ["string", "object", "integer", "number", "boolean"]
    assert types == [one["type"] for one in table["columns"]]
    assert [[f"{COMPUTE}/virtualMachines/web-01", {"team": "shop"}, 1, 0.5, True]] == table["rows"]


async def test_types_are_written_small_and_can_be_counted(box: Box) -> None:
    found = {one["type"]: one["machines"] for one in await rows(box, TYPES)}
    assert (2, 1) == (
        found["microsoft.compute/virtualmachinescalesets"],
        found["microsoft.classiccompute/virtualmachines"],
    )


async def test_what_was_written_is_seen_when_the_index_has_caught_up(box: Box) -> None:
    await box.call("PATCH", WEB, {"tags": {"new": "yes"}})
    seen = []
    for seconds in (0, 0.75, 0.25):
        box.clock.advance(seconds)
        seen.append((await rows(box, TAGS))[0]["tags"])
    assert [None, None, {"new": "yes"}] == seen


async def test_an_operations_end_is_a_write_of_its_own(box: Box) -> None:
    query = "resources | where name == 'web-01-nsg' | mv-expand rule = properties.securityRules limit 400 "
    query += "| where rule.name == 'mine' | project id, state = tostring(rule.properties.provisioningState)"
    await box.call("PUT", RULE, rule())
    box.clock.advance(1.375)
    assert [] == await rows(box, query)
    box.clock.advance(0.125)
    assert ["Succeeded"] == [one["state"] for one in await rows(box, query)]


async def test_the_lag_is_set_and_a_new_world_is_seen_at_once(box: Box) -> None:
    assert (await box.control("latency", {"index": 0}))["index"] == 0
    await rows(box, TAGS)
    await box.call("PATCH", WEB, {"tags": {"new": "yes"}})
    assert {"new": "yes"} == (await rows(box, TAGS))[0]["tags"]
    await box.control("reset", {"seed": "empty", "storage": False})
    assert [] == await rows(box, TAGS)


async def test_what_is_gone_and_what_refers_to_it_no_longer_are_shown(box: Box) -> None:
    query = "resources | where name in ('web-01', 'web-01-nic') | project id, machine = properties.virtualMachine"
    assert [True, False] == sorted((one["machine"] is not None for one in await rows(box, query)), reverse=True)
    await box.call("DELETE", f"{COMPUTE}/virtualMachines/web-01")
    box.clock.advance(2)
    assert [None] == [one["machine"] for one in await rows(box, query)]


BAD = {
    "let": "let x = 1; resources | where name == x",
    "a set statement": "set a = 1; resources",
    "parameters": "declare query_parameters(a: int); resources",
    "four joins": "resources " + "| join (resources | project id) on id " * 4,
    "joins and unions": f"resources {'| join (resources | project id) on id ' * 2}| union (resources), (resources)",
    "another flavour": "resources | join kind=rightouter (resources | project id) on id",
    "a join strategy": "resources | join hint.strategy=broadcast (resources | project id) on id",
    "a union without a table before it": "union resources, (resources)",
    "a fuzzy union": "resources | union isfuzzy=true (resources)",
    "three expansions": "resources " + "| mv-expand tags limit 9 " * 3,
    "an endless expansion": "resources | mv-expand tags",
    "project-rename": "resources | project-rename a = id",
    "lookup": "resources | lookup (resources | project id) on id",
    "getschema": "resources | getschema",
    "render": "resources | count | render table",
    "toscalar": "resources | extend n = toscalar(resources | count)",
    "a query in a list": "resources | where id in (resources | project id)",
    "materialize": "resources | join (materialize(resources)) on id",
    "print": "print 1",
    "a datatable": "datatable(id: string)['a']",
    "another table": "nowhere | project id",
    "another database": "database('other').resources",
    "a control command": ".show tables",
    "an unknown column": "resources | project nothing",
    "a column in the wrong case": "resources | project ID",
    "the box's own column": "resources | project key",
    "no operator": "resources | frobnicate",
    "no text": "  ",
}


@pytest.mark.parametrize("query", BAD.values(), ids=BAD)
async def test_a_query_that_azure_does_not_take_is_refused(box: Box, query: str) -> None:
    answer = await ask(box, query)
    assert code(answer) == (400, "BadRequest")
    assert answer.json()["error"]["details"][0]["code"] in ("InvalidQuery", "InvalidRequest")


REQUESTS: list[dict[str, Any]] = [
    {"subscriptions": ["33333333-3333-3333-3333-333333333333"]},
    {"subscriptions": ["demo"]},
    {"subscriptions": "11111111-1111-1111-1111-111111111111"},
    {"options": {"$top": 1001}},
    {"options": {"$top": 0}},
    {"options": {"$top": "5"}},
    {"options": {"$skip": -1}},
    {"options": {"top": 5}},
    {"options": {"resultFormat": "csv"}},
    {"managementGroups": ["all"]},
    {"facets": [{"expression": "type"}]},
    {"something": 1},
    {"query": None},
]


@pytest.mark.parametrize("changes", REQUESTS, ids=str)
async def test_a_wrong_request_is_refused(box: Box, changes: dict[str, Any]) -> None:
    body = {"query": IDS, "subscriptions": [world.SUBSCRIPTION], **changes}
    assert code(await box.call("POST", PATH, body)) == (400, "BadRequest")


async def test_without_subscriptions_all_are_asked_and_with_them_only_those(box: Box) -> None:
    other = "33333333-3333-3333-3333-333333333333"
    box.cloud.store.subscriptions[other] = "Other"
    everywhere = (await box.call("POST", PATH, {"query": IDS})).json()["totalRecords"]
    elsewhere = (await box.call("POST", PATH, {"query": IDS, "subscriptions": [other]})).json()["totalRecords"]
    assert (True, 0) == (everywhere > 30, elsewhere)


async def test_only_a_post_is_answered(box: Box) -> None:
    assert [405] * 3 == [(await box.call(method, PATH)).status_code for method in ("GET", "PUT", "DELETE")]


async def test_every_answer_says_what_is_left_of_the_quota(box: Box) -> None:
    heads = [(await ask(box, query)).headers for query in (IDS, "nonsense")]
    assert ["14", "13"] == [one["x-ms-user-quota-remaining"] for one in heads]
    assert ["00:00:05"] * 2 == [one["x-ms-user-quota-resets-after"] for one in heads]
    assert "x-ms-ratelimit-remaining-subscription-writes" not in heads[0]


async def test_the_sixteenth_query_in_five_seconds_is_refused_when_throttling_is_on(box: Box) -> None:
    assert [200] * 16 == [(await ask(box, IDS)).status_code for _ in range(16)]
    box.clock.advance(5)
    await box.control("throttle", {"on": True})
    assert [200] * 15 == [(await ask(box, IDS)).status_code for _ in range(15)]
    box.clock.advance(1.5)
    answer = await ask(box, IDS)
    assert (429, "RateLimiting") == code(answer)
    assert ("4", "0") == (answer.headers["Retry-After"], answer.headers["x-ms-user-quota-remaining"])
    box.clock.advance(3.5)
    assert (await ask(box, IDS)).status_code == 200


async def test_faults_and_the_call_log_know_queries_as_reads(box: Box) -> None:
    await box.fault("conflict")
    await box.fault("503", PATH)
    assert [503, 200] == [(await ask(box, IDS)).status_code for _ in range(2)]
    calls = (await box.control("calls", method="GET"))["calls"]
    assert [("POST", 503), ("POST", 200)] == [(one["method"], one["status"]) for one in calls]
    assert len((await box.control("faults", method="GET"))["faults"]) == 1


async def test_duckdb_is_loaded_with_the_first_query_only() -> None:
    script = "import sys, emulator.server; print('duckdb' in sys.modules, 'duckdb_kql' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output.split() == [b"False", b"False"]
