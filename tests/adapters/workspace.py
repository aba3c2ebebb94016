"""A workspace of Log Analytics in the emulator: rows as Azure writes them, and the adapter that asks about them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from azure.identity.aio import DefaultAzureCredential

from emulator.box import Box
from emulator.logs import WORKSPACE
from shared.adapters.log_analytics import LogAnalytics, Workspace
from shared.domain.evidence import Evidence, Part, Scope
from shared.domain.machines import MachineId
from tests.domain.values import NOW, STRANGER, SUBSCRIPTION, machine_id
from tests.services.clock import Clock

type Row = dict[str, object]

US = "cccccccc-0000-0000-0000-000000000000"
WEB = f"{SUBSCRIPTION}/demo/web-01"
SCOPE = Scope((SUBSCRIPTION,), NOW, NOW + timedelta(hours=2), frozenset({machine_id()}))


def at(number: float) -> str:
    """Minutes after the tests' noon, as Azure writes a time."""
    return (NOW + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")


def flow(start: float, sources: str = f"{STRANGER}|3|3|0|0|0|0", **changes: object) -> Row:
    """A record of flows that were denied, of a minute."""
    known: Row = {
        "TimeGenerated": at(start + 20), "SubType": "FlowLog", "FlowDirection": "Inbound", "FlowStatus": "Denied",
        "FlowStartTime": at(start), "FlowEndTime": at(start + 1), "DestSubscription": SUBSCRIPTION,
        "DestVm": "demo/web-01", "DestPort": 22, "L4Protocol": "T", "AclRule": "postern-lock-a",
        "SrcPublicIps": sources, "DeniedInFlows": 99, "AllowedInFlows": 99,
    }  # fmt: skip
    return {**known, **changes}


def old_flow(start: float, sources: str = f"{STRANGER}|3|3|0|0|0|0", **changes: object) -> Row:
    """The same in the older table."""
    known: Row = {
        "TimeGenerated": at(start + 20), "SubType_s": "FlowLog", "FlowDirection_s": "I", "FlowStatus_s": "D",
        "FlowStartTime_t": at(start), "FlowEndTime_t": at(start + 1), "Subscription_g": SUBSCRIPTION,
        "VM_s": "demo/web-01", "DestPort_d": 22.0, "L4Protocol_s": "T", "NSGRule_s": "UserRule_postern-lock-a",
        "SrcPublicIPs_s": sources, "DeniedInFlows_d": 99.0, "AllowedInFlows_d": 99.0,
    }  # fmt: skip
    return {**known, **changes}


def windows_event(minute: float, id_: int, logon: int = 3, **changes: object) -> Row:
    """A sign-in over the network (4624), or one that failed (4625)."""
    known: Row = {
        "TimeGenerated": at(minute), "EventID": id_, "LogonType": logon, "IpAddress": STRANGER, "IpPort": "50000",
        "TargetUserName": "admin", "_ResourceId": str(machine_id()).lower(),
    }  # fmt: skip
    return {**known, **changes}


def ssh_line(minute: float, text: str, **changes: object) -> Row:
    """A line of the server of SSH."""
    known: Row = {
        "TimeGenerated": at(minute), "ProcessName": "sshd", "SyslogMessage": text, "_ResourceId": str(machine_id()),
    }  # fmt: skip
    return {**known, **changes}


@dataclass(slots=True)
class Desk:
    """The emulator's workspace, and `LogAnalytics` in front of it with a clock to turn."""

    box: Box
    logs: LogAnalytics
    clock: Clock = field(default_factory=Clock)

    async def put(self, table: str, *rows: Row) -> None:
        """Put rows into a table."""
        await self.change(table, rows=rows)

    async def change(self, table: str, **body: object) -> None:
        """Put rows in, or take a table away."""
        await self.box.post(f"{self.box.site.emulator}/_box/logs", {"table": table, **body})

    async def fault(self, kind: str, path: str = r"\$batch", **more: object) -> None:
        """Let something go wrong with the next calls that match."""
        await self.box.post(f"{self.box.site.emulator}/_box/faults", {"match": {"path": path}, "kind": kind, **more})

    async def tell(self, *parts: Part, machines: Iterable[MachineId] | None = (), **changes: Any) -> Evidence:  # noqa: ANN401  # As the fields'.
        """What the logs tell of web-01 and its two hours after noon, or of something else."""
        wanted = None if machines is None else frozenset(machines) or SCOPE.machines
        return await self.logs.tell(replace(SCOPE, machines=wanted, **changes), parts)

    async def asked(self) -> int:
        """How often Log Analytics was asked, as it counts."""
        answer = await self.box.client.get(f"{self.box.site.emulator}/_box/calls")
        calls: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
        return sum(str(one["path"]).startswith("/v1/") for one in calls)


@asynccontextmanager
async def in_front_of(box: Box, **changes: Any) -> AsyncIterator[Desk]:  # noqa: ANN401  # As the fields'.
    """A desk whose workspace is empty; `changes` are those of how it is reached."""
    await box.reset("demo", storage=False)
    clock = Clock()
    place = replace(Workspace(WORKSPACE, box.site.emulator, (US,)), **changes)
    async with DefaultAzureCredential() as credential:
        logs = LogAnalytics(credential, place, clock)
        yield Desk(box, logs, clock)
        await logs.close()
    (await box.client.delete(f"{box.site.emulator}/_box/faults")).raise_for_status()


def minute(number: float) -> datetime:
    """Minutes after the tests' noon."""
    return NOW + timedelta(minutes=number)
