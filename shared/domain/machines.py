"""Machines and their network path, as values.

A machine has endpoints, one for each private address. Inbound traffic to an endpoint passes the subnet's
network security group and then the network interface's; both must allow it, and where neither exists
everything passes. Resource ids compare case-insensitively; the case in which Azure gave them is kept.

Source: Azure documentation, "How network security groups filter network traffic".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from shared.domain.addresses import NO_ADDRESSES, parse_prefixes
from shared.domain.keys import short_hash
from shared.domain.traffic import Spot

_MACHINE_ID: Final = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f-]{36})"
    r"/resourceGroups/(?P<group>[-\w.()]{1,90})"
    r"/providers/(?:Microsoft\.Compute/virtualMachines|Microsoft\.HybridCompute/machines|Amazon\.EC2/instances)"
    r"/(?P<name>[\w][\w.-]{0,63})",
    re.IGNORECASE | re.ASCII,
)

_HOST: Final = "/providers/microsoft.hybridcompute/machines/"
_INSTANCE: Final = "/providers/amazon.ec2/instances/"
GATE: Final = "postern-gate"
"""What the gate of a machine outside Azure is called; of an Arc-enabled server it is the name of a run command."""

OWN_GROUP: Final = "postern-"
"""What the names of the groups begin with that Postern makes."""


@dataclass(frozen=True, slots=True)
class MachineId:
    """The ARM resource id of a virtual machine or an Arc-enabled server, known to be well formed.

    An instance of Amazon EC2 has an id of the same form, in the subscription that its account is guarded from:
    `/subscriptions/<id>/resourceGroups/aws-<account>-<region>/providers/Amazon.EC2/instances/<i-…>`.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> MachineId:
        """Read an id with or without its leading slash. Raises ValueError for anything that is not a machine's."""
        id_ = "/" + text.strip("/")
        if not _MACHINE_ID.fullmatch(id_):
            raise ValueError(f"not the resource id of a virtual machine: {text!r}")
        return cls(id_)

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MachineId) and self.text.lower() == other.text.lower()

    def __hash__(self) -> int:
        return hash(self.text.lower())

    @property
    def subscription(self) -> str:
        """The id of the machine's subscription, in lower case."""
        return self.text.split("/")[2].lower()

    @property
    def name(self) -> str:
        """The machine's name, in the case in which it was given."""
        return self.text.rsplit("/", 1)[1]

    @property
    def group(self) -> str:
        """The name of the machine's resource group."""
        return self.text.split("/")[4]

    @property
    def is_host(self) -> bool:
        """Whether it is an Arc-enabled server, whose own firewall is its gate."""
        return _HOST in self.text.lower()

    @property
    def is_instance(self) -> bool:
        """Whether it is an instance of Amazon EC2, whose security groups are its gate."""
        return _INSTANCE in self.text.lower()

    @property
    def is_outside(self) -> bool:
        """Whether it is outside Azure, behind a gate of its own."""
        return self.is_host or self.is_instance

    @property
    def gate(self) -> str:
        """What stands for a network security group of a machine outside Azure, in the form of a resource id."""
        return f"{self.text}/runCommands/{GATE}"

    @property
    def own_nsg(self) -> str:
        """The resource id of the network security group that Postern makes for a machine that has none."""
        if self.is_outside:
            return self.gate
        scope = self.text[: -len(f"/providers/Microsoft.Compute/virtualMachines/{self.name}")]
        return f"{scope}/providers/Microsoft.Network/networkSecurityGroups/{OWN_GROUP}{self.name}"

    @property
    def key(self) -> str:
        """Eight characters that stand for this machine in grant ids, rule names and storage keys."""
        return short_hash(self.text.lower(), 8)


def is_machine(text: str) -> bool:
    """Whether a resource id is that of a machine."""
    return _MACHINE_ID.fullmatch(text) is not None


def machine_behind(nsg: str) -> MachineId | None:
    """The machine outside Azure whose gate this is; None for a network security group."""
    text = nsg.lower()
    outside = text.endswith(f"/runcommands/{GATE}") and (_HOST in text or _INSTANCE in text)
    return MachineId(nsg[: -len(f"/runCommands/{GATE}")]) if outside else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One private address of a machine, and what filters the way to it."""

    address: str
    nic_nsg: str | None = None
    subnet_nsg: str | None = None
    groups: tuple[str, ...] = ()  # Application security groups.
    network: tuple[str, ...] = ()  # The prefixes of its subnet.
    probed: bool = False  # In a load balancer's backend pool, whose probes must get through.
    nic: str = ""  # The network interface.

    @property
    def path(self) -> tuple[str, ...]:
        """The network security groups that inbound traffic passes, in order."""
        return tuple(nsg for nsg in (self.subnet_nsg, self.nic_nsg) if nsg)

    @property
    def lock_nsg(self) -> str | None:
        """The group that holds this endpoint's lock: the interface's, else the subnet's."""
        return self.nic_nsg or self.subnet_nsg

    @property
    def spot(self) -> Spot:
        """The endpoint as the rules see it."""
        known = parse_prefixes(self.network) if self.network else NO_ADDRESSES
        return Spot(self.address, frozenset(group.lower() for group in self.groups), known)


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine as ARM described it."""

    id: MachineId
    location: str
    system: str  # "Linux", "Windows", or "" when ARM does not say.
    endpoints: tuple[Endpoint, ...]
    public_addresses: tuple[str, ...] = ()
    managed_by: str = ""  # The service that made the machine and changes it as it sees fit.

    @property
    def nsgs(self) -> tuple[str, ...]:
        """Every network security group on the way to the machine, each once."""
        found = {nsg.lower(): nsg for endpoint in self.endpoints for nsg in endpoint.path}
        return tuple(found.values())

    def behind(self, nsg: str) -> tuple[Endpoint, ...]:
        """The endpoints whose traffic passes this group."""
        return tuple(e for e in self.endpoints if nsg.lower() in map(str.lower, e.path))

    def locked_in(self, nsg: str) -> tuple[Endpoint, ...]:
        """The endpoints whose lock belongs in this group."""
        return tuple(e for e in self.endpoints if e.lock_nsg and e.lock_nsg.lower() == nsg.lower())

    @property
    def way(self) -> frozenset[tuple[object, ...]]:
        """What decides about traffic to the machine, comparable whoever read it: addresses, groups, networks."""
        return frozenset(
            (
                endpoint.address,
                (endpoint.nic_nsg or "").lower(),
                (endpoint.subnet_nsg or "").lower(),
                endpoint.spot.groups,
                frozenset(endpoint.network),
                endpoint.probed,
            )
            for endpoint in self.endpoints
        )

    @property
    def bare(self) -> tuple[Endpoint, ...]:
        """The endpoints that no group guards, neither at the interface nor at the subnet."""
        return tuple(e for e in self.endpoints if e.lock_nsg is None)

    def without(self, nsg: str) -> Machine:
        """The machine as it is once this group is off its interfaces."""
        off = (replace(e, nic_nsg=None) if (e.nic_nsg or "").lower() == nsg.lower() else e for e in self.endpoints)
        return replace(self, endpoints=tuple(off))

    def behind_own(self, nsg: str) -> Machine:
        """The machine as it is once what is bare has this group."""
        endpoints = tuple(e if e.lock_nsg else replace(e, nic_nsg=nsg) for e in self.endpoints)
        return replace(self, endpoints=endpoints)
