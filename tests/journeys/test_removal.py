"""Taking a policy away, changing it, and the versions that a change must name."""

import pytest

from tests.journeys.azure import ATTACKER, WELL_KNOWN, Azure
from tests.journeys.client import ENDS, USER, Postern, machine, wish
from tests.journeys.test_bad_requests import problem

POLICY = f"/api/policies{machine('web-01')}"


@pytest.mark.parametrize(
    ("name", "nsgs"),
    [("web-01", ["web-01-nsg"]), ("app-01", ["app-nsg"]), ("both-01", ["both-01-nsg", "both-subnet-nsg"]),
     ("lb-01", ["lb-01-nsg"]), ("dual-01", ["dual-nsg"]), ("multi-01", ["multi-01-nsg"]),
     ("router-01", ["router-front-nsg", "router-back-nsg"]), ("crowded-01", ["crowded-01-nsg"])],
)  # fmt: skip
async def test_after_disabling_the_groups_are_what_they_were_to_the_byte(
    postern: Postern, azure: Azure, name: str, nsgs: list[str]
) -> None:
    before = [await azure.rules(nsg) for nsg in nsgs]
    await postern.enable(name, lock={"keepOpen": [443]})
    await postern.ask(wish(name))
    assert before != [await azure.rules(nsg) for nsg in nsgs]
    await postern.disable(name)
    assert before == [await azure.rules(nsg) for nsg in nsgs]


async def test_disabling_tells_what_is_open_afterwards(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    found = {leak["rule"] for leak in (await postern.disable("web-01"))["openAfterwards"]}
    assert {"allow-rdp", "allow-ssh", "allow-https"} <= found
    assert {22, 443, 3389} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)


async def test_disabling_ends_the_machines_grants_first(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    grants = [await postern.ask(wish("web-01", number)) for number in (22, 5985)]
    await postern.disable("web-01")
    ended = [await postern.until(grant["id"], *ENDS) for grant in grants]
    assert [("revoked", "policyRemoved")] * 2 == [(grant["state"], grant["reason"]) for grant in ended]
    assert [] == await azure.ours("web-01-nsg")


async def test_disabling_one_machine_leaves_the_grants_of_its_neighbour(postern: Postern, azure: Azure) -> None:
    await postern.enable("app-01")
    await postern.enable("app-02")
    grant = await postern.ask(wish("app-02"))
    await postern.disable("app-01")
    assert "active" == (await postern.until(grant["id"], "active"))["state"]
    assert {USER: {22}} == await azure.open_to("app-02", WELL_KNOWN)


async def test_a_disabled_machine_has_no_policy_and_grants_nothing(postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.disable("web-01")
    problem(await postern.call("administrator", "GET", POLICY), 404, "notFound")
    problem(await postern.call("administrator", "DELETE", POLICY), 404, "notFound")
    problem(await postern.call("requestor", "POST", "/api/grants", wish("web-01")), 404, "notFound")


async def test_a_machine_can_be_enabled_again(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await postern.disable("web-01")
    assert "holds" == (await postern.enable("web-01"))["lock"]["state"]
    await postern.ask(wish("web-01"))
    assert {USER: {22}} == await azure.open_to("web-01", WELL_KNOWN)


async def test_disabling_while_azure_is_away_is_finished_by_repair(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await azure.fault("503", "", "networkSecurityGroups", times=1000)
    problem(await postern.call("administrator", "DELETE", POLICY), 503, "unavailable")
    await azure.disarm()
    assert {} == await azure.open_to("web-01", WELL_KNOWN)
    await postern.run("repair")
    await azure.until_ours("web-01-nsg", 0)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_change_of_an_older_version_is_refused_and_changes_nothing(
    postern: Postern, azure: Azure, method: str
) -> None:
    await postern.enable("web-01")
    old = (await postern.call("administrator", "GET", POLICY)).headers["etag"]
    await postern.enable("web-01", ports=[{"number": 22}])
    before = await azure.rules("web-01-nsg")
    body = {"lock": {"keepOpen": [443]}} if method == "PUT" else None
    problem(await postern.call("administrator", method, POLICY, body, If_Match=old), 412, "outdated")
    assert before == await azure.rules("web-01-nsg")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("any_version", [True, False])
async def test_a_change_of_the_present_version_is_made(postern: Postern, method: str, any_version: bool) -> None:  # noqa: FBT001 - a parameter of the table.
    await postern.enable("web-01")
    etag = "*" if any_version else (await postern.call("administrator", "GET", POLICY)).headers["etag"]
    body: dict[str, object] | None = {} if method == "PUT" else None
    assert 200 == (await postern.call("administrator", method, POLICY, body, If_Match=etag)).status_code


async def test_a_change_of_a_version_of_a_policy_that_is_not_there_is_refused(postern: Postern, azure: Azure) -> None:
    answer = await postern.call("administrator", "PUT", POLICY, {}, If_Match='W/"1"')
    problem(answer, 412, "outdated")
    assert [] == await azure.ours("web-01-nsg")


async def test_each_change_has_an_etag_that_the_next_one_may_name(postern: Postern) -> None:
    etag = (await postern.call("administrator", "PUT", POLICY, {})).headers["etag"]
    again = await postern.call("administrator", "PUT", POLICY, {"lock": {"keepOpen": [443]}}, If_Match=etag)
    assert (200, True) == (again.status_code, again.headers["etag"] != etag)


async def test_a_wider_policy_opens_only_what_it_keeps_open(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    await postern.enable("web-01", lock={"keepOpen": [443]})
    assert {443} == await azure.passing("web-01", ATTACKER, WELL_KNOWN)
    await postern.enable("web-01")
    assert set() == await azure.passing("web-01", ATTACKER, WELL_KNOWN)
