"""One security rule: what ARM accepts in a PUT and how it writes it back.

It knows the properties of a rule, which of them belong together, and their limits. It refuses to know other rules:
priorities that clash and the limits of a group are the group's affair. Unknown properties pass through. Sources:
"Network security groups" overview page, the recorded exchanges of azure-cli (test_network_nsg.yaml), and the threads
that prefixes.py names.
"""

import re

from emulator.arm import prefixes
from emulator.arm.errors import ArmError, Json, refuse, unparsable
from emulator.arm.prefixes import Network

LOWEST_PRIORITY = 100
HIGHEST_PRIORITY = 4096
LONGEST_DESCRIPTION = 140
MOST_ASGS = 10

_NAME = re.compile(r"\w(?:[\w.-]{0,78}\w)?", re.ASCII)
_WORDS = {
    "protocol": ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
    "access": ("Allow", "Deny"),
    "direction": ("Inbound", "Outbound"),
}
_SIDES = ("source", "destination")


def check_name(name: object) -> str:
    """A name of a rule, an NSG or another network resource. Source: MicrosoftDocs/azure-docs#105345."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    message = (
        f"Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word "
        "character, and it must end with a word character or with '_'. "
        "The name may contain word characters or '.', '-', '_'."
    )
    raise refuse("InvalidResourceName", message)


def normalise(rule: str, given: object) -> Json:
    """The properties of a rule with the id `rule`, checked and in ARM's spelling."""
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", f"The properties of security rule {rule} are not an object.")
    properties = {name: value for name, value in given.items() if value is not None and name != "provisioningState"}
    for name, words in _WORDS.items():
        properties[name] = _word(rule, name, properties.get(name), words)
    properties["priority"] = _priority(properties.get("priority", 0))
    _check_description(rule, properties.get("description"))
    networks: list[Network] = []
    for side in _SIDES:
        _settle_ports(rule, side, properties)
        networks += _settle_addresses(rule, side, properties)
    if len({network.version for network in networks}) > 1:
        message = (
            f"Security rule {rule} has invalid Address prefix. Value provided: IPv4 and IPv6 addresses in one rule."
        )
        raise refuse("SecurityRuleInvalidAddressPrefix", message)
    return properties


def _word(rule: str, name: str, value: object, words: tuple[str, ...]) -> str:
    """A value of a closed set, in its proper case; ARM reads it whatever the case."""
    label = name.capitalize()
    if value is None or value == "":
        message = f"Required security rule parameter {label} is missing for security rule with Id: {rule}."
        raise refuse("SecurityRuleParameterMissing", message)
    for word in words:
        if isinstance(value, str) and word.lower() == value.lower():
            return word
    raise unparsable(
        "InvalidJson", f"Error converting value \"{value}\" to type SecurityRule{label}. Path 'properties.{name}'."
    )


def _priority(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise unparsable("InvalidJson", f"Could not convert value to integer: {value!r}. Path 'properties.priority'.")
    if not LOWEST_PRIORITY <= value <= HIGHEST_PRIORITY:
        message = (
            f"Security rule has invalid Priority. Value provided: {value} "
            f"Allowed range {LOWEST_PRIORITY}-{HIGHEST_PRIORITY}."
        )
        raise refuse("SecurityRuleInvalidPriority", message)
    return value


def _check_description(rule: str, value: object) -> None:
    """At most 140 characters, by the REST reference; the code of ARM's refusal is not recorded publicly."""
    if value is not None and not (isinstance(value, str) and len(value) <= LONGEST_DESCRIPTION):
        raise unparsable(
            "InvalidDescription",
            f"The description of {rule} must be a string of at most {LONGEST_DESCRIPTION} characters.",
        )


def _settle_ports(rule: str, side: str, properties: Json) -> None:
    single, several = f"{side}PortRange", f"{side}PortRanges"
    one = _text(rule, single, properties)
    many = _texts(rule, several, properties)
    label = f"{side.capitalize()}PortRange"
    _exactly_one(rule, (f"{label}s", label), (bool(many), bool(one)))
    if one:
        prefixes.check_ports(one)
    prefixes.check_port_list(rule, label, many)
    _keep(properties, (single, one), (several, many))


def _settle_addresses(rule: str, side: str, properties: Json) -> tuple[Network, ...]:
    single, several, groups = f"{side}AddressPrefix", f"{side}AddressPrefixes", f"{side}ApplicationSecurityGroups"
    one = _text(rule, single, properties)
    many = _texts(rule, several, properties)
    asgs = _references(rule, groups, properties)
    label = f"{side.capitalize()}AddressPrefix"
    names = (f"{label}es", label, f"{side.capitalize()}ApplicationSecurityGroups")
    _exactly_one(rule, names, (bool(many), bool(one), bool(asgs)))
    if one:
        one = prefixes.check_prefix(rule, one)
    networks = prefixes.check_prefixes(rule, label, many)
    _keep(properties, (single, one), (several, many))
    return (*networks, *prefixes.networks_of(rule, one)) if one else networks


def _exactly_one(rule: str, names: tuple[str, ...], given: tuple[bool, ...]) -> None:
    match sum(given):
        case 0:
            message = (
                f"Required security rule parameters are missing for security rule with Id: {rule}. "
                f"Security rule must specify {', '.join(names[:-1])} or {names[-1]}."
            )
            raise refuse("SecurityRuleParametersMissing", message)
        case 1:
            return
        case _:
            both = " and ".join(name for name, present in zip(names, given, strict=True) if present)
            raise unparsable("ConflictingParameters", f"Security rule {rule} must not specify {both} together.")


def _keep(properties: Json, single: tuple[str, str], several: tuple[str, list[str]]) -> None:
    """As ARM writes it: a singular property only where it has a value, the lists always."""
    properties.pop(single[0], None)
    if single[1]:
        properties[single[0]] = single[1]
    properties[several[0]] = several[1]


def _text(rule: str, name: str, properties: Json) -> str:
    value = properties.get(name, "")
    if not isinstance(value, str):
        raise _not_text(rule, name)
    return value


def _texts(rule: str, name: str, properties: Json) -> list[str]:
    values = properties.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise _not_text(rule, name)
    return values


def _references(rule: str, name: str, properties: Json) -> list[Json]:
    """Application security groups: at most ten a side ("Azure subscription limits", networking)."""
    values = properties.get(name, [])
    if not isinstance(values, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in values
    ):
        raise unparsable(
            "MissingJsonReferenceId", f"Value for reference id is missing. Path properties.{name} of {rule}."
        )
    if len(values) > MOST_ASGS:
        message = f"Security rule {rule} cannot have more than {MOST_ASGS} application security groups in {name}."
        raise refuse("SecurityRuleApplicationSecurityGroupLimitReached", message)
    return values


def _not_text(rule: str, name: str) -> ArmError:
    return unparsable("InvalidJson", f"Error converting value of {name} of {rule}.")
