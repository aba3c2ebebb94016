"""`/_box/traffic` over HTTP: what it makes, what the logs say of it afterwards, and from when on."""

from typing import Any

import pytest

from emulator.logs import WORKSPACE
from tests.emulator.conftest import COMPUTE, GROUPS, Box, Served, rule

AUDIENCE = {"audience": "https://api.loganalytics.io"}
PATH = f"/v1/workspaces/{WORKSPACE}/query"
# By the numbers of each source, since several public ones share a record.
BY_SOURCE = """
NTANetAnalytics
| where SubType == "FlowLog" and FlowDirection in ("Inbound", "I")
| extend Denied = FlowStatus in ("Denied", "D")
| extend Alone = strcat(SrcIp, "|", AllowedInFlows + DeniedInFlows)
| mv-expand Each = split(iff(isempty(SrcPublicIps), Alone, SrcPublicIps), " ") to typeof(string)
| extend Source = tostring(split(Each, "|")[0]), Flows = tolong(split(Each, "|")[1])
| summarize Flows = sum(Flows), DeniedFlows = sumif(Flows, Denied) by Source
"""
BY_MACHINE = "NTANetAnalytics | summarize Flows = sum(AllowedInFlows) + sum(DeniedInFlows) by DestVm"
FAILED = "Syslog | where SyslogMessage startswith 'Failed password' | count"


async def ask(box: Box, kql: str) -> list[list[Any]]:
    token = (await box.control("token", AUDIENCE))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = await box.client.post(PATH, json={"query": kql, "timespan": None}, headers=headers)
    assert answer.status_code == 200, answer.text
    rows: list[list[Any]] = answer.json()["tables"][0]["rows"]
    return rows


async def tell(box: Box, query: str = "") -> Any:  # noqa: ANN401  # JSON.
    return await box.control(f"traffic{query}", method="GET")


async def test_the_logs_count_what_the_generator_counted(box: Box) -> None:
    made = await box.control("traffic", {"flows": 3000, "days": 2, "lag": 0})
    counted = await tell(box, "?count=true")
    assert 3000 == made["flows"] == made["denied"] + made["allowed"] == counted["total"]["flows"]
    sources = {source: [one["flows"], one["denied"]] for source, one in counted["sources"].items()}
    assert sources == {source: numbers for source, *numbers in await ask(box, BY_SOURCE)}
    machines = {"/".join(name.split("/")[4:9:4]): one["flows"] for name, one in counted["machines"].items()}
    assert machines == dict(await ask(box, BY_MACHINE))


async def test_the_logs_know_the_sign_ins(box: Box) -> None:
    await box.control("traffic", {"flows": 500, "lag": 0, "machines": ["web-01", "app-01"], "scenario": "brute-force"})
    counted = (await tell(box, "?count=true"))["total"]
    assert 0 < counted["failedSignIns"]
    assert [[counted["failedSignIns"]]] == await ask(box, FAILED)


async def test_the_same_call_makes_the_same_flows(box: Box) -> None:
    body = {"flows": 50, "seed": 7, "until": "2027-01-01T00:00:00Z"}
    for _ in range(2):
        await box.control("traffic", body)
    flows = (await tell(box))["flows"]
    assert flows[:50] == flows[50:]


async def test_a_user_gets_in_through_a_rule_and_not_without_it(box: Box) -> None:
    body = {"scenario": "user", "flows": 1, "machines": [f"{COMPUTE}/virtualMachines/jump-01"], "from": "192.0.2.44"}
    await box.control("traffic", body)
    opened = rule(access="Allow", priority=150, sourceAddressPrefix="192.0.2.44", destinationAddressPrefix="10.0.8.5")
    assert (await box.call("PUT", f"{GROUPS}/jump-nsg/securityRules/grant", opened)).status_code == 201
    box.finish()
    await box.control("traffic", body)
    found = [(one["passes"], one["rule"], one["user"], one["signedIn"]) for one in (await tell(box))["flows"]]
    assert [(False, "deny-rest", None, None), (True, "grant", "azureuser", True)] == found


async def test_rows_can_be_seen_when_they_have_landed(box: Box) -> None:
    await box.control("traffic", {"scenario": "scanners", "seconds": 30, "lag": 300, "machines": ["web-01"]})
    assert [[0]] == await ask(box, "NTANetAnalytics | count")
    box.clock.advance(269)
    assert [[0]] == await ask(box, "NTANetAnalytics | count")
    box.clock.advance(31)
    assert [[30]] == await ask(box, "NTANetAnalytics | summarize sum(AllowedInFlows) + sum(DeniedInFlows)")


async def test_flows_of_long_ago_have_landed_already(box: Box) -> None:
    await box.control("traffic", {"flows": 20, "seconds": 60, "until": "2027-01-15T07:00:00Z"})
    assert [[20]] == await ask(box, "NTANetAnalytics | summarize sum(AllowedInFlows) + sum(DeniedInFlows)")


async def test_the_flows_of_one_machine_and_of_a_time_can_be_asked_for(box: Box) -> None:
    for name, until in (("web-01", "07:00"), ("web-01", "06:00"), ("app-01", "07:00")):
        await box.control("traffic", {"flows": 5, "machines": [name], "until": f"2027-01-15T{until}:00Z"})
    found = await tell(box, "?count=true&machine=web-01&since=2027-01-15T06:30:00Z&until=2027-01-15T08:00:00Z")
    assert (5, 1) == (found["total"]["flows"], len(found["machines"]))


async def test_a_reset_forgets_all_flows(box: Box) -> None:
    await box.control("traffic", {"flows": 5, "lag": 0})
    await box.control("reset", {"storage": False})
    assert {"flows": []} == await tell(box)
    assert [[0]] == await ask(box, "NTANetAnalytics | count")


SLIPS = [
    ({"scenario": "flood"}, 400, "brute-force, scanners"),
    ({"scenaro": "user"}, 400, "scenaro"),
    ({"flows": 0}, 400, "1 to 5000000"),
    ({"days": 30}, 400, "say how many"),
    ({"days": 1, "seconds": 1}, 400, "either seconds or days"),
    ({"lag": "soon"}, 400, "lag"),
    ({"until": "yesterday"}, 400, "RFC 3339"),
    ({"until": "2027-01-01T00:00:00"}, 400, "offset"),
    ({"machines": "web-01"}, 400, "machines"),
    ({"from": "home"}, 400, "home"),
    ({"machines": ["nobody"]}, 404, "nobody"),
    ({"scenario": "probes", "machines": ["web-01"]}, 404, "probes"),
    ({"scenario": "user", "from": "2001:db8::1", "machines": ["web-01"]}, 404, "2001:db8::1"),
]


@pytest.mark.parametrize(("body", "status", "named"), SLIPS)
async def test_a_call_with_a_slip_in_it_is_refused_by_name(
    box: Box, body: dict[str, object], status: int, named: str
) -> None:
    answer = await box.client.post("/_box/traffic", json=body)
    assert status == answer.status_code
    assert named in answer.json()["error"]


@pytest.mark.parametrize("query", ["?counted=true", "?since=then"])
async def test_a_question_with_a_slip_in_it_is_refused(box: Box, query: str) -> None:
    assert 400 == (await box.client.get(f"/_box/traffic{query}")).status_code


async def test_the_process_makes_traffic_as_well(free_server: Served) -> None:
    answer = await free_server.client.post("/_box/traffic", json={"scenario": "office", "flows": 40}, timeout=60)
    counted = (await free_server.client.get("/_box/traffic?count=true")).json()
    assert 40 == answer.json()["flows"] == counted["total"]["flows"]
    assert {f"203.0.113.{number}" for number in range(193, 199)} == set(counted["sources"])
