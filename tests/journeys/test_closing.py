"""The hole is closed on time, also when nobody was there to close it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from emulator.box import PATIENCE, Box
from tests.journeys.azure import WELL_KNOWN, Azure
from tests.journeys.client import ENDS, STRANGER, USER, Postern, seconds_past, time_of, wait_past, wish

OTHER: Final = "203.0.113.9"
TOLERANCE: Final = 5.0  # seconds after the deadline


async def test_holes_close_within_seconds_of_their_deadlines_and_not_before(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    # So much later that one write does not close both, as it does where ends are near.
    end = f"{datetime.now(UTC) + timedelta(seconds=12):%Y-%m-%dT%H:%M:%S.%f}0Z"
    wishes = (wish("web-01", duration="PT5S"), wish("web-01", source=STRANGER, endTimeUtc=end))
    brief, dated, _lasting = await asyncio.gather(*map(postern.ask, (*wishes, wish("web-01", source=OTHER))))
    assert time_of(end) == time_of(dated["endTimeUtc"])
    for grant, source, left in ((brief, USER, {STRANGER, OTHER}), (dated, STRANGER, {OTHER})):
        await wait_past(grant["endTimeUtc"], -0.4)
        assert await azure.passes("web-01", source, 22)
        ended = await postern.until(grant["id"], *ENDS)
        assert ("expired", "deadline") == (ended["state"], ended["reason"])
        assert 0 <= seconds_past(grant["endTimeUtc"]) < TOLERANCE
        assert {one: {22} for one in left} == {
            one: ports for one in (USER, STRANGER, OTHER) if (ports := await azure.passing("web-01", one, WELL_KNOWN))
        }


async def test_a_hole_whose_deadline_passed_while_the_host_was_dead_closes_in_one_sweep(
    postern: Postern, azure: Azure, killed_box: Box
) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01", duration="PT5S"))
    await wait_past(grant["endTimeUtc"], -0.3)
    await killed_box.host.kill()
    await wait_past(grant["endTimeUtc"], 0.5)
    assert {USER: {22}} == await azure.open_to("web-01")
    await killed_box.host.start(PATIENCE)
    await postern.run("sweep")
    assert "expired" == (await postern.until(grant["id"], *ENDS, patience=5))["state"]
    assert ({}, []) == (await azure.open_to("web-01"), await azure.ours("web-01-nsg", "postern-open-"))
