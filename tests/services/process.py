"""One run of the program. Every call that it makes of the outside world passes here, fails here, or is its last."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.services.clock import Clock


class Crash(BaseException):
    """The process is gone. No `except Exception` of the program may notice."""


@dataclass(slots=True)
class Process:
    """Counts the calls of one run from 1. It dies at one of them, or meets an error at some."""

    dies_at: int | None = None
    errors: Mapping[int, Exception] = field(default_factory=dict)
    away: Mapping[str, Exception] = field(default_factory=dict)  # Calls that fail each time, by name.
    calls: list[str] = field(default_factory=list)
    dead: bool = False

    async def call(self, name: str, clock: Clock) -> None:
        """Go through to the world, after everybody else had a turn. Raises Crash, or the error that waits here."""
        clock.stir()
        await asyncio.sleep(0)
        if self.dead:
            raise Crash(name)
        self.calls.append(name)
        if len(self.calls) == self.dies_at:
            self.dead = True
            raise Crash(name)
        if error := self.errors.get(len(self.calls)) or self.away.get(name):
            raise error
