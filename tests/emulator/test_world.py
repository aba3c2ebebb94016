"""The worlds, and the resources around the groups in them."""

import pytest

from emulator import world
from tests.emulator.conftest import COMPUTE, NETWORK, SUBSCRIPTION, Box
from tests.emulator.test_groups import code

NIC = f"{NETWORK}/networkInterfaces"
SPARE = f"{NIC}/spare-nic"
BARE = f"{NIC}/bare-01-nic"
GROUP = {"networkSecurityGroup": {"id": f"{NETWORK}/networkSecurityGroups/spare-nsg"}}


async def names(box: Box, path: str) -> list[str]:
    return [one["name"] for one in (await box.call("GET", path)).json()["value"]]


async def test_the_demo_world_has_its_cast_and_two_dozen_others(box: Box) -> None:
    machines = await names(box, f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines")
    cast = {"web-01", "app-01", "app-02", "both-01", "edge-01", "bare-01", "lb-01"}
    assert set() == cast - set(machines)
    assert len(set(machines) - cast) >= 24
    assert await names(box, f"{SUBSCRIPTION}/providers/Microsoft.ClassicCompute/virtualMachines") == ["old-01"]


async def test_a_machines_network_path_can_be_walked(box: Box) -> None:
    machine = (await box.call("GET", f"{COMPUTE}/virtualMachines/both-01")).json()["properties"]
    nic = (await box.call("GET", machine["networkProfile"]["networkInterfaces"][0]["id"])).json()["properties"]
    configuration = nic["ipConfigurations"][0]["properties"]
    subnet = (await box.call("GET", configuration["subnet"]["id"])).json()["properties"]
    public = (await box.call("GET", configuration["publicIPAddress"]["id"])).json()["properties"]
    assert subnet["networkSecurityGroup"]["id"].rsplit("/", 1)[1] == "both-subnet-nsg"
    assert nic["networkSecurityGroup"]["id"].rsplit("/", 1)[1] == "both-01-nsg"
    assert (configuration["privateIPAddress"], public["ipAddress"]) == ("10.0.2.4", "198.51.100.6")


async def test_back_references_are_derived(box: Box) -> None:
    nic = (await box.call("GET", f"{NIC}/web-01-nic")).json()
    public = (await box.call("GET", f"{NETWORK}/publicIPAddresses/web-01-nic-pip1")).json()["properties"]
    assert {"id": f"{COMPUTE}/virtualMachines/web-01"} == nic["properties"]["virtualMachine"]
    assert {"id": f"{nic['id']}/ipConfigurations/ipconfig1"} == public["ipConfiguration"]


async def test_a_load_balancer_names_its_members_and_its_probes(box: Box) -> None:
    balancer = (await box.call("GET", f"{NETWORK}/loadBalancers/lb-01-lb")).json()["properties"]
    members = balancer["backendAddressPools"][0]["properties"]["backendIPConfigurations"]
    pooled = [
        f"{NIC}/{name}"
        for name in (
            "bare-03-nic/ipConfigurations/ipconfig2",
            "lb-01-nic/ipConfigurations/ipconfig1",
            "lb-02-nic/ipConfigurations/ipconfig1",
        )
    ]
    assert pooled == [one["id"] for one in members]
    assert [one["properties"]["port"] for one in balancer["probes"]] == [80, 443]


async def test_the_instance_view_comes_only_when_asked_for(box: Box) -> None:
    path = f"{COMPUTE}/virtualMachines/sleeper-01"
    plain = (await box.call("GET", path)).json()["properties"]
    viewed = (await box.call("GET", f"{path}?$expand=instanceView")).json()["properties"]
    assert "instanceView" not in plain
    assert viewed["instanceView"]["statuses"][1]["code"] == "PowerState/deallocated"
    assert viewed["instanceView"] == (await box.call("GET", f"{path}/instanceView")).json()


async def test_a_group_is_attached_to_an_interface_and_counts_when_done(box: Box) -> None:
    nic = (await box.call("GET", BARE)).json()
    nic["properties"] |= GROUP
    assert (await box.call("PUT", BARE, nic)).status_code == 200
    assert True is await box.passes("203.0.113.200", "bare-01", 80)
    box.finish()
    assert False is await box.passes("203.0.113.200", "bare-01", 80)
    after = (await box.call("GET", BARE)).json()["properties"]
    expected = [one["properties"] for one in nic["properties"]["ipConfigurations"]]
    assert expected == [one["properties"] for one in after["ipConfigurations"]]
    assert {**nic["properties"], "ipConfigurations": []} == {**after, "ipConfigurations": []}


async def test_an_interface_put_replaces_everything(box: Box) -> None:
    nic = (await box.call("GET", BARE)).json()
    del nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"]
    await box.call("PUT", BARE, nic)
    box.finish()
    public = (await box.call("GET", f"{NETWORK}/publicIPAddresses/bare-01-nic-pip1")).json()["properties"]
    assert "ipConfiguration" not in public


@pytest.mark.parametrize("target", ["demo/nowhere", "partner/partner-nsg"])
async def test_an_interface_refers_only_to_what_stands_in_its_region(box: Box, target: str) -> None:
    group, name = target.split("/")
    nic = (await box.call("GET", SPARE)).json()
    identifier = f"{NETWORK}/networkSecurityGroups/{name}".replace("/demo/", f"/{group}/")
    nic["properties"]["networkSecurityGroup"] = {"id": identifier}
    assert code(await box.call("PUT", SPARE, nic)) == (400, "InvalidResourceReference")


async def test_an_address_belongs_to_its_subnet_and_to_one_interface(box: Box) -> None:
    nic = (await box.call("GET", SPARE)).json()
    inner = nic["properties"]["ipConfigurations"][0]["properties"]
    inner["privateIPAddress"] = "10.0.0.9"
    assert code(await box.call("PUT", SPARE, nic)) == (400, "PrivateIPAddressNotInSubnet")
    inner["privateIPAddress"] = "10.0.8.4"
    assert code(await box.call("PUT", SPARE, nic)) == (400, "PrivateIPAddressIsAllocated")


async def test_an_interface_of_a_machine_is_in_use_until_the_machine_is_gone(box: Box) -> None:
    assert code(await box.call("DELETE", f"{NIC}/web-01-nic")) == (400, "NicInUse")
    assert (await box.call("DELETE", f"{COMPUTE}/virtualMachines/web-01")).status_code == 202
    box.finish()
    assert (await box.call("GET", f"{COMPUTE}/virtualMachines/web-01")).status_code == 404
    assert (await box.call("DELETE", f"{NIC}/web-01-nic")).status_code == 202


async def test_a_subnet_outside_its_network_is_refused(box: Box) -> None:
    path = f"{NETWORK}/virtualNetworks/demo-vnet/subnets/more"
    for prefix in ("10.9.0.0/24", "10.0.0.0/25"):
        answer = await box.call("PUT", path, {"properties": {"addressPrefix": prefix}})
        assert code(answer) == (400, "NetcfgInvalidSubnet")
    assert code(await box.call("DELETE", path.replace("more", "web"))) == (400, "InUseSubnetCannotBeDeleted")


async def test_a_classic_machine_can_only_be_read(box: Box) -> None:
    path = f"{COMPUTE.replace('Compute', 'ClassicCompute')}/virtualMachines/old-01"
    assert (await box.call("GET", path)).json()["type"] == "Microsoft.ClassicCompute/virtualMachines"
    assert (await box.call("DELETE", path)).status_code == 405


async def test_the_large_world_is_as_large_as_told_and_comes_in_pages(box: Box) -> None:
    await box.control("reset", {"seed": "large", "machines": 450, "storage": False})
    found, path = [], f"{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    while path:
        page = (await box.call("GET", path)).json()
        found.append(len(page["value"]))
        path = page.get("nextLink", "")
    assert found == [200, 200, 50]
    assert True is await box.passes("203.0.113.200", "vm-00450", 22)


SPECIAL = {
    "flex-01": ("virtualMachineScaleSet", {"id": f"{COMPUTE}/virtualMachineScaleSets/flex-set"}),
    "nic-less-01": ("networkProfile", {"networkInterfaces": []}),
}


@pytest.mark.parametrize("name", SPECIAL)
async def test_the_demo_world_has_machines_that_are_special(box: Box, name: str) -> None:
    machine = (await box.call("GET", f"{COMPUTE}/virtualMachines/{name}")).json()
    wanted, value = SPECIAL[name]
    assert value == machine["properties"][wanted]


async def test_a_machine_of_a_service_says_who_manages_it(box: Box) -> None:
    machine = (await box.call("GET", f"{COMPUTE}/virtualMachines/bricks-01")).json()
    assert machine["managedBy"].endswith("/providers/Microsoft.Databricks/workspaces/bricks")


async def test_scale_sets_can_only_be_read(box: Box) -> None:
    path = f"{COMPUTE}/virtualMachineScaleSets"
    modes = {
        one["name"]: one["properties"]["orchestrationMode"] for one in (await box.call("GET", path)).json()["value"]
    }
    assert {"set-01": "Uniform", "flex-set": "Flexible"} == modes
    assert (await box.call("DELETE", f"{path}/set-01")).status_code == 405


async def test_an_interface_without_any_group_may_be_rich_in_other_things(box: Box) -> None:
    nic = (await box.call("GET", f"{NIC}/bare-03-nic")).json()["properties"]
    first, second = (one["properties"] for one in nic["ipConfigurations"])
    assert (True, {"kept": True}) == (nic["enableAcceleratedNetworking"], nic["futureProperty"])
    assert {"kept": True} == first["futureProperty"]
    assert ("publicIPAddress" in first, "loadBalancerBackendAddressPools" in second) == (True, True)
    assert "networkSecurityGroup" not in nic


async def test_the_large_world_shares_its_groups_as_told(box: Box) -> None:
    await box.control("reset", {"seed": "large", "machines": 600, "share": 500, "storage": False})
    body = (await box.call("GET", f"{SUBSCRIPTION}/providers/Microsoft.Network/virtualNetworks")).json()
    subnets = body["value"][0]["properties"]["subnets"]
    held = [(one["properties"]["addressPrefix"], len(one["properties"]["ipConfigurations"])) for one in subnets]
    assert [("10.0.0.0/23", 500), ("10.0.2.0/23", 100)] == held
    assert True is await box.passes("203.0.113.200", "vm-00600", 22)


@pytest.mark.parametrize("measures", [{"machines": 0}, {"share": 0}, {"machines": 100, "share": 5000}])
async def test_a_large_world_that_cannot_be_is_refused(box: Box, measures: dict[str, int]) -> None:
    answer = await box.client.post("/_box/reset", json={"seed": "large", "storage": False, **measures})
    assert answer.status_code == 400


def test_every_world_stands_in_the_demo_subscription() -> None:
    assert world.SEEDS == ("demo", "empty", "large")
