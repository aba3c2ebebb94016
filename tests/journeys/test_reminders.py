"""What may become of a deadline's message: lost, doubled, too early, about nothing. The grant ends as it should."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.storage.queue.aio import QueueClient

from emulator.box import Box
from emulator.environment import ACCOUNT
from tests.journeys.azure import Azure
from tests.journeys.client import ENDS, USER, Json, Postern, seconds_past, wait_past, wish

LAST_SECOND: Final = 47  # of a minute, after which twelve more would reach the next one.

TOLERANCE: Final = 5.0  # seconds after the deadline
MOST_AT_ONCE: Final = 50  # grants of one caller on one machine


@pytest.fixture
async def queue(box: Box) -> AsyncIterator[QueueClient]:
    """The app's queue of deadlines."""
    endpoint = f"https://127.0.0.1:{box.site.ports.queues}/{ACCOUNT}"
    async with (
        DefaultAzureCredential() as credential,
        QueueClient(endpoint, "closings", credential=credential) as queue,
    ):
        yield queue


async def open_for(postern: Postern, duration: str) -> Json:
    await postern.enable("web-01")
    return await postern.ask(wish("web-01", duration=duration))


async def between_sweeps() -> None:
    """Return when the sweep, which runs at each full minute, has nothing to do with the next twelve seconds."""
    second = datetime.now(UTC).second
    if second > LAST_SECOND:
        await asyncio.sleep(61 - second)


async def test_a_deadline_whose_message_is_lost_is_kept_by_the_sweep(
    postern: Postern, azure: Azure, queue: QueueClient
) -> None:
    await between_sweeps()
    grant = await open_for(postern, "PT8S")
    await queue.clear_messages()
    await wait_past(grant["endTimeUtc"], 1.5)
    assert {USER: {22}} == await azure.open_to("web-01")
    await postern.run("sweep")
    ended = await postern.until(grant["id"], *ENDS)
    assert ("expired", "deadline", {}) == (ended["state"], ended["reason"], await azure.open_to("web-01"))


async def test_messages_that_come_too_early_and_again_and_again_end_a_grant_once_and_on_time(
    postern: Postern, azure: Azure, queue: QueueClient
) -> None:
    grant = await open_for(postern, "PT7S")
    since = len((await azure.control("GET", "calls"))["calls"])
    for body in [grant["id"]] * 4:
        await queue.send_message(base64.b64encode(body.encode()).decode())
    await wait_past(grant["endTimeUtc"], -0.4)
    assert await azure.passes("web-01", USER, 22)
    ended = await postern.until(grant["id"], *ENDS)
    assert 0 <= seconds_past(grant["endTimeUtc"]) < TOLERANCE
    changes = [one for one in await azure.records() if grant["id"] in str(one)]
    assert ("expired", 3, 1) == (ended["state"], len(changes), (await azure.writes(since)).total())


async def test_messages_about_grants_that_are_unknown_or_over_change_nothing(
    postern: Postern, azure: Azure, queue: QueueClient
) -> None:
    grant = await open_for(postern, "PT10M")
    over = await postern.ask(wish("web-01", port=3389))
    await postern.revoke(over["id"])
    since, records = len((await azure.control("GET", "calls"))["calls"]), await azure.records()
    for body in (over["id"], f"{grant['id'][:-4]}0000"):
        await queue.send_message(base64.b64encode(body.encode()).decode())
    await asyncio.sleep(3)
    assert (0, records) == ((await azure.writes(since)).total(), await azure.records())
    assert {USER: {22}} == await azure.open_to("web-01")


async def test_a_hundred_requests_at_once_for_one_group_need_at_most_five_writes(
    postern: Postern, azure: Azure
) -> None:
    await postern.enable("web-01")
    await azure.control("POST", "latency", {"write": 2})
    since = len((await azure.control("GET", "calls"))["calls"])
    users = ["requestor", "pipeline"] * MOST_AT_ONCE
    grants = await asyncio.gather(*(postern.ask(wish("web-01", source=f"203.0.113.{number + 1}"), user)
                                    for number, user in enumerate(users)))  # fmt: skip
    assert {"active"} == {grant["state"] for grant in grants}
    assert len(users) == len(await azure.ours("web-01-nsg", "postern-open-"))
    assert (await azure.writes(since)).total() <= 5
