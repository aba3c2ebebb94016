"""Computers outside Azure, and what nodes cost: told by the app, held against the estate that the box was given."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import pytest

from emulator.environment import SUBSCRIPTION, TENANT
from tests.journeys.azure import Azure
from tests.journeys.client import Json, Postern, read, watch
from tests.journeys.past import Past
from tests.journeys.test_bad_requests import problem

PLACE = {"os": "Linux", "subscription": SUBSCRIPTION, "resourceGroup": "stores", "location": "westeurope"}
# As the demo world has them: those with most to be done first, then by name.
ESTATE = [
    ("legacy-03", "expired"), ("pos-08", "disconnected"), ("pos-09", "disconnected"),
    ("lab-04.corp.example", "reportsButNotOnboarded"), ("pos-08.corp.example", "reportsButNotOnboarded"),
    ("print-01.corp.example", "reportsButNotOnboarded"), ("pos-07", "needsAgentUpdate"),
    ("hmi-02", "onboardedButSilent"), ("dc-01", "ready"), ("dc-02", "ready"), ("erp-01", "ready"),
    ("files-01", "ready"),
]  # fmt: skip


def names(page: Json) -> list[tuple[str, str]]:
    """The computers of a page, each with its state."""
    return [(one["name"], one["state"]) for one in page["value"]]


@pytest.fixture
async def estate(postern: Postern) -> Postern:
    """The app as soon as it tells of the fresh world: what it read a moment ago may be told for a second more."""
    await watch(lambda: computers(postern), lambda page: names(page) == ESTATE, patience=10)
    return postern


async def computers(postern: Postern, user: str = "auditor", **query: str) -> Json:
    """A page of the computers."""
    return read(await postern.call(user, "GET", f"/api/computers?{urlencode(query)}"), 200)


async def computer(postern: Postern, name: str) -> Json:
    """One of them."""
    return next(one for one in (await computers(postern, q=name))["value"] if one["name"].startswith(name))


async def costs(postern: Postern, **query: str) -> Json:
    """What nodes cost."""
    return read(await postern.call("auditor", "GET", f"/api/costs?{urlencode(query)}"), 200)


def results(one: Json) -> dict[str, str]:
    return {str(check["code"]): str(check["result"]) for check in one["checks"]}


async def test_every_computer_is_shown_once_with_where_it_stands(estate: Postern) -> None:
    found = await computers(estate)
    assert ESTATE == names(found)
    assert ([], None) == (found["gaps"], found["nextPageToken"])
    expected = {"expired": 1, "disconnected": 2, "reportsButNotOnboarded": 3, "needsAgentUpdate": 1}
    assert {**expected, "onboardedButSilent": 1, "ready": 4} == found["counts"]


async def test_a_server_is_shown_with_what_azure_arc_has_of_it(estate: Postern) -> None:
    one = await computer(estate, "dc-01")
    assert ("Windows", "Connected", "1.58.03228.2572", "onpremises", "westeurope") == tuple(
        one[name] for name in ("os", "status", "agentVersion", "resourceGroup", "location")
    )
    assert (["192.168.10.4"], {"team": "identity"}, SUBSCRIPTION) == (
        one["addresses"],
        one["tags"],
        one["subscription"],
    )
    assert {"onboarded": "fine", "connected": "fine", "agent": "fine", "heartbeat": "fine"} == results(one)


async def test_who_is_away_is_shown_with_since_when(estate: Postern) -> None:
    assert "2026-01-20T06:12:33.333333Z" == (await computer(estate, "pos-08"))["statusSince"]


async def test_an_older_agent_is_known_by_its_firmware_and_a_namesake_is_not(estate: Postern) -> None:
    erp, pos = await computer(estate, "erp-01"), await computer(estate, "pos-08")
    assert ("fine", "ready") == (results(erp)["heartbeat"], erp["state"])
    assert ("missing", "unknown") == (results(pos)["heartbeat"], results(pos)["namesakes"])


async def test_who_only_reports_is_told_how_to_get_to_where_the_others_are(estate: Postern) -> None:
    step = (await computer(estate, "lab-04"))["next"]
    expected = f"--subscription-id '{SUBSCRIPTION}' --resource-group 'onpremises' --location 'westeurope'"
    assert f"sudo azcmagent connect {expected} --tenant-id '{TENANT}'" == step["commands"][-1]


async def test_pages_put_together_are_the_whole(estate: Postern) -> None:
    found: list[str] = []
    query = {"pageSize": "5"}
    while "pageToken" not in query or query["pageToken"]:
        page = await computers(estate, **query)
        found += [one["name"] for one in page["value"]]
        query["pageToken"] = page["nextPageToken"] or ""
    assert [name for name, _ in ESTATE] == found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "expired,needsAgentUpdate"}, ["legacy-03", "pos-07"]),
        ({"q": "TEAM=identity"}, ["dc-01", "dc-02"]),
        ({"q": "192.168.40.2"}, ["print-01.corp.example"]),
        ({"q": "nothing like it"}, []),
    ],
)
async def test_a_list_shows_what_is_chosen(estate: Postern, query: dict[str, str], expected: list[str]) -> None:
    assert expected == [one["name"] for one in (await computers(estate, **query))["value"]]


@pytest.mark.parametrize("wanted", ["state=gone", "pageToken=x", "pageToken=W10=", "pageSize=0", f"q={'x' * 201}"])
async def test_a_question_that_makes_no_sense_is_refused(accounts: Postern, wanted: str) -> None:
    assert 400 == (await accounts.call("auditor", "GET", f"/api/computers?{wanted}")).status_code


async def test_whether_a_server_is_silent_cannot_be_told_without_the_logs(past: Past) -> None:
    await past.azure.control("POST", "logs", {"table": "Heartbeat", "missing": True})

    async def look() -> Json:
        return await computers(past.postern)

    # What the logs told a moment ago may be told again.
    found = await watch(look, lambda page: bool(page["gaps"]), patience=10)
    assert [("tableMissing", "Heartbeat")] == [(gap["code"], gap["subject"]) for gap in found["gaps"]]
    told = {one["name"]: one["state"] for one in found["value"]}
    assert ("ready", False) == (told["hmi-02"], "lab-04.corp.example" in told)


async def test_without_the_index_there_is_no_list_and_not_an_empty_one(postern: Postern, azure: Azure) -> None:
    await azure.fault("403", "POST", "Microsoft.ResourceGraph", times=1000)
    answer = await watch(
        lambda: postern.call("auditor", "GET", "/api/computers"), lambda one: not one.is_success, patience=10
    )
    problem(answer, 503, "unavailable")
    await azure.disarm()


async def test_a_computer_that_somebody_onboards_becomes_one_with_its_server(past: Past) -> None:
    resource = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines"
    await past.rows("Heartbeat", Computer="hmi-02", ComputerEnvironment="Non-Azure", _ResourceId=f"{resource}/HMI-02")

    async def look() -> Json:
        return await computer(past.postern, "hmi-02")

    # As above.
    assert "ready" == (await watch(look, lambda one: one["state"] == "ready", patience=10))["state"]


async def test_heartbeats_of_servers_in_other_subscriptions_are_nobodys_business(past: Past) -> None:
    other = "/subscriptions/99999999-1111-1111-1111-111111111111/resourceGroups/x/providers/y/machines/far-01"
    await past.rows("Heartbeat", Computer="far-01", ComputerEnvironment="Non-Azure", _ResourceId=other)
    await past.rows("Heartbeat", Computer="near-01", ComputerEnvironment="Non-Azure")

    async def look() -> list[str]:
        return [str(one["name"]) for one in (await computers(past.postern))["value"]]

    # As above.
    assert "far-01" not in await watch(look, lambda names: "near-01" in names, patience=10)
    assert "near-01" in await look()


async def test_arm_answers_for_a_server_with_the_same(azure: Azure, estate: Postern) -> None:
    told = await computer(estate, "pos-07")
    properties = (await azure.arm("GET", str(told["id"])))["properties"]
    assert (told["status"], told["agentVersion"]) == (properties["status"], properties["agentVersion"])


async def test_the_table_for_spreadsheets_holds_all_and_no_formula(past: Past) -> None:
    evil = '=HYPERLINK("http://evil")'
    await past.rows("Heartbeat", Computer=evil, ComputerEnvironment="Non-Azure", OSType="Linux")

    async def look() -> list[list[str]]:
        text = (await past.postern.call("auditor", "GET", "/api/computers.csv")).text
        return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))

    # As above.
    sheet = await watch(look, lambda rows: any(row[0] == f"'{evil}" for row in rows), patience=10)
    assert {"name", f"'{evil}", *(name for name, _ in ESTATE)} == {row[0] for row in sheet}
    assert [] == [cell for row in sheet for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


async def test_an_administrator_gets_the_commands_for_a_computer_that_is_not_there_yet(accounts: Postern) -> None:
    told = read(await accounts.call("administrator", "GET", f"/api/computers/onboarding?{urlencode(PLACE)}"), 200)
    assert (TENANT, "bash", 3) == (told["tenant"], told["shell"], len(told["commands"]))
    assert "--resource-group 'stores'" in told["commands"][-1]


async def test_everything_that_is_wrong_with_the_place_is_told_at_once(accounts: Postern) -> None:
    wrong = {"os": "Plan 9", "resourceGroup": "a'; reboot", "location": "$(id)"}
    answer = await accounts.call("administrator", "GET", f"/api/computers/onboarding?{urlencode(wrong)}")
    assert 400 == answer.status_code
    assert ["os", "subscription", "resourceGroup", "location"] == [issue["path"] for issue in answer.json()["issues"]]


def numbers(tally: Json) -> tuple[Any, ...]:
    return tuple(tally[name] for name in ("nodes", "amount", "billedNodes", "billedAmount"))


async def test_the_costs_are_those_of_the_estate_counted_by_hand(estate: Postern) -> None:
    """41 virtual machines, 2 of them deallocated; 9 servers, 6 of them connected; 3 computers that only report."""
    found = await costs(estate)
    assert (53, "795.00", 45, "675.00") == numbers(found["total"])
    assert {"deallocated": 2, "disconnected": 3, "notOnboarded": 3, "unknown": 0} == found["notBilled"]
    groups = {one["name"]: numbers(one) for one in found["resourceGroups"]}
    assert {
        "demo": (38, "570.00", 36, "540.00"),
        "onpremises": (9, "135.00", 6, "90.00"),
        "partner": (3, "45.00", 3, "45.00"),
        None: (3, "45.00", 0, "0.00"),
    } == groups
    assert [(SUBSCRIPTION, 50), (None, 3)] == [(one["subscription"], one["nodes"]) for one in found["subscriptions"]]
    assert ["partial"] == [gap["code"] for gap in found["gaps"]]


async def test_the_costs_say_where_their_price_comes_from_and_invent_none_for_postern(estate: Postern) -> None:
    found = await costs(estate)
    price = found["price"]
    assert ("15.00", "USD", "2026-11-27") == (price["amount"], price["currency"], price["asOf"])
    assert ("not Microsoft's price list" in price["source"], None) == (True, found["ownCost"])


async def test_the_costs_are_counted_by_a_tag(estate: Postern) -> None:
    tag = (await costs(estate, tag="Team"))["tag"]
    assert {"shop": 5, "finance": 2, "identity": 2, "plant": 1, None: 43} == {
        one["name"]: one["nodes"] for one in tag["values"]
    }


async def test_the_table_of_costs_adds_up(estate: Postern) -> None:
    text = (await estate.call("administrator", "GET", "/api/costs.csv?tag=team")).text
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    [total] = [int(row["nodes"]) for row in rows if row["of"] == "total"]
    for of in ("subscription", "resource group", "tag team"):
        assert total == sum(int(row["nodes"]) for row in rows if row["of"] == of) == 53
