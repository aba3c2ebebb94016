"""Timers run when Azure would run them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.functions import ncrontab
from emulator.functions.catalog import TimerTrigger
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.retries import FixedDelay, Policy
from emulator.functions.timers import Monitor, Status, Surroundings, Timer
from emulator.functions.worker import Call, Outcome, Succeeded, Tick
from tests.functions.clocks import NOON, ManualClock
from tests.functions.programs import Program, Recorder, declare, fail, succeed

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Rig:
    """A timer with everything around it in the test's hands."""

    def __init__(self, schedule: str, program: Program = succeed, monitor: Monitor | None = None) -> None:
        self.clock, self.flights = ManualClock(), Flights()
        self.recorder = Recorder(program)
        self.trigger = TimerTrigger(ncrontab.parse(schedule), on_startup=False, monitored=True)
        self.monitor = monitor or Monitor()

    def timer(self, retry: Policy | None = None) -> Timer:
        invoker = Invoker(self.recorder, lambda: "0")
        return Timer(
            declare(self.trigger, retry), self.trigger, Surroundings(invoker, self.flights, self.clock, self.monitor)
        )

    @asynccontextmanager
    async def running(self, retry: Policy | None = None) -> AsyncIterator[ManualClock]:
        task = asyncio.create_task(self.timer(retry).run())
        try:
            yield self.clock
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    @property
    def runs(self) -> int:
        return len(self.recorder.calls)

    def info(self, number: int = -1) -> Mapping[str, Any]:
        payload = self.recorder.calls[number].payload
        assert isinstance(payload, Tick)
        return payload.info


class Gate:
    """A function that takes until it is let go."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def run(self, _: Call) -> Outcome:
        await self.open.wait()
        return Succeeded(None)


async def test_a_timer_runs_at_every_occurrence() -> None:
    rig = Rig("0 */5 * * * *")
    async with rig.running() as clock:
        await clock.advance(299 * SECOND)
        assert rig.runs == 0
        await clock.advance(SECOND)
        assert rig.runs == 1
        await clock.advance(10 * MINUTE)
    assert rig.runs == 3


async def test_a_timer_does_not_run_at_startup_unless_told() -> None:
    rig = Rig("0 0 * * * *")
    rig.trigger = TimerTrigger(rig.trigger.schedule, on_startup=True, monitored=True)
    async with rig.running() as clock:
        await clock.advance(SECOND)
    assert rig.runs == 1


async def test_runs_never_overlap_and_a_late_one_is_followed_at_once_by_one() -> None:
    gate = Gate()
    rig = Rig("0 * * * * *", gate.run)
    async with rig.running() as clock:
        await clock.advance(5 * MINUTE)
        assert rig.runs == 1
        gate.open.set()
        await clock.advance(SECOND)
        assert rig.runs == 2
        await clock.advance(58 * SECOND)
        assert rig.runs == 2
        await clock.advance(SECOND)
    assert rig.runs == 3


async def test_a_failure_does_not_stop_the_schedule() -> None:
    rig = Rig("0 * * * * *", fail)
    async with rig.running() as clock:
        await clock.advance(3 * MINUTE)
    assert rig.runs == 3


async def test_a_failure_is_retried_as_the_policy_says() -> None:
    rig = Rig("0 0 * * * *", fail)
    async with rig.running(FixedDelay(2, 10 * SECOND)) as clock:
        await clock.advance(timedelta(hours=1))
        assert rig.runs == 1
        await clock.advance(10 * SECOND)
        assert rig.runs == 2
        await clock.advance(MINUTE)
    attempts = [call.attempt for call in rig.recorder.calls]
    assert [(one.number, one.reason) for one in attempts if one] == [(0, ""), (1, "it fails"), (2, "it fails")]


async def test_a_run_is_told_when_the_one_before_was() -> None:
    rig = Rig("0 * * * * *")
    async with rig.running() as clock:
        await clock.advance(2 * MINUTE)
    assert (NOON + MINUTE).isoformat() == rig.info()["ScheduleStatus"]["Last"]
    assert (NOON + 2 * MINUTE).isoformat() == rig.info()["ScheduleStatus"]["Next"]
    assert rig.info()["IsPastDue"] is False


async def test_a_timer_of_less_than_a_minute_is_not_monitored() -> None:
    rig = Rig("*/10 * * * * *")
    async with rig.running() as clock:
        await clock.advance(MINUTE)
    assert rig.runs == 6
    assert rig.info()["ScheduleStatus"] is None


@pytest.mark.parametrize(("ago", "expected"), [(20 * MINUTE, []), (60 * MINUTE, [True]), (300 * MINUTE, [True])])
async def test_missed_occurrences_are_made_up_for_by_one_run(ago: timedelta, expected: list[bool]) -> None:
    rig = Rig("0 30 * * * *")
    rig.monitor.save("it", Status(NOON - ago, rig.trigger.schedule.next(NOON - ago), NOON - ago))
    async with rig.running() as clock:
        await clock.advance(SECOND)
        assert expected == [rig.info(number)["IsPastDue"] for number in range(rig.runs)]


async def test_a_changed_schedule_makes_nothing_past_due() -> None:
    rig = Rig("0 0 * * * *")
    rig.monitor.save("it", Status(NOON - MINUTE, NOON - SECOND, NOON - MINUTE))
    async with rig.running() as clock:
        await clock.advance(SECOND)
    assert rig.runs == 0


def test_a_record_in_a_file_outlives_the_host(tmp_path: Path) -> None:
    status = Status(NOON, NOON + MINUTE, NOON)
    Monitor(tmp_path / "box" / "timers.json").save("it", status)
    assert status == Monitor(tmp_path / "box" / "timers.json").load("it")


async def test_an_administrator_may_run_a_timer_at_any_time() -> None:
    rig = Rig("0 0 * * * *")
    await rig.timer().fire()
    assert rig.runs == 1


async def test_a_run_that_has_begun_outlives_its_timer() -> None:
    gate = Gate()
    rig = Rig("0 * * * * *", gate.run)
    async with rig.running() as clock:
        await clock.advance(MINUTE)
    gate.open.set()
    await rig.flights.drain(MINUTE)
    assert rig.runs == 1
