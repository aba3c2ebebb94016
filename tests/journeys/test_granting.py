"""A grant lets in whom it names, where it says, and nobody else; and it costs Azure little."""

import asyncio
from typing import Final

import pytest

from tests.journeys.azure import ATTACKER, WELL_KNOWN, Azure
from tests.journeys.client import STRANGER, USER, Postern, machine, read, seconds_past, wait_past, wish

REQUESTOR: Final = "00000000-0000-0000-0000-000000000001"
PIPELINE: Final = "00000000-0000-0000-0000-000000000101"


async def test_a_grant_lets_its_source_in_to_its_port_and_nobody_else_anywhere(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    assert "active" == grant["state"]
    assert {USER: {22}} == await azure.open_to("web-01", WELL_KNOWN)


@pytest.mark.parametrize("protocol", ["Udp", "Icmp"])
async def test_a_grant_over_tcp_opens_no_other_protocol(postern: Postern, azure: Azure, protocol: str) -> None:
    await postern.enable("web-01")
    await postern.ask(wish("web-01"))
    assert set() == await azure.passing("web-01", USER, (22, 53, 3389), protocol)


async def test_a_grant_tells_its_rule_its_end_and_how_to_connect(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    assert await azure.ours("web-01-nsg", "postern-open-") == [rule["name"] for rule in grant["rules"]]
    assert {"host": "198.51.100.4", "ssh": "ssh 198.51.100.4"} == grant["connect"]
    assert 590 < -seconds_past(grant["endTimeUtc"]) <= 600


async def test_a_rule_explains_itself(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    description = (await azure.rule("web-01-nsg", grant["rules"][0]["name"]))["description"]
    assert all(word in description for word in (grant["id"], "Rika Requestor", "until 20"))
    assert len(description) <= 140


async def test_a_source_that_is_left_out_is_the_callers_address(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask({"machine": machine("web-01"), "ports": [22], "duration": "PT10M"})
    assert ["127.0.0.1"] == grant["ports"][0]["sources"]
    assert {} == await azure.open_to("web-01")


async def test_a_forged_forwarded_address_is_not_the_callers(postern: Postern) -> None:
    await postern.enable("web-01")
    body = {"machine": machine("web-01"), "ports": [22], "duration": "PT10M"}
    grant = await postern.ask(body, X_Forwarded_For="192.0.2.66")
    assert ["127.0.0.1"] == grant["ports"][0]["sources"]


async def test_a_grant_costs_one_read_and_one_write_of_the_group_and_its_polls(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    before = len(await azure.calls())
    await postern.ask(wish("web-01"))
    reading, writing, *polls = await azure.calls("web-01-nsg", before)
    assert ("GET", "PUT", {"GET"}) == (reading, writing, set(polls))
    assert len(await azure.calls(since=before)) == 2 + len(polls)


async def test_a_machine_behind_two_groups_costs_that_for_each(postern: Postern, azure: Azure) -> None:
    await postern.enable("both-01")
    before = len(await azure.calls())
    await postern.ask(wish("both-01", 3389))
    for nsg in ("both-01-nsg", "both-subnet-nsg"):
        reading, writing, *polls = await azure.calls(nsg, before)
        assert ("GET", "PUT", {"GET"}) == (reading, writing, set(polls))
    assert {"both-01-nsg": 1, "both-subnet-nsg": 1} == await azure.writes(before)


async def test_a_machine_behind_two_groups_is_reached_through_both(postern: Postern, azure: Azure) -> None:
    await postern.enable("both-01")
    grant = await postern.ask(wish("both-01", 3389))
    assert {"both-01-nsg", "both-subnet-nsg"} == {rule["nsg"].rsplit("/", 1)[1] for rule in grant["rules"]}
    assert {USER: {3389}} == await azure.open_to("both-01", WELL_KNOWN)


async def test_a_grant_over_two_groups_leaves_nothing_in_either(postern: Postern, azure: Azure) -> None:
    before = [await azure.rules(nsg) for nsg in ("both-01-nsg", "both-subnet-nsg")]
    await postern.enable("both-01")
    await postern.revoke((await postern.ask(wish("both-01", 3389)))["id"])
    await postern.disable("both-01")
    assert before == [await azure.rules(nsg) for nsg in ("both-01-nsg", "both-subnet-nsg")]


async def test_a_grant_on_a_shared_group_opens_one_machine_only(postern: Postern, azure: Azure) -> None:
    await postern.enable("app-01")
    await postern.enable("app-02")
    await postern.ask(wish("app-01"))
    assert ({USER: {22}}, {}) == (await azure.open_to("app-01", WELL_KNOWN), await azure.open_to("app-02", WELL_KNOWN))


async def test_the_end_of_one_of_two_grants_on_a_port_leaves_the_other(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    one = await postern.ask(wish("web-01"))
    await postern.ask(wish("web-01", source=STRANGER))
    await postern.revoke(one["id"])
    assert {STRANGER: {22}} == await azure.open_to("web-01", WELL_KNOWN)


async def test_two_grants_of_the_same_port_and_source_end_each_for_itself(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    first, second = await postern.ask(wish("web-01")), await postern.ask(wish("web-01"))
    await postern.revoke(second["id"])
    assert await azure.passes("web-01", USER, 22)
    await postern.revoke(first["id"])
    assert not await azure.passes("web-01", USER, 22)


async def test_many_who_ask_at_once_are_all_let_in_by_few_writes(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    before, sources = len(await azure.calls()), [f"203.0.113.{number}" for number in range(20, 32)]
    grants = await asyncio.gather(*(postern.ask(wish("web-01", source=source)) for source in sources))
    assert {"active"} == {grant["state"] for grant in grants}
    assert [{22}] * 12 == [await azure.passing("web-01", source, WELL_KNOWN) for source in sources]
    assert set() == await azure.passing("web-01", ATTACKER, WELL_KNOWN)
    assert (await azure.writes(before))["web-01-nsg"] < len(sources)


async def test_a_revoked_grant_says_who_ended_it_and_is_gone_from_the_group(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    ended = (await postern.revoke(grant["id"])).json()
    assert ("revoked", "revoked", []) == (ended["state"], ended["reason"], ended["rules"])
    assert [] == await azure.ours("web-01-nsg", "postern-open-")


async def test_an_administrator_ends_somebody_elses_grant(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    assert (200, "revoked") == ((answer := await postern.revoke(grant["id"], "administrator")).status_code,
                                answer.json()["state"])  # fmt: skip
    assert {} == await azure.open_to("web-01")


async def test_a_grant_ended_twice_stays_as_it_is(postern: Postern) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    once = (await postern.revoke(grant["id"])).json()
    assert once == (await postern.revoke(grant["id"], "administrator")).json()


@pytest.mark.parametrize(("method", "act"), [("GET", ""), ("POST", "/revoke")])
async def test_somebody_elses_grant_is_not_found(postern: Postern, azure: Azure, method: str, act: str) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    answer = await postern.call("pipeline", method, f"/api/grants/{grant['id']}{act}")
    nowhere = await postern.call("pipeline", method, f"/api/grants/{'0' * 24}{act}")
    assert (404, nowhere.json()) == (answer.status_code, answer.json())
    assert {USER: {22}} == await azure.open_to("web-01")


async def test_a_list_shows_requestors_their_own_grants_and_auditors_all(postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.ask(wish("web-01"))
    await postern.ask(wish("web-01"), user="pipeline")
    seen = {user: (await postern.call(user, "GET", "/api/grants")).json()["value"] for user in ("pipeline", "auditor")}
    assert [PIPELINE] == [one["requestor"]["id"] for one in seen["pipeline"]]
    assert {PIPELINE, REQUESTOR} == {one["requestor"]["id"] for one in seen["auditor"]}


async def test_a_preview_of_asking_tells_what_asking_then_does_and_does_nothing(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    since = len(await azure.calls())
    told = read(await postern.call("requestor", "POST", "/api/grants?preview=true", wish("web-01")), 200)
    assert ({}, []) == (await azure.writes(since), await postern.grants())
    grant = await postern.ask(wish("web-01"))
    foretold = [(one["priority"], told["opens"], told["ports"]) for one in told["rules"]]
    assert [(one["priority"], True, grant["ports"]) for one in grant["rules"]] == foretold


async def test_a_preview_of_what_would_be_refused_is_refused_with_the_same_words(postern: Postern) -> None:
    await postern.enable("web-01")
    paths = ("/api/grants?preview=true", "/api/grants")
    told, asked = [await postern.call("requestor", "POST", path, wish("web-01", port=99)) for path in paths]
    assert (422, told.json()) == (asked.status_code, asked.json())


async def test_a_grant_can_be_extended_by_who_has_it_and_then_lasts_longer(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01", duration="PT6S"))
    longer = read(
        await postern.call("requestor", "POST", f"/api/grants/{grant['id']}/extend", {"duration": "PT12S"}), 200
    )
    assert longer["endTimeUtc"] > grant["endTimeUtc"]
    await wait_past(grant["endTimeUtc"], 2)
    assert await azure.passes("web-01", USER, 22)
    assert "expired" == (await postern.until(grant["id"], "expired", patience=20))["state"]
    assert seconds_past(longer["endTimeUtc"]) > 0


@pytest.mark.parametrize("user", ["pipeline", "approver", "administrator"])
async def test_nobody_extends_a_grant_of_somebody_else(postern: Postern, user: str) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    answer = await postern.call(user, "POST", f"/api/grants/{grant['id']}/extend", {"duration": "PT1H"})
    assert (404 if user == "pipeline" else 403) == answer.status_code


@pytest.mark.parametrize("body", [{}, {"duration": "PT1H", "endTimeUtc": "2027-01-01T00:00:00Z"}, {"duration": 5}])
async def test_an_extension_that_says_nothing_sensible_is_told_what_is_wrong(
    postern: Postern, body: dict[str, object]
) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    assert 400 == (await postern.call("requestor", "POST", f"/api/grants/{grant['id']}/extend", body)).status_code
