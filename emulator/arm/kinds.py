"""The resource types that the box knows, one row each.

It knows types' proper spelling, the children that live inside a resource and the read-only properties that ARM derives
from other resources. It refuses to know how a resource is validated or stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource type. `children` maps a collection to the properties of its members that others' references derive.

    A derived property is written as collection suffix -> property: a reference from an id whose collection is the key
    shows up as the value. A value ending in `[]` is a list of references, another is a single one.
    """

    namespace: str
    name: str
    children: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    serial: str = "retryable"
    read_only: bool = False

    @property
    def type(self) -> str:
        """The type as ARM writes it."""
        return f"{self.namespace}/{self.name}"

    def collection(self, name: str) -> str | None:
        """The proper spelling of a child collection."""
        return next((one for one in self.children if one.lower() == name.lower()), None)


_NETWORK = "Microsoft.Network"
_BY_RULES = {"loadBalancingRules": "loadBalancingRules[]"}

KINDS: tuple[Kind, ...] = (
    Kind(
        _NETWORK,
        "networkSecurityGroups",
        children={"securityRules": {}, "defaultSecurityRules": {}},
        derived={"networkInterfaces": "networkInterfaces[]", "subnets": "subnets[]"},
    ),
    Kind(
        _NETWORK,
        "networkInterfaces",
        children={"ipConfigurations": {}},
        derived={"virtualMachines": "virtualMachine"},
    ),
    Kind(
        _NETWORK,
        "virtualNetworks",
        children={"subnets": {"ipConfigurations": "ipConfigurations[]"}, "virtualNetworkPeerings": {}},
        # NB. Virtual networks answer 409 where NSGs answer 429: hashicorp/terraform-provider-azurerm#4285.
        serial="conflict",
    ),
    Kind(
        _NETWORK,
        "publicIPAddresses",
        derived={"ipConfigurations": "ipConfiguration", "frontendIPConfigurations": "ipConfiguration"},
    ),
    Kind(
        _NETWORK,
        "loadBalancers",
        children={
            "frontendIPConfigurations": _BY_RULES,
            "backendAddressPools": {"ipConfigurations": "backendIPConfigurations[]", **_BY_RULES},
            "probes": _BY_RULES,
            "loadBalancingRules": {},
            "inboundNatRules": {"ipConfigurations": "backendIPConfiguration"},
        },
    ),
    Kind(_NETWORK, "applicationSecurityGroups"),
    Kind(
        _NETWORK,
        "applicationGateways",
        children={"backendAddressPools": {"ipConfigurations": "backendIPConfigurations[]"}},
        read_only=True,
    ),
    # They lie under a network watcher, of which nothing else is known here.
    Kind(_NETWORK, "networkWatchers/flowLogs", read_only=True),
    Kind("Microsoft.Compute", "virtualMachines"),
    Kind("Microsoft.Compute", "virtualMachineScaleSets", read_only=True),
    Kind("Microsoft.ClassicCompute", "virtualMachines", read_only=True),
    Kind("Microsoft.HybridCompute", "machines", read_only=True),
)


def find(namespace: str, name: str) -> Kind | None:
    """The type of that name in that namespace, whatever the case."""
    wanted = f"{namespace}/{name}".lower()
    return next((kind for kind in KINDS if kind.type.lower() == wanted), None)
