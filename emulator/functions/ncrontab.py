"""Schedules of timers, in the language of NCRONTAB as Azure reads it.

Knows six fields (second minute hour day month weekday; five mean second 0), Sunday as 0, names of months and days, and
that day and weekday must both hold. Refuses what NCRONTAB refuses although other crons take it: 7, L, #, W, ?. Refuses
to know time zones: Azure's is UTC unless set otherwise. Source: "Timer trigger for Azure Functions", NCRONTAB
expressions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from croniter import CroniterBadDateError, croniter

_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905 - A line of names reads best as a line.
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()  # noqa: SIM905 - As above.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class ScheduleError(ValueError):
    """A text that Azure would not take for a schedule; says which field is wrong."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: Mapping[str, int]


def _name(words: list[str], first: int) -> Mapping[str, int]:
    """The numbers of names and of their first three letters."""
    numbers = {word.lower(): number for number, word in enumerate(words, first)}
    return MappingProxyType(numbers | {word[:3]: number for word, number in numbers.items()})


_NONE: Mapping[str, int] = MappingProxyType({})
_FIELDS = (
    _Field("second", 0, 59, _NONE),
    _Field("minute", 0, 59, _NONE),
    _Field("hour", 0, 23, _NONE),
    _Field("day", 1, 31, _NONE),
    _Field("month", 1, 12, _name(_MONTHS, 1)),
    _Field("weekday", 0, 6, _name(_DAYS, 0)),
)
_PART = re.compile(r"(?P<any>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule that Azure takes. `expression` has six numeric fields."""

    text: str
    expression: str

    def next(self, after: datetime) -> datetime:
        """The first occurrence later than `after`."""
        return croniter(self.expression, after, second_at_beginning=True, day_or=False).get_next(datetime)

    def runs_within_a_minute(self, after: datetime) -> bool:
        """Whether it is due more often than once a minute; Azure then keeps no record of its runs."""
        first = self.next(after)
        return self.next(first) - first < timedelta(minutes=1)


def parse(text: str) -> Schedule:
    """The schedule in a text; raises ScheduleError."""
    parts = text.split()
    if len(parts) == len(_FIELDS) - 1:
        parts = ["0", *parts]
    if len(parts) != len(_FIELDS):
        raise ScheduleError(f"{text!r} has {len(text.split())} fields, not five or six")
    expression = " ".join(_read_field(field, part) for field, part in zip(_FIELDS, parts, strict=True))
    schedule = Schedule(text, expression)
    try:
        schedule.next(_SOME_DAY)
    except CroniterBadDateError as error:
        raise ScheduleError(f"{text!r} never occurs") from error
    return schedule


def _read_field(field: _Field, text: str) -> str:
    return ",".join(_read_part(field, part) for part in text.split(","))


def _read_part(field: _Field, text: str) -> str:
    """One element of a list, in numbers: `*`, `a`, `a-b`, each with `/step`."""
    span, slash, step = text.partition("/")
    match = _PART.fullmatch(span)
    if match is None or (slash and not re.fullmatch(r"[1-9][0-9]*", step)):
        raise ScheduleError(f"{text!r} is not a {field.name}")
    if match["any"]:
        return text
    first = _read_number(field, match["first"])
    last = _read_number(field, match["last"]) if match["last"] else first
    if last < first:
        raise ScheduleError(f"{text!r} is a {field.name} range that runs backwards")
    # In NCRONTAB "5/10" starts at 5 and goes on to the field's end.
    last = field.most if slash and not match["last"] else last
    return f"{first}-{last}{slash}{step}" if last > first else str(first)


def _read_number(field: _Field, text: str) -> int:
    number = field.names.get(text.lower())
    if number is None and text.isdigit():
        number = int(text)
    if number is None or not field.least <= number <= field.most:
        raise ScheduleError(f"{text!r} is not a {field.name}: {field.least} to {field.most}")
    return number
