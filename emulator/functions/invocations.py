"""Running functions: every run has a number, a failed run has a line in the log, and runs in flight can be waited for.

Knows what is running. Refuses to know why: routes, schedules and queues call it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Protocol

from emulator.functions.catalog import Function
from emulator.functions.retries import Try
from emulator.functions.worker import Call, Failed, Outcome, Payload

log = logging.getLogger("box.functions")


class Runner(Protocol):
    """What runs a call: the worker, or in tests a program of theirs."""

    async def invoke(self, call: Call) -> Outcome: ...


class Invoker:
    """Runs functions, each run under a number of its own."""

    def __init__(self, worker: Runner, number: Callable[[], str]) -> None:
        self._worker = worker
        self._number = number

    async def invoke(self, function: Function, payload: Payload, attempt: Try | None = None) -> Outcome:
        """Run a function once; its failure is logged here, once, and given back."""
        call = Call(function.id, function.argument, payload, self._number(), attempt)
        outcome = await self._worker.invoke(call)
        if isinstance(outcome, Failed):
            log.error("%s failed (invocation %s): %s", function.name, call.invocation, outcome.trace or outcome.message)
        return outcome


class Flights:
    """What has been started and is not finished. A host that stops waits for it, but not for ever."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def launch(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Start work that outlives the one who starts it; its end without notice is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._land)
        return task

    async def drain(self, limit: timedelta) -> None:
        """Wait until all is finished, what is started meanwhile included, at most for `limit`; then cancel the rest."""
        try:
            async with asyncio.timeout(limit.total_seconds()):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            log.warning("%d runs were cut off", len(self._tasks))
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _land(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("work in the background failed", exc_info=error)
