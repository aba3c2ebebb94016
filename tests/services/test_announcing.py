"""Saying what is about to happen is never in the way of its happening."""

import asyncio
from datetime import timedelta

from shared.domain.findings import Found, What
from shared.domain.messages import Message
from shared.ports import Unavailable
from shared.services.announcing import Herald
from tests.services.clock import Clock

FOUND = Found(What.EXPOSED, "/a/machine", Clock().now(), "through 310")


class Queue:
    """A queue that hangs, fails or works, as it was told last."""

    def __init__(self, error: Exception | None = None, *, hangs: bool = False) -> None:
        self.error, self.hangs, self.asked = error, hangs, 0
        self.sent: list[tuple[Message, timedelta]] = []

    async def send(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Whatever it is to do."""
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        self.sent.append((message, delay))

    async def give_up(self, message: Message) -> None:
        """As `send`."""
        await self.send(message)


def herald(queue: Queue) -> tuple[Herald, Clock, list[str]]:
    clock, lost = Clock(), list[str]()
    return Herald(clock, queue, lambda name, _: lost.append(name), patience=0.05), clock, lost


async def test_a_queue_that_hangs_is_waited_for_only_so_long() -> None:
    crier, _, lost = herald(Queue(hangs=True))
    await asyncio.wait_for(crier.finding(FOUND), 5)
    assert ["exposed of /a/machine"] == lost


async def test_whatever_is_wrong_with_the_queue_is_told_and_raised_to_nobody() -> None:
    for error in (Unavailable("away"), ValueError("a slip of ours"), OSError("the network")):
        crier, _, lost = herald(Queue(error))
        await crier.finding(FOUND)
        assert 1 == len(lost)


async def test_after_a_failure_the_queue_is_left_alone_for_a_while_and_all_that_is_lost_is_told() -> None:
    queue = Queue(Unavailable("away"))
    crier, clock, lost = herald(queue)
    for _ in range(3):
        await crier.finding(FOUND)
    assert (1, 3) == (queue.asked, len(lost))
    clock.advance(timedelta(seconds=5))
    queue.error = None
    for _ in range(2):
        await crier.finding(FOUND)
    assert (2, 3) == (len(queue.sent), len(lost))
