"""The queries of Log Analytics as they are sent: what is asked about, what several have in common, and the query.

They stand in `queries/logs`, one purpose each, and a test holds them against the tables' schemas with Microsoft's own
language service. Nothing that a caller wrote gets into one: what is put in are ids that are known to be well formed,
and times.

Source: Kusto Query Language reference, "let statement"; Azure Monitor service limits, "Log Analytics workspaces".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from shared.domain.evidence import FLOW_TABLES, Part, Scope, log_key

SIGN_IN_TABLES: Final = ("SecurityEvent", "Syslog")


@dataclass(frozen=True, slots=True)
class Query:
    """One of the shipped queries: its file, the file of what comes before it, the tables, and its greatest length."""

    name: str
    common: str | None
    tables: tuple[str, ...]
    rows: int | None = None  # What is beyond is not told; None: nothing is.


def _of_flows(name: str, rows: int | None = None) -> Query:
    return Query(name, "flows", FLOW_TABLES, rows)


def _of_sign_ins(name: str, rows: int | None = None) -> Query:
    return Query(name, "signins", SIGN_IN_TABLES, rows)


QUERIES: Final[Mapping[Part, Query]] = {
    Part.SOURCES: _of_flows("sources", 2000),
    Part.HOURS: _of_flows("hours"),
    Part.TARGETS: _of_flows("targets", 10_000),
    Part.PORTS: _of_flows("ports"),
    Part.USES: _of_flows("uses", 5000),
    Part.LET_IN: _of_flows("cuts", 5000),
    Part.REACHED: _of_flows("reached", 5000),
    Part.NAMES: _of_sign_ins("names"),
    Part.FAILURES: _of_sign_ins("failures", 5000),
    Part.SIGN_INS: _of_sign_ins("successes", 5000),
    Part.ALERTS: Query("alerts", None, ("SecurityAlert",), 500),
    Part.EDITS: Query("edits", None, ("AzureActivity",), 2000),
    Part.BEATS: Query("heartbeats", None, ("Heartbeat",), 10_000),
    Part.REPORTERS: Query("reporters", None, ("Heartbeat",), 10_000),
}

MOST_MACHINES: Final = 1000
"""With more machines a query would grow too long: then all of the subscriptions are asked about."""

_SAFE: Final = re.compile(r"[-\w.()/ ]+")  # Resource groups may have letters of any alphabet in their names.


def query(part: Part, scope: Scope, ours: Iterable[str] = ()) -> str:
    """The text that asks for a part. `ours` are the object ids of those whose changes are no news."""
    shipped = QUERIES[part]
    texts = [_parameters(scope, ours), *([_text(shipped.common)] if shipped.common else []), _text(shipped.name)]
    return "\n".join(texts)


def newest(table: str) -> str:
    """The text that asks how new the newest record of a table is. Raises ValueError for one that no query reads."""
    if not any(table in one.tables for one in QUERIES.values()):
        raise ValueError(f"{table} is none of the tables that are asked about")
    return f"let table_asked = {table};\n{_text('newest')}"


def is_whole(scope: Scope) -> bool:
    """Whether all machines of the subscriptions are asked about."""
    return scope.machines is None or len(scope.machines) > MOST_MACHINES


def _parameters(scope: Scope, ours: Iterable[str]) -> str:
    whole = is_whole(scope)
    machines = () if whole or scope.machines is None else sorted(map(log_key, scope.machines))
    return "\n".join(
        (
            f"let since = {_moment(scope.since)};",
            f"let until = {_moment(scope.until)};",
            f"let subscriptions = {_list(one.lower() for one in scope.subscriptions)};",
            f"let machines = {_list(machines)};",
            f"let ports = dynamic({sorted(scope.ports)});",
            f"let groups = {_list(sorted(scope.groups))};",
            f"let ours = {_list(sorted(one.lower() for one in ours))};",
            f"let whole = {'true' if whole else 'false'};",
        )
    )


def _moment(at: datetime) -> str:
    return f"datetime({at:%Y-%m-%dT%H:%M:%S.%f}Z)"


def _list(texts: Iterable[str]) -> str:
    """Texts as a Kusto value. Raises ValueError for one that could be more than a name."""
    every = list(texts)
    if odd := [text for text in every if not _SAFE.fullmatch(text)]:
        raise ValueError(f"{odd[0]!r} cannot be asked about")
    return f"dynamic({json.dumps(every, ensure_ascii=False)})"


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / "queries" / "logs" / f"{name}.kql").read_text()
