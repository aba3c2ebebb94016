"""A packet, the place it is going to, and the verdict on it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a flow. `protocol` is Tcp, Udp, Icmp, Esp or Ah; `port` is None for those without ports."""

    source: Address
    destination: Address
    port: int | None
    protocol: str
    source_port: int = 50000


@dataclass(frozen=True, slots=True)
class Group:
    """A network security group on the way: its id, its rules as ARM writes them, the default ones too.

    `flushes` is its `flushConnection`.
    """

    id: str
    rules: tuple[dict[str, Any], ...]
    flushes: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How a packet reaches a private address: the subnet's group, then the interface's, as far as there are any.

    `virtual` is what the tag VirtualNetwork covers here; `members` are the addresses of each application security
    group, by id in lower case.
    """

    address: Address
    groups: tuple[Group, ...]
    virtual: tuple[Network, ...]
    members: dict[str, frozenset[Address]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the packet passes, and which rule of which group decided (None where no group stands on the way)."""

    passes: bool
    rule: str | None = None
    nsg: str | None = None

    def document(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {"passes": self.passes, "rule": self.rule, "nsg": self.nsg}
