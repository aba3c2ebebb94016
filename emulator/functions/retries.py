"""Retry policies, as `@app.retry` declares them.

Knows the two strategies of "Azure Functions error handling and retries" and how long each waits. Refuses to know what
is being retried. Azure honours these policies for timers, not for queues (they count dequeues) and not for HTTP.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from emulator.functions.clock import Clock

UNLIMITED = -1
"""A policy with this limit never gives up."""


@dataclass(frozen=True, slots=True)
class FixedDelay:
    """The same wait before each of at most `limit` retries."""

    limit: int
    delay: timedelta


@dataclass(frozen=True, slots=True)
class ExponentialBackoff:
    """A wait that starts at `shortest` and doubles up to `longest`, before each of at most `limit` retries."""

    limit: int
    shortest: timedelta
    longest: timedelta


type Policy = FixedDelay | ExponentialBackoff


@dataclass(frozen=True, slots=True)
class Try:
    """What a function may ask about its retries: 0 is the first run, `reason` tells why the one before failed."""

    number: int
    limit: int
    reason: str = ""


def wait(policy: Policy, number: int) -> timedelta:
    """How long Azure waits before retry `number`, the first being 1. Azure adds jitter; we do not."""
    match policy:
        case FixedDelay(delay=delay):
            return delay
        case ExponentialBackoff(shortest=shortest, longest=longest):
            # Doubling stops at 2^30, where any real `longest` has long been reached.
            return min(longest, shortest * (1 << min(number - 1, 30)))


async def persist(run: Callable[[Try], Awaitable[str | None]], policy: Policy | None, clock: Clock) -> bool:
    """Run until it succeeds or the policy is exhausted. `run` gives None, or the reason of its failure."""
    limit = policy.limit if policy else 0
    number, reason = 0, await run(Try(0, limit))
    while reason is not None and policy and (limit == UNLIMITED or number < limit):
        number += 1
        await clock.sleep(wait(policy, number))
        reason = await run(Try(number, limit, reason))
    return reason is None
