"""Which actions a call needs: its own, and those on whatever its body links to.

It knows how ARM makes an action of a method and a path ("Azure permissions for Networking"), and what a resource joins
when it is written: the lists of permissions on the pages of network interfaces, network security groups and virtual
networks. It refuses to know who may do what.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from emulator.arm import kinds, paths
from emulator.arm.access import Need
from emulator.arm.errors import ArmError
from emulator.arm.exchange import Call

GRAPH = "Microsoft.ResourceGraph/resources/read"
_VERBS = {"GET": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
_ABOVE = "Microsoft.Resources/subscriptions"
_NETWORK = "Microsoft.Network"
_NSG = {"networkSecurityGroup": f"{_NETWORK}/networkSecurityGroups/join/action"}
_SUBNET = {"subnet": f"{_NETWORK}/virtualNetworks/subnets/join/action"}
_PUBLIC = {"publicIPAddress": f"{_NETWORK}/publicIPAddresses/join/action"}
_RULE = dict.fromkeys(
    ("sourceApplicationSecurityGroups", "destinationApplicationSecurityGroups"),
    f"{_NETWORK}/applicationSecurityGroups/joinNetworkSecurityRule/action",
)
_INTERFACE = {
    **_NSG,
    **_SUBNET,
    **_PUBLIC,
    "applicationSecurityGroups": f"{_NETWORK}/applicationSecurityGroups/joinIpConfiguration/action",
    "loadBalancerBackendAddressPools": f"{_NETWORK}/loadBalancers/backendAddressPools/join/action",
    "loadBalancerInboundNatRules": f"{_NETWORK}/loadBalancers/inboundNatRules/join/action",
    "applicationGatewayBackendAddressPools": f"{_NETWORK}/applicationGateways/backendAddressPools/join/action",
    "gatewayLoadBalancer": f"{_NETWORK}/loadBalancers/frontendIPConfigurations/join/action",
    "virtualNetworkTaps": f"{_NETWORK}/virtualNetworkTaps/join/action",
}
_NETWORKS = {
    **_NSG,
    "routeTable": f"{_NETWORK}/routeTables/join/action",
    "natGateway": f"{_NETWORK}/natGateways/join/action",
    "remoteVirtualNetwork": f"{_NETWORK}/virtualNetworks/peer/action",
}
# What a PUT of a type links to: the properties that refer, at any depth, and the action on what they name.
_LINKS: Mapping[str, Mapping[str, str]] = {
    "microsoft.network/networkinterfaces": _INTERFACE,
    "microsoft.network/networksecuritygroups": _RULE,
    "microsoft.network/networksecuritygroups/securityrules": _RULE,
    "microsoft.network/virtualnetworks": _NETWORKS,
    "microsoft.network/virtualnetworks/subnets": _NETWORKS,
    "microsoft.network/virtualnetworks/virtualnetworkpeerings": _NETWORKS,
    "microsoft.network/loadbalancers": {**_SUBNET, **_PUBLIC},
    "microsoft.compute/virtualmachines": {"networkInterfaces": f"{_NETWORK}/networkInterfaces/join/action"},
}


def needs(call: Call) -> list[Need]:
    """What a call needs, its own action first; nothing for a path that nobody answers."""
    if paths.is_query(call.path):
        return [Need(GRAPH, "")]
    if found := paths.lock(call.path):
        return [Need(f"Microsoft.Authorization/locks/{_VERBS.get(call.method, 'action')}", found[0])]
    if not call.place.steps:
        return _above(call)
    type_ = _type(call.place)
    verb = _VERBS.get(call.method)
    own = Need(f"{type_}/{verb}" if verb else f"{type_}/action", call.path)
    return [own, *(_linked(type_, call) if call.method == "PUT" else ())]


def _above(call: Call) -> list[Need]:
    """Subscriptions and what lies directly in them. Tenants are shown to everybody."""
    parts = [part.lower() for part in call.path.split("/") if part]
    if parts[:1] != ["subscriptions"]:
        return []
    names = {"resourcegroups": "/resourceGroups", "providers": "/providers"}
    below = names.get(parts[2], "") if len(parts) > paths.TOP else ""
    return [Need(f"{_ABOVE}{below}/{_VERBS.get(call.method, 'action')}", call.path if len(parts) > 1 else "")]


def _type(place: paths.Place) -> str:
    """The type that a path names, as ARM spells it where the box knows it."""
    steps = place.steps[::2]
    kind = kinds.find(place.namespace, steps[0])
    if kind is None:
        return "/".join((place.namespace, *steps))
    return "/".join((kind.type, *(kind.collection(one) or one for one in steps[1:])))


def _linked(type_: str, call: Call) -> Iterator[Need]:
    links = _LINKS.get(type_.lower())
    if not links:
        return
    try:
        body = call.json()
    except ArmError:
        return  # Nothing can be linked, and nothing will be written.
    yield from dict.fromkeys(Need(action, scope, linked=True) for action, scope in _references(links, body))


def _references(links: Mapping[str, str], value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON.
    if isinstance(value, list):
        for one in value:
            yield from _references(links, one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in links:
                given = inner if isinstance(inner, list) else [inner]
                yield from ((links[name], str(one["id"])) for one in given if isinstance(one, dict) and one.get("id"))
            else:
                yield from _references(links, inner)
