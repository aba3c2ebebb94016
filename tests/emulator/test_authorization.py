"""Roles in the box: what a call needs, who may make it, and what ARM says to whoever may not."""

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from emulator.arm import actions, paths
from emulator.arm.exchange import Call
from emulator.arm.roles import Role
from emulator.environment import APP_OBJECT
from emulator.tokens import Signer
from tests.emulator.conftest import COMPUTE, GROUPS, NETWORK, RULE, SUBSCRIPTION, WEB, Box, rule
from tests.emulator.graph import PATH as GRAPH

NIC = f"{NETWORK}/networkInterfaces/web-01-nic"
NSG = "Microsoft.Network/networkSecurityGroups"
MACHINE = f"{COMPUTE}/virtualMachines/web-01"
LOCKS = "providers/Microsoft.Authorization/locks"
QUERY = "/v1/workspaces/33333333-3333-3333-3333-333333333333/query"


def need(method: str, path: str, body: bytes = b"{}") -> list[str]:
    """The actions that a call needs."""
    call = Call(method, path, paths.parse(path) or paths.Place(), {}, {}, body, "https://box.example")
    return [one.action for one in actions.needs(call)]


@pytest.fixture
async def app(box: Box) -> Box:
    """The box as the app's identity calls it."""
    answer = await box.client.get(
        "/msi/token",
        params={"resource": "https://management.azure.com", "api-version": "2019-08-01"},
        headers={"X-IDENTITY-HEADER": "box"},
    )
    return Box(box.cloud, box.clock, box.client, answer.json()["access_token"])


def error(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", WEB, "Microsoft.Network/networkSecurityGroups/read"),
        ("GET", f"{SUBSCRIPTION}/providers/{NSG}", f"{NSG}/read"),
        ("PUT", WEB.replace("SecurityGroups", "SECURITYGROUPS"), f"{NSG}/write"),
        ("PATCH", WEB, "Microsoft.Network/networkSecurityGroups/write"),
        ("DELETE", RULE, "Microsoft.Network/networkSecurityGroups/securityRules/delete"),
        ("GET", f"{NETWORK}/virtualNetworks/demo-vnet/subnets/web", "Microsoft.Network/virtualNetworks/subnets/read"),
        ("GET", f"{MACHINE}/instanceView", "Microsoft.Compute/virtualMachines/instanceView/read"),
        ("POST", f"{MACHINE}/powerOff", "Microsoft.Compute/virtualMachines/powerOff/action"),
        ("PUT", f"{WEB}/{LOCKS}/mine", "Microsoft.Authorization/locks/write"),
        ("GET", f"{SUBSCRIPTION}/{LOCKS}", "Microsoft.Authorization/locks/read"),
        ("POST", GRAPH, "Microsoft.ResourceGraph/resources/read"),
        ("GET", SUBSCRIPTION, "Microsoft.Resources/subscriptions/read"),
        ("GET", f"{SUBSCRIPTION}/resourcegroups", "Microsoft.Resources/subscriptions/resourceGroups/read"),
    ],
)  # fmt: skip
def test_a_method_and_a_path_are_an_action(method: str, path: str, action: str) -> None:
    assert [action] == need(method, path)


@pytest.mark.parametrize(
    ("role", "action", "granted"),
    [
        (Role(("Microsoft.Network/*/read",)), "microsoft.network/networkSecurityGroups/securityRules/read", True),
        (Role(("Microsoft.Network/*/read",)), "Microsoft.Network/networkSecurityGroups/write", False),
        (Role(("*",), ("Microsoft.Network/*/write",)), "Microsoft.Network/networkSecurityGroups/write", False),
        (Role(("*",), ("Microsoft.Network/*/write",)), "Microsoft.Compute/virtualMachines/write", True),
        (Role(("Microsoft.Network/networkSecurityGroups/read",)), NSG.replace(".", "-") + "/read", False),
        (Role(("microsoft.network/networksecuritygroups/READ",)), "Microsoft.Network/networkSecurityGroups/read", True),
        (Role(()), "Microsoft.Network/networkSecurityGroups/read", False),
    ],
)  # fmt: skip
def test_a_role_grants_what_its_actions_name_without_what_it_leaves_out(
    role: Role,
    action: str,
    granted: bool,  # noqa: FBT001 - a case.
) -> None:
    assert granted is role.grants(action)


async def test_whoever_lacks_an_action_is_told_in_azures_words(app: Box) -> None:
    answer = await app.call("PUT", f"{NETWORK}/publicIPAddresses/mine", {"location": "westeurope"})
    assert (403, "AuthorizationFailed") == error(answer)
    assert answer.json()["error"]["message"] == (
        f"The client '{APP_OBJECT}' with object id '{APP_OBJECT}' does not have authorization to perform action "
        f"'Microsoft.Network/publicIPAddresses/write' over scope '{NETWORK}/publicIPAddresses/mine' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials."
    )


async def test_a_link_that_is_lacking_is_told_in_azures_words(app: Box) -> None:
    await app.control("roles", {"roles": ["lock-and-grant"]})
    asg = f"{NETWORK}/applicationSecurityGroups/app-asg"
    body = rule(sourceAddressPrefix=None, sourceApplicationSecurityGroups=[{"id": asg}])
    answer = await app.call("PUT", RULE, body)
    assert (403, "LinkedAuthorizationFailed") == error(answer)
    assert answer.json()["error"]["message"] == (
        f"The client '{APP_OBJECT}' with object id '{APP_OBJECT}' has permission to perform action "
        f"'Microsoft.Network/networkSecurityGroups/securityRules/write' on scope '{RULE}'; however, it does not have "
        "permission to perform action 'Microsoft.Network/applicationSecurityGroups/joinNetworkSecurityRule/action' on "
        f"the linked scope(s) '{asg}' or the linked scope(s) are invalid."
    )


async def test_an_interface_is_joined_to_all_that_it_names(app: Box) -> None:
    nic = f"{NETWORK}/networkInterfaces/bare-03-nic"
    body = (await app.call("GET", nic)).json()
    body["properties"]["networkSecurityGroup"] = {"id": WEB}
    assert 200 == (await app.call("PUT", nic, body)).status_code
    linked = {one["action"] for one in (await app.control("actions", method="GET"))["actions"] if one["linked"]}
    assert linked == {
        "Microsoft.Network/networkSecurityGroups/join/action",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/publicIPAddresses/join/action",
        "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action",
        "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
        "Microsoft.Network/loadBalancers/inboundNatRules/join/action",
        "Microsoft.Network/applicationGateways/backendAddressPools/join/action",
    }


def test_a_subnet_and_a_machine_are_joined_to_what_they_name() -> None:
    group = b'{"properties": {"networkSecurityGroup": {"id": "/x"}}}'
    path = f"{NETWORK}/virtualNetworks/demo-vnet/subnets/web"
    assert "Microsoft.Network/networkSecurityGroups/join/action" == need("PUT", path, group)[1]
    nics = b'{"properties": {"networkProfile": {"networkInterfaces": [{"id": "/x"}]}}}'
    assert "Microsoft.Network/networkInterfaces/join/action" == need("PUT", MACHINE, nics)[1]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"properties": {"networkSecurityGroup": null}}'])
def test_a_body_that_names_nothing_links_to_nothing(body: bytes) -> None:
    assert ["Microsoft.Network/networkInterfaces/write"] == need("PUT", NIC, body)


async def test_a_refused_call_changes_nothing_and_uses_no_fault_up(app: Box) -> None:
    await app.control("roles", {"roles": ["lock-and-grant"]})
    await app.fault("503", "web-01-nsg")
    before = app.cloud.store.get(WEB)
    assert (403, "AuthorizationFailed") == error(await app.call("PUT", WEB, {"location": "westeurope"}))
    assert (before, 1) == (app.cloud.store.get(WEB), len(app.cloud.faults.armed()))


async def test_roles_hold_in_the_guarded_subscription_only(app: Box) -> None:
    other = "99999999-9999-9999-9999-999999999999"
    app.cloud.store.subscriptions[other] = "Other"
    path = f"/subscriptions/{other}/providers/Microsoft.Network/networkSecurityGroups"
    assert (403, "AuthorizationFailed") == error(await app.call("GET", path))
    lookalike = f"{SUBSCRIPTION}0/providers/Microsoft.Network/networkSecurityGroups"
    assert (403, "AuthorizationFailed") == error(await app.call("GET", lookalike))


async def test_a_principal_without_roles_may_do_nothing(box: Box, key: RSAPrivateKey) -> None:
    token = Signer(key, box.clock).sign({"oid": "somebody"}, audience="https://management.azure.com")
    somebody = Box(box.cloud, box.clock, box.client, token)
    for method, path in (("GET", WEB), ("DELETE", RULE), ("POST", GRAPH), ("GET", "/subscriptions")):
        assert (403, "AuthorizationFailed") == error(await somebody.call(method, path, {}))


async def test_resource_graph_shows_only_what_may_be_read(app: Box) -> None:
    query = {"query": "resources | summarize count() by type", "subscriptions": [SUBSCRIPTION.rsplit("/", 1)[1]]}
    shown = {one["type"] for one in (await app.call("POST", GRAPH, query)).json()["data"]}
    assert shown == {
        "microsoft.classiccompute/virtualmachines",
        "microsoft.compute/virtualmachines",
        "microsoft.compute/virtualmachinescalesets",
        "microsoft.hybridcompute/machines",
        "microsoft.network/networkinterfaces",
        "microsoft.network/networksecuritygroups",
        "microsoft.network/networkwatchers/flowlogs",
        "microsoft.network/publicipaddresses",
        "microsoft.network/virtualnetworks",
    }
    await app.control("roles", {"roles": ["lock-and-grant"]})
    flow_logs = {**query, "query": "resources | where type =~ 'microsoft.network/networkwatchers/flowlogs'"}
    assert 0 == (await app.call("POST", GRAPH, flow_logs)).json()["totalRecords"]


async def test_a_table_that_no_role_names_is_refused(box: Box) -> None:
    audience = "https://api.loganalytics.io"
    asked = {"params": {"resource": audience, "api-version": "2019-08-01"}, "headers": {"X-IDENTITY-HEADER": "box"}}
    token = (await box.client.get("/msi/token", **asked)).json()["access_token"]  # type: ignore[arg-type]

    async def ask(table: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await box.client.post(QUERY, json={"query": f"{table} | count"}, headers=headers)).status_code

    assert [200, 200] == [await ask(table) for table in ("Syslog", "AzureNetworkAnalytics_CL")]
    await box.control("roles", {"roles": []})
    assert [403, 403] == [await ask(table) for table in ("Syslog", "AzureNetworkAnalytics_CL")]


async def test_what_was_needed_is_on_record_once_with_what_was_lacking(app: Box) -> None:
    await app.control("roles", {"roles": ["lock-and-grant"]})
    for _ in range(2):
        await app.call("GET", WEB)
        await app.call("DELETE", WEB)
    group = {"type": "Microsoft.Network/networkSecurityGroups", "linked": False}
    assert (await app.control("actions", method="GET"))["actions"] == [
        {"action": "Microsoft.Network/networkSecurityGroups/read", "method": "GET", "granted": True, **group},
        {"action": "Microsoft.Network/networkSecurityGroups/delete", "method": "DELETE", "granted": False, **group},
    ]


async def test_a_reset_gives_all_roles_back_and_forgets_what_was_needed(app: Box) -> None:
    await app.control("roles", {"roles": ["flush"]})
    await app.call("GET", WEB)
    assert ["flush"] == (await app.control("roles", method="GET"))["roles"]
    await app.control("reset", {"storage": False})
    roles = (await app.control("roles", method="GET"))["roles"]
    assert ["create-nsg", "flush", "guard-hosts", "lock-and-grant", "read-flow-logs", "read-logs"] == roles
    assert [] == (await app.control("actions", method="GET"))["actions"]


@pytest.mark.parametrize("body", [{}, {"roles": "flush"}, {"roles": ["owner"]}, {"roles": [1]}, {"role": []}])
async def test_a_role_that_is_not_shipped_is_refused_by_name(box: Box, body: object) -> None:
    answer = await box.client.post("/_box/roles", json=body)
    assert (400, True) == (answer.status_code, "role" in answer.json()["error"])


async def test_whoever_looks_behind_the_app_may_do_everything_and_is_not_on_record(box: Box) -> None:
    assert 202 == (await box.call("DELETE", f"{GROUPS}/spare-nsg")).status_code
    assert [] == (await box.control("actions", method="GET"))["actions"]
