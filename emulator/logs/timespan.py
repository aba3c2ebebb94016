"""The time span that a query is asked over: ISO 8601, as the API takes it.

It knows durations, and intervals of two times or of a time and a duration. It refuses months and years, whose length
nobody can tell, where Azure may take them.
"""

import datetime as dt
import re
from dataclasses import dataclass

_DURATION = re.compile(
    r"P(?=.)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """From the beginning to the end, both included, in UTC."""

    start: dt.datetime
    end: dt.datetime


def parse(text: str | None, now: dt.datetime) -> Span | None:
    """The span in a text, None where nothing limits it; ValueError for what is none."""
    if text is None:
        return None
    left, slash, right = text.partition("/")
    if not slash:
        return _span(now - _duration(left), now)
    if left.startswith("P"):
        end = _time(right)
        return _span(end - _duration(left), end)
    start = _time(left)
    return _span(start, start + _duration(right) if right.startswith("P") else _time(right))


def _span(start: dt.datetime, end: dt.datetime) -> Span:
    if start > end:
        raise ValueError(f"The time span ends at {end}, before it starts at {start}.")
    return Span(start, end)


def _duration(text: str) -> dt.timedelta:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration in days, hours, minutes and seconds, such as P1DT2H.")
    try:
        return dt.timedelta(**{unit: float(count) for unit, count in found.groupdict().items() if count})
    except OverflowError as error:
        raise ValueError(f"{text!r} is too long.") from error


def _time(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
