"""Retry policies wait and give up as declared."""

import asyncio
from datetime import timedelta

import pytest

from emulator.functions.retries import UNLIMITED, ExponentialBackoff, FixedDelay, Policy, Try, persist, wait
from tests.functions.clocks import ManualClock

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Stubborn:
    """Fails a number of times, and remembers what it was told at each try."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.tries: list[Try] = []

    async def run(self, attempt: Try) -> str | None:
        self.tries.append(attempt)
        return f"failure {len(self.tries)}" if len(self.tries) <= self.failures else None


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (FixedDelay(9, SECOND), [1, 1, 1, 1]),
        (ExponentialBackoff(9, SECOND, MINUTE), [1, 2, 4, 8]),
        (ExponentialBackoff(9, SECOND, 3 * SECOND), [1, 2, 3, 3]),
        (ExponentialBackoff(UNLIMITED, timedelta(0), MINUTE), [0, 0, 0, 0]),
    ],
)
def test_the_waits_are_those_of_the_policy(policy: Policy, expected: list[int]) -> None:
    assert expected == [wait(policy, number).total_seconds() for number in range(1, 5)]


def test_an_endless_backoff_does_not_grow_endlessly() -> None:
    assert wait(ExponentialBackoff(UNLIMITED, SECOND, MINUTE), 10_000) == MINUTE


async def test_without_a_policy_there_is_one_try() -> None:
    stubborn = Stubborn(failures=1)
    assert not await persist(stubborn.run, None, ManualClock())
    assert [Try(0, 0)] == stubborn.tries


async def test_each_retry_knows_its_number_and_the_reason() -> None:
    stubborn, clock = Stubborn(failures=2), ManualClock()
    task = asyncio.create_task(persist(stubborn.run, FixedDelay(2, SECOND), clock))
    await clock.advance(2 * SECOND)
    assert await task
    assert [Try(0, 2), Try(1, 2, "failure 1"), Try(2, 2, "failure 2")] == stubborn.tries


async def test_a_policy_gives_up_after_its_limit() -> None:
    stubborn, clock = Stubborn(failures=99), ManualClock()
    task = asyncio.create_task(persist(stubborn.run, FixedDelay(3, SECOND), clock))
    await clock.advance(MINUTE)
    assert not await task
    assert len(stubborn.tries) == 1 + 3


async def test_an_unlimited_policy_goes_on() -> None:
    stubborn, clock = Stubborn(failures=50), ManualClock()
    task = asyncio.create_task(persist(stubborn.run, FixedDelay(UNLIMITED, SECOND), clock))
    await clock.advance(MINUTE)
    assert await task
