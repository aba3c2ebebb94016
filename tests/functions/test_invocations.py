"""Runs are numbered, their failures logged once, and the host can wait for those that have begun."""

import asyncio
from datetime import timedelta

import pytest

from emulator.functions.catalog import QueueTrigger
from emulator.functions.invocations import Flights, Invoker
from emulator.functions.worker import Item
from tests.functions.clocks import settle
from tests.functions.programs import Recorder, declare, fail

SOON = timedelta(seconds=0.05)


async def test_a_failed_run_has_one_line_with_its_function_and_number(caplog: pytest.LogCaptureFixture) -> None:
    await Invoker(Recorder(fail), lambda: "42").invoke(declare(QueueTrigger("q", "s")), Item("", {}))
    assert [record.getMessage() for record in caplog.records] == ["it failed (invocation 42): it fails"]


async def test_what_is_started_meanwhile_is_waited_for_too() -> None:
    flights, landed = Flights(), []

    async def second() -> None:
        await settle()
        landed.append(2)

    async def first() -> None:
        await settle()
        flights.launch(second())

    flights.launch(first())
    await flights.drain(timedelta(seconds=5))
    assert landed == [2]


async def test_what_takes_too_long_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    flights = Flights()
    task = flights.launch(asyncio.sleep(3600))
    await flights.drain(SOON)
    assert task.cancelled()
    assert "1 runs were cut off" in caplog.text


async def test_work_that_fails_unseen_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def break_down() -> None:
        raise ValueError("broken")

    flights = Flights()
    flights.launch(break_down())
    await flights.drain(timedelta(seconds=5))
    assert "work in the background failed" in caplog.text
