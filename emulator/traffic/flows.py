"""From attempts to flows: what the network did with each, by the box's own packet oracle.

It knows that the network stands still while a gate is in use, and so judges each source, machine and port once. It
refuses to know rules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple

from emulator.oracle import judgement
from emulator.oracle.packets import Address, Packet
from emulator.traffic import addresses
from emulator.traffic.scenarios import RDP, SSH, Attempt
from emulator.traffic.targets import Target

_SERVICES = {("Linux", SSH), ("Windows", RDP)}
_WITH_COUNTRY = {"ExternalPublic", "MaliciousFlow"}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What the network does with flows from one source to one port of one machine.

    `destination` is the private address that took or refused them. Flows of a minute whose `record` has the same number
    are written as one.
    """

    passes: bool
    rule: str
    nsg: str
    destination: Address
    type: str
    country: str
    record: int

    @property
    def public(self) -> bool:
        """Whether flow logs write the source as a public one."""
        return self.type in {*_WITH_COUNTRY, "AzurePublic"}


class Flow(NamedTuple):
    """One connection that was tried. `signed_in` is None where nobody could try to sign in."""

    at: float
    source: str
    target: Target
    port: int
    outcome: Outcome
    user: str | None
    signed_in: bool | None


@dataclass(slots=True)
class Gate:
    """Judges attempts. It remembers each verdict, so it is good for one moment only."""

    _outcomes: dict[tuple[Target, str, int], Outcome | None] = field(default_factory=dict)
    _records: dict[tuple[object, ...], int] = field(default_factory=dict)

    def judge(self, attempts: Iterable[Attempt]) -> Iterator[Flow]:
        """The flows of these attempts; one to a machine without an address of the source's IP version is none."""
        for attempt in attempts:
            place = (attempt.target, attempt.source, attempt.port)
            if place not in self._outcomes:
                self._outcomes[place] = self._outcome(*place)
            if outcome := self._outcomes[place]:
                yield _flow(attempt, outcome)

    def _outcome(self, target: Target, source: str, port: int) -> Outcome | None:
        """The first address of a machine that takes the packet, else the first that refuses it."""
        address = _parsed(source)
        tried = [
            (judgement.judge(Packet(address, way.address, port, "Tcp"), way), way)
            for way in target.ways
            if way.address.version == address.version
        ]
        if not tried:
            return None
        verdict, way = next((one for one in tried if one[0].passes), tried[0])
        kind = addresses.type_of(address, way.virtual)
        country = addresses.country_of(source) if kind in _WITH_COUNTRY else ""
        alone = "" if country or kind == "AzurePublic" else source
        alike = (target, way.address, port, verdict, kind, country, alone)
        record = self._records.setdefault(alike, len(self._records))
        return Outcome(verdict.passes, verdict.rule or "", verdict.nsg or "", way.address, kind, country, record)


def _flow(attempt: Attempt, outcome: Outcome) -> Flow:
    at, source, target, port, user, trusted = attempt
    tried = bool(user) and outcome.passes and (target.system, port) in _SERVICES
    return Flow(at, source, target, port, outcome, user if tried else None, trusted if tried else None)


@cache
def _parsed(source: str) -> Address:
    return ip_address(source)
