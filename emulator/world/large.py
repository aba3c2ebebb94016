"""The large world: many machines of one kind, for benchmarks and for lists that need pages.

A hundred machines, or as many as told, share a subnet and its group; subnets are as large as that needs, and a network
of 65,536 addresses holds at most twenty of them. Addresses run from 10.0.0.4 upwards.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import batched

from emulator.world.builder import Builder
from emulator.world.pieces import Address, Interface, Machine, Subnet

SHARE = 100
SUBNETS = 20
MOST = 60_000
MOST_SHARE = 1000
# Azure keeps the first four addresses of a subnet and the last for itself ("Azure Virtual Network FAQ").
_RESERVED = 5
_NETWORK_BITS = 16
_RULES = ("300 allow-ssh Allow Tcp 22 from *", "310 allow-https Allow Tcp 443 from *")


@dataclass(frozen=True, slots=True)
class Plan:
    """How machines spread over subnets, and subnets over networks."""

    share: int

    @property
    def bits(self) -> int:
        """How many bits of an address count inside a subnet: 8, or as many as the share needs."""
        return max(8, (self.share + _RESERVED - 1).bit_length())

    @property
    def subnets(self) -> int:
        """How many subnets a network holds."""
        return min(SUBNETS, 1 << (_NETWORK_BITS - self.bits))

    def start(self, subnet: int) -> IPv4Address:
        """The first address of a subnet."""
        network, place = divmod(subnet, self.subnets)
        return IPv4Address(f"10.{network}.0.0") + (place << self.bits)

    def subnet(self, number: int) -> Subnet:
        """One subnet, behind a group of its own."""
        return Subnet(f"subnet-{number:03d}", (f"{self.start(number)}/{32 - self.bits}",), f"nsg-{number:03d}")

    def machine(self, index: int) -> Machine:
        """One machine in its subnet."""
        subnet, place = divmod(index, self.share)
        where = f"vnet-{subnet // self.subnets:02d}/subnet-{subnet:03d}"
        address = Address(str(self.start(subnet) + place + _RESERVED - 1))
        return Machine(f"vm-{index + 1:05d}", (Interface(where, (address,)),))


def fill(builder: Builder, machines: int, share: int = SHARE) -> None:
    """Add a resource group `large` with that many machines, named vm-00001 and so on."""
    plan = Plan(share)
    if not 0 < machines <= MOST:
        message = f"A large world holds 1 to {MOST} machines, not {machines}."
        raise ValueError(message)
    if not 0 < share <= MOST_SHARE or machines > 256 * plan.subnets * share:
        message = (
            f"1 to {MOST_SHARE} machines share a group, and 256 networks hold them all, not {share} of {machines}."
        )
        raise ValueError(message)
    builder.add_group("large", "westeurope")
    subnets = range(-(-machines // share))
    for number in subnets:
        builder.add_nsg(f"nsg-{number:03d}", _RULES)
    for network, members in enumerate(batched(subnets, plan.subnets, strict=False)):
        builder.add_network(f"vnet-{network:02d}", (f"10.{network}.0.0/16",), [plan.subnet(one) for one in members])
        builder.add_flow_log(f"vnet-{network:02d}")
    for index in range(machines):
        builder.add_machine(plan.machine(index))
