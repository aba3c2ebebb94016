"""The parts of ARM's documents that are alike for all machines and load balancers of a world.

It knows what the azure CLI would have asked for. It refuses to know networks.
"""

import uuid
from typing import Any

from emulator.logs import WORKSPACE
from emulator.world.pieces import Machine, Server

type Json = dict[str, Any]


def of(identifier: str, machine: Machine) -> Json:
    """The properties of a machine apart from its network."""
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


def uuid_of(name: str) -> str:
    """The id in the firmware of a computer outside Azure, as its agents tell it."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name)).upper()


def server(of: Server) -> Json:
    """The properties of a server of Azure Arc (REST reference, "Machines - Get", 2025-01-13)."""
    windows = of.system == "Windows"
    product, kernel = ("Windows Server 2022 Datacenter", "10.0.20348.2582")
    if not windows:
        product, kernel = ("Ubuntu 22.04.5 LTS", "5.15.0-139-generic")
    place = {"address": of.address, "ipAddressVersion": "IPv4", "subnet": {"addressPrefix": "192.168.0.0/16"}}
    return {
        "agentVersion": of.agent,
        "status": of.status,
        "lastStatusChange": of.since,
        "displayName": of.name,
        "machineFqdn": f"{of.name}.corp.example",
        "osName": of.system.lower(),
        "osType": of.system.lower(),
        "osSku": product,
        "osVersion": kernel,
        "osProfile": {"computerName": of.name},
        "vmId": str(uuid.uuid5(uuid.NAMESPACE_URL, of.name)),
        "vmUuid": uuid_of(of.name).lower(),
        "networkProfile": {"networkInterfaces": [{"name": "eth0", "ipAddresses": [place]}]},
        "cloudMetadata": {"provider": "N/A"},
    }


def probe(port: int) -> Json:
    """A health probe."""
    return {"protocol": "Tcp", "port": port, "intervalInSeconds": 15, "numberOfProbes": 2}


def balance(balancer: str, port: int) -> Json:
    """A rule that hands a port on to the pool."""
    return {
        "frontendIPConfiguration": {"id": f"{balancer}/frontendIPConfigurations/front"},
        "backendAddressPool": {"id": f"{balancer}/backendAddressPools/pool"},
        "probe": {"id": f"{balancer}/probes/probe-{port}"},
        "protocol": "Tcp",
        "frontendPort": port,
        "backendPort": port,
    }


def forward(balancer: str, outside: int, inside: int) -> Json:
    """A rule of inbound NAT, which hands a port on to one machine."""
    return {
        "frontendIPConfiguration": {"id": f"{balancer}/frontendIPConfigurations/front"},
        "protocol": "Tcp",
        "frontendPort": outside,
        "backendPort": inside,
    }


def flow_log(target: str, *, enabled: bool, analytics: bool) -> Json:
    """A flow log (REST reference, "Flow Logs - Get")."""
    configuration = {"enabled": analytics, "workspaceId": WORKSPACE, "trafficAnalyticsInterval": 10}
    return {
        "targetResourceId": target,
        "enabled": enabled,
        "provisioningState": "Succeeded",
        "flowAnalyticsConfiguration": {"networkWatcherFlowAnalyticsConfiguration": configuration},
    }
