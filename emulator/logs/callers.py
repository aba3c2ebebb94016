"""How often one caller may ask, and how much at once.

It knows the limits of "Azure Monitor service limits", user query throttling: 200 requests in 30 seconds, five queries
at once, 200 more in a queue for three minutes. It always holds them, as Azure does.
"""

import asyncio
import math
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from emulator.logs import errors

REQUESTS = 200
WINDOW_SECONDS = 30.0
AT_ONCE = 5
QUEUED = 200
QUEUE_SECONDS = 180.0


def _places() -> asyncio.Semaphore:
    return asyncio.Semaphore(AT_ONCE)


@dataclass(slots=True)
class Callers:
    """Everybody who asks, by object id. `clock` gives seconds."""

    clock: Callable[[], float]
    _recent: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _running: dict[str, asyncio.Semaphore] = field(default_factory=lambda: defaultdict(_places))
    _queued: Counter[str] = field(default_factory=Counter)

    def clear(self) -> None:
        """Forget who has asked; what runs goes on."""
        self._recent.clear()

    def admit(self, caller: str) -> None:
        """Count a request; LogsError says how long to wait where there were too many."""
        now, recent = self.clock(), self._recent[caller]
        while recent and recent[0] <= now - WINDOW_SECONDS:
            recent.popleft()
        if len(recent) >= REQUESTS:
            raise errors.throttled(math.ceil(recent[0] + WINDOW_SECONDS - now))
        recent.append(now)

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """Wait for one of the caller's places; LogsError where the queue is full, or the wait too long."""
        places = self._running[caller]
        if places.locked() and self._queued[caller] >= QUEUED:
            raise errors.throttled(int(WINDOW_SECONDS))
        self._queued[caller] += 1
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                await places.acquire()
        except TimeoutError as error:
            raise errors.throttled(int(WINDOW_SECONDS)) from error
        finally:
            self._queued[caller] -= 1
        try:
            yield
        finally:
            places.release()
