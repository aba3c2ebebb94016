"""The queue of events, and a look at what nobody could deal with.

A message holds JSON of the codec, in base64, as Functions reads it. `<queue>-poison` gets what was given up, from the
host and from us alike.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any, Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from shared.adapters.codec import Codec
from shared.adapters.connections import DIRECTLY
from shared.domain.messages import Message
from shared.ports import Unavailable

# A message cannot hide for longer.
_LONGEST = timedelta(days=7) - timedelta(minutes=1)
# The SDK waits fifteen seconds before it tries again, and whoever says what happens has three.
IMPATIENT: Final[dict[str, Any]] = {
    **DIRECTLY,
    "retry_total": 3,
    "initial_backoff": 0,
    "increment_base": 1,
    "random_jitter_range": 1,
    "connection_timeout": 2,
    "read_timeout": 5,
}
_CODEC: Codec[Message] = Codec(Message)


class QueueEvents:
    """The `Events` port."""

    def __init__(self, queue: QueueClient, poison: QueueClient) -> None:
        self._queue, self._poison = queue, poison

    async def close(self) -> None:
        """Close the connections."""
        await self._queue.close()
        await self._poison.close()

    async def send(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Have a message looked at after `delay`."""
        await _put(self._queue, message, max(timedelta(), min(delay, _LONGEST)))

    async def give_up(self, message: Message) -> None:
        """Put a message where operators look for what could not be dealt with."""
        await _put(self._poison, message, timedelta())


def read_message(content: str) -> Message:
    """A message as the trigger gets it. Raises ValueError."""
    return _CODEC.read(content)


async def _put(queue: QueueClient, message: Message, delay: timedelta) -> None:
    content = base64.b64encode(_CODEC.write(message).encode()).decode()
    hidden = int(delay.total_seconds())
    try:
        try:
            await queue.send_message(content, visibility_timeout=hidden, time_to_live=-1)
        except ResourceNotFoundError:
            await queue.create_queue()
            await queue.send_message(content, visibility_timeout=hidden, time_to_live=-1)
    except AzureError as error:
        raise Unavailable("the queue of events cannot be reached") from error


async def count(queue: QueueClient) -> int:
    """About how many messages a queue holds; none when it was never made. Raises Unavailable."""
    try:
        return (await queue.get_queue_properties()).approximate_message_count or 0
    except ResourceNotFoundError:
        return 0
    except AzureError as error:
        raise Unavailable("a poison queue cannot be looked at") from error
