"""A clock that tests turn by hand."""

import asyncio
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
"""A Friday."""


class ManualClock:
    """Stands still until `advance`; whoever sleeps wakes in the order of waking times."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []
        self.slept: list[timedelta] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        self.slept.append(duration)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + duration, woken))
        await woken

    async def advance(self, duration: timedelta) -> None:
        target = self._now + duration
        await settle()
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= target]:
            first = min(due, key=lambda sleeper: sleeper[0])
            self._sleepers.remove(first)
            self._now = max(self._now, first[0])
            if not first[1].done():
                first[1].set_result(None)
            await settle()
        self._now = target
        await settle()


async def settle() -> None:
    """Let everything run that can run without waiting."""
    for _ in range(25):
        await asyncio.sleep(0)
