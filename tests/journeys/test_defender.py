"""Scripts written for Defender's just-in-time access do here what they did there, down to the packet."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE
from pathlib import Path

from emulator.environment import SUBSCRIPTION
from tests.journeys.azure import WELL_KNOWN, Azure
from tests.journeys.client import STRANGER, USER, Json, machine, read, wait_past
from tests.journeys.defender import DEFAULT, Scripts, error, policy, rule, start, until

ALL = f"/subscriptions/{SUBSCRIPTION}"


async def test_a_policy_locks_its_ports_and_nothing_else(scripts: Scripts, azure: Azure) -> None:
    assert {22, 443, 3389} == await azure.passing("web-01", STRANGER, WELL_KNOWN)
    read(await scripts.set(policy("web-01")), 200)
    assert {443} == await azure.passing("web-01", STRANGER, WELL_KNOWN)


async def test_access_is_closed_before_it_is_started_and_after_its_end(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01"))
    assert {} == await azure.open_to("web-01")
    request = read(await scripts.start(start("web-01", seconds=7)), 202)
    assert {USER: {22}} == await azure.open_to("web-01", (22, 3389))
    [grant] = await scripts.postern.grants()
    await wait_past(request["virtualMachines"][0]["ports"][0]["endTimeUtc"])
    assert "expired" == (await scripts.postern.until(grant["id"], "expired", patience=20))["state"]
    assert {} == await azure.open_to("web-01")
    [told] = (await scripts.get()).json()["properties"]["requests"]
    assert ("Revoked", "Expired") == tuple(
        told["virtualMachines"][0]["ports"][0][one] for one in ("status", "statusReason")
    )


async def test_a_request_is_answered_with_exactly_the_fields_that_defender_gives(scripts: Scripts) -> None:
    await scripts.set(policy("web-01"))
    body = start("web-01")
    answer = await scripts.start(body)
    request = read(answer, 202)
    port = {"number": 22, "allowedSourceAddressPrefix": USER, "status": "Initiated", "statusReason": "UserRequested"}
    end = body["virtualMachines"][0]["ports"][0]["endTimeUtc"][:26] + "Z"
    assert [{"id": machine("web-01"), "ports": [{**port, "endTimeUtc": end}]}] == request.pop("virtualMachines")
    assert {"startTimeUtc", "requestor"} == set(request)
    [grant] = await scripts.postern.grants()
    assert grant["id"] == answer.headers["Postern-Grants"]


async def test_a_policy_is_given_back_with_exactly_the_fields_that_defender_gives(scripts: Scripts) -> None:
    put = read(await scripts.set(policy("web-01", ports=(rule(22),))), 200)
    expected = {
        "id": DEFAULT,
        "name": "default",
        "type": "Microsoft.Security/locations/jitNetworkAccessPolicies",
        "kind": "Basic",
        "location": "westeurope",
        "properties": {
            "virtualMachines": [{"id": machine("web-01"), "ports": [rule(22)]}],
            "requests": [],
            "provisioningState": "Succeeded",
        },
    }
    assert [expected, expected] == [put, read(await scripts.get(), 200)]


async def test_what_the_portal_sends_is_taken_as_well(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01"))
    port = {"number": 22, "duration": "PT10M", "allowedSourceAddressPrefixes": [USER, STRANGER]}
    body = {"virtualMachines": [{"id": machine("web-01"), "ports": [port]}], "justification": "both of us"}
    request = read(await scripts.start(body), 202)
    assert {USER: {22}, STRANGER: {22}} == await azure.open_to("web-01")
    assert ("both of us", [USER, STRANGER]) == (
        request["justification"], request["virtualMachines"][0]["ports"][0]["allowedSourceAddressPrefixes"],
    )  # fmt: skip


async def test_hash_tables_of_powershell_may_be_posted_as_they_become_json(scripts: Scripts, azure: Azure) -> None:
    port = rule("22", allowedSourceAddressPrefix=["*"])
    loose = {"Kind": "Basic", "Name": "x", "Properties": {"VirtualMachines": {"ID": machine("WEB-01"), "Ports": port}}}
    read(await scripts.set(loose), 200)
    asked = {"Number": "22", "AllowedSourceAddressPrefix": [USER], "EndTimeUtc": until(600).removesuffix("Z")}
    read(await scripts.start({"virtualmachines": {"id": machine("web-01"), "ports": asked}}), 202)
    assert {USER: {22}} == await azure.open_to("web-01", (22,))


async def test_without_a_source_it_is_the_callers_address_that_is_let_in(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01"))
    body = start("web-01", source=None)
    request = read(await scripts.start(body), 202)
    assert "127.0.0.1" == request["virtualMachines"][0]["ports"][0]["allowedSourceAddressPrefix"]
    assert {} == await azure.open_to("web-01")


async def test_several_machines_and_ports_are_opened_by_one_request(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01", "both-01"))
    body = start("web-01", "both-01", number=3389)
    body["virtualMachines"][0]["ports"].append({"number": 22, "duration": "PT5M", "allowedSourceAddressPrefix": USER})
    answer = await scripts.start(body)
    shown = {one["id"]: [port["number"] for port in one["ports"]] for one in read(answer, 202)["virtualMachines"]}
    assert {machine("web-01"): [3389, 22], machine("both-01"): [3389]} == shown
    assert 3 == len(answer.headers["Postern-Grants"].split(", "))
    assert ({USER: {22, 3389}}, {USER: {3389}}) == (
        await azure.open_to("web-01", (22, 3389)), await azure.open_to("both-01", (22, 3389)),
    )  # fmt: skip


async def test_a_request_costs_azure_one_look_ahead_more_than_a_grant(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01"))
    since = len(await azure.calls())
    read(await scripts.start(start("web-01")), 202)
    ahead, reading, writing, *polls = await azure.calls("web-01-nsg", since)
    assert ("GET", "GET", "PUT", {"GET"}) == (ahead, reading, writing, set(polls))
    assert len(await azure.calls(since=since)) == 3 + len(polls)


async def test_when_one_port_is_refused_nothing_is_opened(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01", "both-01"))
    body = start("web-01", "both-01")
    body["virtualMachines"][1]["ports"].append({"number": 99, "duration": "PT9H"})
    status, code, details = error(await scripts.start(body))
    assert (422, "Refused", [("PortNotInPolicy", "virtualMachines[1].ports[1]")]) == (status, code, details)
    assert ([], {}) == (await scripts.postern.grants(), await azure.open_to("web-01"))


async def test_a_machine_that_is_left_out_is_disabled_and_one_that_stays_is_not(scripts: Scripts, azure: Azure) -> None:
    await scripts.set(policy("web-01", "app-01"))
    await scripts.start(start("app-01"))
    read(await scripts.set(policy("web-01")), 200)
    assert ({}, []) == (await azure.open_to("web-01"), await azure.ours("app-nsg"))
    assert {"web-01"} == {one["machine"].rsplit("/", 1)[1] for one in await policies(scripts)}


async def policies(scripts: Scripts) -> list[Json]:
    found: list[Json] = (await scripts.postern.call("auditor", "GET", "/api/policies")).json()["value"]
    return found


async def test_what_a_policy_of_postern_says_besides_its_ports_is_kept(scripts: Scripts) -> None:
    mine = {
        "lock": {"scope": "all", "keepOpen": [443], "from": "*"},
        "approval": {"required": True, "count": 2, "pendingFor": "PT1H"},
        "justification": {"required": True},
        "requestors": ["00000000-0000-0000-0000-000000000001"],
        "breakGlass": True,
    }
    before = await scripts.postern.enable("web-01", ports=[{"number": 22}, {"number": "5000-5010"}], **mine)
    read(await scripts.set(policy("web-01", ports=(rule(3389),))), 200)
    [after] = await policies(scripts)
    ports = [one.pop("ports") for one in (before["policy"], after["policy"])]
    assert [[22, "5000-5010"], [3389, "5000-5010"]] == [[port["number"] for port in some] for some in ports]
    assert before["policy"] == after["policy"]
    assert [("JustificationRequired", "justification")] == error(await scripts.start(start("web-01", number=3389)))[2]


async def test_a_request_that_needs_approval_opens_when_it_has_that(scripts: Scripts, azure: Azure) -> None:
    await scripts.postern.enable("web-01", ports=[{"number": 22}], approval={"required": True})
    await scripts.set(policy("web-01"))
    answer = await scripts.start(start("web-01"))
    assert "Initiated" == read(answer, 202)["virtualMachines"][0]["ports"][0]["status"]
    assert {} == await azure.open_to("web-01")
    read(await scripts.postern.call("approver", "POST", f"/api/grants/{answer.headers['Postern-Grants']}/approve"), 200)
    assert {USER: {22}} == await azure.open_to("web-01")


async def test_when_one_machine_cannot_be_locked_none_is(scripts: Scripts, azure: Azure) -> None:
    before = await azure.rules("web-01-nsg")
    body = policy("web-01", "ghost-01")
    assert (404, "PolicyNotFound", [("PolicyNotFound", machine("ghost-01"))]) == error(await scripts.set(body))
    assert (before, []) == (await azure.rules("web-01-nsg"), await policies(scripts))


async def test_a_machine_of_another_place_is_refused(scripts: Scripts) -> None:
    there = DEFAULT.replace("westeurope", "northeurope")
    assert (422, "Refused", [("OtherLocation", machine("web-01"))]) == error(await scripts.set(policy("web-01"), there))
    there = DEFAULT.replace("/demo/", "/other/")
    assert [("OtherResourceGroup", machine("web-01"))] == error(await scripts.set(policy("web-01"), there))[2]


async def test_requests_that_are_posted_with_a_policy_open_nothing_and_are_not_kept(
    scripts: Scripts, azure: Azure
) -> None:
    port = {"number": 22, "allowedSourceAddressPrefix": "*", "endTimeUtc": until(600), "status": "Initiated"}
    body = policy("web-01")
    machines = [{"id": machine("web-01"), "ports": [port]}]
    body["properties"]["requests"] = [{"virtualMachines": machines, "startTimeUtc": until(0), "requestor": "me"}]
    assert [] == read(await scripts.set(body), 200)["properties"]["requests"]
    assert ({}, []) == (await azure.open_to("web-01"), await scripts.postern.grants())


async def test_a_policy_is_removed_once_and_its_machines_are_as_before(scripts: Scripts, azure: Azure) -> None:
    before = await azure.rules("web-01-nsg")
    await scripts.set(policy("web-01"))
    await scripts.start(start("web-01"))
    removed = [await scripts.remove(), await scripts.remove()]
    assert [(200, b""), (204, b"")] == [(answer.status_code, answer.content) for answer in removed]
    assert before == await azure.rules("web-01-nsg")
    assert (404, "PolicyNotFound", []) == error(await scripts.get())
    assert (404, "PolicyNotFound", []) == error(await scripts.start(start("web-01")))


async def test_a_lock_that_does_not_hold_is_told_in_a_header(scripts: Scripts) -> None:
    answer = await scripts.set(policy("edge-01", "web-01"))
    assert (200, "edge-01") == (answer.status_code, answer.headers["Postern-Exposed"])
    assert "Postern-Exposed" not in (await scripts.set(policy("web-01"))).headers


async def test_requestors_see_their_own_requests_and_auditors_all(scripts: Scripts) -> None:
    await scripts.set(policy("web-01"))
    for user in ("requestor", "pipeline"):
        read(await scripts.start(start("web-01"), user=user), 202)
    seen = {user: (await scripts.get(user=user)).json()["properties"]["requests"] for user in ("requestor", "auditor")}
    assert {"requestor": 1, "auditor": 2} == {user: len(found) for user, found in seen.items()}


async def test_while_azure_is_away_the_answer_says_when_to_come_again_and_the_same_call_then_works(
    scripts: Scripts, azure: Azure
) -> None:
    await azure.fault("503", "GET", "virtualMachines/web-01", times=50)
    answer = await scripts.set(policy("web-01"))
    assert (503, "ServiceUnavailable", [("ServiceUnavailable", machine("web-01"))]) == error(answer)
    assert int(answer.headers["Retry-After"]) > 0
    await azure.disarm()
    read(await scripts.set(policy("web-01")), 200)


async def test_a_policy_may_come_back_with_its_whole_history(scripts: Scripts) -> None:
    await scripts.set(policy("web-01"))
    document = read(await scripts.get(), 200)
    document["properties"]["requests"] = [{"requestor": "x" * 1000, "virtualMachines": []}] * 400
    assert [] == read(await scripts.set(document), 200)["properties"]["requests"]
    document["properties"]["requests"] *= 2
    assert (413, "TooLarge", []) == error(await scripts.set(document))


async def test_the_script_of_the_docs_works_as_it_stands(scripts: Scripts) -> None:
    page = (Path(__file__).parents[2] / "docs" / "defender.md").read_text("utf-8")
    script = page.partition("```sh\n")[2].partition("```")[0]
    site = scripts.postern.box.site
    where = {"POSTERN": site.postern, "EMULATOR": site.emulator, "CERTIFICATE": str(site.directory / "cert.pem")}
    shell = await asyncio.create_subprocess_exec(
        "/bin/sh", "-eu", "-c", script, stdout=PIPE, stderr=PIPE, env={**os.environ, **where}
    )
    told, complaints = (text.decode() for text in await shell.communicate())
    assert (0, "") == (shell.returncode, complaints)
    assert ["false", "true", "false"] == re.findall(r'"passes": ?(true|false)', told)
    assert [("Initiated", "UserRequested"), ("Revoked", "UserRequested")] == re.findall(
        r'"status": "(\w+)", "statusReason": "(\w+)"', told
    )
