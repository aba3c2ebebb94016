"""One message of a queue, from its arrival to its end.

Knows what Azure does with a message: it is invisible while its function runs, deleted when that succeeds, back in the
queue when it fails, and in `<queue>-poison` when it has failed too often or cannot be decoded. Retry policies do not
count here, dequeues do. Refuses to know when queues are polled. Sources: "Azure Queue storage trigger for Azure
Functions", poison messages; `QueueProcessor` of the storage extension.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from emulator.functions.catalog import Function
from emulator.functions.clock import Clock
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.settings import QueueOptions
from emulator.functions.worker import Item, Succeeded

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient

log = logging.getLogger("box.functions")

HIDDEN = timedelta(minutes=10)
"""How long a message is invisible while its function runs; renewed when half of it is over."""


@dataclass(frozen=True, slots=True)
class Ends:
    """A queue, and the one for messages that cannot be dealt with."""

    queue: "QueueClient"
    poison: "QueueClient"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every queue function needs from the host. `jitter` gives a factor around 1."""

    invoker: Invoker
    flights: Flights
    clock: Clock
    options: QueueOptions
    jitter: Callable[[], float]


type OpenEnds = Callable[[], Ends]
"""Connects, when first asked: the SDK is slow to import and not every app has queues."""


async def deliver(message: "QueueMessage", ends: Ends, function: Function, around: Surroundings) -> None:
    """Run the function on a message and delete it, put it back, or move it to the poison queue."""
    hold = Hold(message, ends.queue, around.clock)
    body = decode(message.content) if around.options.base64 else message.content
    dequeued, allowed = message.dequeue_count or 0, around.options.dequeues
    if body is None or dequeued > allowed:
        await _poison(hold, ends)
        return
    async with hold:
        outcome = await around.invoker.invoke(function, Item(body, describe(message)))
    if isinstance(outcome, Succeeded):
        await hold.delete()
    elif dequeued >= allowed:
        log.error("%s: message %s failed %d times and is poison", function.name, message.id, dequeued)
        await _poison(hold, ends)
    else:
        await hold.extend(around.options.hidden_between_tries)


class Hold:
    """A message that is held invisible; as a context it is renewed for as long as that lasts."""

    def __init__(self, message: "QueueMessage", queue: "QueueClient", clock: Clock) -> None:
        self.message = message
        self._queue, self._clock = queue, clock
        self._receipt = message.pop_receipt
        # A renewal under way must be finished before the receipt is used for anything else.
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        self._renewal = asyncio.create_task(self._renew())

    async def __aexit__(self, *_: object) -> None:
        async with self._lock:
            self._renewal.cancel()
        with suppress(asyncio.CancelledError):
            await self._renewal

    async def extend(self, hidden: timedelta) -> None:
        """Be invisible for so long from now; not at all means that the next poll finds the message."""
        answer = await self._queue.update_message(
            self.message.id, self._receipt, visibility_timeout=int(hidden.total_seconds())
        )
        self._receipt = answer.pop_receipt

    async def delete(self) -> None:
        """Take the message out of its queue."""
        await self._queue.delete_message(self.message.id, self._receipt)

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(HIDDEN / 2)
            async with self._lock:
                try:
                    await self.extend(HIDDEN)
                except AzureError as error:
                    log.warning("message %s could not be held longer: %s", self.message.id, error)


def decode(content: str) -> str | bytes | None:
    """What a base64 message says: text where it is UTF-8, else bytes; None where it is not base64."""
    try:
        body = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def describe(message: "QueueMessage") -> Mapping[str, object]:
    """What a function may ask about its message."""
    return {
        "Id": message.id,
        "PopReceipt": message.pop_receipt,
        "DequeueCount": message.dequeue_count,
        "InsertionTime": _write_time(message.inserted_on),
        "ExpirationTime": _write_time(message.expires_on),
        "NextVisibleTime": _write_time(message.next_visible_on),
    }


async def _poison(hold: Hold, ends: Ends) -> None:
    """Move a message as it is. The poison queue is made when it is first needed, as on Azure."""
    try:
        await ends.poison.send_message(hold.message.content, time_to_live=-1)
    except ResourceNotFoundError:
        await ends.poison.create_queue()
        await ends.poison.send_message(hold.message.content, time_to_live=-1)
    await hold.delete()


def _write_time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
