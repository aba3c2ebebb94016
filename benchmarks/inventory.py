"""How long the first page of the list of machines takes, and what it costs: `make bench`.

In a box of its own with as many machines as asked for: the app's list, and beside it what somebody would write without
Azure Resource Graph, reading machines, interfaces, addresses and groups from Azure Resource Manager page by page. The
app's own memory of the list is made as short as a second, and each run waits until the quota of queries is full again.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from emulator.box import Box, Site
from emulator.environment import SUBSCRIPTION, describe_machine
from emulator.ports import Ports

_QUOTA_SECONDS = 5.5
_LISTS = (
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/networkSecurityGroups",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One way to the list: seconds of each run, and calls of the last."""

    name: str
    seconds: tuple[float, ...]
    calls: int

    def __str__(self) -> str:
        low, middle, high = min(self.seconds), median(self.seconds), max(self.seconds)
        return f"{self.name:<42} {low:6.2f} {middle:6.2f} {high:6.2f} {self.calls:6}"


@dataclass(slots=True)
class Bench:
    """A box with many machines."""

    box: Box
    pause: float  # Seconds before each run.

    async def calls(self) -> list[str]:
        """The paths of all calls that ARM has had."""
        answer = await self.box.client.get(f"{self.box.site.emulator}/_box/calls")
        return [str(call["path"]) for call in answer.raise_for_status().json()["calls"]]

    async def first_page(self, token: str) -> Any:  # noqa: ANN401 - JSON.
        """The app's first page."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.box.client.get(f"{self.box.site.postern}/api/machines", headers=headers)
        return answer.raise_for_status().json()

    async def by_hand(self, token: str) -> int:
        """What a script would do: every list of ARM to its end; how many things it read."""
        found = 0
        for kind in _LISTS:
            url: str | None = f"{self.box.site.emulator}/subscriptions/{SUBSCRIPTION}/providers/{kind}"
            url = f"{url}?api-version=2025-05-01"
            while url:
                answer = await self.box.client.get(url, headers={"Authorization": f"Bearer {token}"})
                page = answer.raise_for_status().json()
                found, url = found + len(page["value"]), page.get("nextLink")
        return found

    def memory(self) -> float:
        """The host's memory in MiB."""
        status = Path(f"/proc/{self.box.host.pid}/status")
        lines = status.read_text("utf-8").splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


async def measure(bench: Bench, machines: int, runs: int) -> None:
    """Measure and print."""
    box = bench.box
    await box.reset("large", machines=machines)
    arm = (await box.post(f"{box.site.emulator}/_box/token", {})).json()["access_token"]
    token, before = await box.sign_in("auditor"), bench.memory()
    app = [await _timed(bench, lambda: bench.first_page(token)) for _ in range(runs + 1)]
    plain = [await _timed(bench, lambda: bench.by_hand(arm)) for _ in range(runs)]
    shown = await bench.first_page(token)
    print(f"{machines} machines, {os.cpu_count()} cores: {shown['counts']}")
    print(f"{'':<42} {'min':>6} {'median':>6} {'max':>6} {'calls':>6}")
    print(Figure("first call of a process, SDKs loaded by it", (app[0][0],), app[0][1]))
    print(Figure("GET /api/machines", tuple(one for one, _ in app[1:]), app[-1][1]))
    print(Figure("every list of ARM, one call after another", tuple(one for one, _ in plain), plain[-1][1]))
    print(f"memory of the host: {before:.0f} MiB before, {bench.memory():.0f} MiB after")


async def _timed(bench: Bench, act: Any) -> tuple[float, int]:  # noqa: ANN401 - anything that can be awaited.
    await asyncio.sleep(bench.pause)
    calls, begun = len(await bench.calls()), time.perf_counter()
    await act()
    return time.perf_counter() - begun, len(await bench.calls()) - calls


async def main(machines: int, runs: int, pause: float) -> None:
    """Everything, in a box that is gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Ports.find(start=27000), Path(directory), machine=describe_machine(os.environ))
        async with Box(site) as box:
            await measure(Bench(box, pause), machines, runs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pause", type=float, default=_QUOTA_SECONDS)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.machines, given.runs, given.pause)))
