"""The subnets of a virtual network: where they lie and what they cover.

It knows address ranges. It refuses to know interfaces.
"""

from ipaddress import ip_network

from emulator.arm import paths
from emulator.arm.errors import Json, refuse
from emulator.arm.prefixes import Network


def check(identifier: str, properties: Json) -> None:
    """Subnets lie in the network's address space and do not overlap.

    Source: the answers "NetcfgInvalidSubnet" in public threads.
    """
    space = [_read(one) for one in (properties.get("addressSpace") or {}).get("addressPrefixes") or ()]
    if not space:
        raise refuse("MissingRequiredParameter", f"addressSpace.addressPrefixes is missing in {identifier}.")
    seen: list[str] = []
    for subnet in properties.setdefault("subnets", []):
        for prefix in prefixes(subnet):
            network = _read(prefix)
            inside = any(_within(network, one) for one in space)
            if not inside or any(network.overlaps(ip_network(other)) for other in seen):
                message = f"Subnet '{subnet['name']}' is not valid in virtual network '{paths.name_of(identifier)}'."
                raise refuse("NetcfgInvalidSubnet", message)
            seen.append(prefix)


def _read(text: object) -> Network:
    """An address range, or ARM's refusal."""
    try:
        return ip_network(str(text))
    except ValueError:
        message = f"Address prefix {text} is not formatted correctly. It should follow CIDR notation."
        raise refuse("InvalidAddressPrefixFormat", message) from None


def _within(inner: Network, outer: Network) -> bool:
    same = inner.version == outer.version
    return same and inner.network_address in outer and inner.broadcast_address in outer


def prefixes(subnet: Json) -> list[str]:
    """A subnet's ranges, from the singular property or the plural one."""
    properties = subnet["properties"]
    several: list[str] = properties.get("addressPrefixes") or []
    return several or [properties["addressPrefix"]] if properties.get("addressPrefix") else several
