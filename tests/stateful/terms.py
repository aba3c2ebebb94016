"""What people ask for and what administrators write, as plain values, and what the documentation says about them.

Written from docs/http-api.md. Knows nothing of the code: whether a policy allows a request is decided here a second
time, in other words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

SHORTEST = timedelta(minutes=5)
FURTHEST_START = timedelta(days=30)
ON_ITS_WAY = timedelta(minutes=5)  # A start that a script named as "now" has passed when it arrives.
TICKET = "INC[0-9]{3}"
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody, the groups that they are in, and the address that they sit at."""

    name: str
    groups: frozenset[str] = frozenset()
    address: str = "203.0.113.7"

    @property
    def ids(self) -> frozenset[str]:
        """Everything that stands for this person."""
        return self.groups | {self.name}


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who has to agree; nobody named means whoever has the role."""

    names: frozenset[str] = frozenset()
    count: int = 1
    pending_for: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """A policy as an administrator writes it."""

    ports: frozenset[int] = frozenset({22, 3389})
    longest: timedelta = timedelta(hours=3)
    sources: str = ANYWHERE
    guards_all: bool = True
    approval: Approvers | None = None
    justification: bool = False
    ticket: bool = False
    requestors: frozenset[str] = frozenset()
    break_glass: bool = False

    def guards(self, port: int) -> bool:
        """Whether the lock is about this port."""
        return self.guards_all or port in self.ports

    def allows(self, asked: "Asked", now: datetime, first: bool = True, shortest: timedelta = SHORTEST) -> bool:  # noqa: FBT001, FBT002 - a plain question.
        """Whether this may be had now. Whether the start has passed is a question only at `first`."""
        begins = max(now, asked.starts_at or now)
        lasts = asked.duration or (asked.ends_at or now) - begins
        late = asked.starts_at is not None and asked.starts_at < now - ON_ITS_WAY
        words = bool(asked.justification) or not (self.justification or asked.break_glass)
        return all((
            asked.ports <= self.ports,
            lasts > timedelta(),
            shortest <= lasts <= self.longest,
            asked.network.subnet_of(IPv4Network(self.sources)),
            not self.requestors or asked.who.ids & self.requestors,
            words,
            not self.ticket or re.fullmatch(TICKET, asked.ticket),
            not asked.break_glass or (self.break_glass and begins <= now),
            not (first and late) and begins <= now + FURTHEST_START,
        ))  # fmt: skip

    def heeds(self, voice: Human, requestor: Human) -> bool:
        """Whether this voice counts about a request of `requestor`."""
        named = self.approval.names if self.approval else frozenset()
        return voice.name != requestor.name and (not named or bool(voice.ids & named))

    def counted(self, agreed: frozenset[str], named: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Those who agreed and are still named, by themselves or as a member of the groups that they agreed as."""
        names = self.approval.names if self.approval else frozenset()
        return frozenset(one for one in agreed if not names or ({one} | named.get(one, frozenset())) & names)

    @property
    def needed(self) -> int:
        """How many have to agree to what waits for it."""
        return self.approval.count if self.approval else 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for access; exactly one of `duration` and `ends_at` is given."""

    machine: str
    who: Human
    ports: frozenset[int]
    duration: timedelta | None = None
    ends_at: datetime | None = None
    starts_at: datetime | None = None
    source: str | None = None  # None: the address of who asks.
    justification: str = ""
    ticket: str = ""
    break_glass: bool = False

    @property
    def network(self) -> IPv4Network:
        """From where."""
        return IPv4Network(self.source or self.who.address)

    def is_about(self, port: int, source: str) -> bool:
        """Whether this traffic is what was asked for."""
        return port in self.ports and IPv4Address(source) in self.network
