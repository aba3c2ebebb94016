"""What just-in-time access costs where it is paid for by node: how many nodes there are, and where.

A node is a virtual machine, or a computer outside Azure. All are counted, and besides those that would be billed as
they are now, since a plan that is paid by the hour does not bill a machine that is deallocated or not connected.
Money is decimal and never rounded, so that parts add up to the whole.

Source: Microsoft Defender for Cloud documentation, "Common questions about Defender for Servers", what is billed in
which power state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from shared.domain.computers import Computer
from shared.domain.inventory import MachineKind, Sighting


class Billing(StrEnum):
    """Whether a node is billed as it is now, or why not."""

    BILLED = "billed"
    DEALLOCATED = "deallocated"  # Or on its way there or from there.
    DISCONNECTED = "disconnected"
    NOT_ONBOARDED = "notOnboarded"
    UNKNOWN = "unknown"  # Nobody says in which state it is.


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a node and month, and where it comes from: whose word it is, and of which day if it has one."""

    amount: Decimal
    currency: str
    source: str
    as_of: str = ""  # ISO 8601; empty where the operator said it.


@dataclass(frozen=True, slots=True)
class Node:
    """Something that is paid for by node. A computer that Azure does not know is in no subscription."""

    subscription: str
    group: str
    tags: tuple[tuple[str, str], ...]
    billing: Billing


@dataclass(frozen=True, slots=True)
class Tally:
    """How many nodes there are, and how many of them are billed as they are now."""

    all: int = 0
    billed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.all + other.all, self.billed + other.billed)


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes of one subscription, resource group, or value of a tag; None for those that have none."""

    subscription: str | None
    name: str | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class Counted:
    """The nodes: all of them, by billing, and by three things, each of which adds up to all."""

    total: Tally
    by_billing: Mapping[Billing, int]
    subscriptions: Sequence[Part]
    groups: Sequence[Part]
    values: Sequence[Part]  # Of the tag that is asked about; empty where none is.


@dataclass(frozen=True, slots=True)
class Bill:
    """What nodes cost at a price, also by the values of a tag if one is named, beside what Postern costs in a month."""

    counted: Counted
    price: Price
    own: Decimal | None = None  # None: nobody says.
    tag: str = ""


_BILLED_POWERS: Final = frozenset({"running", "stopping", "stopped"})
_UNBILLED_POWERS: Final = frozenset({"starting", "deallocating", "deallocated"})


def node_of_machine(machine: Sighting) -> Node | None:
    """A virtual machine as a node; None for what is no single machine of the present kind."""
    if machine.kind is not MachineKind.VIRTUAL_MACHINE:
        return None
    power = machine.power.lower()
    found = {**dict.fromkeys(_BILLED_POWERS, Billing.BILLED), **dict.fromkeys(_UNBILLED_POWERS, Billing.DEALLOCATED)}
    return Node(machine.subscription, machine.group, machine.tags, found.get(power, Billing.UNKNOWN))


def node_of_computer(computer: Computer) -> Node:
    """A computer outside Azure as a node."""
    server = computer.server
    if server is None:
        return Node("", "", (), Billing.NOT_ONBOARDED)
    connected = server.status.lower() == "connected"
    billing = Billing.BILLED if connected else Billing.DISCONNECTED if server.status else Billing.UNKNOWN
    return Node(server.subscription, server.group, server.tags, billing)


def count(nodes: Sequence[Node], tag: str = "") -> Counted:
    """The nodes counted. Names of resource groups and tags compare without case, values of tags with it."""
    return Counted(
        sum(map(_tally, nodes), Tally()),
        Counter(one.billing for one in nodes),
        _parts((one.subscription, (one.subscription or None, None), one) for one in nodes),
        _parts(((one.subscription, one.group.lower()), _place(one), one) for one in nodes),
        _parts((_value(one, tag), (None, _value(one, tag)), one) for one in nodes) if tag else (),
    )


def _tally(node: Node) -> Tally:
    return Tally(1, int(node.billing is Billing.BILLED))


def _place(node: Node) -> tuple[str | None, str | None]:
    return node.subscription or None, node.group or None


def _value(node: Node, tag: str) -> str | None:
    return next((value for name, value in node.tags if name.lower() == tag.lower()), None)


def _parts(found: Iterable[tuple[Hashable, tuple[str | None, str | None], Node]]) -> Sequence[Part]:
    """One part for each key, named as the first node of it says; the largest first, and what has no name last."""
    names: dict[Hashable, tuple[str | None, str | None]] = {}
    tallies: Counter[Hashable] = Counter()
    billed: Counter[Hashable] = Counter()
    for key, name, node in found:
        names.setdefault(key, name)
        tallies[key] += 1
        billed[key] += _tally(node).billed
    parts = [Part(*name, Tally(tallies[key], billed[key])) for key, name in names.items()]
    return sorted(parts, key=_rank)


def _rank(part: Part) -> tuple[bool, int, str, str]:
    is_nameless = part.subscription is None and part.name is None
    return is_nameless, -part.tally.all, part.subscription or "", part.name or ""


def amount(price: Price, nodes: int) -> Decimal:
    """What so many nodes cost in a month."""
    return price.amount * nodes
