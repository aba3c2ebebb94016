"""What a host leaves that was killed in the middle of opening: three requests, each caught at another point.

On web-01 the grant is stored and nothing written. On app-01 the rule is written, and nobody has seen it in force.
On web-02 nothing is written either, and the requestor is still there to ask again.
"""

import asyncio
from dataclasses import dataclass

import pytest

from emulator.box import PATIENCE, Box
from tests.journeys.azure import WELL_KNOWN, Azure
from tests.journeys.client import ENDS, USER, Json, Postern, wait_past, wish

LEASE = 30.0  # seconds: the killed host's lease runs out within them
WISHES = (wish("web-01", duration="PT5S"), wish("app-01", duration="PT5S"), wish("web-02", 3389))


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The app, running again, and Azure; the grants as they were stored when the host was killed, by machine."""

    postern: Postern
    azure: Azure
    kept: dict[str, Json]


@pytest.fixture(scope="module")
async def aftermath(box: Box, accounts: Postern) -> Aftermath:
    """Ask for all, kill the host when Azure has met the programmed faults, and start it again."""
    await box.reset()
    azure = Azure(box)
    await azure.quick()
    for name in ("web-01", "app-01", "web-02"):
        await accounts.enable(name)
    for nsg in ("web-01-nsg", "web-nsg"):
        await azure.fault("slow", "GET", f"/{nsg}$", seconds=20)
    await azure.fault("slow", "PUT", "postern-open-", seconds=1.5)
    asking = [asyncio.create_task(accounts.call("requestor", "POST", "/api/grants", body)) for body in WISHES]
    await azure.until_faulty()
    await box.host.kill()
    await asyncio.gather(*asking, return_exceptions=True)
    await box.host.start(PATIENCE)
    await azure.until_ours("app-nsg", 1, "postern-open-")
    return Aftermath(accounts, azure, {one["machine"].rsplit("/", 1)[1]: one for one in await accounts.grants()})


async def test_every_grant_was_stored_before_anything_was_opened(aftermath: Aftermath) -> None:
    kept = {name: grant["rules"] for name, grant in aftermath.kept.items()}
    assert {"web-01": [], "app-01": [], "web-02": []} == kept


async def test_a_grant_that_was_only_stored_opens_nothing_and_is_ended_by_one_sweep(aftermath: Aftermath) -> None:
    grant = aftermath.kept["web-01"]
    await wait_past(grant["endTimeUtc"])
    await aftermath.postern.run("sweep")
    ended = await aftermath.postern.until(grant["id"], *ENDS, patience=LEASE)
    assert ("expired", "deadline") == (ended["state"], ended["reason"])
    assert {} == await aftermath.azure.open_to("web-01", WELL_KNOWN)


async def test_a_hole_that_nobody_saw_opening_is_closed_by_one_sweep(aftermath: Aftermath) -> None:
    grant = aftermath.kept["app-01"]
    await wait_past(grant["endTimeUtc"])
    await aftermath.postern.run("sweep")
    ended = await aftermath.postern.until(grant["id"], *ENDS, patience=LEASE)
    assert ("expired", "deadline") == (ended["state"], ended["reason"])
    assert [] == await aftermath.azure.ours("app-nsg", "postern-open-")
    assert {} == await aftermath.azure.open_to("app-01", WELL_KNOWN)


async def test_an_opening_is_finished_for_whoever_asks_about_it(aftermath: Aftermath) -> None:
    grant = await aftermath.postern.insist(aftermath.kept["web-02"]["id"], "active", patience=LEASE)
    assert "active" == grant["state"]
    assert {USER: {3389}} == await aftermath.azure.open_to("web-02", WELL_KNOWN)
