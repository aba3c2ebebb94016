"""From the emulated Azure to the ways packets take in it, as it is in force now.

It knows how machines, interfaces, subnets, networks and groups hang together. It refuses to judge, and it looks only at
what is in force: a change whose operation still runs is not there yet.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from emulator.arm import groups, kinds, paths
from emulator.arm.store import Resource, Store
from emulator.oracle.packets import Address, Group, Network, Way

type Json = dict[str, Any]


def find_machine(store: Store, named: str) -> Resource | None:
    """A machine by id, or by name where one has it."""
    if found := store.get(named):
        return found
    machines = (one for kind in kinds.KINDS if kind.name == "virtualMachines" for one in store.of_kind(kind))
    return next((one for one in machines if one.name.lower() == named.lower()), None)


def of_machine(store: Store, machine: Resource) -> Iterator[Way]:
    """The ways to each private address of a machine."""
    profile = (machine.effective or {}).get("properties", {}).get("networkProfile", {})
    for reference in profile.get("networkInterfaces", ()):
        interface = store.effective(reference["id"]) or {"properties": {}}
        for configuration in interface["properties"].get("ipConfigurations", ()):
            yield _way(store, interface, configuration["properties"])


def to_address(store: Store, address: Address) -> Iterator[Way]:
    """The ways to an address: a private one, or a public one that an interface answers for."""
    for interface, configuration in _configurations(store):
        if ip_address(configuration["privateIPAddress"]) == address or _public(store, configuration) == address:
            yield _way(store, interface, configuration)


def _way(store: Store, interface: Json, configuration: Json) -> Way:
    subnet = store.effective(configuration["subnet"]["id"]) or {"properties": {}}
    found = (_group(store, subnet["properties"]), _group(store, interface["properties"]))
    on_the_way = tuple(one for one in found if one is not None)
    virtual = _virtual(store, configuration["subnet"]["id"])
    return Way(ip_address(configuration["privateIPAddress"]), on_the_way, virtual, _members(store, on_the_way))


def _group(store: Store, properties: Json) -> Group | None:
    reference = properties.get("networkSecurityGroup")
    found = store.get(reference["id"]) if reference else None
    if found is None or found.effective is None:
        return None
    inner = found.effective["properties"]
    return Group(found.id, (*inner["securityRules"], *groups.default_rules()), bool(inner.get("flushConnection")))


def _virtual(store: Store, subnet: str) -> tuple[Network, ...]:
    """VirtualNetwork: the network's own address space and that of its peers, where the peering allows access."""
    split = paths.parent(subnet)
    network = store.effective(split[0]) if split else None
    if network is None:
        return ()
    spaces = [network]
    for peering in network["properties"].get("virtualNetworkPeerings", ()):
        inner = peering["properties"]
        remote = store.effective(inner["remoteVirtualNetwork"]["id"])
        if remote and inner.get("allowVirtualNetworkAccess", True) and inner.get("peeringState") == "Connected":
            spaces.append(remote)
    return tuple(ip_network(one) for space in spaces for one in space["properties"]["addressSpace"]["addressPrefixes"])


def _members(store: Store, on_the_way: tuple[Group, ...]) -> dict[str, frozenset[Address]]:
    """The addresses of every application security group that a rule on the way names."""
    named = {
        one["id"].lower()
        for group in on_the_way
        for rule in group.rules
        for side in ("source", "destination")
        for one in rule["properties"].get(f"{side}ApplicationSecurityGroups") or ()
    }
    return {one: frozenset(_addresses(store, one)) for one in named}


def _addresses(store: Store, asg: str) -> Iterator[Address]:
    for _, configuration in _configurations(store):
        if any(one["id"].lower() == asg for one in configuration.get("applicationSecurityGroups") or ()):
            yield ip_address(configuration["privateIPAddress"])


def _configurations(store: Store) -> Iterator[tuple[Json, Json]]:
    """Every interface in force, with the properties of each of its ip configurations."""
    kind = kinds.find("Microsoft.Network", "networkInterfaces")
    for interface in store.of_kind(kind) if kind else ():
        document = interface.effective or {"properties": {}}
        for configuration in document["properties"].get("ipConfigurations", ()):
            yield document, configuration["properties"]


def _public(store: Store, configuration: Json) -> Address | None:
    reference = configuration.get("publicIPAddress")
    found = store.effective(reference["id"]) if reference else None
    address = found["properties"].get("ipAddress") if found else None
    return ip_address(address) if address else None
