"""The computers of the demo world that are not in Azure: some in each state that they can be in.

It knows which of them Azure Arc knows, and what their agents report to the workspace. Names are fixed, as in the demo.
"""

from collections.abc import Iterator

from emulator.arm.store import Store
from emulator.world import hardware
from emulator.world.builder import Builder
from emulator.world.pieces import Server

GROUP = "onpremises"
_DOMAIN = "corp.example"

SERVERS = (
    Server("dc-01", "192.168.10.4", "Windows", tags={"team": "identity"}),
    Server("dc-02", "192.168.10.5", "Windows", tags={"team": "identity"}),
    Server("files-01", "192.168.10.20", tags={"team": "shop"}),
    # Its older agent names no resource; the id of its firmware says who it is.
    Server("erp-01", "192.168.10.30", "Windows", reports="uuid", tags={"team": "finance"}),
    Server("pos-07", "192.168.20.7", agent="1.28.02260.736", tags={"team": "shop"}),
    Server("pos-08", "192.168.20.8", "Windows", "Disconnected", "2026-01-20T06:12:33.3333333Z", reports=""),
    Server("pos-09", "192.168.20.9", status="Disconnected", since="2026-01-21T17:40:01.1Z", reports=""),
    Server("legacy-03", "192.168.30.3", "Windows", "Expired", "2025-11-02T00:00:00Z", "1.12.01850.1", reports=""),
    Server("hmi-02", "192.168.30.12", reports="", tags={"team": "plant"}),
)

# Azure Arc knows none of them. Whether the second is the server of the same name, nobody can tell.
REPORTERS = (
    Server("lab-04", "192.168.40.4", status="", reports="uuid"),
    Server("pos-08", "192.168.40.8", status="", reports="uuid"),
    Server("print-01", "192.168.40.21", "Windows", "", reports="uuid"),
)


def fill(builder: Builder) -> None:
    """Add the servers of Azure Arc, in a resource group of their own."""
    builder.add_group(GROUP, "westeurope")
    for server in SERVERS:
        builder.add_server(server)


def beats(store: Store) -> Iterator[dict[str, object]]:
    """What the agents that report say of themselves in a heartbeat; nothing in a world without this resource group."""
    for group in (one for one in store.groups.values() if one["name"] == GROUP):
        for server in SERVERS:
            if server.reports:
                yield _beat(server, group["id"], hardware.uuid_of(server.name))
        for server in REPORTERS:
            yield _beat(server, group["id"], hardware.uuid_of(f"{server.name}.{_DOMAIN}"))


def _beat(server: Server, group: str, uuid: str) -> dict[str, object]:
    beat: dict[str, object] = {
        "Computer": f"{server.name}.{_DOMAIN}",
        "ComputerEnvironment": "Non-Azure",
        "ComputerIP": server.address,
        "Category": "Direct Agent",
        "OSType": server.system,
        "VMUUID": uuid,
        "SourceComputerId": hardware.uuid_of(f"agent of {uuid}").lower(),
    }
    if server.reports != "resource":
        return beat
    provider = "Microsoft.HybridCompute"
    resource = f"{group}/providers/{provider}/machines/{server.name}"
    return {
        **beat,
        "Category": "Azure Monitor Agent",
        "ResourceProvider": provider,
        "ResourceType": "machines",
        "ResourceGroup": GROUP,
        "SubscriptionId": group.split("/")[2],
        "ResourceId": resource,
        "_ResourceId": resource.lower(),
    }
