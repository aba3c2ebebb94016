"""Values for the tests of the core, written so that they read like Azure's portal.

`rule("310 allow-ssh Allow Tcp 22,80-90 from * to 10.0.0.4")` is one security rule; `group(...)` is a network security
group of such rules with Azure's three inbound default rules. This module knows no expectations.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.claims import LockClaim, OpenClaim
from shared.domain.grants import GrantPort
from shared.domain.machines import Endpoint, MachineId
from shared.domain.planning import Kind, Plan
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges, Span
from shared.domain.rules import ALL_PORTS, Access, Nsg, Protocol, Rule

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
RESOURCES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/providers"
GROUP = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/web-nsg"
SUBNET_GROUP = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/subnet-nsg"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
OFFICE = "203.0.113.7"
STRANGER = "198.51.100.99"
GRANT = "0" * 24
TCP, UDP, ANY = Protocol.TCP, Protocol.UDP, Protocol.ANY


def machine_id(name: str = "web-01") -> MachineId:
    return MachineId(f"{RESOURCES}/Microsoft.Compute/virtualMachines/{name}")


def span(text: str) -> Span:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def ports(text: str) -> Ranges:
    return ALL_PORTS if text == "*" else Ranges.of(*map(span, text.split(",")))


def rule(line: str) -> Rule:
    """Priority, name, access, protocol, ports, `from` sources and, if any, `to` destinations."""
    priority, name, access, protocol, wanted, _, *sides = line.split()
    sources, destinations = sides[0], sides[2] if len(sides) > 1 else "*"
    return Rule(
        name=name,
        priority=int(priority),
        access=Access(access),
        protocol=Protocol(protocol),
        sources=tuple(sources.split(",")),
        destinations=tuple(destinations.split(",")),
        ports=ports(wanted),
    )


def defaults() -> tuple[Rule, ...]:
    """The inbound default rules, as "Network security groups" lists them."""
    return (
        rule("65000 AllowVnetInBound Allow * * from VirtualNetwork to VirtualNetwork"),
        rule("65001 AllowAzureLoadBalancerInBound Allow * * from AzureLoadBalancer"),
        rule("65500 DenyAllInBound Deny * * from *"),
    )


def group(*lines: str | Rule, id_: str = GROUP) -> Nsg:
    return Nsg(id_, "1", tuple(line if isinstance(line, Rule) else rule(line) for line in lines), defaults())


def endpoint(address: str = "10.0.0.4", nic: str | None = GROUP, subnet: str | None = None) -> Endpoint:
    network = ("fd00:db8::/64",) if ":" in address else ("10.0.0.0/24",)
    return Endpoint(
        address, nic, subnet, network=network, nic=f"{RESOURCES}/Microsoft.Network/networkInterfaces/nic-{address}"
    )


def lock(
    *endpoints: Endpoint, machine: str = "web-01", guarded: str = "*", origin: Origin = Origin.ANYWHERE
) -> LockClaim:
    return LockClaim(machine_id(machine), endpoints or (endpoint(),), ((ANY, ports(guarded)),), origin)


def opening(
    *endpoints: Endpoint, grant: str = GRANT, port: str = "22", sources: Iterable[str] = (OFFICE,)
) -> OpenClaim:
    asked = (GrantPort(span(port), TCP, tuple(sources)),)
    return OpenClaim(grant, "Ann", endpoints or (endpoint(),), asked, LATER)


def applied(nsg: Nsg, plan: Plan) -> Nsg:
    """The group after each change of the plan has been carried out, one by one, as ARM would."""
    *_, last = steps(nsg, plan)
    return last


def steps(nsg: Nsg, plan: Plan) -> list[Nsg]:
    """The group before the plan, and after each of its changes and its switch. Raises ValueError where ARM refuses."""
    seen = [nsg]
    for change in plan.changes:
        others = tuple(one for one in seen[-1].rules if one.name.lower() != change.rule.name.lower())
        if change.kind is Kind.DELETE:
            seen.append(replace(nsg, rules=others))
            continue
        if any(one.priority == change.rule.priority for one in others):
            raise ValueError(f"priority {change.rule.priority} is taken")
        seen.append(replace(nsg, rules=(*others, change.rule)))
    return [*seen, replace(seen[-1], flush=made)] if (made := plan.flush) else seen


def named(nsg: Nsg, start: str) -> list[Rule]:
    """The rules whose names begin so, in order of priority."""
    return sorted((one for one in nsg.rules if one.name.startswith(start)), key=lambda one: one.priority)
