"""A machine and its network path from ARM's JSON: the VM, its network interfaces, their subnets.

Everything is read from ARM itself, never from an index that lags behind. What is unknown in the JSON is left
alone; what is missing that a machine must have is `NotFound`.

Source: REST reference "Virtual Machines - Get", "Network Interfaces - Get", "Subnets - Get".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.adapters.arm_client import NETWORK_VERSION
from shared.domain.machines import Endpoint, Machine, MachineId

type Json = Mapping[str, Any]


class Reader(Protocol):
    """GET of a path, in an API version."""

    def __call__(self, path: str, version: str = ...) -> Awaitable[Json]:
        """The JSON that stands there. Raises NotFound, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Read:
    """How to get one resource, and how to get several Microsoft.Network resources side by side."""

    get: Reader

    async def network(self, ids: Sequence[str]) -> dict[str, Json]:
        """The resources by id in lower case, each read once."""
        unique = {id_.lower(): id_ for id_ in ids}
        found = await asyncio.gather(*(self.get(id_, NETWORK_VERSION) for id_ in unique.values()))
        return dict(zip(unique, found, strict=True))


async def read_machine(id_: MachineId, read: Read) -> Machine:
    """The machine as ARM has it now. Raises NotFound, Unavailable."""
    document = await read.get(str(id_))
    profile = document["properties"].get("networkProfile") or {}
    nics = await read.network([nic["id"] for nic in profile.get("networkInterfaces") or ()])
    configurations = [config for nic in nics.values() for config in nic["properties"].get("ipConfigurations") or ()]
    subnets = await read.network([config["properties"]["subnet"]["id"] for config in configurations])
    publics = [_id(config["properties"], "publicIPAddress") for config in configurations]
    addresses = await read.network([public for public in publics if public])
    return Machine(
        id=MachineId(str(document.get("id") or id_)),
        location=str(document.get("location") or ""),
        system=_system(document),
        endpoints=tuple(
            endpoint
            for nic in nics.values()
            for config in nic["properties"].get("ipConfigurations") or ()
            for endpoint in _endpoints(nic, config["properties"], subnets)
        ),
        public_addresses=tuple(
            str(address) for public in addresses.values() if (address := public["properties"].get("ipAddress"))
        ),
        managed_by=str(document.get("managedBy") or ""),
    )


def _endpoints(nic: Json, config: Json, subnets: Mapping[str, Json]) -> list[Endpoint]:
    address = config.get("privateIPAddress")
    subnet = subnets[config["subnet"]["id"].lower()]["properties"]
    if not address:
        return []
    return [
        Endpoint(
            address=str(address),
            nic_nsg=_id(nic["properties"], "networkSecurityGroup"),
            subnet_nsg=_id(subnet, "networkSecurityGroup"),
            groups=tuple(group["id"] for group in config.get("applicationSecurityGroups") or ()),
            network=prefixes_of(subnet),
            probed=bool(config.get("loadBalancerBackendAddressPools")),
            nic=str(nic["id"]),
        )
    ]


def prefixes_of(subnet: Json) -> tuple[str, ...]:
    """The address ranges in a subnet's properties, which stand there as one or as several."""
    every = (subnet.get("addressPrefix"), *(subnet.get("addressPrefixes") or ()))
    return tuple(str(prefix) for prefix in every if prefix)


def _id(properties: Json, name: str) -> str | None:
    resource = properties.get(name)
    return str(resource["id"]) if resource else None


def _system(document: Json) -> str:
    disk = (document["properties"].get("storageProfile") or {}).get("osDisk") or {}
    return str(disk.get("osType") or "")
