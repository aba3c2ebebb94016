"""Messages of a real queue come to the ends that Azure gives them."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ResourceNotFoundError

from emulator.functions import storage
from emulator.functions.catalog import QueueTrigger
from emulator.functions.clock import Clock, SystemClock
from emulator.functions.deliveries import Ends, Surroundings
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.queues import Listener
from emulator.functions.retries import FixedDelay
from emulator.functions.settings import QueueOptions
from emulator.functions.worker import Call, Item, Outcome, Succeeded
from tests.functions.clocks import ManualClock
from tests.functions.programs import Recorder, declare, fail

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage

OPTIONS = QueueOptions(longest_poll=timedelta(milliseconds=100), dequeues=3)
LONG = timedelta(seconds=10)


class Rig:
    """A queue of its own in Azurite, and a listener for it."""

    def __init__(self, accounts: storage.Accounts) -> None:
        name = f"test-{uuid.uuid4()}"
        self.ends = Ends(accounts.queue("Store", name), accounts.queue("Store", f"{name}-poison"))
        self.recorder, self.flights = Recorder(), Flights()
        self.options, self.clock = OPTIONS, SystemClock()
        self.function = declare(QueueTrigger(name, "Store"))

    @asynccontextmanager
    async def listening(self, clock: Clock | None = None) -> AsyncIterator[None]:
        invoker = Invoker(self.recorder, lambda: "0")
        around = Surroundings(invoker, self.flights, clock or self.clock, self.options, lambda: 1.0)
        task = asyncio.create_task(Listener(self.function, lambda: self.ends, around).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.flights.drain(LONG)

    async def send(self, *texts: str, encode: bool = True) -> None:
        for text in texts:
            await self.ends.queue.send_message(base64.b64encode(text.encode()).decode() if encode else text)

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(LONG.total_seconds()):
            while not happened():  # noqa: ASYNC110 - Azurite, in another process, sends no event.
                await asyncio.sleep(0.01)

    async def until_poisoned(self) -> "QueueMessage":
        for _ in range(200):
            with suppress(ResourceNotFoundError):
                async for message in self.ends.poison.receive_messages():
                    return message
            await asyncio.sleep(0.05)
        raise TimeoutError("nothing is poison")

    async def count(self) -> int:
        """Messages in the queue, visible or not."""
        return (await self.ends.queue.get_queue_properties()).approximate_message_count or 0

    @property
    def items(self) -> list[Item]:
        return [call.payload for call in self.recorder.calls if isinstance(call.payload, Item)]


@pytest.fixture
async def rig(account: str) -> AsyncIterator[Rig]:
    accounts = storage.Accounts({"Store": account})
    rig = Rig(accounts)
    await rig.ends.queue.create_queue()
    yield rig
    await accounts.close()


async def test_a_message_is_handed_over_and_deleted(rig: Rig) -> None:
    await rig.send("hello")
    async with rig.listening():
        await rig.until(lambda: len(rig.items) == 1)
    assert rig.items[0].body == "hello"
    assert rig.items[0].metadata["DequeueCount"] == 1
    assert await rig.count() == 0


async def test_a_missing_queue_is_created(rig: Rig) -> None:
    clock = ManualClock()
    await rig.ends.queue.delete_queue()
    async with rig.listening(clock):
        # The listener sleeps when it has found the new queue empty.
        await rig.until(lambda: bool(clock.slept))
        await rig.send("hello")
        await clock.advance(LONG)
        await rig.until(lambda: len(rig.items) == 1)


async def test_a_failed_message_comes_back_and_is_poison_in_the_end(rig: Rig) -> None:
    rig.recorder.program = fail
    await rig.send("bad")
    async with rig.listening():
        poison = await rig.until_poisoned()
    assert [item.metadata["DequeueCount"] for item in rig.items] == [1, 2, 3]
    assert base64.b64decode(poison.content) == b"bad"
    assert await rig.count() == 0


async def test_a_retry_policy_counts_for_nothing_on_a_queue(rig: Rig) -> None:
    rig.recorder.program = fail
    rig.function = replace(rig.function, retry=FixedDelay(9, timedelta(0)))
    await rig.send("bad")
    async with rig.listening():
        await rig.until_poisoned()
    assert len(rig.items) == OPTIONS.dequeues


async def test_a_failed_message_stays_hidden_as_long_as_host_json_says(rig: Rig) -> None:
    rig.recorder.program = fail
    rig.options = replace(OPTIONS, hidden_between_tries=timedelta(minutes=1))
    await rig.send("bad")
    async with rig.listening():
        await rig.until(lambda: len(rig.items) == 1)
    assert [message async for message in rig.ends.queue.receive_messages()] == []
    assert await rig.count() == 1


async def test_a_message_that_is_not_base64_is_poison_at_once(rig: Rig) -> None:
    await rig.send("not base64!", encode=False)
    async with rig.listening():
        poison = await rig.until_poisoned()
    assert poison.content == "not base64!"
    assert rig.items == []


async def test_without_encoding_a_message_is_taken_as_it_is(rig: Rig) -> None:
    rig.options = replace(OPTIONS, base64=False)
    await rig.send("plain", encode=False)
    async with rig.listening():
        await rig.until(lambda: len(rig.items) == 1)
    assert rig.items[0].body == "plain"


async def test_no_more_messages_are_in_work_than_batch_and_threshold_allow(rig: Rig) -> None:
    gate = asyncio.Event()

    async def wait(_: Call) -> Outcome:
        await gate.wait()
        return Succeeded(None)

    rig.recorder.program = wait
    rig.options = replace(OPTIONS, batch=2, refill_at=1)
    await rig.send(*"abcdef")
    async with rig.listening():
        await rig.until(lambda: len(rig.items) == 2)
        # Were there room, the listener would have asked again by now.
        assert len(await rig.ends.queue.peek_messages(max_messages=32)) == 4
        assert len(await rig.ends.queue.peek_messages(max_messages=32)) == 4
        gate.set()
        await rig.until(lambda: len(rig.items) == 6)


async def test_a_message_is_held_as_long_as_its_function_runs(rig: Rig) -> None:
    clock, gate = ManualClock(), asyncio.Event()

    async def wait(_: Call) -> Outcome:
        await gate.wait()
        return Succeeded(None)

    rig.recorder.program = wait
    await rig.send("long")
    async with rig.listening(clock):
        await rig.until(lambda: len(rig.items) == 1)
        await clock.advance(timedelta(minutes=16))
        await rig.until(lambda: clock.slept.count(timedelta(minutes=5)) >= 2)
        gate.set()
        await rig.flights.drain(LONG)
    assert await rig.count() == 0


async def test_storage_that_is_away_is_told_once_and_waited_for(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = storage.Accounts({"Store": "AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a"})
    clock, rig.ends = ManualClock(), Ends(nowhere.queue("Store", "none"), rig.ends.poison)
    async with rig.listening(clock):
        await rig.until(lambda: len(clock.slept) >= 1)
        await clock.advance(LONG)
        await rig.until(lambda: len(clock.slept) >= 2)
    await nowhere.close()
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1
