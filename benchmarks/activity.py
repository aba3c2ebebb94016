"""How long looking back takes: `make bench-activity`.

In a box of its own: many machines, all under a policy, and a month of flows in the logs, made by the box's generator.
The activity and its numbers are asked for through the app's own API, of one machine and of all. No call finds anything
that an earlier one left: each is about another machine or another time, and comes after the app has forgotten what it
knew. What the app counts is held against what the generator says that it did, which asks no logs.

Beside it, what somebody would write without the app: one query for the raw rows, with the SDK of Azure Monitor, and a
loop that counts them.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Self

from azure.core.credentials import AccessToken
from azure.monitor.query import LogsQueryPartialResult
from azure.monitor.query.aio import LogsQueryClient

from emulator.box import Box, Site
from emulator.environment import SUBSCRIPTION, describe_machine
from emulator.logs import WORKSPACE
from emulator.ports import Ports

type Json = dict[str, Any]

_MACHINES_IN_ONE_CALL = 200
_LOG_ANALYTICS = "https://api.loganalytics.io"
_MACHINE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/large/providers/Microsoft.Compute/virtualMachines/vm-"
# Attempts that somebody makes soon after another are told in one row.
_FLOWS_PER_ROW = 1.5
# Flows are told ten minutes later, so that by then all are.
_BEFORE_NOW = timedelta(minutes=15)
_PATIENCE_SECONDS = 600
_MOST_FAULTS = 20
# Gaps that make an answer quicker than it should be.
_FAILED = ("failed", "forbidden", "partial", "tableMissing", "throttled", "timedOut", "unavailable")
_RAW_ROWS = """
NTANetAnalytics
| where SubType == "FlowLog" and FlowDirection in ("Inbound", "I") and FlowStatus in ("Denied", "D")
| project FlowStartTime, DestVm, DestPort, SrcIp, SrcPublicIps, DeniedInFlows
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """How much is measured, and how many seconds a call about one machine and one about all may take."""

    machines: int
    rows: int
    days: int
    runs: int
    pause: float  # Seconds before each call.
    machine_limit: float
    tenant_limit: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One way to ask: seconds of each run, and seconds that none may take, if any."""

    name: str
    seconds: tuple[float, ...]
    limit: float | None = None

    def __str__(self) -> str:
        limit = f"{self.limit:7g}" if self.limit else ""
        return f"{self.name:<46} {median(self.seconds):7.2f} {max(self.seconds):7.2f} {limit}".rstrip()


@dataclass(frozen=True, slots=True)
class ByHand:
    """What somebody would get without the app: after how many seconds, from how many rows, how many denied flows."""

    seconds: float
    rows: int
    denied: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A credential with one token, which outlives the measuring."""

    token: str

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """The token."""
        return AccessToken(self.token, int(time.time()) + 3000)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        return None


@dataclass(slots=True)
class Bench:
    """A box with much to look back at. `until` is when the flows end."""

    box: Box
    measure: Measure
    until: datetime
    token: str = ""  # The auditor's.
    asked: int = 0

    async def call(self, method: str, url: str, token: str = "", **options: Any) -> Json:  # noqa: ANN401 - httpx's own.
        """A call that has to succeed."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.box.client.request(method, url, headers=headers, timeout=_PATIENCE_SECONDS, **options)
        return dict(answer.raise_for_status().json())

    async def control(self, method: str, path: str, **options: Any) -> Json:  # noqa: ANN401 - httpx's own.
        """A call of the box's control API."""
        return await self.call(method, f"{self.box.site.emulator}/_box/{path}", **options)

    async def ask(self, path: str, machine: str = "") -> Json:
        """The app's answer, about one machine or all, and each time about another second: all flows are within."""
        self.asked += 1
        since = self.until - timedelta(days=self.measure.days, seconds=self.asked)
        times = {"from": _written(since), "to": _written(self.until + timedelta(seconds=self.asked))}
        params = {**times, "machine": machine} if machine else times
        return await self.call("GET", f"{self.box.site.postern}/api/{path}", self.token, params=params)

    async def timed(self, act: Callable[[], Awaitable[object]]) -> float:
        """How many seconds something takes, after a pause."""
        await asyncio.sleep(self.measure.pause)
        begun = time.perf_counter()
        await act()
        return time.perf_counter() - begun


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def _machine(number: int) -> str:
    return f"{_MACHINE}{number + 1:05d}"


async def lock(bench: Bench) -> None:
    """Put all machines under a policy, by the app."""
    token, machines = await bench.box.sign_in("administrator"), bench.measure.machines
    for start in range(0, machines, _MACHINES_IN_ONE_CALL):
        some = [_machine(number) for number in range(start, min(start + _MACHINES_IN_ONE_CALL, machines))]
        # Web pages stay open, so that some flows are let in.
        body = {"machines": some, "policy": {"lock": {"keepOpen": [443]}}}
        await bench.call("POST", f"{bench.box.site.postern}/api/policies", token, json=body)


async def fill(bench: Bench) -> Json:
    """A month of attempts in the logs; how many flows and rows that takes."""
    flows = round(bench.measure.rows * _FLOWS_PER_ROW)
    order = {"flows": flows, "days": bench.measure.days, "until": _written(bench.until)}
    return await bench.control("POST", "traffic", json=order)


async def ask_often(bench: Bench, path: str) -> list[Figure]:
    """One of the app's answers about one machine, each time about another, and about all."""
    machines = [_machine(bench.asked + number) for number in range(bench.measure.runs)]
    ones = [await bench.timed(partial(bench.ask, path, one)) for one in machines]
    every = [await bench.timed(partial(bench.ask, path)) for _ in machines]
    return [
        Figure(f"GET /api/{path}, one machine", tuple(ones), bench.measure.machine_limit),
        Figure(f"GET /api/{path}, all machines", tuple(every), bench.measure.tenant_limit),
    ]


async def count_by_hand(bench: Bench) -> ByHand:
    """One query for the raw rows, counted in a loop."""
    token = (await bench.control("POST", "token", json={"audience": _LOG_ANALYTICS}))["access_token"]
    place = {"endpoint": bench.box.site.emulator, "audience": _LOG_ANALYTICS}
    trust = str(bench.box.site.directory / "cert.pem")
    span = (bench.until - timedelta(days=bench.measure.days), datetime.now(UTC))
    begun = time.perf_counter()
    # As the box is called otherwise: by its own certificate, and not through the machine's proxies.
    async with LogsQueryClient(StaticToken(token), **place, connection_verify=trust, use_env_settings=False) as client:
        answer = await client.query_workspace(
            WORKSPACE, _RAW_ROWS, timespan=span, server_timeout=_PATIENCE_SECONDS, read_timeout=_PATIENCE_SECONDS
        )
    is_cut = isinstance(answer, LogsQueryPartialResult)
    tables = answer.partial_data if isinstance(answer, LogsQueryPartialResult) else answer.tables
    rows = [list(row) for table in tables or () for row in table.rows]
    sources = Counter[str]()
    for _, _, _, private, public, flows in rows:
        sources[private] += flows if private else 0
        for part in public.split():
            source, number, *_ = part.split("|")
            sources[source] += int(number)
    return ByHand(time.perf_counter() - begun, len(rows), sources.total(), is_cut=is_cut)


def differences(told: Json, counted: Json) -> Iterator[str]:
    """Where the app's numbers are not the generator's, which are told of the same time."""
    pairs = {
        "": {"all": told["flows"]},
        "hours": {one["at"]: one["flows"] for one in told["hours"]},
        "machines": {one["machine"]: one["flows"] for one in told["machines"]},
        "sources": {one["source"]: one["attack"]["flows"] for one in told["sources"]},
        "ports": {str(one["port"]): one["flows"] for one in told["ports"]},
    }
    for name, found in pairs.items():
        expected = counted[name] if name else {"all": counted["total"]}
        # Of sources and ports the first are shown.
        if not found or (name in {"hours", "machines"} and found.keys() != expected.keys()):
            yield f"{len(found)} {name} are told, not {len(expected)}"
        yield from _unlike(name or "total", found, expected)


def _unlike(name: str, found: Mapping[str, Json], expected: Mapping[str, Json]) -> Iterator[str]:
    for key, flows in found.items():
        one = (flows["denied"], flows["granted"] + flows["allowed"])
        other = expected.get(key, {"denied": 0, "allowed": 0})
        if one != (other["denied"], other["allowed"]):
            yield f"{name} {key}: {one} denied and allowed, not {(other['denied'], other['allowed'])}"


def shortfalls(figures: Iterable[Figure], told: Json, counted: Json) -> Iterator[str]:
    """What is not as it should be."""
    yield from differences(told, counted)
    yield from (gap["message"] for gap in told["gaps"] if gap["code"] in _FAILED)
    for one in figures:
        if one.limit and max(one.seconds) >= one.limit:
            yield f"{one.name}: not under {one.limit:g} s"


async def run(bench: Bench) -> int:
    """Measure and print; the exit status."""
    measure = bench.measure
    await bench.box.reset("large", machines=measure.machines)
    await lock(bench)
    made = await fill(bench)
    bench.token = await bench.box.sign_in("auditor")
    first = await bench.timed(partial(bench.ask, "activity", _machine(0)))
    figures = [*await ask_often(bench, "activity"), *await ask_often(bench, "activity/summary")]
    told, counted = await bench.ask("activity/summary"), await bench.control("GET", "traffic?count=true")
    plain = await count_by_hand(bench)
    print(f"{measure.machines} machines, {measure.days} days, {made['rows']} rows that tell of {made['flows']} flows")
    print(f"{os.cpu_count()} cores, for which {os.getloadavg()[0]:.1f} programs were waiting at a time")
    print(f"{'seconds':<46} {'median':>7} {'worst':>7} {'limit':>7}")
    print(Figure("first call of a process, SDKs loaded by it", (first,)), *figures, sep="\n")
    print(Figure("one query for the raw rows, counted in a loop", (plain.seconds,)))
    limit = ", the limit of one answer" if plain.is_cut else ""
    print(f"{counted['total']['denied']} flows were denied: Postern tells of {told['flows']['denied']}, "
          f"the loop of {plain.denied} in {plain.rows} rows{limit}")  # fmt: skip
    faults = list(shortfalls(figures, told, counted))
    print(*faults[:_MOST_FAULTS], sep="\n", end="\n" if faults else "")
    return int(bool(faults))


async def main(measure: Measure) -> int:
    """Everything, in a box that is gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Ports.find(start=26200), Path(directory), machine=describe_machine(os.environ))
        async with Box(site) as box:
            return await run(Bench(box, measure, datetime.now(UTC) - _BEFORE_NOW))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pause", type=float, default=3.5)
    parser.add_argument("--machine-limit", type=float, default=2)
    parser.add_argument("--tenant-limit", type=float, default=5)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(Measure(**vars(given)))))
