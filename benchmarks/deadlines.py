"""How punctually grants are closed when many end at once: `make bench-deadlines`.

In a box of its own: as many machines as it takes behind 50 network security groups, 1,000 grants through the app's own
POST /api/grants whose ends lie within one minute, and an ARM that takes two seconds for each write: in the last 0.4 of
them it has answered, but the write is not yet in force. When a rule is gone Azure says, not the app: after each write
that ARM has had, its group is read until it is settled, so that every time is one at which the rule had surely gone.

Beside it, what somebody would write without the app: one group's rules deleted one after another as soon as they are
due all at once, measured in the same box.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import quote

from emulator.box import Box, Site
from emulator.environment import SUBSCRIPTION, describe_machine
from emulator.ports import Ports

type Json = dict[str, Any]

OPERATION = 0.4
"""Seconds that ARM takes from the answer to a write until the write is in force."""

_AT_ONCE = 24
_MACHINES_IN_ONE_CALL = 200
_LOOK_AGAIN = 0.1
_PATIENCE = timedelta(seconds=90)
_ARM_VERSION = {"api-version": "2025-05-01"}
_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/large/providers"
_OPEN = "postern-open-"
_ID_LENGTH = 24


@dataclass(frozen=True, slots=True)
class Measure:
    """How much is measured: grants on so many groups, whose ends lie within so many seconds, after so long a lead."""

    grants: int
    groups: int
    seconds: float
    lead: float
    by_hand: int
    write: float  # Seconds that ARM takes for a write, until it is in force.
    allowed: float  # Seconds after its deadline within which 99 of 100 grants have to be closed.

    @property
    def share(self) -> int:
        """Machines in each group: one caller may have some grants on a machine, but not any number."""
        return min(10, -(-self.grants // self.groups))


@dataclass(slots=True)
class Bench:
    """A box, and what was seen of it."""

    box: Box
    arm: str = ""  # The token for ARM.
    calls: int = 0  # The number of the last call of ARM that was looked at.
    writes: Counter[str] = field(default_factory=Counter)

    async def call(self, method: str, url: str, token: str, **options: Any) -> Json:  # noqa: ANN401 - httpx's own.
        """A call that has to succeed."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.box.client.request(method, url, headers=headers, timeout=100, **options)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    async def ask_arm(self, method: str, path: str, body: object = None) -> Json:
        """A call of ARM by somebody else than the app."""
        return await self.call(method, f"{self.box.site.emulator}{path}", self.arm, json=body, params=_ARM_VERSION)

    async def control(self, path: str, **body: object) -> Json:
        """A call of the box's control API."""
        return dict((await self.box.post(f"{self.box.site.emulator}/_box/{path}", body)).json())

    async def written(self) -> set[str]:
        """The groups that were written since the last look."""
        answer = await self.box.client.get(f"{self.box.site.emulator}/_box/calls?since={self.calls}")
        calls = answer.raise_for_status().json()["calls"]
        self.calls += len(calls)
        paths = [str(call["path"]) for call in calls if call["method"] in {"PUT", "DELETE"}]
        groups = [path.split("?")[0].split("/")[8] for path in paths if "/networkSecurityGroups/" in path]
        self.writes.update(groups)
        return set(groups)

    async def standing(self, group: str) -> set[str] | None:
        """The grants whose rules stand in a group; None while ARM is still at work on it."""
        found = await self.ask_arm("GET", f"{_network(group)}")
        properties = found["properties"]
        if properties["provisioningState"] != "Succeeded":
            return None
        names = (str(rule["name"]) for rule in properties["securityRules"])
        return {name.removeprefix(_OPEN)[:_ID_LENGTH] for name in names if name.startswith(_OPEN)}


def _network(group: str) -> str:
    return f"{_GROUP}/Microsoft.Network/networkSecurityGroups/{group}"


def _machine(group: int, number: int, share: int) -> str:
    return f"{_GROUP}/Microsoft.Compute/virtualMachines/vm-{group * share + number % share + 1:05d}"


def _group_name(group: int) -> str:
    return f"nsg-{group:03d}"


async def lock(bench: Bench, measure: Measure) -> None:
    """Put all machines under a policy, by the app."""
    token = await bench.box.sign_in("administrator")
    machines = [_machine(group, number, measure.share) for group in range(measure.groups)
                for number in range(measure.share)]  # fmt: skip
    for start in range(0, len(machines), _MACHINES_IN_ONE_CALL):
        body = {"machines": machines[start : start + _MACHINES_IN_ONE_CALL], "policy": {}}
        await bench.call("POST", f"{bench.box.site.postern}/api/policies", token, json=body)


async def open_grants(bench: Bench, measure: Measure) -> dict[str, datetime]:
    """Ask for all grants; when each of them ends. The ends are spread as chance will have it, the same each time."""
    token, first = await bench.box.sign_in("requestor"), datetime.now(UTC) + timedelta(seconds=measure.lead)
    chance, gate = random.Random(1), asyncio.Semaphore(_AT_ONCE)  # noqa: S311 - spreads deadlines, guards nothing.

    async def ask(number: int, end: datetime) -> tuple[str, datetime]:
        machine = _machine(number % measure.groups, number // measure.groups, measure.share)
        ports = [{"number": 22, "allowedSourceAddressPrefix": f"203.0.113.{number % 250 + 1}"}]
        body = {"machine": machine, "ports": ports, "endTimeUtc": f"{end:%Y-%m-%dT%H:%M:%S.%f}Z"}
        async with gate:
            grant = await bench.call("POST", f"{bench.box.site.postern}/api/grants", token, json=body)
        return str(grant["id"]), end

    ends = [first + timedelta(seconds=chance.uniform(0, measure.seconds)) for _ in range(measure.grants)]
    return dict(await asyncio.gather(*(ask(number, end) for number, end in enumerate(ends))))


async def all_open(bench: Bench, measure: Measure) -> set[str]:
    """The grants whose rules stand, in all groups."""
    seen = [await bench.standing(_group_name(group)) or set() for group in range(measure.groups)]
    return set().union(*seen)


async def watch(bench: Bench, measure: Measure, ends: dict[str, datetime]) -> dict[str, datetime]:
    """When each grant's rules were first seen gone, until all are or patience is at its end."""
    open_in = {_group_name(group): set[str]() for group in range(measure.groups)}
    for name in open_in:
        open_in[name] = await bench.standing(name) or set()
    gone: dict[str, datetime] = {}
    written: dict[str, datetime] = {}  # When to look at it again.
    late = max(ends.values()) + _PATIENCE

    async def look(group: str) -> None:
        standing = await bench.standing(group)
        if standing is not None:
            del written[group]
            gone.update(dict.fromkeys(open_in[group] - standing, datetime.now(UTC)))
            open_in[group] = standing

    while any(open_in.values()) and datetime.now(UTC) < late:
        # Looking costs the machine that is measured something, so nobody looks while the write cannot be in force yet.
        settled_by = datetime.now(UTC) + timedelta(seconds=OPERATION)
        written |= dict.fromkeys(await bench.written(), settled_by)
        await asyncio.gather(*(look(group) for group, at in list(written.items()) if at <= datetime.now(UTC)))
        await asyncio.sleep(_LOOK_AGAIN)
    return gone


async def delete_by_hand(bench: Bench, rules: int) -> float:
    """How long it takes to delete so many rules of one group one after another, each when the one before is gone."""
    group, names = _group_name(0), [f"by-hand-{number}" for number in range(rules)]
    document = await bench.ask_arm("GET", _network(group))
    for number, name in enumerate(names):
        document["properties"]["securityRules"].append({"name": name, "properties": _rule(1000 + number)})
    await bench.ask_arm("PUT", _network(group), document)
    await _settled(bench, group)
    begun = datetime.now(UTC)
    for name in names:
        await bench.ask_arm("DELETE", f"{_network(group)}/securityRules/{quote(name)}")
        await _settled(bench, group)
    return (datetime.now(UTC) - begun).total_seconds()


async def _settled(bench: Bench, group: str) -> None:
    while await bench.standing(group) is None:  # noqa: ASYNC110 - another process sets no event.
        await asyncio.sleep(_LOOK_AGAIN)


def _rule(priority: int) -> Json:
    return {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": priority,
            "sourceAddressPrefix": "203.0.113.1", "sourcePortRange": "*",
            "destinationAddressPrefix": "10.0.0.4", "destinationPortRange": "22"}  # fmt: skip


def report(bench: Bench, measure: Measure, late: list[float]) -> Iterator[str]:
    """What was measured, in lines."""
    cut = quantiles(late, n=100, method="inclusive")
    yield f"{measure.grants} grants on {measure.groups} groups that end within {measure.seconds:g} s"
    yield f"{os.cpu_count()} cores, for which {os.getloadavg()[0]:.1f} programs were waiting at a time"
    yield f"ARM takes {measure.write:g} s for a write, the last {OPERATION:g} s of them after its answer"
    yield f"{'seconds from the deadline until the rules are gone':<52} {'p50':>6} {'p99':>6} {'max':>6} {'writes':>7}"
    figures = f"{cut[49]:6.2f} {cut[98]:6.2f} {max(late):6.2f} {bench.writes.total():7}"
    yield f"{f'Postern, {measure.grants} grants':<52} {figures}"


def shortfalls(measure: Measure, late: list[float]) -> Iterator[str]:
    """What is not as it should be."""
    if len(late) < measure.grants:
        yield f"{measure.grants - len(late)} grants were never closed"
    if min(late) < 0:
        yield f"a grant was closed {-min(late):.2f} s before its deadline"
    if quantiles(late, n=100, method="inclusive")[98] >= measure.allowed:
        yield f"p99 is not under {measure.allowed:g} s"


async def run(bench: Bench, measure: Measure) -> int:
    """Measure and print; the exit status."""
    await bench.box.reset("large", machines=measure.groups * measure.share, share=measure.share)
    bench.arm = str((await bench.control("token"))["access_token"])
    await bench.control("latency", operation=0)
    await lock(bench, measure)
    ends = await open_grants(bench, measure)
    opened = await all_open(bench, measure)
    spare = (min(ends.values()) - datetime.now(UTC)).total_seconds()
    if opened != set(ends) or spare < 1:
        print(
            f"{len(opened)} of {len(ends)} grants stand {spare:.0f} s before the first ends: a longer --lead is needed"
        )
        return 2
    print(f"all stand {spare:.0f} s before the first ends")
    await bench.control("latency", write=measure.write - OPERATION, operation=OPERATION)
    await bench.written()
    bench.writes.clear()
    gone = await watch(bench, measure, ends)
    late = [(gone[id_] - end).total_seconds() for id_, end in ends.items() if id_ in gone]
    print(*report(bench, measure, late), sep="\n")
    if measure.by_hand:
        what = f"{measure.by_hand} rules of one group, DELETE by DELETE"
        seconds = await delete_by_hand(bench, measure.by_hand)
        print(f"{what:<52} {'':6} {'':6} {seconds:6.2f} {measure.by_hand:7}")
    faults = list(shortfalls(measure, late))
    print(*faults, sep="\n", end="\n" if faults else "")
    return int(bool(faults))


async def main(measure: Measure) -> int:
    """Everything, in a box that is gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        # Elsewhere that a grant is about to end is told ten minutes before; here it is at least in another minute.
        settings = {"POSTERN_ENDING_SOON": f"PT{measure.seconds + 5:.0f}S"}
        site = Site(Ports.find(start=26600), Path(directory), machine=describe_machine(os.environ), settings=settings)
        async with Box(site) as box:
            return await run(Bench(box), measure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grants", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lead", type=float, default=240)
    parser.add_argument("--by-hand", type=int, default=20)
    parser.add_argument("--write", type=float, default=2)
    parser.add_argument("--allowed", type=float, default=5)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(Measure(**vars(given)))))
