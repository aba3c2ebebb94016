"""The pieces that worlds are made of, as short as one can say them.

They know names and addresses. They refuse to know ARM's documents: the builder makes those.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Address:
    """One ip configuration: a private address, and what hangs on it; `extra` are further properties.

    `pool` and `nat` name a load balancer, `gateway` an application gateway.
    """

    private: str
    public: str = ""
    asgs: tuple[str, ...] = ()
    pool: str = ""
    nat: str = ""
    gateway: str = ""
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: `subnet` is `network/subnet`; `nsg` may be missing; `extra` are further properties."""

    subnet: str
    addresses: tuple[Address, ...]
    nsg: str = ""
    forwards: bool = False
    accelerated: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Machine:
    """A virtual machine and all that belongs to it alone.

    `system` is Linux or Windows, `power` as in its power state; `scale_set` names the Flexible one it is part of,
    `managed_by` is the id of the service that owns it.
    """

    name: str
    interfaces: tuple[Interface, ...]
    system: str = "Linux"
    power: str = "running"
    tags: Mapping[str, str] = field(default_factory=dict)
    scale_set: str = ""
    managed_by: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A computer outside Azure: onboarded to Azure Arc, with an agent that reports to the workspace, or both.

    `status` is that of the agent of Azure Arc, empty for one that Azure Arc does not know, and `since` when it changed;
    `reports` is how records name it: by its "resource", by its firmware's id ("uuid"), or not at all ("").
    """

    name: str
    address: str
    system: str = "Linux"
    status: str = "Connected"
    since: str = "2026-01-05T08:12:33.3333333Z"
    agent: str = "1.58.03228.2572"
    reports: str = "resource"
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a network: its ranges and, where it has one, its group."""

    name: str
    prefixes: tuple[str, ...]
    nsg: str = ""
