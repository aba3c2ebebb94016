"""Reminders as queue messages that become visible when a grant's time is up.

A message may come late, twice, or never; the sweep is the authority, this is what makes closing punctual.
"""

from __future__ import annotations

import base64
from datetime import timedelta

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from shared.ports import Unavailable

# A message cannot hide for longer; grants last at most a day, so this is only a bound.
_LONGEST = timedelta(days=7) - timedelta(minutes=1)


class QueueReminders:
    """The `Reminders` port on the queue `closings`."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def send(self, grant: str, delay: timedelta) -> None:
        """Have the grant looked at after `delay`."""
        # Functions reads messages as base64 unless told otherwise.
        content = base64.b64encode(grant.encode()).decode()
        hidden = int(max(timedelta(), min(delay, _LONGEST)).total_seconds())
        try:
            try:
                await self._client.send_message(content, visibility_timeout=hidden, time_to_live=-1)
            except ResourceNotFoundError:
                await self._client.create_queue()
                await self._client.send_message(content, visibility_timeout=hidden, time_to_live=-1)
        except AzureError as error:
            raise Unavailable("sending a reminder: storage cannot be reached") from error
