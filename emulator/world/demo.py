"""The demo world: some four dozen machines of all kinds, in two resource groups and regions.

The first eight are the cast of the demo and the tests; the others make sure that nothing works only for the cast. Names
and addresses here are fixed: stories and tests speak of them.
"""

from emulator.world import outside
from emulator.world.builder import Builder
from emulator.world.pieces import Address, Interface, Machine, Subnet

_SUBNETS = (
    Subnet("web", ("10.0.0.0/24",)),
    Subnet("app", ("10.0.1.0/24",), "app-nsg"),
    Subnet("both", ("10.0.2.0/24",), "both-subnet-nsg"),
    Subnet("edge", ("10.0.3.0/24",)),
    Subnet("bare", ("10.0.4.0/24",)),
    Subnet("lb", ("10.0.5.0/24",)),
    Subnet("data", ("10.0.6.0/24",), "data-nsg"),
    Subnet("dual", ("10.0.7.0/24", "fd00:db8:7::/64")),
    Subnet("ops", ("10.0.8.0/24",)),
    Subnet("desk", ("10.0.9.0/24",), "desk-nsg"),
    Subnet("closed", ("10.0.10.0/24",), "closed-nsg"),
)

_GROUPS = {
    "web-01-nsg": (
        "300 allow-rdp Allow Tcp 3389 from Internet -- Opened for a supplier, long ago",
        "310 allow-ssh Allow Tcp 22 from *",
        "320 allow-https Allow Tcp 443 from *",
    ),
    "app-nsg": ("200 allow-ssh Allow Tcp 22 from *", "210 allow-app Allow Tcp 8080 from VirtualNetwork"),
    "both-01-nsg": ("300 allow-rdp Allow Tcp 3389 from Internet",),
    "both-subnet-nsg": ("200 allow-rdp-inside Allow Tcp 3389 from VirtualNetwork",),
    "edge-01-nsg": ("100 allow-ssh-first Allow Tcp 22 from *",),
    "lb-01-nsg": ("300 allow-web Allow Tcp 80,443 from Internet", "310 allow-ssh Allow Tcp 22 from *"),
    "web-nsg": ("300 allow-web Allow Tcp 80,443 from Internet", "400 allow-ssh Allow Tcp 22 from Internet"),
    "data-nsg": (
        "200 allow-sql-from-app Allow Tcp 1433,5432 from asg:app-asg to asg:db-asg",
        "4000 deny-inside Deny * * from VirtualNetwork",
    ),
    "sql-01-nsg": (
        "150 deny-internet Deny * * from Internet",
        "300 allow-sql Allow Tcp 1433 from VirtualNetwork",
        "310 allow-rdp Allow Tcp 3389 from *",
    ),
    "jump-nsg": (
        "200 allow-office Allow Tcp 22,3389 from 198.51.100.224/28,203.0.113.192/29",
        "4096 deny-rest Deny * * from *",
    ),
    "build-01-nsg": ("200 allow-devops Allow Tcp 22,5985-5986 from AzureDevOps",),
    "mon-01-nsg": ("200 allow-monitor Allow Tcp 443 from AzureMonitor", "300 allow-ssh Allow Tcp 22 from AzureCloud"),
    "ftp-01-nsg": ("200 allow-ftp Allow Tcp 20-22,5000-5010 from *",),
    "voip-01-nsg": ("200 allow-voice Allow Udp 5060,16384-32767 from *", "210 allow-ping Allow Icmp * from *"),
    "router-front-nsg": ("1000 allow-all Allow * * from Internet",),
    "router-back-nsg": ("1000 allow-all Allow * * from VirtualNetwork",),
    "multi-01-nsg": ("300 allow-second Allow Tcp 22 from * to 10.0.0.21",),
    "dual-nsg": ("300 allow-ssh-4 Allow Tcp 22 from 0.0.0.0/0", "310 allow-ssh-6 Allow Tcp 22 from ::/0"),
    "crowded-01-nsg": tuple(
        f"{100 + number} customer-{number} Allow Tcp {2000 + number} from 198.51.100.{number}" for number in range(60)
    ),
    "desk-nsg": (
        "300 allow-rdp Allow Tcp 3389 from 198.51.100.224/28",
        "310 deny-rdp Deny Tcp 3389 from *",
        "4000 allow-any Allow * * from Internet",
    ),
    "closed-nsg": ("100 deny-all Deny * * from *",),
    "spare-nsg": ("300 allow-ssh Allow Tcp 22 from *",),
    "flex-nsg": ("300 allow-ssh Allow Tcp 22 from *",),
    "bricks-nsg": ("100 databricks-workers Allow * * from VirtualNetwork", "300 allow-ssh Allow Tcp 22 from *"),
    "frozen-nsg": ("300 allow-ssh Allow Tcp 22 from *",),
    "kept-nsg": ("300 allow-ssh Allow Tcp 22 from *",),
}  # fmt: skip


def _one(subnet: str, private: str, nsg: str = "", public: str = "") -> tuple[Interface, ...]:
    return (Interface(f"demo-vnet/{subnet}", (Address(private, public),), nsg),)


def _member(subnet: str, private: str, asg: str) -> tuple[Interface, ...]:
    return (Interface(f"demo-vnet/{subnet}", (Address(private, asgs=(asg,)),)),)


def _pooled(private: str, nsg: str) -> tuple[Interface, ...]:
    return (Interface("demo-vnet/lb", (Address(private, pool="lb-01-lb"),), nsg),)


_CAST = (
    Machine("web-01", _one("web", "10.0.0.4", "web-01-nsg", "198.51.100.4"), tags={"team": "shop"}),
    Machine("app-01", _member("app", "10.0.1.4", "app-asg")),
    Machine("app-02", _member("app", "10.0.1.5", "app-asg")),
    Machine("both-01", _one("both", "10.0.2.4", "both-01-nsg", "198.51.100.6"), "Windows"),
    Machine("edge-01", _one("edge", "10.0.3.4", "edge-01-nsg", "198.51.100.7")),
    Machine("bare-01", _one("bare", "10.0.4.4", public="198.51.100.8")),
    Machine("lb-01", _pooled("10.0.5.4", "lb-01-nsg")),
)

_OTHERS = (
    Machine("lb-02", _pooled("10.0.5.5", "lb-01-nsg"), "Windows"),
    Machine("web-02", _one("web", "10.0.0.5", "web-nsg", "198.51.100.10"), tags={"team": "shop"}),
    Machine("web-03", _one("web", "10.0.0.6", "web-nsg", "198.51.100.11"), tags={"team": "shop"}),
    Machine("multi-01", (
        Interface("demo-vnet/web", (
            Address("10.0.0.20", "198.51.100.12"), Address("10.0.0.21"), Address("10.0.0.22"),
        ), "multi-01-nsg"),
    )),
    Machine("router-01", (
        Interface("demo-vnet/edge", (Address("10.0.3.10", "198.51.100.13"),), "router-front-nsg", forwards=True),
        Interface("demo-vnet/app", (Address("10.0.1.10"),), "router-back-nsg", forwards=True),
    )),
    Machine("db-01", _member("data", "10.0.6.4", "db-asg")),
    Machine("db-02", _member("data", "10.0.6.5", "db-asg"), "Windows"),
    Machine("sql-01", _one("ops", "10.0.8.4", "sql-01-nsg"), "Windows", tags={"team": "finance"}),
    Machine("jump-01", _one("ops", "10.0.8.5", "jump-nsg", "198.51.100.14")),
    Machine("jump-02", _one("ops", "10.0.8.6", "jump-nsg", "198.51.100.15"), "Windows"),
    Machine("build-01", _one("ops", "10.0.8.7", "build-01-nsg", "198.51.100.16"), "Windows"),
    Machine("mon-01", _one("ops", "10.0.8.8", "mon-01-nsg")),
    Machine("ftp-01", _one("web", "10.0.0.7", "ftp-01-nsg", "198.51.100.17")),
    Machine("voip-01", _one("web", "10.0.0.8", "voip-01-nsg", "198.51.100.18")),
    Machine("dual-01", (
        Interface("demo-vnet/dual", (
            Address("10.0.7.4", "198.51.100.19"), Address("fd00:db8:7::4", "2001:db8:1::4"),
        ), "dual-nsg"),
    )),
    Machine("dual-02", (Interface("demo-vnet/dual", (Address("10.0.7.5"), Address("fd00:db8:7::5"))),), "Windows"),
    Machine("crowded-01", _one("web", "10.0.0.9", "crowded-01-nsg", "198.51.100.20")),
    Machine("desk-01", _one("desk", "10.0.9.4", public="198.51.100.21"), "Windows"),
    Machine("desk-02", _one("desk", "10.0.9.5", public="198.51.100.22"), "Windows"),
    Machine("desk-03", _one("desk", "10.0.9.6"), "Windows", "deallocated"),
    Machine("sleeper-01", _one("web", "10.0.0.10", "web-nsg"), power="deallocated"),
    Machine("sleeper-02", _one("bare", "10.0.4.5"), power="stopped"),
    Machine("closed-01", _one("closed", "10.0.10.4")),
    Machine("closed-02", _one("closed", "10.0.10.5", "web-nsg", "198.51.100.23"), "Windows"),
)  # fmt: skip

_FUTURE = {"futureProperty": {"kept": True}}

# Those that a JIT system must leave alone, cannot write, or must take great care with.
_SPECIAL = (
    Machine("flex-01", _one("ops", "10.0.8.20", "flex-nsg", "198.51.100.25"), scale_set="flex-set"),
    Machine("nic-less-01", ()),
    Machine("frozen-01", _one("ops", "10.0.8.22", "frozen-nsg", "198.51.100.27")),
    Machine("kept-01", _one("ops", "10.0.8.23", "kept-nsg", "198.51.100.28")),
    Machine("bare-02", _one("bare", "10.0.4.6")),
    Machine("bare-03", (
        Interface("demo-vnet/bare", (
            Address("10.0.4.7", "198.51.100.24", ("bare-asg",), extra=_FUTURE),
            Address("10.0.4.8", pool="lb-01-lb", asgs=("bare-asg",), nat="lb-01-lb", gateway="front-gw"),
        ), accelerated=True, extra=_FUTURE),
    )),
)  # fmt: skip


def fill(builder: Builder) -> None:
    """Add the demo world."""
    for asg in ("app-asg", "db-asg", "bare-asg"):
        builder.add_asg(asg)
    for name, rules in _GROUPS.items():
        builder.add_nsg(name, rules)
    builder.add_network("demo-vnet", ("10.0.0.0/16", "fd00:db8::/32"), _SUBNETS)
    builder.add_flow_log("demo-vnet")
    builder.add_balancer("lb-01-lb", "198.51.100.9", (80, 443))
    builder.add_gateway("front-gw", "demo-vnet/edge")
    builder.add_scale_set("set-01", "Uniform")
    builder.add_scale_set("flex-set", "Flexible")
    for machine in (*_CAST, *_OTHERS, *_SPECIAL):
        builder.add_machine(machine)
    _fill_managed(builder)
    builder.add_classic("old-01")
    builder.add_interface("spare-nic", Interface("demo-vnet/ops", (Address("10.0.8.200"),)))
    demo_network = builder.id_of("virtualNetworks", "demo-vnet")
    _fill_partner(builder)
    builder.peer(demo_network, builder.id_of("virtualNetworks", "partner-vnet"))
    outside.fill(builder)


def _fill_managed(builder: Builder) -> None:
    """A machine that a service owns, and locks on two groups."""
    workspace = f"{builder.group}/providers/Microsoft.Databricks/workspaces/bricks"
    interfaces = _one("ops", "10.0.8.21", "bricks-nsg", "198.51.100.26")
    builder.add_machine(Machine("bricks-01", interfaces, managed_by=workspace))
    builder.lock(builder.id_of("networkSecurityGroups", "frozen-nsg"), "frozen", "ReadOnly")
    builder.lock(builder.id_of("networkSecurityGroups", "kept-nsg"), "kept", "CanNotDelete")


def _fill_partner(builder: Builder) -> None:
    """A second resource group in another region, whose network is peered with the first."""
    builder.add_group("partner", "northeurope")
    builder.add_nsg("partner-nsg", ("300 allow-demo Allow Tcp 22 from 10.0.0.0/16",))
    builder.add_nsg("partner-02-nsg", ("500 allow-all Allow * * from *",))
    builder.add_network(
        "partner-vnet",
        ("10.1.0.0/16",),
        (Subnet("main", ("10.1.0.0/24",), "partner-nsg"), Subnet("free", ("10.1.1.0/24",))),
    )
    builder.add_machine(Machine("partner-01", (Interface("partner-vnet/main", (Address("10.1.0.4"),)),)))
    second = Interface("partner-vnet/free", (Address("10.1.1.4", "203.0.113.130"),), "partner-02-nsg")
    builder.add_machine(Machine("partner-02", (second,), "Windows"))
    third = Interface("partner-vnet/free", (Address("10.1.1.5", "203.0.113.131"),))
    builder.add_machine(Machine("partner-03", (third,)))
