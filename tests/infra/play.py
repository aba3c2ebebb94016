"""Everything that the app does on Azure, played once through its own API: what it needs there can then be counted."""

from collections.abc import Awaitable, Callable

from tests.journeys.azure import Azure
from tests.journeys.client import RESOURCE_GROUPS, Postern, machine, read, watch, wish

HOST = f"{RESOURCE_GROUPS}/onpremises/providers/Microsoft.HybridCompute/machines/files-01"
GROUPED, SHARED, NAMING, BARE = "web-01", ("app-01", "app-02", "both-01"), "db-01", "bare-03"
"""A machine with a group, some that are enabled together, one whose group names application security groups, and one
without a group, whose interface refers to all that an interface can refer to here."""


def policy(name: str) -> str:
    return f"/api/policies{machine(name)}"


async def see(postern: Postern, _azure: Azure) -> None:
    """The list of machines, and one of them."""
    assert 20 < len((await postern.machines(pageSize="200"))["value"])
    read(await postern.call("auditor", "GET", f"/api/machines{machine(GROUPED)}"), 200)


async def enable(postern: Postern, _azure: Azure) -> None:
    """A preview, one machine, many, one that ends sessions, and one that gets a group."""
    read(await postern.call("administrator", "PUT", f"{policy(GROUPED)}?preview=true", {}), 200)
    assert "holds" == (await postern.enable(GROUPED))["lock"]["state"]
    body = {"machines": [machine(name) for name in SHARED], "policy": {}}
    read(await postern.call("administrator", "POST", "/api/policies", body), 200)
    assert "end" == (await postern.enable(NAMING, endSessions=True))["sessions"]["state"]
    assert "holds" == (await postern.enable(BARE))["lock"]["state"]


async def grant(postern: Postern, azure: Azure) -> None:
    """An access that is longer than it was asked for and ends early, and one whose time runs out."""
    first = await postern.ask(wish(GROUPED))
    read(await postern.call("requestor", "POST", f"/api/grants/{first['id']}/extend", {"duration": "PT20M"}), 200)
    read(await postern.revoke(first["id"]), 200)
    second = await postern.ask(wish(BARE, duration="PT5S"))
    assert "expired" == (await postern.until(second["id"], "expired", patience=20))["state"]
    await azure.until_ours("web-01-nsg", 1)


async def repair(postern: Postern, azure: Azure) -> None:
    """A lock that somebody deleted is put back."""
    [lock] = await azure.ours("web-01-nsg", "postern-lock-")
    await azure.delete_rule("web-01-nsg", lock)
    await postern.run("repair")
    assert [lock] == await watch(lambda: azure.ours("web-01-nsg", "postern-lock-"), bool, patience=15)


async def look_back(postern: Postern, _azure: Azure) -> None:
    """The activity, its numbers, and the watch over the logs."""
    for path in ("/api/activity", "/api/activity.csv", "/api/activity/summary"):
        assert 200 == (await postern.call("auditor", "GET", f"{path}?machine={machine(GROUPED)}")).status_code
    await postern.run("watch")


async def guard_host(postern: Postern, _azure: Azure) -> None:
    """A server outside Azure is locked and set free again."""
    read(await postern.call("administrator", "PUT", f"/api/policies{HOST}", {}), 201)
    read(await postern.call("administrator", "DELETE", f"/api/policies{HOST}"), 200)


async def remove(postern: Postern, azure: Azure) -> None:
    """Every policy is taken away, and with one the group that was made for its machine."""
    created = read(await postern.call("administrator", "DELETE", f"{policy(BARE)}?deleteCreatedNsg=true"), 200)
    assert created["createdNsg"]["deleted"]
    for name in (GROUPED, *SHARED, NAMING):
        await postern.disable(name)
    await azure.until_quiet()


type Part = Callable[[Postern, Azure], Awaitable[None]]

PARTS: tuple[Part, ...] = (see, enable, grant, repair, look_back, guard_host, remove)
