"""Builds a world: resources put straight into the store, provisioned, each checked like a PUT would be.

It knows how the pieces of a machine's network hang together. It refuses to know any particular world.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from emulator.arm import groups, kinds, locks, network, subnets
from emulator.arm.store import Resource, Store
from emulator.world import hardware
from emulator.world.pieces import Address, Interface, Machine, Server, Subnet
from emulator.world.rules import read

type Json = dict[str, Any]


class Builder:
    """Adds resources to a store; `use` says which group and region the next ones go to."""

    def __init__(self, store: Store, new_id: Callable[[], str], subscription: str) -> None:
        self.store = store
        self._new_id = new_id
        self._subscription = subscription
        self.group = ""
        self._region = ""

    def add_group(self, name: str, region: str) -> None:
        """A resource group; what follows goes there."""
        identifier = f"/subscriptions/{self._subscription}/resourceGroups/{name}"
        properties = {"provisioningState": "Succeeded"}
        kind = "Microsoft.Resources/resourceGroups"
        body = {"id": identifier, "name": name, "type": kind, "location": region, "properties": properties}
        self.store.groups[identifier.lower()] = body
        self.group, self._region = identifier, region

    def id_of(self, type_: str, name: str) -> str:
        """The id that a resource of this group has, e.g. `networkSecurityGroups`, `web-nsg`."""
        namespace = "Microsoft.Compute" if type_.startswith("virtualMachine") else "Microsoft.Network"
        return f"{self.group}/providers/{namespace}/{type_}/{name}"

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

    def add_network(self, name: str, space: Sequence[str], members: Sequence[Subnet]) -> None:
        """A virtual network with its subnets."""
        properties = {
            "addressSpace": {"addressPrefixes": list(space)},
            "subnets": [self._subnet(one) for one in members],
            "virtualNetworkPeerings": [],
        }
        subnets.check(self.id_of("virtualNetworks", name), properties)
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

    def add_flow_log(self, network: str, *, enabled: bool = True, analytics: bool = True) -> None:
        """A flow log of a virtual network, whose Traffic Analytics, where on, writes to the box's workspace."""
        kind = kinds.find("Microsoft.Network", "networkWatchers/flowLogs")
        if kind is None:
            raise LookupError(network)
        watcher = self.id_of("networkWatchers", f"NetworkWatcher_{self._region}")
        properties = hardware.flow_log(self.id_of("virtualNetworks", network), enabled=enabled, analytics=analytics)
        document = {"location": self._region, "properties": properties}
        identifier = f"{watcher}/flowLogs/{network}-flow-log"
        self.store.put(Resource(identifier, kind, document, f'W/"{self._new_id()}"', document))

    def add_balancer(self, name: str, public: str, ports: Sequence[int]) -> None:
        """A public load balancer with one pool, and a probe and a rule for each port."""
        identifier = self.id_of("loadBalancers", name)
        self.add_public(f"{name}-pip", public)
        front = {"publicIPAddress": {"id": self.id_of("publicIPAddresses", f"{name}-pip")}}
        properties = {
            "frontendIPConfigurations": [{"name": "front", "properties": front}],
            "backendAddressPools": [{"name": "pool", "properties": {}}],
            "probes": [{"name": f"probe-{port}", "properties": hardware.probe(port)} for port in ports],
            "loadBalancingRules": [
                {"name": f"rule-{port}", "properties": hardware.balance(identifier, port)} for port in ports
            ],
            "inboundNatRules": [{"name": "nat-ssh", "properties": hardware.forward(identifier, 2222, 22)}],
        }
        self._add(identifier, properties, sku={"name": "Standard", "tier": "Regional"})

    def add_gateway(self, name: str, subnet: str) -> None:
        """An application gateway with one pool; `subnet` is `network/subnet`."""
        split, inner = subnet.split("/")
        place = {"subnet": {"id": f"{self.id_of('virtualNetworks', split)}/subnets/{inner}"}}
        properties = {
            "gatewayIPConfigurations": [{"name": "gateway", "properties": place}],
            "backendAddressPools": [{"name": "pool", "properties": {}}],
        }
        self._add(self.id_of("applicationGateways", name), properties)

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
            "enableAcceleratedNetworking": interface.accelerated,
            "enableIPForwarding": interface.forwards,
            "disableTcpStateTracking": False,
            "primary": primary,
            "nicType": "Standard",
            **interface.extra,
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
            **address.extra,
        }
        if address.public:
            properties["publicIPAddress"] = {"id": self.id_of("publicIPAddresses", f"{name}-pip{number}")}
        if address.asgs:
            properties["applicationSecurityGroups"] = [
                {"id": self.id_of("applicationSecurityGroups", one)} for one in address.asgs
            ]
        pool = "backendAddressPools/pool"
        for reference, kind, member, owner in (
            ("loadBalancerBackendAddressPools", "loadBalancers", pool, address.pool),
            ("loadBalancerInboundNatRules", "loadBalancers", "inboundNatRules/nat-ssh", address.nat),
            ("applicationGatewayBackendAddressPools", "applicationGateways", pool, address.gateway),
        ):
            if owner:
                properties[reference] = [{"id": f"{self.id_of(kind, owner)}/{member}"}]
        return properties

    def add_machine(self, machine: Machine) -> None:
        """A virtual machine with its interfaces."""
        references = []
        for number, interface in enumerate(machine.interfaces, 1):
            name = f"{machine.name}-nic" if number == 1 else f"{machine.name}-nic{number}"
            self.add_interface(name, interface, primary=number == 1)
            references.append({"id": self.id_of("networkInterfaces", name), "properties": {"primary": number == 1}})
        identifier = self.id_of("virtualMachines", machine.name)
        top: Json = {"tags": dict(machine.tags)} if machine.tags else {}
        if machine.managed_by:
            top["managedBy"] = machine.managed_by
        properties = {**hardware.of(identifier, machine), "networkProfile": {"networkInterfaces": references}}
        if machine.scale_set:
            properties["virtualMachineScaleSet"] = {"id": self.id_of("virtualMachineScaleSets", machine.scale_set)}
        self._add(identifier, properties, **top)

    def add_server(self, server: Server) -> None:
        """A computer outside Azure as a server of Azure Arc."""
        identifier = f"{self.group}/providers/Microsoft.HybridCompute/machines/{server.name}"
        top: Json = {"tags": dict(server.tags)} if server.tags else {}
        self._add(identifier, hardware.server(server), **top)

    def add_scale_set(self, name: str, mode: str) -> None:
        """A scale set: Uniform ones keep their machines to themselves, those of Flexible ones stand beside them."""
        properties = {"orchestrationMode": mode, "singlePlacementGroup": False, "platformFaultDomainCount": 1}
        sku = {"name": "Standard_B2s", "tier": "Standard", "capacity": 2}
        self._add(self.id_of("virtualMachineScaleSets", name), properties, sku=sku)

    def lock(self, scope: str, name: str, level: str) -> None:
        """A resource lock at a scope."""
        locks.lock(self.store, scope, name, {"properties": {"level": level}})

    def add_classic(self, name: str) -> None:
        """A machine of the classic deployment model, of which a JIT system can only say that it is unsupported."""
        identifier = f"{self.group}/providers/Microsoft.ClassicCompute/virtualMachines/{name}"
        properties = {
            "domainName": {"name": name},
            "hardwareProfile": {"platformGuestAgent": True, "size": "Standard_D1_v2"},
            "storageProfile": {"operatingSystemDisk": {"operatingSystem": "Windows"}},
            "instanceView": {"status": "ReadyRole", "powerState": "Started"},
        }
        self._add(identifier, properties)
