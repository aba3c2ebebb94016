"""A network security group: its rules together, its default rules and its limits.

It knows how a PUT body becomes a group's document, how one rule is set or dropped in it, and what a group may not hold.
It refuses to know HTTP, operations and who is attached. Documents come in and go out as values. Sources: "Network
security groups" overview page; "Azure subscription and service limits" (networking); Azure/azure-rest-api-specs#3003;
kubernetes-sigs/cloud-provider-azure#2725.
"""

from collections import Counter

from emulator.arm import paths, rules
from emulator.arm.errors import Json, refuse, rule_conflict, unparsable

MOST_RULES = 1000
MOST_VALUES = 4000
_COUNTED = ("sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange")


def compose(identifier: str, body: Json) -> Json:
    """The properties of a group from a PUT body: every rule checked, the group's own limits too."""
    properties = dict(body.get("properties") or {})
    given = properties.get("securityRules") or []
    if not isinstance(given, list):
        raise unparsable("InvalidJson", "securityRules is not a list.")
    properties["securityRules"] = [_member(identifier, rule) for rule in given]
    flush = properties.get("flushConnection")
    if flush is not None and not isinstance(flush, bool):
        raise unparsable(
            "InvalidJson", f"Could not convert string to boolean: {flush}. Path 'properties.flushConnection'."
        )
    check_together(identifier, properties["securityRules"])
    return properties


def with_rule(identifier: str, properties: Json, name: str, given: object) -> Json:
    """The group's properties with one rule added or replaced."""
    standing: list[Json] = properties["securityRules"]
    rule = _member(identifier, {"name": rules.check_name(name), "properties": given})
    kept = [rule if _same(one, name) else one for one in standing]
    members = kept if any(_same(one, name) for one in standing) else [*standing, rule]
    check_together(identifier, members)
    return {**properties, "securityRules": members}


def without_rule(properties: Json, name: str) -> Json:
    """The group's properties with one rule dropped."""
    return {**properties, "securityRules": [one for one in properties["securityRules"] if not _same(one, name)]}


def _same(rule: Json, name: str) -> bool:
    return bool(rule["name"].lower() == name.lower())


def _member(group: str, rule: object) -> Json:
    if not isinstance(rule, dict):
        raise unparsable("InvalidJson", "A security rule is not an object.")
    name = rules.check_name(rule.get("name"))
    return {"name": name, "properties": rules.normalise(f"{group}/securityRules/{name}", rule.get("properties"))}


def check_together(identifier: str, members: list[Json]) -> None:
    """What no group may hold: a name twice, a priority twice in one direction, too many rules or values."""
    if len(members) > MOST_RULES:
        message = f"A security group cannot have more than {MOST_RULES} security rules."
        raise refuse("SecurityRuleCountLimitReached", message)
    names: set[str] = set()
    places: dict[tuple[str, int], str] = {}
    for member in members:
        if member["name"].lower() in names:
            message = f"Resource {identifier} has two child resources with the same name ({member['name']})."
            raise refuse("DuplicateResourceName", message)
        names.add(member["name"].lower())
        place = (member["properties"]["direction"], member["properties"]["priority"])
        if place in places:
            raise rule_conflict(member["name"], places[place])
        places[place] = member["name"]
    _check_values(identifier, members)


def _check_values(identifier: str, members: list[Json]) -> None:
    counted: Counter[str] = Counter()
    for member in members:
        for name in _COUNTED:
            several = f"{name}es" if name.endswith("x") else f"{name}s"
            counted[f"{name[0].upper()}{several[1:]}"] += len(member["properties"][several]) + (
                name in member["properties"]
            )
    for label, count in counted.items():
        if count > MOST_VALUES:
            message = (
                f"Network security group {identifier} has {count} {label}. "
                f"A security group cannot have more than {MOST_VALUES} "
                f"{label} as per the limit MaxSecurityRuleAddressesOrPortsPerSecurityGroup."
            )
            raise refuse("SecurityRuleAddressesOrPortsPerSecurityGroupLimitReached", message)


_DEFAULTS = (
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "VirtualNetwork VirtualNetwork Allow 65000 Inbound",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer * Allow 65001 Inbound",
    ),
    ("DenyAllInBound", "Deny all inbound traffic", "* * Deny 65500 Inbound"),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork VirtualNetwork Allow 65000 Outbound",
    ),
    ("AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet", "* Internet Allow 65001 Outbound"),
    ("DenyAllOutBound", "Deny all outbound traffic", "* * Deny 65500 Outbound"),
)


def default_rules() -> list[Json]:
    """The six rules that every group ends with, as members of `defaultSecurityRules`."""
    return [_default(name, description, facts.split()) for name, description, facts in _DEFAULTS]


def _default(name: str, description: str, facts: list[str]) -> Json:
    source, destination, access, priority, direction = facts
    properties = {
        "provisioningState": "Succeeded",
        "description": description,
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": int(priority),
        "direction": direction,
        "sourcePortRanges": [],
        "destinationPortRanges": [],
        "sourceAddressPrefixes": [],
        "destinationAddressPrefixes": [],
    }
    return {"name": name, "properties": properties}


def mark(properties: Json, state: str, only: str | None = None) -> Json:
    """The properties with the provisioning state set, of the group and of its rules (or of the one named `only`)."""
    members = [
        {
            **one,
            "properties": {
                **one["properties"],
                "provisioningState": state if only is None or _same(one, only) else "Succeeded",
            },
        }
        for one in properties["securityRules"]
    ]
    return {**properties, "securityRules": members, "provisioningState": state}


def rule_id(group: str, name: str) -> str:
    """The id of one of a group's rules."""
    return f"{group.rstrip('/')}/securityRules/{paths.name_of(name)}"
