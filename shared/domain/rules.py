"""Network security groups and their rules, as values.

A `Rule` is what ARM says it is: names, numbers, prefixes as written. What a rule means for traffic is
the business of `traffic`; which rules should be there is the business of `planning`.

Source: Azure documentation, "Network security groups" and "Azure subscription limits: networking".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.keys import GRANT_ID_LENGTH, is_grant_id
from shared.domain.ranges import Ranges

FIRST_PRIORITY: Final = 100
LAST_PRIORITY: Final = 4096
MOST_RULES: Final = 1000
MOST_ADDRESSES: Final = 4000  # In all rules of a group together, for sources and destinations each.
LONGEST_DESCRIPTION: Final = 140
ALL_PORTS: Final = Ranges.of((0, 65535))

LOCK_MARK: Final = "postern-lock-"
OPEN_MARK: Final = "postern-open-"
KEEP_MARK: Final = "postern-keep-"


class Access(StrEnum):
    """What a rule does with traffic that it matches."""

    ALLOW = "Allow"
    DENY = "Deny"


class Protocol(StrEnum):
    """The protocols that a rule can name; `ANY` means each of the others."""

    TCP = "Tcp"
    UDP = "Udp"
    ICMP = "Icmp"
    ESP = "Esp"
    AH = "Ah"
    ANY = "*"


WITH_PORTS: Final = frozenset({Protocol.TCP, Protocol.UDP})
WITHOUT_PORTS: Final = frozenset({Protocol.ICMP, Protocol.ESP, Protocol.AH})


@dataclass(frozen=True, slots=True)
class Rule:
    """One inbound security rule. Prefixes may be addresses, CIDR prefixes, service tags or `*`."""

    name: str
    priority: int
    access: Access
    protocol: Protocol = Protocol.ANY
    sources: tuple[str, ...] = ("*",)
    destinations: tuple[str, ...] = ("*",)
    ports: Ranges = ALL_PORTS
    source_ports: Ranges = ALL_PORTS
    source_groups: tuple[str, ...] = ()
    destination_groups: tuple[str, ...] = ()
    description: str = ""
    settled: bool = True  # False while ARM says that the rule is being updated, or that it failed.

    @property
    def mark(self) -> str | None:
        """Which of our three marks the name carries; None for a rule of somebody else's."""
        name = self.name.lower()
        return next((mark for mark in (LOCK_MARK, OPEN_MARK, KEEP_MARK) if name.startswith(mark)), None)

    def does_the_same_as(self, other: Rule) -> bool:
        """Whether both rules treat all traffic alike and stand at the same priority; descriptions may differ."""
        return self._effect == other._effect

    @property
    def _effect(self) -> tuple[object, ...]:
        return (
            self.priority,
            self.access,
            self.protocol,
            frozenset(map(str.lower, self.sources)),
            frozenset(map(str.lower, self.destinations)),
            self.ports,
            self.source_ports,
            frozenset(map(str.lower, self.source_groups)),
            frozenset(map(str.lower, self.destination_groups)),
        )


@dataclass(frozen=True, slots=True)
class Load:
    """How much of a group's limits some rules take: rules, and addresses and ranges on either side."""

    rules: int = 0
    sources: int = 0
    destinations: int = 0

    def __add__(self, other: Load) -> Load:
        return Load(self.rules + other.rules, self.sources + other.sources, self.destinations + other.destinations)

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Load:
        """What these rules take."""
        counted = [(len(rule.sources), len(rule.destinations)) for rule in rules]
        return cls(len(counted), sum(one for one, _ in counted), sum(other for _, other in counted))

    @property
    def excess(self) -> str | None:
        """Which limit of a group this is beyond, in words; None when it is within all."""
        if self.rules > MOST_RULES:
            return f"the group would hold more than {MOST_RULES} rules"
        for side, count in (("source", self.sources), ("destination", self.destinations)):
            if count > MOST_ADDRESSES:
                return f"the group would name more than {MOST_ADDRESSES} addresses as a {side}"
        return None


@dataclass(frozen=True, slots=True)
class Flush:
    """A group's `flushConnection`: when on, Azure ends sessions that the group's rules no longer allow."""

    on: bool = False
    ours: bool = False  # Whether Postern switched it on, by the tag that it leaves.


@dataclass(frozen=True, slots=True)
class Nsg:
    """A network security group as ARM returned it: its inbound rules, customer's and ours, and the defaults."""

    id: str
    etag: str
    rules: tuple[Rule, ...]
    defaults: tuple[Rule, ...] = ()
    settled: bool = True  # False while ARM says that the group is being updated.
    outbound: Load = Load()  # What its outbound rules take of its limits.
    made_for: str = ""  # The key of the machine that Postern made it for; empty for a group of somebody else's.
    flush: Flush = Flush()
    timed: bool = False  # Whether a grant's rule ends by itself, at the time that its description tells.
    hurdle: str = ""  # Why no lock may be put into it, whatever room it has; empty when one may.

    @property
    def every(self) -> tuple[Rule, ...]:
        """All rules that inbound traffic meets, the defaults too; where rules end by themselves, no deny in doubt."""
        if not self.timed:
            return (*self.rules, *self.defaults)
        certain = (rule for rule in self.rules if rule.settled or rule.access is Access.ALLOW)
        return (*certain, *self.defaults)

    @property
    def ours(self) -> tuple[Rule, ...]:
        """The rules with our mark."""
        return tuple(rule for rule in self.rules if rule.mark)

    @property
    def foreign(self) -> tuple[Rule, ...]:
        """The rules of somebody else: read-only to us."""
        return tuple(rule for rule in self.rules if not rule.mark)

    def find(self, name: str) -> Rule | None:
        """The rule of that name; ARM's names are the same in any case."""
        return next((rule for rule in self.rules if rule.name.lower() == name.lower()), None)


def in_order(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules as Azure reads them: the lowest number first."""
    return tuple(sorted(rules, key=lambda rule: rule.priority))


def _default(priority: int, name: str, access: Access, prefix: str, to: str) -> Rule:
    return Rule(name, priority, access, sources=(prefix,), destinations=(to,))


DEFAULTS: Final = (
    _default(65000, "AllowVnetInBound", Access.ALLOW, "VirtualNetwork", "VirtualNetwork"),
    _default(65001, "AllowAzureLoadBalancerInBound", Access.ALLOW, "AzureLoadBalancer", "*"),
    _default(65500, "DenyAllInBound", Access.DENY, "*", "*"),
)
"""The inbound rules that every group ends with, also one that is only about to be made."""


HOST_DEFAULTS: Final = (_default(65500, "LeftToTheHost", Access.ALLOW, "*", "*"),)
"""What a host's gate ends with: what Postern does not decide about, the host's own firewall does."""


def grant_of(rule: str) -> str:
    """The grant that a rule belongs to, by its name; empty when it belongs to none."""
    name = rule.lower().removeprefix(OPEN_MARK)[:GRANT_ID_LENGTH]
    return name if rule.lower().startswith(OPEN_MARK) and is_grant_id(name) else ""
