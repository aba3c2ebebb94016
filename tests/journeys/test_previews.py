"""Previews: nothing is written, and what is foretold is what then happens."""

from typing import Any

import pytest

from tests.journeys.azure import ATTACKER, WELL_KNOWN, Azure
from tests.journeys.client import Json, Postern, machine, read, wish
from tests.journeys.test_bad_requests import problem

KINDS = ("web-01", "app-01", "both-01", "edge-01", "lb-01", "bare-01", "bare-03", "multi-01", "dual-01", "crowded-01")
KINDS_OF_LOCK: tuple[Json, ...] = (
    {"lock": {"keepOpen": [443]}},
    {"lock": {"from": "Internet"}},
    {"ports": [{"number": 22}, {"number": "5000-5010"}], "lock": {"scope": "ports"}},
)
CASES = (
    *((name, {}) for name in KINDS),
    *((name, policy) for name in ("web-01", "bare-03", "dual-01") for policy in KINDS_OF_LOCK),
)


def path(name: str, query: str = "?preview=true") -> str:
    return f"/api/policies{machine(name)}{query}"


async def foretold(postern: Postern, name: str, method: str = "PUT", policy: object = None) -> Json:
    body = None if method == "DELETE" else policy or {}
    return read(await postern.call("administrator", method, path(name), body), 200)


def rules_foretold(preview: Json) -> set[tuple[object, ...]]:
    """The rules that would be there: group, name, priority, access, addresses."""
    return {
        (one["nsg"].split("/")[-1], rule["name"], rule["priority"], rule["access"], tuple(sorted(rule["destinations"])))
        for one in preview["changes"]
        if one["change"] in {"create", "update"} and (rule := one["rule"])
    }


async def rules_made(azure: Azure, groups: set[str]) -> set[tuple[object, ...]]:
    """Postern's rules as ARM has them."""
    found: set[tuple[object, ...]] = set()
    for group in groups:
        for name in await azure.ours(group):
            rule: dict[str, Any] = await azure.rule(group, name)
            places = [rule.get("destinationAddressPrefix"), *(rule.get("destinationAddressPrefixes") or ())]
            addresses = tuple(sorted(place for place in places if place))
            found.add((group, name, rule["priority"], rule["access"], addresses))
    return found


def groups_of(preview: Json) -> set[str]:
    return {one["nsg"].split("/")[-1] for one in preview["changes"]}


@pytest.mark.parametrize(("name", "policy"), CASES, ids=str)
async def test_what_is_foretold_of_enabling_is_what_then_stands(
    postern: Postern, azure: Azure, name: str, policy: Json
) -> None:
    preview = await foretold(postern, name, policy=policy)
    enabled = await postern.enable(name, **policy)
    made = await rules_made(azure, groups_of(preview))
    assert (rules_foretold(preview), preview["lock"]) == (made, enabled["lock"])
    assert len(made) >= 1


async def test_the_names_and_numbers_of_a_preview_are_these(postern: Postern) -> None:
    [change] = (await foretold(postern, "web-01"))["changes"]
    rule = change["rule"]
    assert ("web-01-nsg", "create") == (change["nsg"].split("/")[-1], change["change"])
    assert (True, 299, "Deny") == (rule["name"].startswith("postern-lock-"), rule["priority"], rule["access"])
    assert (["*"], ["10.0.0.4"], ["*"]) == (rule["sources"], rule["destinations"], rule["ports"])


@pytest.mark.parametrize("name", ["web-01", "edge-01", "bare-01", "app-01"])
async def test_a_preview_writes_nothing(postern: Postern, azure: Azure, name: str) -> None:
    calls, groups = len(await azure.calls()), await azure.group_names()
    await foretold(postern, name)
    body = {"machines": [machine(name)]}
    read(await postern.call("administrator", "POST", "/api/policies?preview=true", body), 200)
    assert ({}, groups, []) == (await azure.writes(since=calls), await azure.group_names(), await azure.records())
    assert 404 == (await postern.call("auditor", "GET", path(name, ""))).status_code


async def test_a_preview_of_removing_writes_nothing(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    calls, records = len(await azure.calls()), await azure.records()
    await foretold(postern, "web-01", "DELETE")
    assert ({}, records) == (await azure.writes(since=calls), await azure.records())
    assert "active" == (await postern.grant(grant["id"]))["state"]


async def test_what_a_lock_would_take_away_is_told_rule_by_rule(postern: Postern, azure: Azure) -> None:
    loses = (await foretold(postern, "web-01"))["losesEffect"]
    customers = {one["rule"]["name"] for one in loses} - {"AllowVnetInBound", "AllowAzureLoadBalancerInBound"}
    assert {"allow-rdp", "allow-ssh", "allow-https"} == customers
    assert {22, 443, 3389} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)


async def test_what_is_kept_open_would_stay_open_and_why(postern: Postern, azure: Azure) -> None:
    preview = await foretold(postern, "web-01", policy={"lock": {"keepOpen": [443]}})
    stays = {one["rule"]["name"]: one["why"] for one in preview["staysOpen"]}
    assert "notGuarded" == stays["allow-https"]
    assert {"allow-rdp", "allow-ssh"}.isdisjoint(stays)
    await postern.enable("web-01", lock={"keepOpen": [443]})
    assert {443} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)


async def test_a_machine_that_cannot_be_locked_is_foretold_to_be_exposed(postern: Postern) -> None:
    preview = await foretold(postern, "edge-01")
    assert ("exposed", ["allow-ssh-first"]) == (
        preview["lock"]["state"], [leak["rule"] for leak in preview["lock"]["because"]]
    )  # fmt: skip
    assert {"allow-ssh-first": "outranksLock"} == {one["rule"]["name"]: one["why"] for one in preview["staysOpen"]}
    assert preview["lock"] == (await postern.enable("edge-01"))["lock"]


async def test_health_probes_are_foretold_to_get_through(postern: Postern) -> None:
    assert {"probes"} == {one["why"] for one in (await foretold(postern, "lb-01"))["staysOpen"]}


async def test_a_bare_machine_is_told_which_group_it_would_get_and_where(postern: Postern) -> None:
    preview = await foretold(postern, "bare-01")
    assert "postern-bare-01" == preview["createsNsg"].split("/")[-1]
    assert ["bare-01-nic"] == [nic.split("/")[-1] for nic in preview["attachesTo"]]
    [all_of_it] = preview["losesEffect"]
    assert (None, None, "10.0.4.4") == (all_of_it["nsg"], all_of_it["rule"], all_of_it["address"])


async def test_where_there_is_a_group_none_would_be_made(postern: Postern) -> None:
    preview = await foretold(postern, "web-01")
    assert (None, []) == (preview["createsNsg"], preview["attachesTo"])


async def test_a_change_of_a_policy_is_foretold_with_the_grants_that_it_would_end(postern: Postern) -> None:
    await postern.enable("web-01")
    ssh, rdp = [await postern.ask(wish("web-01", port)) for port in (22, 3389)]
    preview = await foretold(postern, "web-01", policy={"ports": [{"number": 3389}]})
    assert [ssh["id"]] == preview["endsGrants"]
    assert ["active"] * 2 == [(await postern.grant(one["id"]))["state"] for one in (ssh, rdp)]


async def test_what_is_granted_is_foretold_to_stay_open(postern: Postern) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    preview = await foretold(postern, "web-01", policy={"ports": [{"number": 22}]})
    assert {grant["rules"][0]["name"]: "granted"} == {one["rule"]["name"]: one["why"] for one in preview["staysOpen"]}
    assert ("holds", []) == (preview["lock"]["state"], preview["endsGrants"])


@pytest.mark.parametrize("policy", KINDS_OF_LOCK, ids=str)
async def test_what_is_foretold_of_a_change_is_what_then_stands(postern: Postern, azure: Azure, policy: Json) -> None:
    await postern.enable("web-01")
    preview = await foretold(postern, "web-01", policy=policy)
    await postern.enable("web-01", **policy)
    made = await rules_made(azure, {"web-01-nsg"})
    assert (True, True) == (rules_foretold(preview) <= made, bool(preview["changes"]))
    gone = {one["rule"]["name"] for one in preview["changes"] if one["change"] == "delete"}
    assert set() == gone & set(await azure.ours("web-01-nsg"))


async def test_a_change_that_changes_nothing_is_foretold_so(postern: Postern) -> None:
    await postern.enable("web-01")
    preview = await foretold(postern, "web-01")
    assert ([], [], "holds") == (preview["changes"], preview["losesEffect"], preview["lock"]["state"])


@pytest.mark.parametrize("name", ["web-01", "both-01", "lb-01", "bare-01"])
async def test_what_is_foretold_of_removing_is_what_then_happens(postern: Postern, azure: Azure, name: str) -> None:
    await postern.enable(name)
    preview = await foretold(postern, name, "DELETE")
    standing = {(group, rule) for group in groups_of(preview) for rule in await azure.ours(group)}
    deleted = [(one["nsg"].split("/")[-1], one["rule"]["name"]) for one in preview["changes"]]
    assert ({"delete"}, standing) == ({one["change"] for one in preview["changes"]}, set(deleted))
    removed = await postern.disable(name)
    assert removed["openAfterwards"] == preview["lock"]["because"]
    assert set() == {name for group in groups_of(preview) for name in await azure.ours(group)}


async def test_machines_behind_one_group_are_foretold_together(postern: Postern, azure: Azure) -> None:
    body = {"machines": [machine("app-01"), machine("app-02")]}
    answer = await postern.call("administrator", "POST", "/api/policies?preview=true", body)
    previews = [one["preview"] for one in read(answer, 200)["results"]]
    read(await postern.call("administrator", "POST", "/api/policies", body), 200)
    made = await rules_made(azure, {"app-nsg"})
    assert [made, made] == [rules_foretold(one) for one in previews]
    assert {("10.0.1.4", "10.0.1.5")} == {rule[-1] for rule in made}


async def test_previews_of_many_tell_which_would_be_refused(postern: Postern, azure: Azure) -> None:
    names = ("web-01", "frozen-01", "nic-less-01", "bricks-01", "nobody")
    body = {"machines": [machine(name) for name in names]}
    answer = await postern.call("administrator", "POST", "/api/policies?preview=true", body)
    assert [200, 422, 422, 422, 404] == [one["status"] for one in read(answer, 207)["results"]]
    assert [] == await azure.records()


async def test_a_preview_says_what_it_does_not_know(postern: Postern) -> None:
    preview = await foretold(postern, "web-01")
    assert (None, 1) == (preview["cutFlows"], len(preview["notes"]))


@pytest.mark.parametrize(
    ("name", "method", "status", "code"),
    [("nobody", "PUT", 404, "notFound"), ("frozen-01", "PUT", 422, "refused"), ("web-01", "DELETE", 404, "notFound")],
)
async def test_what_would_be_refused_is_refused_in_a_preview_too(
    postern: Postern, name: str, method: str, status: int, code: str
) -> None:
    problem(await postern.call("administrator", method, path(name), {}), status, code)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_preview_of_an_older_version_is_refused(postern: Postern, method: str) -> None:
    await postern.enable("web-01")
    answer = await postern.call("administrator", method, path("web-01"), {}, If_Match='"0-0.000000"')
    problem(answer, 412, "outdated")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_only_administrators_may_foretell(postern: Postern, method: str) -> None:
    users = ("requestor", "approver", "auditor")
    assert [403] * 3 == [(await postern.call(user, method, path("web-01"), {})).status_code for user in users]


async def test_a_preview_that_is_asked_for_unclearly_writes_nothing(postern: Postern, azure: Azure) -> None:
    answer = await postern.call("administrator", "PUT", path("web-01", "?preview=yes"), {})
    problem(answer, 400, "invalidFlag")
    assert [] == await azure.ours("web-01-nsg")
