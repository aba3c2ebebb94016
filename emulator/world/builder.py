"""Builds a world: resources put straight into the store, provisioned, each checked like a PUT would be.

It knows how the pieces of a machine's network hang together. It refuses to know any particular world.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.arm import groups, kinds, network
from emulator.arm.store import Resource, Store
from emulator.world.rules import read

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Address:
    """One ip configuration: a private address, and what hangs on it."""

    private: str
    public: str = ""
    asgs: tuple[str, ...] = ()
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: `subnet` is `network/subnet`; `nsg` may be missing."""

    subnet: str
    addresses: tuple[Address, ...]
    nsg: str = ""
    forwards: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine and all that belongs to it alone.

    `system` is Linux or Windows, `power` as in its power state.
    """

    name: str
    interfaces: tuple[Interface, ...]
    system: str = "Linux"
    power: str = "running"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a network: its ranges and, where it has one, its group."""

    name: str
    prefixes: tuple[str, ...]
    nsg: str = ""


class Builder:
    """Adds resources to a store; `use` says which group and region the next ones go to."""

    def __init__(self, store: Store, new_id: Callable[[], str], subscription: str) -> None:
        self.store = store
        self._new_id = new_id
        self._subscription = subscription
        self._group = ""
        self._region = ""

    def add_group(self, name: str, region: str) -> None:
        """A resource group; what follows goes there."""
        identifier = f"/subscriptions/{self._subscription}/resourceGroups/{name}"
        properties = {"provisioningState": "Succeeded"}
        kind = "Microsoft.Resources/resourceGroups"
        body = {"id": identifier, "name": name, "type": kind, "location": region, "properties": properties}
        self.store.groups[identifier.lower()] = body
        self._group, self._region = identifier, region

    def id_of(self, type_: str, name: str) -> str:
        """The id that a resource of this group has, e.g. `networkSecurityGroups`, `web-nsg`."""
        namespace = "Microsoft.Compute" if type_ == "virtualMachines" else "Microsoft.Network"
        return f"{self._group}/providers/{namespace}/{type_}/{name}"

    def _add(self, identifier: str, properties: Json, **top: object) -> None:
        kind = kinds.find(*identifier.split("/")[6:8])
        if kind is None:
            raise LookupError(identifier)
        inner = {**properties, "provisioningState": "Succeeded"}
        document = {"location": self._region, **top, "properties": inner}
        resource = Resource(identifier, kind, document, f'W/"{self._new_id()}"', document)
        network.check_references(self.store, resource)
        self.store.put(resource)

    def add_nsg(self, name: str, rules: Sequence[str] = ()) -> None:
        """A network security group; its rules in the notation of rules.py."""
        identifier = self.id_of("networkSecurityGroups", name)
        members = [read(one, lambda asg: self.id_of("applicationSecurityGroups", asg)) for one in rules]
        properties = groups.compose(identifier, {"properties": {"securityRules": members}})
        self._add(identifier, groups.mark(properties, "Succeeded"))

    def add_asg(self, name: str) -> None:
        """An application security group."""
        self._add(self.id_of("applicationSecurityGroups", name), {})

    def add_network(self, name: str, space: Sequence[str], subnets: Sequence[Subnet]) -> None:
        """A virtual network with its subnets."""
        members = [self._subnet(one) for one in subnets]
        properties = {
            "addressSpace": {"addressPrefixes": list(space)},
            "subnets": members,
            "virtualNetworkPeerings": [],
        }
        network.check_subnets(self.id_of("virtualNetworks", name), properties)
        self._add(self.id_of("virtualNetworks", name), properties)

    def _subnet(self, subnet: Subnet) -> Json:
        ranges: Json = (
            {"addressPrefix": subnet.prefixes[0]}
            if len(subnet.prefixes) == 1
            else {"addressPrefixes": list(subnet.prefixes)}
        )
        if subnet.nsg:
            ranges["networkSecurityGroup"] = {"id": self.id_of("networkSecurityGroups", subnet.nsg)}
        return {"name": subnet.name, "properties": {**ranges, "provisioningState": "Succeeded"}}

    def peer(self, one: str, other: str) -> None:
        """Peer two networks, given by id, in both directions."""
        for local, remote in ((one, other), (other, one)):
            far = self.store.get(remote)
            near = self.store.get(local)
            if near is None or far is None:
                raise LookupError(f"{local} or {remote}")
            peering = {
                "remoteVirtualNetwork": {"id": remote},
                "remoteAddressSpace": far.document["properties"]["addressSpace"],
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": False,
                "peeringState": "Connected",
                "provisioningState": "Succeeded",
            }
            member = {"name": f"to-{far.name}", "properties": peering}
            document = {
                **near.document,
                "properties": {**near.document["properties"], "virtualNetworkPeerings": [member]},
            }
            self.store.put(Resource(near.id, near.kind, document, near.etag, document))

    def add_balancer(self, name: str, public: str, ports: Sequence[int]) -> None:
        """A public load balancer with one pool, and a probe and a rule for each port."""
        identifier = self.id_of("loadBalancers", name)
        self.add_public(f"{name}-pip", public)
        front = {"publicIPAddress": {"id": self.id_of("publicIPAddresses", f"{name}-pip")}}
        properties = {
            "frontendIPConfigurations": [{"name": "front", "properties": front}],
            "backendAddressPools": [{"name": "pool", "properties": {}}],
            "probes": [{"name": f"probe-{port}", "properties": _probe(port)} for port in ports],
            "loadBalancingRules": [
                {"name": f"rule-{port}", "properties": _balance(identifier, port)} for port in ports
            ],
            "inboundNatRules": [],
        }
        self._add(identifier, properties, sku={"name": "Standard", "tier": "Regional"})

    def add_public(self, name: str, address: str) -> None:
        """A public address."""
        version = "IPv6" if ":" in address else "IPv4"
        properties = {"ipAddress": address, "publicIPAllocationMethod": "Static", "publicIPAddressVersion": version}
        self._add(self.id_of("publicIPAddresses", name), properties, sku={"name": "Standard", "tier": "Regional"})

    def add_interface(self, name: str, interface: Interface, *, primary: bool = True) -> None:
        """A network interface with its public addresses."""
        split, subnet = interface.subnet.split("/")
        subnet_id = f"{self.id_of('virtualNetworks', split)}/subnets/{subnet}"
        configurations = []
        for number, address in enumerate(interface.addresses, 1):
            if address.public:
                self.add_public(f"{name}-pip{number}", address.public)
            configurations.append(
                {"name": f"ipconfig{number}", "properties": self._place(name, number, address, subnet_id)}
            )
        properties: Json = {
            "ipConfigurations": configurations,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "macAddress": f"00-0D-3A-{uuid.uuid5(uuid.NAMESPACE_DNS, name).hex[:6].upper()}",
            "enableAcceleratedNetworking": False,
            "enableIPForwarding": interface.forwards,
            "disableTcpStateTracking": False,
            "primary": primary,
            "nicType": "Standard",
        }
        if interface.nsg:
            properties["networkSecurityGroup"] = {"id": self.id_of("networkSecurityGroups", interface.nsg)}
        self._add(self.id_of("networkInterfaces", name), properties)

    def _place(self, name: str, number: int, address: Address, subnet: str) -> Json:
        properties: Json = {
            "privateIPAddress": address.private,
            "privateIPAllocationMethod": "Dynamic",
            "privateIPAddressVersion": "IPv6" if ":" in address.private else "IPv4",
            "subnet": {"id": subnet},
            "primary": number == 1,
            "provisioningState": "Succeeded",
        }
        if address.public:
            properties["publicIPAddress"] = {"id": self.id_of("publicIPAddresses", f"{name}-pip{number}")}
        if address.asgs:
            properties["applicationSecurityGroups"] = [
                {"id": self.id_of("applicationSecurityGroups", one)} for one in address.asgs
            ]
        if address.pool:
            pool = f"{self.id_of('loadBalancers', address.pool)}/backendAddressPools/pool"
            properties["loadBalancerBackendAddressPools"] = [{"id": pool}]
        return properties

    def add_machine(self, machine: Machine) -> None:
        """A virtual machine with its interfaces."""
        references = []
        for number, interface in enumerate(machine.interfaces, 1):
            name = f"{machine.name}-nic" if number == 1 else f"{machine.name}-nic{number}"
            self.add_interface(name, interface, primary=number == 1)
            references.append({"id": self.id_of("networkInterfaces", name), "properties": {"primary": number == 1}})
        identifier = self.id_of("virtualMachines", machine.name)
        top = {"tags": dict(machine.tags)} if machine.tags else {}
        self._add(
            identifier, {**_hardware(identifier, machine), "networkProfile": {"networkInterfaces": references}}, **top
        )

    def add_classic(self, name: str) -> None:
        """A machine of the classic deployment model, of which a JIT system can only say that it is unsupported."""
        identifier = f"{self._group}/providers/Microsoft.ClassicCompute/virtualMachines/{name}"
        properties = {
            "domainName": {"name": name},
            "hardwareProfile": {"platformGuestAgent": True, "size": "Standard_D1_v2"},
            "storageProfile": {"operatingSystemDisk": {"operatingSystem": "Windows"}},
            "instanceView": {"status": "ReadyRole", "powerState": "Started"},
        }
        self._add(identifier, properties)


def _hardware(identifier: str, machine: Machine) -> Json:
    windows = machine.system == "Windows"
    image = (
        ("MicrosoftWindowsServer", "WindowsServer", "2025-datacenter-g2")
        if windows
        else ("Canonical", "ubuntu-24_04-lts", "server")
    )
    secrets: Json = {"windowsConfiguration": {"provisionVMAgent": True}}
    if not windows:
        secrets = {"linuxConfiguration": {"disablePasswordAuthentication": True}}
    status = {"code": f"PowerState/{machine.power}", "level": "Info", "displayStatus": f"VM {machine.power}"}
    done = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
    return {
        "vmId": str(uuid.uuid5(uuid.NAMESPACE_URL, identifier.lower())),
        "hardwareProfile": {"vmSize": "Standard_B2s"},
        "storageProfile": {
            "imageReference": dict(zip(("publisher", "offer", "sku"), image, strict=True)),
            "osDisk": {"osType": machine.system, "name": f"{machine.name}-disk", "createOption": "FromImage"},
            "dataDisks": [],
        },
        "osProfile": {"computerName": machine.name, "adminUsername": "azureuser", **secrets},
        "timeCreated": "2026-01-05T08:00:00+00:00",
        "instanceView": {"computerName": machine.name, "osName": machine.system, "statuses": [done, status]},
    }


def _probe(port: int) -> Json:
    return {"protocol": "Tcp", "port": port, "intervalInSeconds": 15, "numberOfProbes": 2}


def _balance(balancer: str, port: int) -> Json:
    return {
        "frontendIPConfiguration": {"id": f"{balancer}/frontendIPConfigurations/front"},
        "backendAddressPool": {"id": f"{balancer}/backendAddressPools/pool"},
        "probe": {"id": f"{balancer}/probes/probe-{port}"},
        "protocol": "Tcp",
        "frontendPort": port,
        "backendPort": port,
    }
