"""The machines that traffic goes to: running, with an interface, and with all that a log row says of them.

It knows where ARM's documents say so. It refuses to know traffic.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from emulator.arm import kinds, paths
from emulator.arm.store import Resource, Store
from emulator.oracle import ways
from emulator.oracle.packets import Address, Way

type Json = dict[str, Any]


class TargetError(LookupError):
    """A machine that was named and that no traffic can reach."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One machine.

    `interfaces` gives the id of the interface that has a private address; `probed` are the ports that health probes of
    its load balancers ask for.
    """

    id: str
    system: str
    region: str
    ways: tuple[Way, ...]
    interfaces: Mapping[Address, str]
    probed: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The machine's name."""
        return paths.name_of(self.id)

    @property
    def subscription(self) -> str:
        """The id of its subscription."""
        return self.id.split("/")[2]

    @property
    def sign_in_port(self) -> int:
        """Where its users sign in: SSH's port, or RDP's."""
        return 3389 if self.system == "Windows" else 22


def find(store: Store, named: Sequence[str] = ()) -> list[Target]:
    """The machines of these ids or names, or all that run, by id; raises TargetError for one that is not reachable."""
    if not named:
        return [one for machine in _machines(store) if _runs(machine) and (one := _target(store, machine)).ways]
    found = {one.id: one for one in (_named(store, name) for name in named)}
    return [found[identifier] for identifier in sorted(found)]


def _machines(store: Store) -> Iterator[Resource]:
    kind = kinds.find("Microsoft.Compute", "virtualMachines")
    return store.of_kind(kind) if kind else iter(())


def _named(store: Store, name: str) -> Target:
    machine = ways.find_machine(store, name)
    if machine is None:
        raise TargetError(f"There is no machine {name}.")
    target = _target(store, machine)
    if not target.ways or not _runs(machine):
        raise TargetError(f"No traffic reaches {name}: it does not run, or has no network interface.")
    return target


def _runs(machine: Resource) -> bool:
    statuses = machine.document["properties"].get("instanceView", {}).get("statuses", ())
    return any(one["code"] == "PowerState/running" for one in statuses)


def _target(store: Store, machine: Resource) -> Target:
    disk = machine.document["properties"].get("storageProfile", {}).get("osDisk", {})
    configurations = list(_configurations(store, machine))
    return Target(
        machine.id,
        disk.get("osType", "Linux"),
        machine.location,
        tuple(ways.of_machine(store, machine)),
        {ip_address(one["privateIPAddress"]): interface for interface, one in configurations},
        tuple(sorted({port for _, one in configurations for port in _probed(store, one)})),
    )


def _configurations(store: Store, machine: Resource) -> Iterator[tuple[str, Json]]:
    profile = machine.document["properties"].get("networkProfile", {})
    for reference in profile.get("networkInterfaces", ()):
        interface = store.effective(reference["id"]) or {"properties": {}}
        for one in interface["properties"].get("ipConfigurations", ()):
            yield reference["id"], one["properties"]


def _probed(store: Store, configuration: Json) -> Iterator[int]:
    for pool in configuration.get("loadBalancerBackendAddressPools") or ():
        balancer = store.effective(paths.top(pool["id"])) or {"properties": {}}
        for probe in balancer["properties"].get("probes", ()):
            yield probe["properties"]["port"]
