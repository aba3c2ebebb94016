"""All machines of the guarded subscriptions: what kind each is, whether it can be guarded, and why not.

A `Sighting` is what Azure Resource Graph shows of a machine, which may lag behind; which group is on which interface or
subnet comes from the groups themselves, which ARM tells at once. Both together give the machine with its network path.

Source: Azure documentation, "Orchestration modes for Virtual Machine Scale Sets", "Lock your resources".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.domain.machines import Endpoint, Machine, MachineId
from shared.domain.rules import Nsg


class MachineKind(StrEnum):
    """What Azure calls a machine."""

    VIRTUAL_MACHINE = "virtualMachine"
    CLASSIC = "classic"
    SCALE_SET = "scaleSet"  # In Uniform mode: its instances have no resources of their own.
    HOST = "arcServer"  # Outside Azure: its own firewall is its gate.
    INSTANCE = "ec2Instance"  # Of Amazon EC2: its security groups are its gate.


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a machine is in its tab, or what is wrong with it: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PrivateAddress:
    """One private address of a sighted machine."""

    address: str
    nic: str
    subnet: str
    groups: tuple[str, ...] = ()  # Application security groups.
    probed: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """A machine as the index of all resources shows it."""

    id: str
    kind: MachineKind
    location: str
    system: str = ""  # "Linux", "Windows", or "" when it does not say.
    power: str = ""  # Such as "running" or "deallocated".
    tags: tuple[tuple[str, str], ...] = ()
    managed_by: str = ""
    places: tuple[PrivateAddress, ...] = ()
    public_addresses: tuple[str, ...] = ()
    hurdles: tuple[Reason, ...] = ()  # What keeps it from being guarded, besides its network.

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.id.rsplit("/", 1)[1]

    @property
    def subscription(self) -> str:
        """The id of its subscription, in lower case."""
        return self.id.split("/")[2].lower()

    @property
    def group(self) -> str:
        """The name of its resource group."""
        return self.id.split("/")[4]

    @property
    def machine_id(self) -> MachineId | None:
        """Its id, if it is a machine that can have a policy."""
        return MachineId(self.id) if self.kind not in {MachineKind.CLASSIC, MachineKind.SCALE_SET} else None

    @property
    def is_public(self) -> bool:
        """Whether the Internet has an address for it: its own, or a load balancer's."""
        return bool(self.public_addresses) or any(place.probed for place in self.places)


@dataclass(frozen=True, slots=True)
class Occupied:
    """An address of a network interface that a virtual machine has now, and the group on that interface, if any."""

    machine: MachineId
    address: str
    subnet: str
    nsg: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All machines of some subscriptions as the index showed them, and the address ranges of subnets by their id."""

    at: datetime
    machines: Sequence[Sighting]
    networks: Mapping[str, tuple[str, ...]]
    unreadable: int = 0  # How many machines were shown in a way that nobody here understands.
    missing: tuple[str, ...] = ()  # What else is not shown, and why, in sentences.


@dataclass(frozen=True, slots=True)
class Attached:
    """A group and the interfaces and subnets that it is on, as ARM tells it."""

    id: str
    nsg: Nsg | None  # None when it holds what nobody here understands.
    nics: tuple[str, ...]
    subnets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which group is on which interface and subnet, and the address ranges of subnets; all by id in lower case."""

    nics: Mapping[str, str]
    subnets: Mapping[str, str]
    networks: Mapping[str, tuple[str, ...]]

    def machine(self, sighting: Sighting) -> Machine | None:
        """The machine with the way to it; None for one that can have no policy."""
        id_ = sighting.machine_id
        if id_ is None:
            return None
        endpoints = tuple(self._endpoint(place) for place in sighting.places)
        return Machine(
            id_, sighting.location, sighting.system, endpoints, sighting.public_addresses, sighting.managed_by
        )

    def _endpoint(self, place: PrivateAddress) -> Endpoint:
        return Endpoint(
            place.address,
            self.nics.get(place.nic.lower()),
            self.subnets.get(place.subnet.lower()),
            place.groups,
            self.networks.get(place.subnet.lower(), ()),
            place.probed,
            place.nic,
        )


@dataclass(frozen=True, slots=True)
class ResourceLock:
    """A lock that makes a scope, and everything in it, read-only."""

    name: str
    scope: str


def forbidding(locks: Iterable[ResourceLock], resource: str) -> ResourceLock | None:
    """The lock that forbids to write a resource; None when none does."""
    wanted = f"{resource.lower()}/"
    return next((lock for lock in locks if wanted.startswith(f"{lock.scope.rstrip('/').lower()}/")), None)


class State(StrEnum):
    """The tab that a machine stands in."""

    CONFIGURED = "configured"
    NOT_CONFIGURED = "notConfigured"
    UNSUPPORTED = "unsupported"


_CLASSIC: Final = Reason("classic", "Classic machines have no network security groups of the kind that Postern writes.")
_SCALE_SET: Final = Reason(
    "scaleSetUniform", "Instances of a scale set in Uniform mode have no network interfaces of their own to guard."
)
_NO_NIC: Final = Reason("noNetworkInterface", "The machine has no network interface with an address to guard.")


def unsupported(
    sighting: Sighting, machine: Machine | None, locks: Iterable[ResourceLock], readable: Mapping[str, object]
) -> tuple[Reason, ...]:
    """Why a machine cannot be guarded; empty when it can. `readable` has the groups that Postern can read, by id."""
    if machine is None:
        return (_CLASSIC if sighting.kind is MachineKind.CLASSIC else _SCALE_SET,)
    if not machine.endpoints:
        return (*sighting.hurdles, _NO_NIC)
    return (*sighting.hurdles, *_network_reasons(machine, tuple(locks), readable))


def _network_reasons(
    machine: Machine, locks: tuple[ResourceLock, ...], readable: Mapping[str, object]
) -> Iterator[Reason]:
    if machine.managed_by:
        service = machine.managed_by.rsplit("/", 1)[-1]
        yield Reason("managedByService", f"It is managed by {service}, which changes its network as it sees fit.")
    homes = {endpoint.lock_nsg.lower(): endpoint.lock_nsg for endpoint in machine.endpoints if endpoint.lock_nsg}
    for key, nsg in homes.items():
        if key not in readable and not machine.id.is_host:
            yield Reason("groupOutOfReach", f"Postern cannot read {nsg}, which its lock would stand in.")
    bare = {endpoint.nic.lower(): endpoint.nic for endpoint in machine.bare}
    own = (machine.id.own_nsg,) if bare else ()
    for resource in (*homes.values(), *bare.values(), *own):
        if lock := forbidding(locks, resource):
            yield Reason("readOnly", f"The resource lock {lock.name} makes {resource} read-only.")
