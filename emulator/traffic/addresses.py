"""The generator's small internet: where attackers sit, in which countries, and where people work.

Attackers have addresses of 198.18.0.0/15 (RFC 2544), which nobody owns, so that no real network is ever shown as one;
the box takes them for public. People have addresses of the documentation ranges (RFC 5737).
"""

from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Final

from emulator.arm import tags
from emulator.oracle.matching import PROBE
from emulator.oracle.packets import Address, Network

_COUNTRIES = ("CN", "RU", "VN", "BR", "IN", "US", "ID", "NL", "KR", "IR")
_BLOCKS: Mapping[str, IPv4Network] = {
    country: IPv4Network(f"198.18.{16 * number}.0/20") for number, country in enumerate(_COUNTRIES)
}
_SCANNING = IPv4Network("198.19.0.0/24")
_SCANNERS_FROM = "SG"
_HOME = "NL"
_BOTS_OF_A_CELL = 15

BOTNET: Final = tuple(
    tuple(str(block[half + 2 * number * 67]) for number in range(1, _BOTS_OF_A_CELL + 1))
    for block in _BLOCKS.values()
    for half in (0, 1)
)
"""The botnet in cells: those of a cell sit in one country, and are all known to be malicious or all not yet."""

KNOWN: Final = frozenset(address for cell in BOTNET[::2] for address in cell)
"""The bots that Microsoft's threat intelligence would know."""

SCANNERS: Final = tuple(str(_SCANNING[number]) for number in (11, 12, 13, 77, 78, 200))
USER: Final = "192.0.2.10"
# A documentation range that the jump hosts of the demo world let in as their office.
OFFICE: Final = tuple(str(one) for one in IPv4Network("203.0.113.192/29").hosts())

_AZURE = tuple(ip_network(one) for one in tags.addresses("AzureCloud"))
_PRIVATE = tuple(
    ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


@cache
def country_of(source: str) -> str:
    """The country of a public address as two letters (ISO 3166-1)."""
    address = ip_address(source)
    if address in _SCANNING:
        return _SCANNERS_FROM
    return next((country for country, block in _BLOCKS.items() if address in block), _HOME)


def type_of(source: Address, virtual: tuple[Network, ...]) -> str:
    """Traffic Analytics' type of a flow from there; `virtual` are the ranges of the machine's own network."""
    if source == PROBE or any(source in one for one in _AZURE):
        return "AzurePublic"
    if any(source in one for one in virtual):
        return "IntraVNet"
    if any(source in one for one in _PRIVATE):
        return "UnknownPrivate"
    return "MaliciousFlow" if str(source) in KNOWN else "ExternalPublic"
