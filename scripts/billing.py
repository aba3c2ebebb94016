"""What running Postern uses in a month, and what that costs at given prices. Pure: no price stands here.

Source of what is billed and how: "Estimating consumption-based costs" (Azure Functions, Flex Consumption: memory of the
instance times the time that it executes, at least one second for each execution). What one run of the app does to
storage was counted in the box, at Azurite, and is an upper bound of what was seen there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

TIMERS: Final[Mapping[str, str]] = {
    "sweep": "0 * * * * *",
    "starts": "0 * * * * *",
    "repair": "30 */10 * * * *",
    "watch": "15 */10 * * * *",
}
"""The app's timers with their schedules, which a test holds against the app."""

LEAST_SECONDS: Final = 1.0
"""The least that one execution is billed for."""

_DAY: Final = 24 * 60 * 60
_MEBIBYTES: Final = 1024
_POLLED, _POLL_SECONDS = 2, 2
_LIMITS: Final = (60, 60, 24)
# Counted in the box; of a repair, the transactions for each machine, which were 4.6 to 6.5.
_TABLE_BY_TIMER: Final[Mapping[str, int]] = {"sweep": 1, "starts": 1, "repair": 2, "watch": 2}
_QUEUE_BY_SWEEP: Final = 2
_TABLE_BY_MACHINE: Final = 7
_TABLE_BY_GRANT, _QUEUE_BY_GRANT, _RUNS_BY_GRANT = 40, 6, 3
_TABLE_BY_CALL: Final = 10


@dataclass(frozen=True, slots=True)
class Usage:
    """How Postern is used in a month."""

    machines: int
    grants: int
    calls: int  # Of the API and the portal, those that ask for access included.
    memory: int = 2048  # Of an instance, in MiB.
    seconds: float = LEAST_SECONDS  # How long a timer, a message or a call takes.
    repair_seconds: float = LEAST_SECONDS
    log_gigabytes: float = 0.0  # Ingested by the workspace.
    stored_gigabytes: float = 0.0
    days: int = 30


@dataclass(frozen=True, slots=True)
class Tier:
    """From how many units on which price of one unit holds."""

    start: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """What a quantity costs: so many of it are a unit, and each unit has the price of its tier."""

    per: Decimal
    tiers: tuple[Tier, ...]

    def of(self, quantity: Decimal) -> Decimal:
        """The cost of a quantity. What lies before the first tier is free."""
        units = quantity / self.per
        tiers = sorted(self.tiers, key=lambda tier: tier.start)
        ends: list[Decimal] = [*(tier.start for tier in tiers[1:]), max(units, *(tier.start for tier in tiers))]
        parts = (
            max(Decimal(), min(units, end) - tier.start) * tier.price for tier, end in zip(tiers, ends, strict=True)
        )
        return sum(parts, Decimal())


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill."""

    item: str
    quantity: Decimal
    cost: Decimal


def runs_a_day(schedule: str) -> int:
    """How often a timer runs in a day, by its schedule of six fields. Raises ValueError when not every day is alike."""
    *times, day, month, weekday = schedule.split()
    if (day, month, weekday) != ("*", "*", "*") or len(times) != len(_LIMITS):
        raise ValueError(f"{schedule} is no schedule for every day")
    return math.prod(_matches(field, limit) for field, limit in zip(times, _LIMITS, strict=True))


def _matches(field: str, limit: int) -> int:
    if field == "*":
        return limit
    if field.startswith("*/"):
        return len(range(0, limit, int(field.removeprefix("*/"))))
    return len({int(number) for number in field.split(",")})


def quantities(usage: Usage) -> dict[str, Decimal]:
    """What is billed, by its name."""
    runs = {name: runs_a_day(schedule) * usage.days for name, schedule in TIMERS.items()}
    others = sum(runs.values()) - runs["repair"] + usage.calls + usage.grants * _RUNS_BY_GRANT
    seconds = others * max(LEAST_SECONDS, usage.seconds) + runs["repair"] * max(LEAST_SECONDS, usage.repair_seconds)
    tables = sum(runs[name] * number for name, number in _TABLE_BY_TIMER.items())
    tables += runs["repair"] * usage.machines * _TABLE_BY_MACHINE
    tables += usage.grants * _TABLE_BY_GRANT + usage.calls * _TABLE_BY_CALL
    polls = _POLLED * usage.days * _DAY // _POLL_SECONDS
    return {
        "executions": Decimal(others + runs["repair"]),
        "gbSeconds": Decimal(str(seconds)) * usage.memory / _MEBIBYTES,
        "tableTransactions": Decimal(tables),
        "queueTransactions": Decimal(runs["sweep"] * _QUEUE_BY_SWEEP + usage.grants * _QUEUE_BY_GRANT + polls),
        "logGigabytes": Decimal(str(usage.log_gigabytes)),
        "storedGigabytes": Decimal(str(usage.stored_gigabytes)),
    }


ITEMS: Final = tuple(quantities(Usage(0, 0, 0)))
"""The names of what is billed, each of which needs a price."""


def bill(usage: Usage, prices: Mapping[str, Price]) -> list[Line]:
    """The lines of a month's bill. Raises KeyError for what has no price."""
    return [Line(item, quantity, prices[item].of(quantity)) for item, quantity in quantities(usage).items()]


def total(lines: Sequence[Line]) -> Decimal:
    """What a bill comes to."""
    return sum((line.cost for line in lines), Decimal())


def assumptions(usage: Usage) -> Iterator[str]:
    """What the numbers rest on, a sentence each."""
    yield f"The month has {usage.days} days; Flex Consumption, {usage.memory} MiB for an instance, none always ready."
    for name, schedule in TIMERS.items():
        yield f"Timer {name}: {runs_a_day(schedule) * usage.days} runs ({schedule})."
    yield f"An execution takes {max(LEAST_SECONDS, usage.seconds):g} s; {LEAST_SECONDS:g} s is the least that counts."
    yield f"A repair takes {max(LEAST_SECONDS, usage.repair_seconds):g} s."
    yield "That executions at the same time share an instance is not counted in your favour."
    yield f"A grant: {_RUNS_BY_GRANT} messages, {_TABLE_BY_GRANT} table and {_QUEUE_BY_GRANT} queue transactions."
    yield f"A call: {_TABLE_BY_CALL} table transactions; a list takes one more for each machine that is guarded."
    yield f"A repair: {_TABLE_BY_MACHINE} table transactions for each of {usage.machines} machines."
    yield f"{_POLLED} queues are asked every {_POLL_SECONDS} s all month, which is the most."
    yield f"Ingested logs: {usage.log_gigabytes:g} GB, as you say; the workspace's table Usage tells."
    yield "Not counted: what the Functions host keeps in storage for itself; collecting and analysing flow logs."
    yield "Not counted: alerts, traffic, Key Vault, Logic Apps."
