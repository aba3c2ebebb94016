"""Queue functions: poll a queue and start on every message found.

Knows what Azure's queue listener does: how often it polls, how many messages it takes and when it takes more. Refuses
to know what becomes of a message. Sources: "Azure Queue storage trigger and bindings for Azure Functions", host.json
settings; `QueueListener` of the storage extension.

One thing is kinder than Azure: a queue that is missing is created, where Azure waits until somebody creates it.
"""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from emulator.functions.backoff import Backoff
from emulator.functions.catalog import Function
from emulator.functions.deliveries import HIDDEN, Ends, OpenEnds, Surroundings, deliver

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient

log = logging.getLogger("box.functions")


class Listener:
    """One queue function."""

    def __init__(self, function: Function, open_ends: OpenEnds, around: Surroundings) -> None:
        self._function, self._open_ends, self._around = function, open_ends, around
        self._backoff = Backoff(around.options.longest_poll, around.jitter)
        self._running: set[asyncio.Task[None]] = set()
        self._found = False
        self._away = False
        self._exists = False

    async def run(self) -> None:
        """Poll until cancelled. Messages that are being dealt with are not cancelled with it."""
        ends = self._open_ends()
        while True:
            # A poll that is cut off half-way may have hidden messages for ten minutes; so it is let finish.
            await asyncio.shield(self._around.flights.launch(self._poll(ends)))
            if self._found:
                await self._make_room()
            else:
                await self._around.clock.sleep(self._backoff.next())

    async def _poll(self, ends: Ends) -> None:
        """Take a batch and start on it. Storage that is away is no reason to end."""
        self._found = False
        try:
            messages = await self._receive(ends.queue)
        except ResourceNotFoundError:
            # Somebody has deleted the queue; it is made again.
            self._exists = False
            return
        except AzureError as error:
            self._exists = False
            if not self._away:
                log.warning("%s: its queue cannot be read, trying again: %s", self._function.name, error)
            self._away = True
            return
        self._away = False
        for message in messages:
            task = self._around.flights.launch(deliver(message, ends, self._function, self._around))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        self._found = bool(messages)

    async def _receive(self, queue: "QueueClient") -> list["QueueMessage"]:
        if not self._exists:
            await _create(queue)
            self._exists = True
        batch = self._around.options.batch
        pages = queue.receive_messages(
            max_messages=batch,
            messages_per_page=batch,
            visibility_timeout=int(HIDDEN.total_seconds()),
            retry_total=0,  # The listener comes back by itself.
        )
        return [message async for message in pages]

    async def _make_room(self) -> None:
        """After a batch the next is fetched as soon as few enough messages are left in work."""
        self._backoff.reset()
        while len(self._running) > self._around.options.refill_at:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)


async def _create(queue: "QueueClient") -> None:
    with suppress(ResourceExistsError):
        await queue.create_queue(retry_total=0)
