"""Time as an argument: what schedules and polls ask instead of asking the machine.

Knows now and how to wait. Refuses to know why anybody waits.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Now, in UTC, and waiting. Tests bring one that is turned by hand."""

    def now(self) -> datetime: ...

    async def sleep(self, duration: timedelta) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(max(duration.total_seconds(), 0))
