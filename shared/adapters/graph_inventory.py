"""The machines of all guarded subscriptions, from Azure Resource Graph; their groups and resource locks, from ARM.

Resource Graph answers for ten thousand machines in a dozen calls, and lags behind what was written: so it tells which
machines there are, and never what stands in a group. One row is one machine, with its interfaces and public addresses.

Source: azure-mgmt-resourcegraph; Azure documentation, "Work with large Azure resource data sets", "Guidance for
throttled requests in Azure Resource Graph", "Lock your resources to protect your infrastructure".
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions, ResultFormat

from shared.adapters.arm_client import NETWORK_VERSION, Arm
from shared.adapters.arm_machines import prefixes_of
from shared.adapters.arm_rules import read_nsg
from shared.adapters.graph_servers import arc_server
from shared.domain.computers import ArcServers
from shared.domain.flow_logs import FlowLog
from shared.domain.inventory import Attached, MachineKind, Occupied, PrivateAddress, ResourceLock, Sighting, Snapshot
from shared.domain.machines import MachineId
from shared.ports import Unavailable

type Json = Mapping[str, Any]

_PAGE = 1000
_LOCKS_VERSION = "2020-05-01"
_LOCKS = "/providers/Microsoft.Authorization/locks"
_KINDS = {
    "microsoft.compute/virtualmachines": MachineKind.VIRTUAL_MACHINE,
    "microsoft.classiccompute/virtualmachines": MachineKind.CLASSIC,
    "microsoft.compute/virtualmachinescalesets": MachineKind.SCALE_SET,
}
_HOURS_MINUTES_SECONDS = re.compile(r"(\d+):(\d\d):(\d\d)")


@cache
def _query(name: str) -> str:
    return (Path(__file__).parent / "queries" / f"{name}.kql").read_text()


class GraphInventory:
    """The `Inventory` port. What was read is used again for `age`, by all who ask meanwhile."""

    def __init__(self, arm: Arm, age: timedelta) -> None:
        self._arm = arm
        self._age = age
        self._graph: ResourceGraphClient | None = None
        self._full_again = arm.clock.now()  # When the quota of queries is full again, if it was used up.
        self._kept: dict[tuple[str, object], tuple[datetime, asyncio.Task[Any]]] = {}

    async def close(self) -> None:
        """Close the connection."""
        if self._graph:
            await self._graph.close()

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every machine."""
        wanted = tuple(sorted(subscriptions))
        if not wanted:
            raise ValueError("an index that is asked about no subscription may answer about all")
        snapshot: Snapshot = await self._keep(("machines", wanted), lambda: self._read_machines(wanted))
        return snapshot

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """Every network security group of a subscription, as it now stands."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkSecurityGroups"
        groups: Sequence[Attached] = await self._keep(("groups", subscription), partial(self._read_groups, path))
        return groups

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which virtual machine has which address, as it now is."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.Network/networkInterfaces"
        try:
            nics = [one async for page in self._arm.pages(path, NETWORK_VERSION) for one in page]
            return [occupied for nic in nics for occupied in _occupied(nic)]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable("a network interface is described in an unknown way") from error

    async def resource_locks(self, subscription: str) -> Sequence[ResourceLock]:
        """The resource locks that make something read-only."""
        locks: Sequence[ResourceLock] = await self._keep(
            ("locks", subscription), lambda: self._read_locks(subscription)
        )
        return locks

    async def flow_logs(self, subscriptions: Sequence[str]) -> Sequence[FlowLog]:
        """Every flow log of some subscriptions. Raises Unavailable, also when one cannot be understood."""
        wanted = tuple(sorted(subscriptions))
        logs: Sequence[FlowLog] = await self._keep(("flowLogs", wanted), lambda: self._read_flow_logs(wanted))
        return logs

    async def servers(self, subscriptions: Sequence[str]) -> ArcServers:
        """Every server of Azure Arc. Raises Unavailable."""
        wanted = tuple(sorted(subscriptions))
        found: ArcServers = await self._keep(("servers", wanted), lambda: self._read_servers(wanted))
        return found

    async def _read_servers(self, subscriptions: Sequence[str]) -> ArcServers:
        at = self._arm.clock.now()
        read = [_understood(arc_server, one) async for one in self._rows("servers", subscriptions)]
        seen = [one for one in read if one is not None]
        return ArcServers(at, seen, len(read) - len(seen))

    async def _read_flow_logs(self, subscriptions: Sequence[str]) -> Sequence[FlowLog]:
        try:
            return [_flow_log(one) async for one in self._rows("flow_logs", subscriptions)] if subscriptions else []
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable("a flow log is described in an unknown way") from error

    async def _read_groups(self, path: str) -> Sequence[Attached]:
        return [_attached(one) async for page in self._arm.pages(path, NETWORK_VERSION) for one in page]

    async def _keep(self, key: tuple[str, object], read: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is read.
        """What is being read under a key, or was not long ago; of groups only the former. Failures are not kept."""
        now = self._arm.clock.now()
        at, task = self._kept.get(key, (now, None))
        if task is None or (task.done() and (self._is_stale(key, now - at) or task.cancelled() or task.exception())):
            task = asyncio.create_task(read())
            self._kept[key] = (now, task)
        return await asyncio.shield(task)

    def _is_stale(self, key: tuple[str, object], age: timedelta) -> bool:
        return key[0] == "groups" or age > self._age

    async def _read_locks(self, subscription: str) -> Sequence[ResourceLock]:
        path = f"/subscriptions/{subscription}{_LOCKS}"
        every = [one async for page in self._arm.pages(path, _LOCKS_VERSION) for one in page]
        return [
            ResourceLock(str(one["name"]), re.split(_LOCKS, str(one["id"]), flags=re.IGNORECASE)[0])
            for one in every
            if str(one["properties"]["level"]).lower() == "readonly"
        ]

    async def _read_machines(self, subscriptions: Sequence[str]) -> Snapshot:
        at = self._arm.clock.now()
        networks = [_understood(_subnets, one) async for one in self._rows("networks", subscriptions)]
        machines = [_understood(_sighting, one) async for one in self._rows("machines", subscriptions)]
        subnets = dict(subnet for some in networks for subnet in some or ())
        seen = [one for one in machines if one is not None]
        return Snapshot(at, seen, subnets, len(machines) - len(seen))

    async def _rows(self, query: str, subscriptions: Sequence[str]) -> AsyncIterator[Json]:
        async for page in self._pages(query, subscriptions):
            for one in page:
                yield one

    async def _pages(self, query: str, subscriptions: Sequence[str]) -> AsyncIterator[list[Json]]:
        """The pages of a query. While one is worked on the next is fetched, and no more than these two are held."""
        coming = asyncio.create_task(self._page(query, subscriptions, None))
        try:
            while True:
                rows, token = await coming
                if token is None:
                    yield rows
                    return
                coming = asyncio.create_task(self._page(query, subscriptions, token))
                yield rows
        finally:
            coming.cancel()

    async def _page(self, query: str, subscriptions: Sequence[str], token: str | None) -> tuple[list[Json], str | None]:
        """One page, and the token of the next; waits first while the quota of queries is used up."""
        await self._arm.clock.sleep(self._full_again - self._arm.clock.now())
        options = QueryRequestOptions(top=_PAGE, skip_token=token, result_format=ResultFormat.OBJECT_ARRAY)
        request = QueryRequest(query=_query(query), subscriptions=list(subscriptions), options=options)
        answer, headers = await self._arm.ask(partial(self._ask, request), f"querying {query}")
        self._full_again = self._arm.clock.now() + _pause(headers)
        return answer.data, answer.skip_token

    async def _ask(self, request: QueryRequest) -> tuple[Any, Mapping[str, str]]:
        def whole(response: Any, answer: Any, _: object) -> tuple[Any, Mapping[str, str]]:  # noqa: ANN401 - the SDK's.
            return answer, response.http_response.headers

        if self._graph is None:
            self._graph = ResourceGraphClient(
                self._arm.credential, base_url=self._arm.endpoint, credential_scopes=[self._arm.scope], retry_total=0
            )
        found: Any = await self._graph.resources(request, cls=whole)
        return found[0], found[1]


def _pause(headers: Mapping[str, str]) -> timedelta:
    """How long to wait before the next query: until the quota is filled again, when nothing is left of it."""
    left, resets = headers.get("x-ms-user-quota-remaining", ""), headers.get("x-ms-user-quota-resets-after", "")
    match = _HOURS_MINUTES_SECONDS.match(resets)
    if left != "0" or match is None:
        return timedelta()
    hours, minutes, seconds = map(int, match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _attached(document: Json) -> Attached:
    properties = document.get("properties") or {}
    nics, subnets = (
        tuple(str(one["id"]) for one in properties.get(name) or () if one.get("id"))
        for name in ("networkInterfaces", "subnets")
    )
    return Attached(str(document["id"]), _understood(read_nsg, document), nics, subnets)


def _occupied(nic: Json) -> list[Occupied]:
    properties = nic["properties"]
    machine = (properties.get("virtualMachine") or {}).get("id")
    if not machine:
        return []
    nsg = (properties.get("networkSecurityGroup") or {}).get("id")
    inner = [configuration["properties"] for configuration in properties.get("ipConfigurations") or ()]
    return [
        Occupied(MachineId(str(machine)), str(one["privateIPAddress"]), str(one["subnet"]["id"]), nsg)
        for one in inner
        if one.get("privateIPAddress")
    ]


def _flow_log(row: Json) -> FlowLog:
    analytics = row.get("analytics") or {}
    workspace = str(analytics.get("workspaceId") or "").lower() if analytics.get("enabled") else ""
    return FlowLog(str(row["target"]).lower(), bool(row["enabled"]), workspace)


def _understood[T](read: Callable[[Json], T], document: Json) -> T | None:
    """What a document says; None when nobody here understands it, which keeps nobody from seeing the others."""
    try:
        return read(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _sighting(one: Json) -> Sighting:
    interfaces = [nic for nic in json.loads(one.get("nics") or "[]") or () if nic]
    return Sighting(
        id=str(one["id"]),
        kind=_KINDS[str(one["type"]).lower()],
        location=str(one.get("location") or ""),
        system=str(one.get("os") or ""),
        power=str(one.get("power") or "").rpartition("/")[2],
        tags=tuple(sorted((str(name), str(value)) for name, value in (one.get("tags") or {}).items())),
        managed_by=str(one.get("managedBy") or ""),
        places=tuple(place for nic in interfaces for place in _places(nic)),
        public_addresses=tuple(
            str(public["address"]) for nic in interfaces for public in nic.get("publics") or () if public.get("address")
        ),
    )


def _places(nic: Json) -> list[PrivateAddress]:
    found = []
    for configuration in nic.get("configurations") or ():
        properties = configuration["properties"]
        if address := properties.get("privateIPAddress"):
            groups = tuple(str(group["id"]) for group in properties.get("applicationSecurityGroups") or ())
            probed = bool(properties.get("loadBalancerBackendAddressPools"))
            subnet = str((properties.get("subnet") or {}).get("id") or "")
            found.append(PrivateAddress(str(address), str(nic["id"]), subnet, groups, probed))
    return found


def _subnets(network: Json) -> list[tuple[str, tuple[str, ...]]]:
    return [(str(subnet["id"]).lower(), prefixes_of(subnet["properties"])) for subnet in network.get("subnets") or ()]
