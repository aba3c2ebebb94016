"""Values of DuckDB as the API writes them.

It knows each Kusto type's form in JSON: times in UTC with a Z, time spans as .NET writes them, dynamic values as text
that holds JSON, numbers that JSON does not have as words. Kusto's texts are never null: a missing one is empty.
"""

import datetime as dt
import json
import math
import uuid
from decimal import Decimal
from typing import Any


def cell(kusto: str, value: Any) -> Any:  # noqa: ANN401  # A cell may hold anything.
    """A cell of a column of this Kusto type."""
    if value is None:
        return "" if kusto == "string" else None
    if kusto == "dynamic":
        return _dynamic(value)
    return value if isinstance(value, str | int) else _plain(value)


def _dynamic(value: object) -> str:
    """A dynamic value that is a text stands without quotation marks, as Kusto writes it."""
    if isinstance(value, str):
        return str(json.loads(value)) if value.startswith('"') else value
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case float():
            return value if math.isfinite(value) else _WORDS.get(value, "NaN")
        case dt.datetime():
            return _time(value)
        case dt.timedelta():
            return _span(value)
        case Decimal() | uuid.UUID():
            return str(value)
        case _:
            return str(value)


_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}


def _time(value: dt.datetime) -> str:
    utc = value if value.tzinfo is None else value.astimezone(dt.UTC)
    return utc.replace(tzinfo=None).isoformat() + "Z"


def _span(value: dt.timedelta) -> str:
    """Days are there only if there are any: [-][d.]hh:mm:ss[.fffffff]."""
    sign, size = ("-", -value) if value < dt.timedelta() else ("", value)
    minutes, seconds = divmod(size.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{size.days}." if size.days else ""
    rest = f".{size.microseconds * 10:07d}" if size.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{rest}"
