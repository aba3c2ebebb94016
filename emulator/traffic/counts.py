"""The generator's own records of what it did, and counts of them by plain loops.

This is what an app's numbers are compared with, so nothing here may ask the logs or use a query language.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from emulator.traffic.flows import Flow
from emulator.traffic.records import time_of

type Json = dict[str, Any]
type Tally = dict[str, int]

_HOUR = 3600


def document(flow: Flow) -> Json:
    """One flow as JSON; `user` and `signedIn` are null where nobody could try to sign in."""
    return {
        "time": time_of(flow.at),
        "source": flow.source,
        "country": flow.outcome.country,
        "machine": flow.target.id,
        "port": flow.port,
        "passes": flow.outcome.passes,
        "rule": flow.outcome.rule or None,
        "user": flow.user,
        "signedIn": flow.signed_in,
    }


def count(flows: Iterable[Flow]) -> Json:
    """How many flows were tried, denied, allowed, and how many sign-ins failed and succeeded: in all, and by each."""
    total = _empty()
    tables: dict[str, dict[str, Tally]] = {name: {} for name in _KEYS}
    for flow in flows:
        found = [tables[name].setdefault(key(flow), _empty()) for name, key in _KEYS.items()]
        for tally in (total, *found):
            _add(tally, flow)
    return {"total": total, **{name: dict(sorted(table.items())) for name, table in tables.items()}}


@cache
def _hour(number: int) -> str:
    return dt.datetime.fromtimestamp(number * _HOUR, dt.UTC).strftime("%Y-%m-%dT%H:00:00Z")


_KEYS: dict[str, Callable[[Flow], str]] = {
    "sources": lambda flow: flow.source,
    "machines": lambda flow: flow.target.id,
    "ports": lambda flow: str(flow.port),
    "hours": lambda flow: _hour(int(flow.at // _HOUR)),
}


def _empty() -> Tally:
    return {"flows": 0, "denied": 0, "allowed": 0, "failedSignIns": 0, "signIns": 0}


def _add(tally: Tally, flow: Flow) -> None:
    tally["flows"] += 1
    tally["allowed" if flow.outcome.passes else "denied"] += 1
    if flow.signed_in is not None:
        tally["signIns" if flow.signed_in else "failedSignIns"] += 1
