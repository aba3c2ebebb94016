"""The real time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class SystemClock:
    """The clock of the machine that this runs on."""

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        """Return when that much time has passed; at once for a duration that is not positive."""
        await asyncio.sleep(max(0.0, duration.total_seconds()))
