"""The agents of a world's machines, and of the computers outside: each that runs has just reported.

It knows what a heartbeat says (the table Heartbeat). Agents report each minute; here once, when the world begins, since
nothing that is looked at in a box is older than that.
"""

import datetime as dt

from emulator.arm import kinds, paths
from emulator.arm.store import Resource, Store
from emulator.logs.store import Logs
from emulator.world import outside

_RUNNING = "PowerState/running"


def report(logs: Logs, store: Store) -> None:
    """Note a heartbeat of every machine that runs, and of the computers outside that report."""
    kind = kinds.find("Microsoft.Compute", "virtualMachines")
    now = dt.datetime.fromtimestamp(logs.clock(), dt.UTC).isoformat()
    for machine in store.of_kind(kind) if kind else ():
        if _runs(machine):
            logs.note("Heartbeat", {"TimeGenerated": now, **_beat(machine)})
    for beat in outside.beats(store):
        logs.note("Heartbeat", {"TimeGenerated": now, **beat})


def _runs(machine: Resource) -> bool:
    statuses = machine.document["properties"].get("instanceView", {}).get("statuses", ())
    return any(status["code"] == _RUNNING for status in statuses)


def _beat(machine: Resource) -> dict[str, object]:
    place = paths.parse(machine.id) or paths.Place()
    system = machine.document["properties"]["storageProfile"]["osDisk"]["osType"]
    return {
        "Computer": paths.name_of(machine.id),
        "ComputerEnvironment": "Azure",
        "Category": "Azure Monitor Agent",
        "OSType": system,
        "Resource": paths.name_of(machine.id),
        "ResourceGroup": place.group,
        "ResourceProvider": "Microsoft.Compute",
        "ResourceType": "virtualMachines",
        "SubscriptionId": place.subscription,
        "_ResourceId": machine.id.lower(),
    }
