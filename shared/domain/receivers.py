"""Where Postern may send anything: which hosts, and which addresses behind their names.

An address that somebody gives us must not make us talk to what only we can reach. So hosts are on a list, and the
addresses that a name stands for are looked at when the connection is made. Sources: RFC 6890 (special addresses), RFC
6052 (NAT64), "What is IP address 168.63.129.16?" (Azure).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

type Address = IPv4Address | IPv6Address

_LONGEST: Final = 2000
_DEFAULT_PORT: Final = 443
# Stricter than any parser, so that no two parsers can read an address differently.
_URL: Final = re.compile(
    r"https://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?",
    re.ASCII | re.IGNORECASE,
)
_HOST: Final = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?")
# IPv6 addresses whose last part is the IPv4 address that is meant: NAT64, and the old "IPv4-compatible" ones.
_EMBEDDING: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
# Azure's own services behind every virtual machine. The address is a public one, and answers only inside.
_AZURE_INSIDE: Final = frozenset({IPv4Address("168.63.129.16")})


@dataclass(frozen=True, slots=True)
class Receivers:
    """Hosts that may be told something, and prefixes of addresses that may be reached although they are not public.

    A host is a name or `*.suffix`, with `:port` where that is not 443.
    """

    hosts: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    def why_not(self, url: str) -> str | None:
        """Why nothing is sent to an address; None when it may be."""
        match = _URL.fullmatch(url) if len(url) <= _LONGEST else None
        if match is None:
            return "An address is https://host/path?query, of at most 2,000 characters, without a user and a fragment."
        host, port = match["host"].lower(), int(match["port"] or _DEFAULT_PORT)
        if not any(_is_meant(host, port, allowed) for allowed in self.hosts):
            return f"{host}:{port} is not among the hosts that this deployment allows."
        literal = _literal(host)
        if literal is not None and not self.admits(str(literal)):
            return f"{host} is not a public address."
        return None

    def admits(self, address: str) -> bool:
        """Whether a connection may be made to an IP address."""
        found = _meant_by(ip_address(address))
        if any(found in ip_network(prefix) for prefix in self.prefixes):
            return True
        if isinstance(found, IPv6Address) and found.is_site_local:
            return False
        return found.is_global and not found.is_multicast and found not in _AZURE_INSIDE


NOBODY: Final = Receivers()


def is_host(text: str) -> bool:
    """Whether a text can stand in the list of hosts."""
    return _HOST.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether a text can stand in the list of prefixes."""
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_meant(host: str, port: int, allowed: str) -> bool:
    """Whether an entry of the list means a host and port. A suffix means names under it, and not the suffix itself."""
    name, separator, number = allowed.rpartition(":") if not allowed.endswith("]") else (allowed, "", "")
    if not separator:
        name, number = allowed, str(_DEFAULT_PORT)
    if str(port) != number:
        return False
    return host.endswith(name[1:]) and _literal(host) is None if name.startswith("*.") else host == name


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def _meant_by(address: Address) -> Address:
    """The address that is really reached: some IPv6 addresses only stand for one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _EMBEDDING):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
