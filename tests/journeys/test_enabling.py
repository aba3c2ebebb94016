"""Enabling many machines at once: each has its own result, and each group is written once."""

from collections import Counter
from dataclasses import dataclass

import pytest

from tests.journeys.azure import ATTACKER, SOURCES, WELL_KNOWN, Azure
from tests.journeys.client import Json, Postern, machine, read, watch
from tests.journeys.test_bad_requests import problem
from tests.journeys.test_repair import ANYTHING

TEN = {
    "web-01": 201, "app-01": 201, "app-02": 201, "both-01": 201, "edge-01": 201, "lb-01": 201,
    "frozen-01": "readOnly", "nic-less-01": "noNetworkInterface", "bricks-01": "managedByService", "nobody": 404,
}  # fmt: skip
FIVE = [machine(f"vm-{number:05}", "large") for number in range(1, 6)]
ADDRESSES = [f"10.0.0.{number}" for number in range(4, 9)]
POLICY = f"/api/policies{machine('web-01')}"


async def enable(postern: Postern, machines: list[str], *expected: int, **policy: object) -> list[Json]:
    """Enable machines together; one result each, in the order in which they were named."""
    answer = await postern.call("administrator", "POST", "/api/policies", {"machines": machines, "policy": policy})
    results: list[Json] = read(answer, *expected)["results"]
    assert machines == [one["machine"] for one in results]
    return results


def told(result: Json) -> int | str:
    """How a result reads: its status, or for a refusal the reason."""
    issues = result.get("problem", {}).get("issues", [])
    return issues[0]["code"] if issues else int(result["status"])


@dataclass(frozen=True, slots=True)
class Large:
    """Five machines behind one group."""

    azure: Azure

    async def open_to_the_attacker(self) -> list[str]:
        """The addresses whose ssh answers."""
        found = []
        for address in ADDRESSES:
            body = {"source": ATTACKER, "destination": address, "port": 22, "protocol": "Tcp"}
            if (await self.azure.control("POST", "packets", body))["passes"]:
                found.append(address)
        return found


@pytest.fixture
async def large(azure: Azure) -> Large:
    await azure.box.reset("large", machines=5)
    await azure.quick()
    return Large(azure)


async def test_ten_are_enabled_at_once_and_those_that_cannot_be_say_why(postern: Postern, azure: Azure) -> None:
    results = await enable(postern, [machine(name) for name in TEN], 207)
    assert TEN == {one["machine"].split("/")[-1]: told(one) for one in results}
    problems = Counter(one["problem"]["code"] for one in results if "problem" in one)
    assert {"refused": 3, "notFound": 1} == problems
    reached = {name for name in TEN if name not in {"nobody", "nic-less-01"} and await azure.passes(name, ATTACKER, 22)}
    assert {"edge-01", "frozen-01", "bricks-01"} == reached


async def test_each_of_many_is_told_how_its_lock_stands(postern: Postern) -> None:
    results = await enable(postern, [machine(name) for name in ("web-01", "edge-01")], 200)
    assert ["holds", "exposed"] == [one["lock"]["state"] for one in results]
    kept = [await postern.call("auditor", "GET", f"/api/policies{one['machine']}") for one in results]
    assert [one.headers["etag"] for one in kept] == [one["etag"] for one in results]


async def test_those_that_are_refused_are_left_alone(postern: Postern, azure: Azure) -> None:
    refused = ("frozen-01", "nic-less-01", "bricks-01")
    calls, frozen = len(await azure.calls()), await azure.rules("frozen-nsg")
    await enable(postern, [machine(name) for name in refused], 207)
    assert ({}, frozen) == (await azure.writes(since=calls), await azure.rules("frozen-nsg"))
    assert [404] * 3 == [
        (await postern.call("auditor", "GET", f"/api/policies{machine(name)}")).status_code for name in refused
    ]


async def test_machines_behind_one_group_are_locked_by_one_write_of_it(postern: Postern, large: Large) -> None:
    calls = len(await large.azure.calls())
    results = await enable(postern, FIVE, 200)
    assert {"nsg-000": 1} == await large.azure.writes(since=calls)
    assert ([201] * 5, []) == ([told(one) for one in results], await large.open_to_the_attacker())


async def test_neighbours_that_are_not_enabled_stay_as_they_were(postern: Postern, large: Large) -> None:
    assert ADDRESSES == await large.open_to_the_attacker()
    await enable(postern, [FIVE[0], FIVE[2], FIVE[4]], 200)
    assert [ADDRESSES[1], ADDRESSES[3]] == await large.open_to_the_attacker()


async def test_a_lock_in_a_shared_group_lets_each_packet_to_a_neighbour_through_as_before(
    postern: Postern, azure: Azure
) -> None:
    protocols = ("Tcp", "Udp", "Icmp")

    async def fate() -> list[set[int]]:
        return [await azure.passing("lb-02", s, WELL_KNOWN, protocol) for s in SOURCES for protocol in protocols]

    before = await fate()
    await enable(postern, [machine("lb-01")], 200)
    assert before == await fate()


async def test_when_azure_refuses_one_group_the_others_are_locked_and_repair_finishes_it(
    postern: Postern, azure: Azure
) -> None:
    await azure.fault("403", "PUT", "networkSecurityGroups/web-01-nsg", times=1000)
    results = await enable(postern, [machine(name) for name in ("app-01", "web-01", "lb-01")], 207)
    assert [201, 503, 201] == [told(one) for one in results]
    open_ones = [await azure.passing(name, ATTACKER, WELL_KNOWN) for name in ("app-01", "web-01", "lb-01")]
    assert [set(), {22, 443, 3389}, set()] == open_ones
    await azure.disarm()
    await postern.run("repair")
    await azure.until_ours("web-01-nsg", 1)
    assert {} == await azure.open_to("web-01", WELL_KNOWN)


async def test_enabling_the_same_machines_again_changes_nothing_more(postern: Postern, large: Large) -> None:
    await enable(postern, FIVE, 200)
    calls = len(await large.azure.calls())
    again = await enable(postern, FIVE, 200)
    assert ([200] * 5, {}) == ([told(one) for one in again], await large.azure.writes(since=calls))


async def test_without_ports_the_usual_four_may_be_asked_for(postern: Postern) -> None:
    [result] = await enable(postern, [machine("web-01")], 200)
    usual = {"protocol": "TCP", "allowedSourceAddressPrefixes": ["*"], "maxRequestAccessDuration": "PT3H"}
    expected = [{"number": number, **usual} for number in (22, 3389, 5985, 5986)]
    assert expected == result["policy"]["ports"]
    assert expected == (await postern.call("auditor", "GET", POLICY)).json()["policy"]["ports"]


async def test_one_policy_holds_for_all_that_are_named(postern: Postern, azure: Azure) -> None:
    machines = [machine("web-01"), machine("web-02")]
    await enable(postern, machines, 200, ports=[{"number": 22}], lock={"keepOpen": [443]})
    assert [{443}] * 2 == [await azure.passing(name, ATTACKER, WELL_KNOWN) for name in ("web-01", "web-02")]


async def test_many_are_enabled_by_an_administrator_only(postern: Postern, azure: Azure) -> None:
    body = {"machines": [machine("web-01")]}
    users = ("requestor", "approver", "auditor", "outsider")
    assert [403] * 4 == [(await postern.call(user, "POST", "/api/policies", body)).status_code for user in users]
    assert [] == await azure.ours("web-01-nsg")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "machines"),
        ({"machines": []}, "machines"),
        ({"machines": [machine("web-01"), machine("web-01").upper()]}, "machines[1]"),
        ({"machines": [machine("old-01").replace("Compute", "ClassicCompute")]}, "machines[0]"),
        ({"machines": [machine(f"vm-{number}") for number in range(201)]}, "machines"),
        ({"machines": [machine("web-01")], "policy": {"ports": [{"number": 65536}]}}, "policy.ports[0].number"),
        ({"machines": [machine("web-01")], "polisy": {}}, "polisy"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused_and_says_where(postern: Postern, body: Json, path: str) -> None:
    answer = await postern.call("administrator", "POST", "/api/policies", body)
    problem(answer, 400, "invalid")
    assert path in [issue["path"] for issue in answer.json()["issues"]]


async def test_policies_are_listed_until_they_are_gone(postern: Postern) -> None:
    await enable(postern, [machine("web-01"), machine("lb-01")], 200, lock={"keepOpen": [443]})

    async def listed(query: str = "") -> list[str]:
        found = read(await postern.call("auditor", "GET", f"/api/policies{query}"), 200)["value"]
        assert [[443]] * len(found) == [one["policy"]["lock"]["keepOpen"] for one in found]
        return sorted(one["machine"].split("/")[-1] for one in found)

    assert ["lb-01", "web-01"] == await listed()
    assert [] == await listed("?subscription=33333333-3333-3333-3333-333333333333")
    await postern.disable("lb-01")
    assert ["web-01"] == await listed()


async def test_a_change_of_an_old_version_is_refused_when_others_were_enabled_together(postern: Postern) -> None:
    [old] = await enable(postern, [machine("web-01")], 200)
    [new] = await enable(postern, [machine("web-01")], 200, lock={"keepOpen": [443]})
    outdated = await postern.call("administrator", "PUT", POLICY, {}, If_Match=old["etag"])
    problem(outdated, 412, "outdated")
    assert 200 == (await postern.call("administrator", "PUT", POLICY, {}, If_Match=new["etag"])).status_code


async def test_what_a_repair_notes_about_a_machine_is_no_change_of_its_policy(postern: Postern, azure: Azure) -> None:
    etag = (await postern.call("administrator", "PUT", POLICY, {})).headers["etag"]
    await azure.put_rule("web-01-nsg", "in-a-hurry", {**ANYTHING, "priority": 100})
    await postern.run("repair")
    assert [("exposed", "web-01")] == await watch(azure.findings, bool, patience=10)
    assert etag == (await postern.call("auditor", "GET", POLICY)).headers["etag"]
    assert 200 == (await postern.call("administrator", "PUT", POLICY, {}, If_Match=etag)).status_code
