"""Reminders on a real queue: what the trigger gets, and when."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.storage.queue.aio import QueueClient

from emulator.box import Box
from emulator.environment import ACCOUNT
from shared.adapters.queue_reminders import QueueReminders
from tests.adapters.conftest import fresh_machine


@pytest.fixture
async def queue(azurite: Box, emulator: Box) -> AsyncIterator[QueueClient]:
    """A queue that nobody has made yet."""
    assert azurite is emulator
    endpoint = f"https://127.0.0.1:{azurite.site.ports.queues}/{ACCOUNT}"
    async with DefaultAzureCredential() as credential:
        client = QueueClient(endpoint, f"test-{fresh_machine().key}", credential=credential)
        yield client
        await client.delete_queue()
        await client.close()


async def received(queue: QueueClient) -> list[str]:
    return [base64.b64decode(message.content).decode() async for message in queue.receive_messages()]


async def test_a_reminder_names_its_grant_in_base64_and_makes_its_queue(queue: QueueClient) -> None:
    await QueueReminders(queue).send("a-grant", timedelta())
    assert ["a-grant"] == await received(queue)


async def test_a_reminder_is_not_seen_before_its_time(queue: QueueClient) -> None:
    await QueueReminders(queue).send("a-grant", timedelta(hours=1))
    assert [] == await received(queue)


async def test_a_reminder_whose_time_has_passed_is_seen_at_once(queue: QueueClient) -> None:
    await QueueReminders(queue).send("a-grant", timedelta(seconds=-5))
    assert ["a-grant"] == await received(queue)


async def test_a_reminder_for_longer_than_a_queue_can_hide_it_is_hidden_as_long_as_it_can(queue: QueueClient) -> None:
    await QueueReminders(queue).send("a-grant", timedelta(days=30))
    assert [] == await received(queue)


async def test_a_reminder_does_not_expire(queue: QueueClient) -> None:
    await QueueReminders(queue).send("a-grant", timedelta())
    [message] = [message async for message in queue.receive_messages()]
    assert message.expires_on is not None
    assert message.expires_on > datetime.now(UTC) + timedelta(days=365)


async def test_reminders_at_once_are_all_kept(queue: QueueClient) -> None:
    reminders = QueueReminders(queue)
    await reminders.send("0", timedelta())
    await asyncio.gather(*(reminders.send(str(number), timedelta()) for number in range(1, 5)))
    assert ["0", "1", "2", "3", "4"] == sorted(await received(queue))
