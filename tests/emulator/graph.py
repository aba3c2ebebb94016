"""Resource Graph's queries that the tests ask, and how they ask them."""

from typing import Any

import httpx

from emulator import world
from tests.emulator.conftest import Box

PATH = "/providers/Microsoft.ResourceGraph/resources"

# One row a machine, with its interfaces and their public addresses in it.
MACHINES = """
resources
| where type in~ ('microsoft.compute/virtualmachines', 'microsoft.classiccompute/virtualmachines',
    'microsoft.compute/virtualmachinescalesets')
| extend key = tolower(id)
| join kind=leftouter (
    resources
    | where type =~ 'microsoft.network/networkinterfaces'
    | extend key = tolower(tostring(properties.virtualMachine.id)), nic = tolower(id)
    | where isnotempty(key)
    | join kind=leftouter (
        resources
        | where type =~ 'microsoft.network/publicipaddresses'
        | extend nic = tostring(split(tolower(tostring(properties.ipConfiguration.id)), '/ipconfigurations/')[0])
        | where isnotempty(nic)
        | summarize publics = make_list(pack('id', id, 'address', tostring(properties.ipAddress))) by nic
    ) on nic
    | summarize nics = make_list(pack('id', id, 'configurations', properties.ipConfigurations, 'publics', publics,
        'nsg', tostring(properties.networkSecurityGroup.id))) by key
) on key
| project id, name, type, location, resourceGroup, subscriptionId, tags, managedBy,
    orchestration = tostring(properties.orchestrationMode),
    os = tostring(properties.storageProfile.osDisk.osType),
    power = tostring(properties.extended.instanceView.powerState.code),
    flexibleSet = tostring(properties.virtualMachineScaleSet.id),
    nics
| order by id asc
"""

NETWORKS = """
resources
| where type =~ 'microsoft.network/virtualnetworks'
| mv-expand subnet = properties.subnets limit 400
| project network = id, space = properties.addressSpace.addressPrefixes, id = tolower(tostring(subnet.id)),
    prefix = tostring(subnet.properties.addressPrefix), prefixes = subnet.properties.addressPrefixes,
    nsg = tostring(subnet.properties.networkSecurityGroup.id)
| order by id asc
"""

SPACES = """
resources
| where type =~ 'microsoft.network/virtualnetworks'
| project id, space = properties.addressSpace.addressPrefixes, peerings = properties.virtualNetworkPeerings,
    subnets = properties.subnets
| order by id asc
"""


async def ask(box: Box, query: str, **options: object) -> httpx.Response:
    """One query of the demo subscription; `top`, `skip` and `skipToken` get their dollar signs."""
    named = {name if name == "resultFormat" else f"${name}": value for name, value in options.items()}
    body = {"query": query, "subscriptions": [world.SUBSCRIPTION], "options": named}
    return await box.call("POST", PATH, body)


async def page(box: Box, query: str, **options: object) -> dict[str, Any]:
    """The answer to a query that must succeed."""
    answer = await ask(box, query, **options)
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rows(box: Box, query: str, **options: object) -> list[dict[str, Any]]:
    """The rows of the first page."""
    found: list[dict[str, Any]] = (await page(box, query, **options))["data"]
    return found
