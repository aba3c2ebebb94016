"""Computers outside Azure, as one list: servers that Azure Arc knows, and those whose agents report to the workspace.

A record of a heartbeat belongs to the server that it names. One that names none belongs to the only server that has
the same name and the same firmware id (SMBIOS UUID). A name alone says nothing: namesakes stay apart, and that is told.

Source: Azure REST reference, "Machines - Get" (Microsoft.HybridCompute); Azure Monitor table reference, "Heartbeat".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.evidence import Reporter


@dataclass(frozen=True, slots=True)
class ArcServer:
    """A server that is onboarded to Azure Arc, as the index of all resources shows it."""

    id: str
    location: str
    status: str = ""  # Of its agent, as Azure has it: "Connected", "Disconnected", "Expired" or "Error".
    since: datetime | None = None  # When the status last changed.
    agent: str = ""  # The agent's version, such as "1.58.03228.2572".
    system: str = ""  # "Linux", "Windows", or "" when Azure does not say.
    product: str = ""  # Such as "Windows Server 2022 Datacenter".
    host: str = ""  # What the server calls itself, where that is not the resource's name.
    uuid: str = ""  # Of its firmware (SMBIOS), in lower case.
    addresses: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The resource's name."""
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
    def names(self) -> frozenset[str]:
        """What it is called, as names compare."""
        return frozenset(short_name(one) for one in (self.name, self.host) if one)


@dataclass(frozen=True, slots=True)
class ArcServers:
    """The servers of some subscriptions as the index showed them."""

    at: datetime
    servers: Sequence[ArcServer]
    unreadable: int = 0  # How many were shown in a way that nobody here understands.


@dataclass(frozen=True, slots=True)
class Computer:
    """One computer: its server of Azure Arc, the agents on it that report, or both."""

    server: ArcServer | None
    reporters: tuple[Reporter, ...] = ()  # The one that was heard of last stands first.
    namesakes: int = 0  # Other computers of the same name, which may be the same one.

    @property
    def name(self) -> str:
        """What people call it."""
        return self.server.name if self.server else self.reporters[0].computer

    @property
    def key(self) -> str:
        """What no other computer has: the id of its server, or else the marks by which it reports."""
        if self.server:
            return self.server.id.lower()
        return "|".join(_marks_of_one_alone(self.reporters[0]))

    @property
    def system(self) -> str:
        """Its operating system, "Linux" or "Windows"; empty when nobody says."""
        told = (self.server.system if self.server else "", *(one.system for one in self.reporters))
        return next((one for one in told if one), "")

    @property
    def heard(self) -> datetime | None:
        """When one of its agents last reported."""
        return max((one.last for one in self.reporters), default=None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses: its own, and from which its agents came."""
        told = (*(self.server.addresses if self.server else ()), *(one.address for one in self.reporters))
        return tuple(dict.fromkeys(one for one in told if one))

    @property
    def names(self) -> frozenset[str]:
        """What it is called, as names compare."""
        own = self.server.names if self.server else frozenset[str]()
        return own | {short_name(one.computer) for one in self.reporters}


def short_name(name: str) -> str:
    """A computer's name as it compares: without its domain, in lower case."""
    return name.partition(".")[0].lower()


def merged(servers: Sequence[ArcServer], reporters: Iterable[Reporter]) -> tuple[Computer, ...]:
    """Every server and every reporter in exactly one computer, by name."""
    homes = {server.id.lower(): list[Reporter]() for server in servers}
    alone: defaultdict[tuple[str, ...], list[Reporter]] = defaultdict(list)
    known_by = _marks_of_servers(servers)
    for one in reporters:
        home = one.resource or known_by.get((short_name(one.computer), one.uuid), "")
        (homes[home] if home in homes else alone[_marks_of_one_alone(one)]).append(one)
    found = [
        *(Computer(server, _latest_first(homes[server.id.lower()])) for server in servers),
        *(Computer(None, _latest_first(some)) for some in alone.values()),
    ]
    return tuple(sorted(_with_namesakes(found), key=lambda one: (one.name.lower(), one.key)))


def _marks_of_servers(servers: Iterable[ArcServer]) -> Mapping[tuple[str, str], str]:
    """The ids of servers by name and firmware id, of those that share both with no other: clones have the same."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for server in servers:
        for name in server.names if server.uuid else ():
            found[name, server.uuid].add(server.id.lower())
    return {marks: next(iter(ids)) for marks, ids in found.items() if len(ids) == 1}


def _marks_of_one_alone(reporter: Reporter) -> tuple[str, ...]:
    """By what several agents of one computer are known that has no server here."""
    if reporter.resource:
        return (reporter.resource,)
    return (short_name(reporter.computer), reporter.uuid or reporter.agent)


def _latest_first(reporters: Iterable[Reporter]) -> tuple[Reporter, ...]:
    return tuple(sorted(reporters, key=lambda one: (one.last, one.computer, one.agent), reverse=True))


def _with_namesakes(computers: Sequence[Computer]) -> Iterable[Computer]:
    counted = Counter(name for one in computers for name in one.names)
    for one in computers:
        most = max((counted[name] for name in one.names), default=1)
        yield Computer(one.server, one.reporters, most - 1)
