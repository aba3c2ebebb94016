"""Interfaces, networks, public addresses, load balancers and machines: what a PUT of them must hold.

It knows enough of each to keep the emulated network coherent: every reference leads somewhere in the same region,
addresses lie in their subnets and belong to one interface. It refuses to know rules (groups.py) and HTTP. Unknown
properties pass through.
"""

from collections.abc import Iterator
from http import HTTPStatus
from ipaddress import ip_address, ip_network

from emulator.arm import errors, paths, rules
from emulator.arm.errors import ArmError, Json, refuse, unparsable
from emulator.arm.kinds import Kind
from emulator.arm.prefixes import Network
from emulator.arm.store import Resource, Store, kind_of, references

_READ_ONLY = ("id", "name", "type", "etag")
# Azure keeps the first four addresses of a subnet and the last for itself ("Azure Virtual Network FAQ").
_RESERVED = 4


def head(body: Json, identifier: str, previous: Resource | None) -> Json:
    """The top level of a document without what is read-only: location, tags and whatever else the body says."""
    rules.check_name(paths.name_of(identifier))
    location = body.get("location")
    if not isinstance(location, str) or not location:
        raise refuse("LocationRequired", "The location property is required for this definition.")
    location = location.replace(" ", "").lower()
    if previous is not None and previous.location != location:
        message = f"The resource '{previous.name}' already exists in location '{previous.location}'."
        raise ArmError(HTTPStatus.CONFLICT, "InvalidResourceLocation", message)
    kept = {name: value for name, value in body.items() if name not in _READ_ONLY and value is not None}
    return {
        **kept,
        "location": location,
        **({"tags": check_tags(body["tags"])} if body.get("tags") is not None else {}),
    }


def check_tags(tags: object) -> dict[str, str]:
    """Tags are texts by name."""
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise unparsable("InvalidJson", "tags is not an object of strings.")
    return tags


def compose(store: Store, kind: Kind, identifier: str, body: Json) -> Json:
    """The properties of a resource other than an NSG from a PUT body."""
    given = body.get("properties") or {}
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", "properties is not an object.")
    derived = {name.removesuffix("[]") for name in kind.derived.values()}
    properties = {name: value for name, value in given.items() if name not in derived and value is not None}
    for collection in kind.children:
        if collection in properties:
            properties[collection] = [member(kind, collection, one) for one in properties[collection]]
    match kind.name:
        case "networkInterfaces":
            _check_interface(store, identifier, properties)
        case "virtualNetworks":
            check_subnets(identifier, properties)
        case _:
            pass
    return properties


def member(kind: Kind, collection: str, given: object) -> Json:
    """One child as it is kept: without what is read-only or derived."""
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", f"A member of {collection} is not an object.")
    name = rules.check_name(given.get("name"))
    derived = {one.removesuffix("[]") for one in kind.children[collection].values()}
    inner = {key: value for key, value in (given.get("properties") or {}).items() if key not in derived}
    rest = {key: value for key, value in given.items() if key not in (*_READ_ONLY, "properties")}
    return {"name": name, **rest, "properties": inner}


def check_references(store: Store, resource: Resource) -> None:
    """Every reference leads to something that stands, is provisioned, and lies in the same region."""
    for owner, target in references(resource):
        if paths.key(target).startswith(f"{paths.key(resource.id)}/"):
            _check_own(resource, owner, target)
            continue
        found = store.owner(target)
        peering = "/virtualnetworkpeerings/" in owner.lower()
        if found is None or (found.location != resource.location and not peering):
            raise errors.reference_missing(target, owner)
        if found.operation is not None and not peering:
            raise errors.not_provisioned(target, owner)


def _check_own(resource: Resource, owner: str, target: str) -> None:
    _, collection, name = paths.parent(target) or ("", "", "")
    if resource.member(resource.kind.collection(collection) or "", name) is None:
        raise errors.reference_missing(target, owner)


def check_subnets(identifier: str, properties: Json) -> None:
    """Subnets lie in the network's address space and do not overlap.

    Source: the answers "NetcfgInvalidSubnet" in public threads.
    """
    space = [read_network(one) for one in (properties.get("addressSpace") or {}).get("addressPrefixes") or ()]
    if not space:
        raise refuse("MissingRequiredParameter", f"addressSpace.addressPrefixes is missing in {identifier}.")
    seen: list[str] = []
    for subnet in properties.setdefault("subnets", []):
        for prefix in subnet_prefixes(subnet):
            network = read_network(prefix)
            inside = any(_within(network, one) for one in space)
            if not inside or any(network.overlaps(ip_network(other)) for other in seen):
                message = f"Subnet '{subnet['name']}' is not valid in virtual network '{paths.name_of(identifier)}'."
                raise refuse("NetcfgInvalidSubnet", message)
            seen.append(prefix)


def read_network(text: object) -> Network:
    """An address range, or ARM's refusal."""
    try:
        return ip_network(str(text))
    except ValueError:
        message = f"Address prefix {text} is not formatted correctly. It should follow CIDR notation."
        raise refuse("InvalidAddressPrefixFormat", message) from None


def _within(inner: Network, outer: Network) -> bool:
    same = inner.version == outer.version
    return same and inner.network_address in outer and inner.broadcast_address in outer


def subnet_prefixes(subnet: Json) -> list[str]:
    """A subnet's ranges, from the singular property or the plural one."""
    properties = subnet["properties"]
    several: list[str] = properties.get("addressPrefixes") or []
    return several or [properties["addressPrefix"]] if properties.get("addressPrefix") else several


def _check_interface(store: Store, identifier: str, properties: Json) -> None:
    configurations = properties.get("ipConfigurations") or []
    if not configurations:
        message = f"Network interface {identifier} must have one or more IP configurations."
        raise refuse("NetworkInterfaceMustHaveAtLeastOneIpConfiguration", message)
    for configuration in configurations:
        subnet = (configuration["properties"].get("subnet") or {}).get("id", "")
        if not subnet or kind_of(subnet) is None:
            raise refuse(
                "SubnetIsRequired", f"Subnet reference is required in {configuration['name']} of {identifier}."
            )
        _place(store, identifier, configuration, subnet)


def _place(store: Store, interface: str, configuration: Json, subnet: str) -> None:
    """Check the private address, or give one where none is asked for."""
    split = paths.parent(subnet)
    network = store.get(split[0]) if split else None
    found = network.member("subnets", split[2]) if network and split else None
    if found is None:
        raise errors.reference_missing(subnet, interface)
    version = 6 if configuration["properties"].get("privateIPAddressVersion") == "IPv6" else 4
    ranges = [ip_network(one) for one in subnet_prefixes(found) if ip_network(one).version == version]
    taken = set(_taken(store, subnet, interface))
    address = configuration["properties"].get("privateIPAddress")
    if not address:
        free = (str(one) for span in ranges for index, one in enumerate(span.hosts(), 1) if index >= _RESERVED)
        configuration["properties"]["privateIPAddress"] = next(one for one in free if one not in taken)
        return
    if not any(ip_address(address) in span for span in ranges):
        raise refuse(
            "PrivateIPAddressNotInSubnet",
            f"Private static IP address {address} does not belong to the range of subnet {subnet}.",
        )
    if address in taken:
        raise refuse(
            "PrivateIPAddressIsAllocated",
            f"IP configuration {configuration['name']} is using the private IP address {address} "
            "which is already allocated to another resource.",
        )


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
