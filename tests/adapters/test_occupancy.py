"""Who is where: every network interface of a subscription, as ARM has it, without an index that lags."""

import pytest

from shared.domain.inventory import Occupied
from shared.ports import Unavailable
from tests.adapters.conftest import Arm
from tests.domain.values import RESOURCES, SUBSCRIPTION, machine_id

NICS = "/providers/Microsoft.Network/networkInterfaces"


async def where(arm: Arm, name: str) -> list[Occupied]:
    every = await arm.inventory.interfaces(SUBSCRIPTION)
    return sorted((one for one in every if one.machine == machine_id(name)), key=lambda one: one.address)


async def test_each_address_of_a_machine_is_told_with_the_group_on_its_interface(arm: Arm) -> None:
    subnet = f"{RESOURCES}/Microsoft.Network/virtualNetworks/demo-vnet/subnets/web"
    group = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/multi-01-nsg"
    found = await where(arm, "multi-01")
    assert ["10.0.0.20", "10.0.0.21", "10.0.0.22"] == [one.address for one in found]
    assert {(subnet, group)} == {(one.subnet, one.nsg) for one in found}


async def test_all_interfaces_of_a_machine_are_told_and_what_has_no_group_says_so(arm: Arm) -> None:
    assert ["10.0.1.10", "10.0.3.10"] == [one.address for one in await where(arm, "router-01")]
    assert [None] == [one.nsg for one in await where(arm, "bare-01")]


async def test_an_address_that_changes_is_told_at_once(arm: Arm) -> None:
    nic = await arm.call("GET", f"{RESOURCES}/Microsoft.Network/networkInterfaces/web-01-nic")
    nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = "10.0.0.99"
    await arm.call("PUT", nic["id"], nic)
    assert ["10.0.0.99"] == [one.address for one in await where(arm, "web-01")]


async def test_an_interface_without_a_machine_is_nobody_s(arm: Arm) -> None:
    assert "10.0.8.200" not in {one.address for one in await arm.inventory.interfaces(SUBSCRIPTION)}


@pytest.mark.parametrize("kind", ["403", "500", "409"])
async def test_a_list_that_cannot_be_read_is_never_an_empty_one(arm: Arm, kind: str) -> None:
    await arm.fault(kind, match={"method": "GET", "path": NICS}, times=9)
    with pytest.raises(Unavailable):
        await arm.inventory.interfaces(SUBSCRIPTION)
