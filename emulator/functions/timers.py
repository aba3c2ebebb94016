"""Timer functions: run at the times of their schedule, one run at a time.

Knows what Azure's timer listener does: a missed run is made up for once when the host starts, a run that takes too long
is followed at once by the next, a failed run is retried only as its policy says. Refuses to know how a function runs.
Sources: "Timer trigger for Azure Functions"; `TimerListener` and `ScheduleMonitor` of the WebJobs extensions.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from emulator.functions.catalog import Function, TimerTrigger
from emulator.functions.clock import Clock
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.retries import Try, persist
from emulator.functions.worker import Failed, Tick

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""What Azure gives as the last run of a timer that has not run."""

_LONGEST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Status:
    """When a timer ran last and is due next; `updated` is when that was written."""

    last: datetime
    next: datetime
    updated: datetime


class Monitor:
    """The record of timers' runs: a file, or nothing but memory. On Azure it is a blob of the app's storage account."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, dict[str, str]] = json.loads(path.read_text()) if path and path.exists() else {}

    def load(self, name: str) -> Status | None:
        """What is known of a timer."""
        known = self._known.get(name)
        return Status(**{key: datetime.fromisoformat(value) for key, value in known.items()}) if known else None

    def save(self, name: str, status: Status) -> None:
        """Write down what is known of a timer."""
        times = {"last": status.last, "next": status.next, "updated": status.updated}
        self._known[name] = {key: value.isoformat() for key, value in times.items()}
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # A host that is killed leaves either the old record or the new one.
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self._known))
            fresh.replace(self._path)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every timer needs from the host."""

    invoker: Invoker
    flights: Flights
    clock: Clock
    monitor: Monitor


class Timer:
    """One timer function."""

    def __init__(self, function: Function, trigger: TimerTrigger, around: Surroundings) -> None:
        self._function, self._trigger, self._around = function, trigger, around
        often = trigger.schedule.runs_within_a_minute(around.clock.now())
        self._monitored = trigger.monitored and not often
        self._status = Status(NEVER, trigger.schedule.next(around.clock.now()), NEVER)

    async def run(self) -> None:
        """Run the function whenever it is due, until cancelled. A run that has begun is not cancelled with it."""
        past_due = self._begin()
        if past_due or self._trigger.on_startup:
            await self._fire(past_due=past_due, early=False)
        while True:
            await self._wait(self._status.next)
            await self._fire(past_due=False, early=True)

    async def fire(self) -> None:
        """Run the function now, outside its schedule, as an administrator may."""
        await self._invoke(past_due=False)

    def _begin(self) -> bool:
        """Look up the record; whether a run was missed since it was written."""
        now, known = self._around.clock.now(), None
        if self._monitored:
            known = self._around.monitor.load(self._function.name)
        if known is None:
            return False
        if known.next != self._trigger.schedule.next(known.updated):
            # The schedule has changed since; what was due by the old one is not made up for.
            self._note(Status(known.last, self._trigger.schedule.next(now), now))
            return False
        self._status = known
        return now > known.next

    async def _wait(self, until: datetime) -> None:
        """Wait in short steps, since the machine's clock may be set and laptops sleep."""
        clock = self._around.clock
        while (left := until - clock.now()) > timedelta(0):
            await clock.sleep(min(left, _LONGEST_WAIT))

    async def _fire(self, *, past_due: bool, early: bool) -> None:
        begun = self._around.clock.now()
        await asyncio.shield(self._around.flights.launch(self._invoke(past_due=past_due)))
        if early:
            begun = max(begun, self._status.next)
        self._note(Status(begun, self._trigger.schedule.next(begun), begun))

    async def _invoke(self, *, past_due: bool) -> None:
        payload = Tick(_write_info(self._status if self._monitored else None, past_due=past_due))

        async def run(attempt: Try) -> str | None:
            outcome = await self._around.invoker.invoke(self._function, payload, attempt)
            return outcome.message if isinstance(outcome, Failed) else None

        await persist(run, self._function.retry, self._around.clock)

    def _note(self, status: Status) -> None:
        self._status = status
        if self._monitored:
            self._around.monitor.save(self._function.name, status)


def _write_info(status: Status | None, *, past_due: bool) -> Mapping[str, object]:
    """The JSON of a `TimerInfo`."""
    times = status and {
        "Last": status.last.isoformat(),
        "Next": status.next.isoformat(),
        "LastUpdated": status.updated.isoformat(),
    }
    return {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": times, "IsPastDue": past_due}
