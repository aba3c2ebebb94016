"""Network interfaces: what a PUT of one must hold beyond what all resources must.

It knows ip configurations: each lies in a subnet, with a private address that nobody else has, and a public one that
nobody else has. A PUT replaces everything but what ARM alone decides. It refuses to know HTTP. Sources of the codes:
azure-docs "Troubleshoot common Azure deployment errors" and public threads that quote them.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from emulator.arm import errors, paths, subnets
from emulator.arm.errors import Json, refuse, unparsable
from emulator.arm.prefixes import Network
from emulator.arm.store import Store

# Properties that the REST reference calls read-only: what a body says about them is ignored.
_READ_ONLY = ("macAddress", "primary", "resourceGuid")
_READ_ONLY_DNS = ("appliedDnsServers", "internalFqdn", "internalDomainNameSuffix")
# Azure keeps the first four addresses of a subnet and the last for itself ("Azure Virtual Network FAQ").
_RESERVED = 4


def compose(store: Store, identifier: str, given: Json) -> Json:
    """The properties of an interface, its configurations checked and placed."""
    standing = store.get(identifier)
    decided = standing.document["properties"] if standing else {}
    properties = {name: value for name, value in given.items() if name not in _READ_ONLY}
    properties |= {name: decided[name] for name in _READ_ONLY if name in decided}
    if "dnsSettings" in decided:
        properties["dnsSettings"] = _names(properties.get("dnsSettings") or {}, decided["dnsSettings"])
    configurations = properties.get("ipConfigurations") or []
    if not configurations:
        message = f"Network interface {identifier} must have one or more IP configurations."
        raise refuse("NetworkInterfaceMustHaveAtLeastOneIpConfiguration", message)
    seen: set[str] = set()
    for configuration in configurations:
        _place(store, identifier, configuration, seen)
        _check_public(store, identifier, configuration, seen)
    return properties


def _names(given: Json, decided: Json) -> Json:
    """The name servers as asked for, with what ARM itself adds to them."""
    kept = {name: value for name, value in given.items() if name not in _READ_ONLY_DNS}
    return {**kept, **{name: decided[name] for name in _READ_ONLY_DNS if name in decided}}


def _place(store: Store, interface: str, configuration: Json, seen: set[str]) -> None:
    """Check the private address, or give one where none is asked for."""
    properties = configuration["properties"]
    subnet = (properties.get("subnet") or {}).get("id", "")
    if not subnet:
        raise refuse("SubnetIsRequired", f"Subnet reference is required in {configuration['name']} of {interface}.")
    version = 6 if properties.get("privateIPAddressVersion") == "IPv6" else 4
    ranges = [one for one in _ranges(store, interface, subnet) if one.version == version]
    taken = {*_taken(store, subnet, interface), *seen}
    if not properties.get("privateIPAddress"):
        properties["privateIPAddress"] = _free(subnet, ranges, taken)
    else:
        _check_private(configuration, subnet, ranges, taken)
    seen.add(properties["privateIPAddress"])


def _ranges(store: Store, interface: str, subnet: str) -> list[Network]:
    split = paths.parent(subnet)
    network = store.get(split[0]) if split else None
    found = network.member("subnets", split[2]) if network and split else None
    if found is None:
        raise errors.reference_missing(subnet, interface)
    return [ip_network(one) for one in subnets.prefixes(found)]


def _free(subnet: str, ranges: list[Network], taken: set[str]) -> str:
    free = (str(one) for span in ranges for index, one in enumerate(span.hosts(), 1) if index >= _RESERVED)
    found = next((one for one in free if one not in taken), None)
    if found is None:
        raise refuse("SubnetIsFull", f"Subnet {subnet} does not have enough capacity for 1 IP addresses.")
    return found


def _check_private(configuration: Json, subnet: str, ranges: list[Network], taken: set[str]) -> None:
    address = _read(configuration["properties"]["privateIPAddress"])
    span = next((one for one in ranges if address in one), None)
    if span is None:
        message = f"Private static IP address {address} does not belong to the range of subnet {subnet}."
        raise refuse("PrivateIPAddressNotInSubnet", message)
    if int(address) - int(span.network_address) < _RESERVED or address == span.broadcast_address:
        message = f"Private static IP address {address} falls within reserved IP range of subnet prefix {span}."
        raise refuse("PrivateIPAddressInReservedRange", message)
    if str(address) in taken:
        message = (
            f"IP configuration {configuration['name']} is using the private IP address {address} "
            "which is already allocated to another resource."
        )
        raise refuse("PrivateIPAddressIsAllocated", message)


def _read(text: object) -> IPv4Address | IPv6Address:
    try:
        return ip_address(str(text))
    except ValueError:
        raise unparsable("InvalidIPAddress", f"Private IP address {text} is not formatted correctly.") from None


def _taken(store: Store, subnet: str, interface: str) -> Iterator[str]:
    """Addresses of the subnet that other interfaces hold."""
    for user in store.referrers(subnet):
        split = paths.parent(user)
        holder = store.get(split[0]) if split else None
        if (
            split
            and holder
            and paths.key(holder.id) != paths.key(interface)
            and (one := holder.member(split[1], split[2]))
        ):
            yield one["properties"].get("privateIPAddress", "")


def _check_public(store: Store, interface: str, configuration: Json, seen: set[str]) -> None:
    public = (configuration["properties"].get("publicIPAddress") or {}).get("id", "")
    own = f"{paths.key(interface)}/"
    others = [one for one in store.referrers(public) if not paths.key(one).startswith(own)]
    if public and (others or paths.key(public) in seen):
        message = (
            f"Resource {interface}/ipConfigurations/{configuration['name']} is referencing public IP address {public} "
            f"that is already allocated to resource {others[0] if others else interface}."
        )
        raise refuse("PublicIPAddressInUse", message)
    seen.add(paths.key(public))
