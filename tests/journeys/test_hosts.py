"""A server outside Azure, from enabling to the end of an access: by HTTP, and by real TCP connections.

The server is a network namespace with a firewall of its own; where there can be none, these tests are skipped.
"""

from datetime import UTC, datetime, timedelta

import pytest

from emulator.environment import SUBSCRIPTION
from tests.journeys.azure import Azure
from tests.journeys.client import STRANGER, USER, Json, Postern, read, watch, wish
from tests.journeys.test_bad_requests import problem

FILES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines/files-01"


@pytest.fixture
async def street(postern: Postern, azure: Azure) -> Postern:
    """The app in a fresh world in which hosts are played."""
    lacks = (await azure.box.client.get(f"{azure.box.site.emulator}/_box/hosts")).json()["lacks"]
    if lacks:
        pytest.skip(lacks)
    return postern


async def enable(street: Postern, **policy: object) -> Json:
    answer = await street.call("administrator", "PUT", f"/api/policies{FILES}", policy)
    return read(answer, 200, 201)


async def reaches(street: Postern, source: str, port: int = 22) -> bool:
    """Whether a real TCP connection is made."""
    body = {"machine": FILES, "source": source, "port": port}
    answer = await street.box.post(f"{street.box.site.emulator}/_box/hosts/reach", body)
    return bool(answer.json()["reached"])


async def connect(street: Postern, *, connected: bool) -> None:
    await street.box.post(f"{street.box.site.emulator}/_box/hosts", {"machine": FILES, "connected": connected})


async def test_a_server_is_locked_and_opened_for_one_address_as_real_connections_tell(
    street: Postern,
) -> None:
    assert "holds" == (await enable(street))["lock"]["state"]
    assert not await reaches(street, USER)
    grant = await street.ask(wish("files-01") | {"machine": FILES})
    assert [True, False, False] == [
        await reaches(street, USER), await reaches(street, STRANGER), await reaches(street, USER, 8080)
    ]  # fmt: skip
    read(await street.revoke(grant["id"]), 200)
    assert ["revoked", False] == [(await street.grant(grant["id"]))["state"], await reaches(street, USER)]


async def test_a_server_ends_an_access_by_itself_while_it_is_cut_off_and_the_record_is_right(street: Postern) -> None:
    await enable(street)
    ends = datetime.now(UTC) + timedelta(seconds=20)
    grant = await street.ask(wish("files-01", endTimeUtc=f"{ends:%Y-%m-%dT%H:%M:%SZ}") | {"machine": FILES})
    assert await reaches(street, USER)
    await connect(street, connected=False)
    over = await street.until(grant["id"], "expired", patience=30)
    assert ["expired", False] == [over["state"], await reaches(street, USER)]
    await connect(street, connected=True)
    assert "locked" in (await street.row("files-01"))["conditions"]


async def test_a_longer_stay_is_told_to_the_server_before_it_is_promised(street: Postern) -> None:
    await enable(street)
    ends = datetime.now(UTC) + timedelta(seconds=15)
    grant = await street.ask(wish("files-01", endTimeUtc=f"{ends:%Y-%m-%dT%H:%M:%SZ}") | {"machine": FILES})
    longer = await street.call("requestor", "POST", f"/api/grants/{grant['id']}/extend", {"duration": "PT30M"})
    assert grant["endTimeUtc"] < read(longer, 200)["endTimeUtc"]
    await watch(lambda: street.grant(grant["id"]), lambda _: datetime.now(UTC) > ends + timedelta(seconds=1), 30)
    assert [True, "active"] == [await reaches(street, USER), (await street.grant(grant["id"]))["state"]]


async def test_a_longer_stay_that_the_server_cannot_be_told_of_is_not_promised(street: Postern) -> None:
    await enable(street)
    grant = await street.ask(wish("files-01") | {"machine": FILES})
    await connect(street, connected=False)
    longer = await street.call("requestor", "POST", f"/api/grants/{grant['id']}/extend", {"duration": "PT30M"})
    problem(longer, 503, "unavailable")
    assert grant["endTimeUtc"] == (await street.grant(grant["id"]))["endTimeUtc"]


async def test_an_access_lasts_as_long_as_the_server_was_told(street: Postern) -> None:
    await enable(street)
    grant = await street.ask(wish("files-01") | {"machine": FILES})
    asked = datetime.fromisoformat(grant["requestedAt"])
    assert timedelta(minutes=10) == datetime.fromisoformat(grant["endTimeUtc"]) - asked


async def test_a_server_whose_run_command_somebody_deleted_is_set_free_with_its_policy(street: Postern) -> None:
    await enable(street)
    token = (await street.box.post(f"{street.box.site.emulator}/_box/token", {})).json()["access_token"]
    gate = f"{street.box.site.emulator}{FILES}/runCommands/postern-gate?api-version=2026-07-15"
    (await street.box.client.delete(gate, headers={"Authorization": f"Bearer {token}"})).raise_for_status()
    assert not await reaches(street, USER)
    read(await street.call("administrator", "DELETE", f"/api/policies{FILES}"), 200)
    assert await reaches(street, STRANGER)


async def test_a_lock_that_somebody_took_away_on_the_server_is_put_back_and_told(street: Postern) -> None:
    await enable(street)
    script = "nft delete table inet postern"
    await street.box.post(f"{street.box.site.emulator}/_box/hosts/run", {"machine": FILES, "script": script})
    assert await reaches(street, USER)
    await street.run("repair")
    assert not await watch(lambda: reaches(street, USER), lambda reached: not reached, 20)
    found = read(await street.call("auditor", "GET", f"/api/activity?kind=finding&machine={FILES}"), 200)["value"]
    assert [("lockEdited", [FILES])] == [(one["record"]["what"], one["machines"]) for one in found]


async def test_taking_the_policy_away_leaves_nothing_on_the_server(street: Postern) -> None:
    await enable(street)
    read(await street.call("administrator", "DELETE", f"/api/policies{FILES}"), 200)
    url = f"{street.box.site.emulator}/_box/hosts/run"
    ran = await street.box.post(url, {"machine": FILES, "script": "nft list ruleset; ls /var/lib"})
    assert {"output": "", "error": ""} == ran.json()


async def test_a_server_that_is_cut_off_is_shown_as_such_and_cannot_be_enabled(street: Postern) -> None:
    await connect(street, connected=False)
    row = await watch(lambda: street.row("files-01"), lambda row: row["state"] == "unsupported", 20)
    assert ("unsupported", ["disconnected"]) == (row["state"], [one["code"] for one in row["reasons"]])
    answer = await street.call("administrator", "PUT", f"/api/policies{FILES}", {})
    problem(answer, 503, "unavailable")


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"lock": {"from": "Internet"}}, "originNotSupported"),
        ({"endSessions": True}, "endSessionsNotSupported"),
    ],
)
async def test_what_a_host_s_firewall_cannot_do_is_refused_by_name(street: Postern, policy: Json, code: str) -> None:
    answer = await street.call("administrator", "PUT", f"/api/policies{FILES}", policy)
    assert [code] == [one["code"] for one in problem(answer, 422, "refused")["issues"]]
