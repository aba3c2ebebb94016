"""Addresses and ports as a security rule may write them.

It knows what ARM accepts as address prefix and port range, and refuses the rest in ARM's words. It refuses to know
rules, priorities and what the values match. Sources: "Network security groups" overview page;
hashicorp/terraform-provider-azurerm#5617; Azure/azure-powershell#4557; kubernetes-sigs/cloud-provider-azure#6775.
"""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise

from emulator.arm import tags
from emulator.arm.errors import ArmError, refuse

type Network = IPv4Network | IPv6Network

HIGHEST_PORT = 65535
_PORTS = re.compile(r"(0|[1-9]\d{0,4})(?:-(0|[1-9]\d{0,4}))?")


def check_prefix(rule: str, value: str) -> str:
    """A singular prefix in ARM's spelling: `*`, a service tag, an address or a CIDR without host bits."""
    if value == "*":
        return value
    if (tag := tags.canonical(value)) is not None:
        return tag
    _network(rule, value)
    return value


def check_prefixes(rule: str, parameter: str, values: list[str]) -> tuple[Network, ...]:
    """The networks of a plural list, which may hold neither `*` nor tags nor ranges that overlap."""
    for value in values:
        if value == "*" or tags.canonical(value) is not None:
            raise _unsupported(rule, parameter, value)
    networks = tuple(_network(rule, value) for value in values)
    for version in (4, 6):
        ordered = sorted((one for one in networks if one.version == version), key=_bounds)
        for one, other in pairwise(ordered):
            if int(other.network_address) <= int(one.broadcast_address):
                raise _overlap(rule, parameter, one, other)
    return networks


def networks_of(rule: str, value: str) -> tuple[Network, ...]:
    """The network of a singular prefix; none for `*` and tags."""
    return () if value == "*" or tags.canonical(value) is not None else (_network(rule, value),)


def check_ports(value: str) -> tuple[int, int]:
    """First and last port of `22`, `8000-8010` or `*`."""
    if value == "*":
        return 0, HIGHEST_PORT
    found = _PORTS.fullmatch(value)
    if found is None:
        raise _bad_ports(value)
    first = int(found[1])
    last = int(found[2] or found[1])
    if last > HIGHEST_PORT or first > last:
        raise _bad_ports(value)
    return first, last


def check_port_list(rule: str, parameter: str, values: list[str]) -> None:
    """A plural list of ports: no `*`, no port twice.

    Azure's answer to overlapping ports is not recorded; the box is the stricter one.
    """
    if "*" in values:
        raise _unsupported(rule, parameter, "*")
    for one, other in pairwise(sorted(check_ports(value) for value in values)):
        if other[0] <= one[1]:
            raise _bad_ports(", ".join(values))


def _network(rule: str, value: str) -> Network:
    try:
        return ip_network(value, strict=True)
    except ValueError:
        message = f"Security rule {rule} has invalid Address prefix. Value provided: {value}"
        raise refuse("SecurityRuleInvalidAddressPrefix", message) from None


def _bounds(network: Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)


def _bad_ports(value: str) -> ArmError:
    message = (
        f"Security rule has invalid Port range. Value provided: {value}. "
        "Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535."
    )
    return refuse("SecurityRuleInvalidPortRange", message)


def _unsupported(rule: str, parameter: str, value: str) -> ArmError:
    message = (
        f"Security rule parameter {parameter} for rule with Id {rule} cannot specify existing "
        f"VIRTUALNETWORK, INTERNET, AZURELOADBALANCER, '*' or system tags. Unsupported value used: {value}."
    )
    return refuse("SecurityRuleParameterContainsUnsupportedValue", message)


def _overlap(rule: str, parameter: str, one: Network, other: Network) -> ArmError:
    where = f"Security rule parameter {parameter} for rule with Id {rule}"
    message = f"{where} cannot specify overlapping subnets: {one}, {other}."
    return refuse("OverlappingSubnetsNotPermittedInSecurityRule", message)
