"""IP addresses and prefixes as sets on one number line, and Azure's service tags over them.

IPv4 takes the numbers up to 2^32 - 1 and IPv6 those above, so that one `Ranges` holds both families.
A service tag is a set that Azure knows and we know only partly. Where the answer decides about safety
the caller says which side it needs: a `Bound.LOWER` set holds only addresses that are surely meant,
a `Bound.UPPER` set holds all that might be.

Source: Azure documentation, "Virtual network service tags" and "Network security groups".
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from shared.domain.ranges import Ranges

_V6_START: Final = 2**32
_V4: Final = Ranges.of((0, _V6_START - 1))
_V6: Final = Ranges.of((_V6_START, _V6_START + 2**128 - 1))
ALL_ADDRESSES: Final = _V4 | _V6
NO_ADDRESSES: Final = Ranges()


class Bound(Enum):
    """Which side of an uncertain set is asked for."""

    LOWER = "surely"
    UPPER = "possibly"

    @property
    def other(self) -> Bound:
        """The opposite side."""
        return Bound.UPPER if self is Bound.LOWER else Bound.LOWER


@lru_cache(maxsize=50_000)
def parse_prefix(text: str) -> Ranges:
    """The addresses of an IP address, of a CIDR prefix, or of `*`. Raises ValueError for anything else."""
    if text == "*":
        return ALL_ADDRESSES
    network = ip_network(text, strict=True)
    start = int(network.network_address) + _offset(network)
    return Ranges.of((start, start + network.num_addresses - 1))


def parse_prefixes(texts: tuple[str, ...]) -> Ranges:
    """The addresses of several prefixes together."""
    return Ranges.of(*(span for text in texts for span in parse_prefix(text).spans))


@lru_cache(maxsize=50_000)
def parse_address(text: str) -> int:
    """One address as its number on the line. Raises ValueError."""
    address = ip_address(text)
    return int(address) + (_V6_START if address.version == 6 else 0)  # noqa: PLR2004 - the version's name is its number.


def is_address(text: str) -> bool:
    """Whether a text is one plain address."""
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


def spelled(address: str) -> str:
    """The one spelling of a plain address. Raises ValueError."""
    return str(ip_address(address))


def canonical_prefix(text: str) -> str:
    """The one spelling of a prefix: a single address without its length, everything in lower case."""
    if text in {"*", "0.0.0.0/0"}:
        return text
    if "%" in text:
        raise ValueError("an address with a zone means something only on one machine")
    network = ip_network(text, strict=True)
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def without_overlaps(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """The prefixes without those that lie inside another, sorted: ARM refuses a rule whose prefixes overlap."""
    sets = {prefix: parse_prefix(prefix) for prefix in sorted(set(prefixes))}
    return tuple(p for p in sets if not any(p != other and sets[p] <= sets[other] for other in sets))


def is_wide(addresses: Ranges) -> bool:
    """Whether a set is more than an organisation's own networks: beyond a /16 of IPv4 or a /48 of IPv6."""
    return (addresses & _V4).size > 2**16 or (addresses & _V6).size > 2**80


def family_of(address: str) -> Ranges:
    """The addresses of the same family: no packet comes from one family to the other."""
    return _V6 if is_v6(address) else _V4


def is_v6(prefix: str) -> bool:
    """Whether a prefix or address is of the IPv6 family; `*` is of neither."""
    return ":" in prefix


def _offset(network: IPv4Network | IPv6Network) -> int:
    return _V6_START if isinstance(network, IPv6Network) else 0


# The probe of Azure's load balancer comes from this one address.
_PROBE: Final = parse_prefix("168.63.129.16")
_PRIVATE: Final = parse_prefixes(
    (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_PUBLIC: Final = ALL_ADDRESSES - _PRIVATE - _PROBE


def sources_of(prefix: str, network: Ranges, bound: Bound) -> Ranges:
    """The source addresses that a rule's prefix or service tag means.

    `network` holds what is known of the virtual network's own addresses. `VirtualNetwork` also means
    peered and connected networks, which nobody lists, so possibly every private address,
    and the platform's own address. A tag that is
    unknown here surely means nothing and possibly everything.
    """
    match prefix.lower():
        case "*" | "any" | "0.0.0.0/0" | "::/0":
            return _whole(prefix)
        case "internet":
            return _PUBLIC - network
        case "virtualnetwork":
            return network if bound is Bound.LOWER else _PRIVATE | network | _PROBE
        case "azureloadbalancer":
            return _PROBE
    try:
        return parse_prefix(prefix)
    except ValueError:
        return NO_ADDRESSES if bound is Bound.LOWER else ALL_ADDRESSES


def _whole(prefix: str) -> Ranges:
    return ALL_ADDRESSES if prefix.lower() in {"*", "any"} else parse_prefix(prefix)
