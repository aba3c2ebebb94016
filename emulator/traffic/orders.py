"""What a call asks the generator for, read and checked: a slip in it is refused by name.

It knows the fields of a body and their defaults. It refuses to know machines.
"""

import datetime as dt
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from emulator.traffic import addresses
from emulator.traffic.scenarios import PLAYS, RATES

type Json = dict[str, Any]

FIELDS = ("scenario", "seconds", "flows", "days", "until", "seed", "lag", "machines", "from")
MOST_FLOWS = 5_000_000
# Traffic Analytics looks at flow logs every ten minutes at best.
_LAG = 600
_SECONDS = 600
_DAY = 86_400


class OrderError(ValueError):
    """A body that cannot be read; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Order:
    """So many flows of a scenario, spread over the `seconds` before `until` (seconds since 1970).

    Rows can be seen `lag` seconds after what they tell of. No machines means all that run.
    """

    scenario: str
    flows: int
    seconds: float
    until: float
    seed: int
    lag: float
    machines: tuple[str, ...]
    source: str


def read(body: object, now: float) -> Order:
    """The order in a body; raises OrderError."""
    if not isinstance(body, dict) or set(body) - set(FIELDS):
        raise OrderError(f"The body is an object with {', '.join(FIELDS)}, not {body!r}.")
    scenario = body.get("scenario", "mixed")
    if scenario not in PLAYS:
        raise OrderError(f"There is no scenario {scenario!r}; there are {', '.join(PLAYS)}.")
    seconds = _seconds(body)
    return Order(
        scenario,
        _flows(body, RATES[scenario] * seconds),
        seconds,
        moment(body["until"]) if "until" in body else now,
        int(_number(body, "seed", 1)),
        _number(body, "lag", _LAG),
        _machines(body.get("machines", [])),
        _address(body.get("from", addresses.USER)),
    )


def moment(text: object) -> float:
    """An RFC 3339 time in seconds since 1970; raises OrderError."""
    try:
        found = dt.datetime.fromisoformat(str(text))
    except ValueError as error:
        raise OrderError(f"{text!r} is not a time as RFC 3339 has it.") from error
    if found.tzinfo is None:
        raise OrderError(f"{text!r} does not say its offset from UTC.")
    return found.timestamp()


def _seconds(body: Json) -> float:
    if "seconds" in body and "days" in body:
        raise OrderError("Say either seconds or days.")
    return _number(body, "days", 0) * _DAY if "days" in body else _number(body, "seconds", _SECONDS)


def _flows(body: Json, usual: float) -> int:
    flows = int(_number(body, "flows", max(1, round(usual))))
    if not 0 < flows <= MOST_FLOWS:
        raise OrderError(f"A call makes 1 to {MOST_FLOWS} flows, not {flows}; say how many with flows.")
    return flows


def _number(body: Json, name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise OrderError(f"{name} is a number from 0 upwards, not {value!r}.")
    return value


def _machines(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise OrderError(f"machines is a list of ids or names, not {value!r}.")
    return tuple(value)


def _address(value: object) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError as error:
        raise OrderError(str(error)) from error
