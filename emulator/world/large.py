"""The large world: many machines of one kind, for benchmarks and for lists that need pages.

A hundred machines share a subnet and its group, twenty subnets share a network. Addresses run from 10.0.0.4 upwards.
"""

from itertools import batched

from emulator.world.builder import Address, Builder, Interface, Machine, Subnet

SHARE = 100
SUBNETS = 20
MOST = 60_000
_RULES = ("300 allow-ssh Allow Tcp 22 from *", "310 allow-https Allow Tcp 443 from *")


def fill(builder: Builder, machines: int) -> None:
    """Add a resource group `large` with that many machines, named vm-00001 and so on."""
    if not 0 < machines <= MOST:
        message = f"A large world holds 1 to {MOST} machines, not {machines}."
        raise ValueError(message)
    builder.add_group("large", "westeurope")
    subnets = range(-(-machines // SHARE))
    for number in subnets:
        builder.add_nsg(f"nsg-{number:03d}", _RULES)
    for network, members in enumerate(batched(subnets, SUBNETS, strict=False)):
        space = (f"10.{network}.0.0/16",)
        builder.add_network(f"vnet-{network:02d}", space, [_subnet(network, one) for one in members])
    for index in range(machines):
        builder.add_machine(_machine(index))


def _subnet(network: int, number: int) -> Subnet:
    return Subnet(f"subnet-{number:03d}", (f"10.{network}.{number % SUBNETS}.0/24",), f"nsg-{number:03d}")


def _machine(index: int) -> Machine:
    subnet, place = divmod(index, SHARE)
    network = subnet // SUBNETS
    address = Address(f"10.{network}.{subnet % SUBNETS}.{place + 4}")
    return Machine(f"vm-{index + 1:05d}", (Interface(f"vnet-{network:02d}/subnet-{subnet:03d}", (address,)),))
