"""Network interfaces: putting a group on one, and taking it off again.

A PUT of an interface replaces it whole, so what ARM gave is sent back as it was, also what we do not know, with the one
property changed; If-Match makes sure that nothing else has changed meanwhile.

Source: REST reference "Network Interfaces - Create Or Update".
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.mgmt.network.models import NetworkInterface

from shared.adapters.arm_client import Arm, place_of
from shared.ports import Conflict

_NSG = "networkSecurityGroup"
_KIND = "networkInterfaces"


class ArmInterfaces:
    """The groups of network interfaces."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    async def put(self, nic: str, nsg: str | None, *, instead_of: str | None) -> None:
        """Give an interface a group (None: no group) in place of another, and return when that is in force.

        Raises Conflict when it has a third one, or has changed meanwhile; NotFound, Unavailable.
        """
        document = await self._settled(nic)
        present = _group_of(document)
        if _same(present, nsg):
            return
        if not _same(present, instead_of):
            raise Conflict(f"{nic} has the group {present}")
        await self._write(nic, document, nsg)
        if not _same(_group_of(await self._settled(nic)), nsg):
            raise Conflict(f"{nic} is not as it was written")

    async def _write(self, nic: str, document: NetworkInterface, nsg: str | None) -> None:
        from azure.mgmt.network.models import NetworkInterface

        body: Any = deepcopy(dict(document))
        properties = {name: value for name, value in dict(body["properties"]).items() if name != _NSG}
        body["properties"] = {**properties, **({_NSG: {"id": nsg}} if nsg else {})}
        changed = NetworkInterface(body)
        interfaces, headers = self._arm.client(nic).network_interfaces, {"If-Match": str(document["etag"])}
        await self._arm.ask(
            lambda: interfaces.begin_create_or_update(*place_of(nic, _KIND), changed, polling=False, headers=headers),
            f"writing {nic}",
            writes=True,
        )

    async def _settled(self, nic: str) -> NetworkInterface:
        interfaces = self._arm.client(nic).network_interfaces

        async def look() -> NetworkInterface:
            return await self._arm.ask(lambda: interfaces.get(*place_of(nic, _KIND)), f"reading {nic}")

        return await self._arm.until(_is_settled, look, nic)


def _is_settled(document: NetworkInterface) -> bool:
    return document["properties"].get("provisioningState") not in {"Updating", "Deleting"}


def _group_of(document: NetworkInterface) -> str | None:
    group = document["properties"].get(_NSG)
    return str(group["id"]) if group else None


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()
