"""What a PUT of a network interface or a group must hold: a full replacement, and references that ARM would take."""

from typing import Any

import pytest

from tests.emulator.conftest import GROUPS, NETWORK, Box
from tests.emulator.test_groups import code

NIC = f"{NETWORK}/networkInterfaces/bare-03-nic"
SUBNET = f"{NETWORK}/virtualNetworks/demo-vnet/subnets/bare"
PUBLIC = f"{NETWORK}/publicIPAddresses/web-01-nic-pip1"


async def read(box: Box, path: str = NIC) -> dict[str, Any]:
    body: dict[str, Any] = (await box.call("GET", path)).json()
    return body


async def test_an_interface_put_keeps_what_is_given_and_drops_what_is_not(box: Box) -> None:
    nic = await read(box)
    nic["properties"]["otherProperty"] = [1]
    for dropped in ("futureProperty", "enableAcceleratedNetworking"):
        del nic["properties"][dropped]
    assert (await box.call("PUT", NIC, nic)).status_code == 200
    box.finish()
    after = (await read(box))["properties"]
    assert [1] == after["otherProperty"]
    assert not {"futureProperty", "enableAcceleratedNetworking"} & {*after}
    assert {"kept": True} == after["ipConfigurations"][0]["properties"]["futureProperty"]


async def test_what_arm_alone_decides_stays_whatever_the_body_says(box: Box) -> None:
    before = await read(box)
    changed = {**before["properties"], "macAddress": "00-00-00-00-00-00", "resourceGuid": "mine"}
    del changed["primary"]
    await box.call("PUT", NIC, {**before, "properties": changed})
    after = (await read(box))["properties"]
    for name in ("macAddress", "resourceGuid", "primary"):
        assert before["properties"][name] == after[name]


REFERENCES = [
    ({"id": "nonsense"}, "InvalidJsonReferenceFormat"),
    ("text", "InvalidJsonReferenceFormat"),
    ({"id": f"{GROUPS}/spare-nsg/securityRules"}, "InvalidJsonReferenceFormat"),
    ({"id": SUBNET}, "InvalidJsonReferenceWrongType"),
    ({"id": f"{NETWORK}/virtualNetworks/demo-vnet"}, "InvalidJsonReferenceWrongType"),
]


@pytest.mark.parametrize(("reference", "expected"), REFERENCES)
async def test_a_reference_that_is_no_groups_id_is_refused(box: Box, reference: object, expected: str) -> None:
    nic = await read(box)
    nic["properties"]["networkSecurityGroup"] = reference
    answer = await box.call("PUT", NIC, nic)
    assert code(answer) == (400, "InvalidRequestFormat")
    assert expected == answer.json()["error"]["details"][0]["code"]


async def test_a_subnets_group_is_a_group(box: Box) -> None:
    body = {"properties": {"addressPrefix": "10.0.99.0/24", "networkSecurityGroup": {"id": PUBLIC}}}
    answer = await box.call("PUT", SUBNET.replace("bare", "more"), body)
    assert answer.json()["error"]["details"][0]["code"] == "InvalidJsonReferenceWrongType"


async def test_a_group_of_another_subscription_is_refused(box: Box) -> None:
    other = "33333333-3333-3333-3333-333333333333"
    store = box.cloud.store
    near = store.get(f"{GROUPS}/spare-nsg")
    assert near
    place, _, rest = near.id.removeprefix("/subscriptions/").partition("/")
    far = type(near)(near.id.replace(place, other), near.kind, near.document, near.etag, near.document)
    store.put(far)
    nic = await read(box)
    nic["properties"]["networkSecurityGroup"] = {"id": f"/subscriptions/{other}/{rest}"}
    assert code(await box.call("PUT", NIC, nic)) == (400, "InvalidResourceReference")


CONFIGURATIONS = [
    ({"privateIPAddress": "10.0.4.8"}, "PrivateIPAddressIsAllocated"),
    ({"privateIPAddress": "10.0.4.3"}, "PrivateIPAddressInReservedRange"),
    ({"privateIPAddress": "10.0.4.255"}, "PrivateIPAddressInReservedRange"),
    ({"privateIPAddress": "ten"}, "InvalidRequestFormat"),
    ({"publicIPAddress": {"id": PUBLIC}}, "PublicIPAddressInUse"),
    ({"subnet": None}, "SubnetIsRequired"),
    ({"subnet": {"id": f"{SUBNET}-not"}}, "InvalidResourceReference"),
]


@pytest.mark.parametrize(("changes", "expected"), CONFIGURATIONS)
async def test_an_address_that_cannot_be_had_is_refused(box: Box, changes: dict[str, Any], expected: str) -> None:
    nic = await read(box)
    nic["properties"]["ipConfigurations"][0]["properties"] |= changes
    assert code(await box.call("PUT", NIC, nic)) == (400, expected)


@pytest.mark.parametrize("configurations", [{}, "text", ["text"], [{"name": "a", "properties": "text"}]])
async def test_configurations_that_are_none_are_refused(box: Box, configurations: object) -> None:
    nic = await read(box)
    nic["properties"]["ipConfigurations"] = configurations
    assert (await box.call("PUT", NIC, nic)).status_code == 400


async def test_two_configurations_of_one_name_are_refused(box: Box) -> None:
    nic = await read(box)
    nic["properties"]["ipConfigurations"][1]["name"] = "IPCONFIG1"
    assert code(await box.call("PUT", NIC, nic)) == (400, "DuplicateResourceName")


@pytest.mark.parametrize("path", [NIC, f"{GROUPS}/spare-nsg"])
async def test_preconditions_hold_for_interfaces_and_groups(box: Box, path: str) -> None:
    body = await read(box, path)
    refused = [{"If_None_Match": "*"}, {"If_Match": 'W/"old"'}, {"If_Match": body["etag"].removeprefix("W/")}]
    assert [412] * 3 == [(await box.call("PUT", path, body, **headers)).status_code for headers in refused]
    assert (await box.call("PUT", f"{path}-not", body, If_Match="*")).status_code == 412
    assert (await box.call("PUT", path, body, If_Match=body["etag"])).status_code == 200


async def test_a_group_that_an_interface_lets_go_of_is_in_use_until_it_has(box: Box) -> None:
    nic = f"{NETWORK}/networkInterfaces/edge-01-nic"
    body = await read(box, nic)
    del body["properties"]["networkSecurityGroup"]
    assert (await box.call("PUT", nic, body)).status_code == 200
    group = f"{GROUPS}/edge-01-nsg"
    assert code(await box.call("DELETE", group)) == (400, "InUseNetworkSecurityGroupCannotBeDeleted")
    box.finish()
    assert (await box.call("DELETE", group)).status_code == 202


@pytest.mark.parametrize("path", ["virtualNetworks/demo-vnet subnets", "loadBalancers/lb-01-lb backendAddressPools"])
async def test_a_put_cannot_leave_out_what_interfaces_use(box: Box, path: str) -> None:
    name, collection = path.split()
    body = await read(box, f"{NETWORK}/{name}")
    body["properties"] |= {collection: [], "loadBalancingRules": []}
    status, refusal = code(await box.call("PUT", f"{NETWORK}/{name}", body))
    assert (400, True) == (status, refusal.startswith("InUse"))


async def test_a_new_interface_gets_the_next_free_addresses(box: Box) -> None:
    parts = [{"name": name, "properties": {"subnet": {"id": SUBNET}}} for name in ("a", "b")]
    body = {"location": "westeurope", "properties": {"ipConfigurations": parts}}
    answer = await box.call("PUT", f"{NETWORK}/networkInterfaces/new-nic", body, If_None_Match="*")
    given = [one["properties"]["privateIPAddress"] for one in answer.json()["properties"]["ipConfigurations"]]
    assert (201, ["10.0.4.9", "10.0.4.10"]) == (answer.status_code, given)
