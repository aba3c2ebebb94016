"""A clock that stands still while anybody works, and jumps to the next alarm when everybody waits."""

import asyncio
import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

# How many empty turns of the loop make sure that nobody is about to do anything.
_QUIET = 40


@dataclass(slots=True)
class Clock:
    """The `Clock` port. `stir` says that somebody is at work; `advance` turns the hands."""

    present: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    _alarms: list[tuple[datetime, int, asyncio.Future[None]]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _ticking: bool = False
    _quiet: int = 0

    def now(self) -> datetime:
        """The present."""
        return self.present

    def advance(self, duration: timedelta) -> None:
        """Let time pass while nobody works."""
        self.present += duration

    def stir(self) -> None:
        """Somebody does something: time stands still for a while."""
        self._quiet = 0

    async def sleep(self, duration: timedelta) -> None:
        """Return when the hands have come so far."""
        self.stir()
        if duration <= timedelta():
            await asyncio.sleep(0)
            return
        alarm = asyncio.get_running_loop().create_future()
        heapq.heappush(self._alarms, (self.present + duration, next(self._numbers), alarm))
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick)
        await alarm

    def _tick(self) -> None:
        while self._alarms and self._alarms[0][2].done():
            heapq.heappop(self._alarms)
        self._ticking = bool(self._alarms)
        if not self._ticking:
            return
        self._quiet += 1
        if self._quiet > _QUIET:
            at, _, alarm = heapq.heappop(self._alarms)
            self.present = max(self.present, at)
            alarm.set_result(None)
            self._quiet = 0
        asyncio.get_running_loop().call_soon(self._tick)
