"""The day on which the tables are lost: locks hold, and nothing is open that nobody has a grant for."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential

from emulator.box import Box
from emulator.environment import ACCOUNT, describe_identity, describe_trust
from scripts.backup import TABLES
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, machine, watch, wish
from tests.journeys.test_close_all import close_all

ROOT = Path(__file__).parents[2]
TYPED: Json = {
    "PartitionKey": "2026-11-22", "RowKey": "odd",
    "at": "2026-11-22T13:00:00.1234567Z", "at@odata.type": "Edm.DateTime",
    "number": "9007199254740993", "number@odata.type": "Edm.Int64",
    "who": "c9da6455-213d-42c9-9a79-3e9149a57833", "who@odata.type": "Edm.Guid",
    "seal": "AAEC/w==", "seal@odata.type": "Edm.Binary",
    "share": 0.5, "count": 7, "on": True, "text": 'Ä\u2028\U0001f512 "x"',
}  # fmt: skip


def tables_of(box: Box) -> str:
    return f"https://127.0.0.1:{box.site.ports.tables}/{ACCOUNT}"


@pytest.fixture
async def service(azure: Azure) -> AsyncIterator[TableServiceClient]:
    """The tables behind the app's back."""
    async with (
        DefaultAzureCredential() as credential,
        TableServiceClient(tables_of(azure.box), credential=credential) as found,
    ):
        yield found


async def run(box: Box, *words: str) -> tuple[int, str]:
    """Run the script as an operator does; its exit status and what it said."""
    environ: Mapping[str, str] = {
        **box.site.machine, **describe_identity(box.site.ports), **describe_trust(Path(box.site.directory)),
        "AzureWebJobsStorage__tableServiceUri": tables_of(box),
    }  # fmt: skip
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.backup", *words,
        cwd=ROOT, env=dict(environ), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await running.communicate()
    return int(running.returncode or 0), said.decode()


async def lose(service: TableServiceClient) -> None:
    """The tables are gone."""
    names = [table.name async for table in service.list_tables()]
    await asyncio.gather(*(service.delete_table(name) for name in names))


async def rows(service: TableServiceClient, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What stands in a table, by its keys."""
    found = [dict(one) async for one in service.get_table_client(name).list_entities()]
    return {(one["PartitionKey"], one["RowKey"]): one for one in found}


async def raw(azure: Azure, query: str) -> Json:
    """The entities of the audit that a query finds, with their types, as Table Storage itself gives them."""
    token = (await azure.control("POST", "token", {"audience": "https://storage.azure.com"}))["access_token"]
    accept = "application/json;odata=minimalmetadata"
    headers = {"Authorization": f"Bearer {token}", "Accept": accept, "x-ms-version": "2020-12-06"}
    answer = await azure.box.client.get(f"{tables_of(azure.box)}/audit()", params={"$filter": query}, headers=headers)
    [found] = answer.raise_for_status().json()["value"]
    return {name: value for name, value in found.items() if name in TYPED}


async def write_raw(azure: Azure, row: Json) -> None:
    """Put an entity into the audit past every SDK."""
    token = (await azure.control("POST", "token", {"audience": "https://storage.azure.com"}))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "x-ms-version": "2020-12-06"}
    (await azure.box.client.post(f"{tables_of(azure.box)}/audit", json=row, headers=headers)).raise_for_status()


async def settled(postern: Postern, azure: Azure, *groups: str) -> list[str]:
    """The rules of grants in these groups once the app has swept and repaired, or what is left after a while."""

    async def left() -> list[str]:
        return [name for group in groups for name in await azure.ours(group, "postern-open-")]

    for function in ("sweep", "repair"):
        await postern.run(function)
    return await watch(left, lambda names: not names, 20)


@pytest.fixture
async def saved(postern: Postern, azure: Azure, killed_box: Box, tmp_path: Path) -> Path:
    """A backup of two machines that are locked and open for somebody, after which more happened."""
    assert killed_box is azure.box
    for name in ("web-01", "app-01"):
        await postern.enable(name)
    await postern.ask(wish("web-01"))
    file = tmp_path / "postern.backup"
    assert 0 == (await run(azure.box, "save", str(file)))[0]
    await postern.ask(wish("app-01"))
    await postern.enable("both-01")
    await postern.ask(wish("both-01", 3389))
    return file


async def test_after_loss_and_restore_all_is_closed_and_the_locks_hold(
    saved: Path, postern: Postern, azure: Azure, service: TableServiceClient
) -> None:
    await azure.box.host.stop()
    assert 0 == (await close_all(azure.box, "--close"))[0]
    await lose(service)
    assert 0 == (await run(azure.box, "restore", str(saved)))[0]
    await azure.box.host.start(10)
    assert [] == await settled(postern, azure, "web-01-nsg", "app-nsg", "both-01-nsg", "both-subnet-nsg")
    assert [{}, {}, {}] == [await azure.open_to(name, (22, 3389)) for name in ("web-01", "app-01", "both-01")]


async def test_without_closing_first_the_repair_closes_what_it_knows_of(
    saved: Path, postern: Postern, azure: Azure, service: TableServiceClient
) -> None:
    await lose(service)
    assert 0 == (await run(azure.box, "restore", str(saved)))[0]
    assert [] == await settled(postern, azure, "web-01-nsg", "app-nsg")
    assert [False, False] == [await azure.passes(name, USER, 22) for name in ("web-01", "app-01")]


async def test_a_grant_that_was_revoked_since_is_not_opened_again(
    saved: Path, postern: Postern, azure: Azure, service: TableServiceClient
) -> None:
    [grant] = [one["id"] for one in await postern.grants() if one["machine"] == machine("web-01")]
    await postern.revoke(grant)
    await lose(service)
    await run(azure.box, "restore", str(saved))
    await postern.run("sweep")
    ended = await postern.insist(grant, "revoked")
    assert ("revoked", False) == (ended["state"], await azure.passes("web-01", USER, 22))


async def test_what_waited_is_over_and_on_record(
    postern: Postern, azure: Azure, service: TableServiceClient, tmp_path: Path
) -> None:
    await postern.enable("web-01", approval={"required": True})
    asked = await postern.call("requestor", "POST", "/api/grants", wish("web-01"))
    file = str(tmp_path / "postern.backup")
    await run(azure.box, "save", file)
    await lose(service)
    await run(azure.box, "restore", file)
    answer = await postern.call("approver", "POST", f"/api/grants/{asked.json()['id']}/approve")
    await postern.run("sweep")
    kinds = await watch(lambda: _kinds(azure), lambda found: "grantRevoked" in found, 10)
    assert (409, ["policySet", "grantPending", "grantRevoked"]) == (answer.status_code, kinds)


async def _kinds(azure: Azure) -> list[str]:
    return [str(one["kind"]) for one in await azure.records()]


async def test_values_come_back_with_their_types(azure: Azure, service: TableServiceClient, tmp_path: Path) -> None:
    await service.create_table_if_not_exists("audit")
    await write_raw(azure, TYPED)
    file = str(tmp_path / "postern.backup")
    await run(azure.box, "save", file)
    await lose(service)
    assert 0 == (await run(azure.box, "restore", file))[0]
    assert TYPED == await raw(azure, "RowKey eq 'odd'")


async def test_everything_but_claims_comes_back_as_it_was(
    postern: Postern, azure: Azure, service: TableServiceClient, tmp_path: Path
) -> None:
    await postern.enable("web-01")
    await postern.revoke((await postern.ask(wish("web-01"), Idempotency_Key="one"))["id"])
    file = str(tmp_path / "postern.backup")
    before = {name: await rows(service, name) for name in TABLES if name != "subscriptions"}
    await run(azure.box, "save", file)
    await azure.box.host.stop()
    await lose(service)
    await run(azure.box, "restore", file)
    assert {**before, "inbox": {}} == {name: await rows(service, name) for name in before}
    await azure.box.host.start(10)


async def test_every_table_that_the_app_makes_is_saved(
    postern: Postern, azure: Azure, service: TableServiceClient
) -> None:
    await postern.enable("web-01")
    await postern.ask(wish("web-01"), Idempotency_Key="two")
    assert set() == {table.name async for table in service.list_tables()} - set(TABLES)
    assert len(await azure.ours("web-01-nsg")) > 1


async def test_what_is_there_is_not_touched(saved: Path, azure: Azure, service: TableServiceClient) -> None:
    await azure.box.host.stop()
    before = await rows(service, "grants")
    refused, said = await run(azure.box, "restore", str(saved))
    status, _ = await run(azure.box, "restore", str(saved), "--merge")
    assert (1, True, 0, before) == (refused, "say --merge" in said, status, await rows(service, "grants"))


async def test_a_restore_that_broke_off_is_gone_on_with(saved: Path, azure: Azure, service: TableServiceClient) -> None:
    await azure.box.host.stop()
    await lose(service)
    await run(azure.box, "restore", str(saved))
    whole = set(await rows(service, "listings"))
    await service.delete_table("listings")
    assert 0 == (await run(azure.box, "restore", str(saved), "--merge"))[0]
    assert whole == set(await rows(service, "listings"))


async def test_an_account_without_tables_gives_no_empty_backup(
    azure: Azure, service: TableServiceClient, killed_box: Box, tmp_path: Path
) -> None:
    await killed_box.host.stop()
    await lose(service)
    status, said = await run(azure.box, "save", str(tmp_path / "postern.backup"))
    assert (1, True) == (status, "no table of Postern" in said)
