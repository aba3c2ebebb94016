"""What policies of Defender become in Postern, and what of Defender may go afterwards. Pure: no call is made.

Source: Azure REST API reference, "Jit Network Access Policies", 2020-01-01; names of rules as public exports of network
security groups show them: `SecurityCenter-JITRule-…` lets somebody in, `SecurityCenter-JITRule_…` keeps it closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.documents.fields import read_time
from shared.documents.reading import PREFIX_FIELDS
from shared.domain.machines import MachineId

type Json = dict[str, Any]

MARK: Final = "securitycenter-jitrule"
"""What the names of Defender's rules begin with, in lower case."""

_DEFAULT: Final = "default"
_OURS: Final = "postern-"
_LOCK: Final = "postern-lock-"


@dataclass(frozen=True, slots=True)
class Move:
    """A machine of Defender's: its ports as Postern takes them, why it cannot move, and what does not come along."""

    machine: str
    ports: tuple[Json, ...]
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """An inbound rule of a network security group, and the group's id."""

    nsg: str
    name: str
    priority: int
    allows: bool
    destinations: frozenset[str]
    ports: tuple[tuple[int, int], ...]

    @property
    def of_defender(self) -> bool:
        """Whether Defender made it."""
        return self.name.lower().startswith(MARK)

    def is_for(self, addresses: Iterable[str]) -> bool:
        """Whether it is about these addresses and no others."""
        return bool(self.destinations) and self.destinations <= {*addresses}

    def meets(self, other: Rule) -> bool:
        """Whether both are about one port, whatever the protocol."""
        return any(low <= last and first <= high for low, high in self.ports for first, last in other.ports)

    def __str__(self) -> str:
        return f"{self.nsg.split('/')[4]}/{self.nsg.split('/')[-1]}  {self.priority:4}  {self.name}"


def moves(policies: Sequence[Json], now: datetime) -> list[Move]:
    """Every machine of these policies once, in the order of their names."""
    named: dict[str, list[tuple[Json, Json]]] = {}
    for policy in policies:
        for machine in policy["properties"].get("virtualMachines") or ():
            named.setdefault(str(machine.get("id", "")).lower(), []).append((policy, machine))
    return [_move(found, now) for _, found in sorted(named.items())]


def _move(found: Sequence[tuple[Json, Json]], now: datetime) -> Move:
    policy, machine = found[0]
    id_ = str(machine.get("id", ""))
    ports = machine.get("ports") or []
    reasons = (*_not_ours(id_, found), *(why for port in ports for why in _not_a_port(port)))
    if not ports:
        reasons = (*reasons, "Defender's policy names no port of it")
    return Move(id_, tuple(_port(port) for port in ports), reasons, tuple(_left_behind(policy, machine, now)))


def _not_ours(id_: str, found: Sequence[tuple[Json, Json]]) -> Iterator[str]:
    if not is_machine(id_):
        yield "it is no virtual machine of Azure Resource Manager"
    if len(found) > 1:
        yield f"several policies name it: {', '.join(str(policy['name']) for policy, _ in found)}; leave it in one"


def is_machine(id_: str) -> bool:
    """Whether an id is that of a virtual machine of Azure Resource Manager."""
    try:
        MachineId.parse(id_)
    except ValueError:
        return False
    return True


def with_ports(policy: Mapping[str, Any], ports: Sequence[Json]) -> list[Json]:
    """The ports of a policy of Postern with Defender's in it; those of the same number and protocol give way.

    The others stay: where only ports are locked, a machine would else be less guarded than it was.
    """
    new = {_key(port) for port in ports}
    return [*ports, *(port for port in policy["ports"] if _key(port) not in new)]


def _key(port: Mapping[str, Any]) -> tuple[str, str]:
    return str(port.get("number")), str(port.get("protocol", "*")).upper()


def _not_a_port(port: Json) -> Iterator[str]:
    if all(port.get(name) for name in PREFIX_FIELDS):
        yield f"port {port.get('number')} has both {PREFIX_FIELDS[0]} and {PREFIX_FIELDS[1]}"


def _port(port: Json) -> Json:
    sources = [one for name in PREFIX_FIELDS for one in _listed(port.get(name))]
    known: Json = {name: port[name] for name in ("number", "protocol", "maxRequestAccessDuration") if name in port}
    return {**known, **({"allowedSourceAddressPrefixes": sources} if sources else {})}


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)] if value else []


def _left_behind(policy: Json, machine: Json, now: datetime) -> Iterator[str]:
    if str(policy["name"]).lower() != _DEFAULT:
        yield f"scripts find it in the policy '{_DEFAULT}', no longer in '{policy['name']}'"
    if machine.get("publicIpAddress"):
        yield "it is reached through Azure Firewall, which Postern does not open"
    if end := open_until(policy, str(machine.get("id", "")), now):
        yield f"an access is open until {end:%Y-%m-%dT%H:%M:%SZ}; it stays Defender's"


def open_until(policy: Json, machine: str, now: datetime) -> datetime | None:
    """When the last access ends that Defender has open to a machine; None when there is none."""
    ends = [
        read_time(port["endTimeUtc"]).astimezone(UTC)
        for request in policy["properties"].get("requests") or ()
        for one in request.get("virtualMachines") or ()
        if str(one.get("id", "")).lower() == machine.lower()
        for port in one.get("ports") or ()
        if str(port.get("status", "")).lower() != "revoked" and port.get("endTimeUtc")
    ]
    return max((end for end in ends if end > now), default=None)


def unguarded(policy: Mapping[str, Any], ports: Iterable[Json]) -> list[str]:
    """The ports that Defender guards, from everywhere, and a policy of Postern does not."""
    lock = policy["lock"]
    guarded = {_key(port) for port in ports}
    if lock["from"] != "*":
        return sorted(f"{number}/{protocol}" for number, protocol in guarded)
    return sorted(f"{number}/{protocol}" for number, protocol in guarded if not _locks(policy, int(number), protocol))


def _locks(policy: Mapping[str, Any], number: int, protocol: str) -> bool:
    if policy["lock"]["scope"] == "all":
        return not any(_spans(one, number) for one in policy["lock"]["keepOpen"])
    own = (port for port in policy["ports"] if port["protocol"] in {"*", protocol})
    return any(_spans(port["number"], number) for port in own)


def _spans(written: object, number: int) -> bool:
    low, high = _span(written)
    return low <= number <= high


def _span(written: object) -> tuple[int, int]:
    low, _, high = ("0-65535" if written == "*" else str(written)).partition("-")
    return int(low), int(high or low)


def rules_of(group: Mapping[str, Any]) -> list[Rule]:
    """The inbound rules of a group as ARM gives it."""
    found = (group.get("properties") or {}).get("securityRules") or ()
    return [
        _rule(str(group["id"]), one) for one in found if str(one["properties"].get("direction")).lower() == "inbound"
    ]


def _rule(nsg: str, rule: Mapping[str, Any]) -> Rule:
    told = rule["properties"]
    # Only whole addresses are compared: whatever else stands there is nobody's alone.
    places = (place.removesuffix("/32") for place in _both(told, "destinationAddressPrefix", "es"))
    ports = tuple(_span(port) for port in _both(told, "destinationPortRange", "s"))
    allows = str(told["access"]).lower() == "allow"
    return Rule(nsg, str(rule["name"]), int(told["priority"]), allows, frozenset(places), ports)


def _both(told: Mapping[str, Any], name: str, plural: str) -> list[str]:
    """What a rule says in the singular and in the plural."""
    return [*_listed(told.get(name)), *_listed(told.get(f"{name}{plural}"))]


def still_needed(deny: Rule, rules: Iterable[Rule], addresses: Iterable[str]) -> str | None:
    """Why a deny rule of Defender's has to stay although Postern's lock holds; None when the lock stands without it.

    A lock that holds may do so because of that very rule. So the lock has to stand above whatever lets traffic in to
    the same ports and that Defender's rule stands above, from wherever: this errs on the side of leaving a rule.
    """
    known, own = [*rules], {*addresses}
    locks = [one for one in known if one.name.lower().startswith(_LOCK) and not one.allows and own <= one.destinations]
    if not locks:
        return "no lock of Postern names all addresses of the machine"
    lock = max(locks, key=lambda one: one.priority)
    above = (
        one
        for one in known
        if one.nsg.lower() == lock.nsg.lower() and one.allows and one.priority < lock.priority
        if not one.of_defender and not one.name.lower().startswith(_OURS) and one.meets(deny)
        if one.nsg.lower() != deny.nsg.lower() or one.priority > deny.priority
    )
    first = min(above, key=lambda one: one.priority, default=None)
    return f"{first.name} stands above Postern's lock" if first else None
