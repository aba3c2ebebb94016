"""Looking back: who was in, who tried, who changed rules; and what is told when the logs are away."""

import csv
import io
import time

from tests.journeys.azure import Azure
from tests.journeys.client import STRANGER, USER, Postern, machine, read
from tests.journeys.past import BOT, Past
from tests.journeys.test_repair import ANYTHING

NSG = "web-01-nsg"


async def test_who_attacked_before_during_and_after_a_grant_was_denied_throughout(past: Past) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=2)
    grant = await past.stay()
    await past.knock(flows=3)
    await past.postern.revoke(grant["id"])
    await past.postern.until(grant["id"], "revoked")
    await past.knock(flows=4)
    [attack] = await past.entries("attack")
    told = attack["attack"]
    assert (BOT, "denied", {"denied": 9, "granted": 0, "allowed": 0}) == (
        attack["source"],
        told["became"],
        told["flows"],
    )


async def test_a_sign_in_and_the_use_of_a_grant_are_tied_to_it(past: Past) -> None:
    await past.postern.enable("web-01")
    grant = await past.stay()
    await past.knock(USER, flows=3)
    signed_in = await past.entries("signIn")
    assert {(grant["id"], USER)} == {(one["grant"], one["source"]) for one in signed_in}
    [opened] = [one for one in await past.entries("grant") if one["record"]["what"] == "grantActive"]
    assert (True, [USER], 3) == tuple(opened["record"]["usage"][name] for name in ("used", "addresses", "connections"))


async def test_the_numbers_are_those_that_the_attackers_counted_themselves(past: Past, azure: Azure) -> None:
    await past.postern.enable("web-01")
    await past.traffic("brute-force", 300)
    told = await past.summary()
    made = await azure.control("GET", "traffic?count=true")
    assert made["total"]["denied"] == told["flows"]["denied"] == 300
    counted = {int(port): one["denied"] for port, one in made["ports"].items()}
    assert counted == {one["port"]: one["flows"]["denied"] for one in told["ports"]}


async def test_the_list_of_machines_tells_how_often_somebody_tried(past: Past) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=7)
    assert 7 == (await past.postern.row("web-01"))["attemptsLast24Hours"]
    assert None is (await past.postern.row("partner-01"))["attemptsLast24Hours"]


async def test_whoever_else_changes_a_rule_is_told_of_and_postern_is_not(past: Past, azure: Azure) -> None:
    await past.postern.enable("web-01")
    await azure.put_rule(NSG, "allow-in-a-hurry", {**ANYTHING, "priority": 4000})
    edits = await past.entries("ruleEdit")
    assert ["allow-in-a-hurry"] == [one["ruleEdit"]["resource"].rsplit("/", 1)[1] for one in edits]


async def test_a_preview_names_the_connections_that_a_lock_would_cut(past: Past) -> None:
    await past.knock(STRANGER, flows=4)
    answer = await past.postern.call("administrator", "PUT", f"/api/policies{machine('web-01')}?preview=true", {})
    [cut] = read(answer, 200)["cutFlows"]
    assert (STRANGER, 22, "TCP", 4) == (cut["source"], cut["port"], cut["protocol"], cut["connections"])


async def test_somebody_who_gets_in_after_many_attempts_is_told_of(past: Past, azure: Azure) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=50)
    await azure.put_rule(NSG, "allow-in-a-hurry", {**ANYTHING, "priority": 100})
    await past.knock(flows=1)
    await past.postern.run("watch")
    found = await past.until_told("finding")
    assert {("brokeIn", True)} == {(one["record"]["what"], BOT in one["text"]) for one in found}


async def test_a_requestor_sees_what_is_about_own_grants_and_nothing_else(past: Past) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=5)
    grant = await past.stay()
    await past.knock(USER, flows=2)
    await past.knock(STRANGER, flows=2)
    seen = (await past.activity("requestor", pageSize=200))["value"]
    assert {grant["id"]} == {one["grant"] for one in seen}
    assert {"grant", "signIn"} == {one["kind"] for one in seen}


async def test_without_log_analytics_the_half_that_is_on_record_comes_in_time(past: Past, azure: Azure) -> None:
    await past.postern.enable("web-01")
    for kind, code in (("503", "unavailable"), ("429", "throttled"), ("403", "forbidden")):
        await azure.fault(kind, "POST", "/v1/", times=9)
        begun = time.monotonic()
        found = await past.activity()
        assert (["policy"], [code]) == ([one["kind"] for one in found["value"]], [gap["code"] for gap in found["gaps"]])
        assert time.monotonic() - begun < 10
        await azure.disarm()


async def test_a_table_that_is_not_there_is_named_and_the_rest_is_told(past: Past, azure: Azure) -> None:
    await past.postern.enable("web-01")
    await past.knock(flows=3)
    await azure.control("POST", "logs", {"table": "Syslog", "missing": True})
    found = await past.activity()
    assert [("tableMissing", "Syslog")] == [(gap["code"], gap["subject"]) for gap in found["gaps"]]
    assert "attack" in {one["kind"] for one in found["value"]}


async def test_a_network_without_flow_log_is_named_with_what_to_do(past: Past) -> None:
    await past.postern.enable("web-01")
    answer = await past.postern.call("administrator", "PUT", f"/api/policies{machine('partner-01', 'partner')}", {})
    assert answer.is_success, answer.text
    await past.knock()
    [gap] = (await past.activity(name=None))["gaps"]
    assert ("noFlowLog", "partner-vnet") == (gap["code"], gap["subject"].rsplit("/", 1)[1])
    assert "partner-01" in gap["message"]


async def test_the_table_for_spreadsheets_holds_no_formula(postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.ask({**wish_with('=HYPERLINK("http://evil")')})
    answer = await postern.call("auditor", "GET", "/api/activity.csv")
    assert "text/csv" == answer.headers["content-type"].partition(";")[0]
    cells = [cell for row in csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))) for cell in row]
    assert '\'=HYPERLINK("http://evil")' in cells
    assert [] == [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def wish_with(justification: str) -> dict[str, object]:
    """A request for access with a justification."""
    ports = [{"number": 22, "allowedSourceAddressPrefix": USER}]
    return {"machine": machine("web-01"), "ports": ports, "duration": "PT10M", "justification": justification}


async def test_pages_put_together_are_the_whole_and_of_the_same_time(past: Past) -> None:
    await past.postern.enable("web-01")
    await past.traffic("brute-force", 60)
    whole = await past.activity(pageSize=200)
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        page = await past.activity(pageSize=7, **({"pageToken": token} if token else {}))
        found += [one["id"] for one in page["value"]]
        token = page["nextPageToken"]
    assert [one["id"] for one in whole["value"]] == found
