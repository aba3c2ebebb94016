"""What Postern wants to stand in one network security group.

A claim is a wish about one group, kept until it is fulfilled and seen: "this machine is locked here", "this
grant is open here until then", "flushConnection is on here". Claims are levels, not edges: repeating one changes
nothing, and whoever comes next can finish what somebody else began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.grants import GrantPort, PlacedRule
from shared.domain.keys import short_hash
from shared.domain.machines import Endpoint, MachineId
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Protocol


class Wanted(StrEnum):
    """What a claim asks for."""

    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class LockShape:
    """What a lock stops, whichever machine it is for; locks of one shape share a rule."""

    guarded: tuple[tuple[Protocol, Ranges], ...]  # For each protocol, the ports that are kept closed.
    origin: Origin

    @property
    def name(self) -> str:
        """A name for the shape, readable where it can be: `all`, `all-internet`, `ports-3k9x0c7d`."""
        everything = self.guarded == ((Protocol.ANY, ALL_PORTS),)
        spans = [(str(protocol), ports.spans) for protocol, ports in self.guarded]
        what = "all" if everything else f"ports-{short_hash(repr(spans), 8)}"
        return what if self.origin is Origin.ANYWHERE else f"{what}-internet"


@dataclass(frozen=True, slots=True)
class LockClaim:
    """Keep a machine's endpoints closed in this group, or (`ABSENT`) take the lock away."""

    machine: MachineId
    endpoints: tuple[Endpoint, ...]
    guarded: tuple[tuple[Protocol, Ranges], ...]
    origin: Origin
    wanted: Wanted = Wanted.PRESENT
    former: tuple[str, ...] = ()  # Addresses that the machine had here, and no longer has.
    make_in: str = ""  # The location in which to make the group when there is none; empty: it is not ours to make.

    @property
    def shape(self) -> LockShape:
        """What the lock stops."""
        return LockShape(self.guarded, self.origin)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The private addresses that are kept closed."""
        return tuple(endpoint.address for endpoint in self.endpoints)

    @property
    def key(self) -> str:
        """The claim's name within its group."""
        return f"lock|{self.machine.key}"


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """Let a grant's sources in to a machine's endpoints in this group until `ends_at`, or (`ABSENT`) no longer."""

    grant: str
    requestor: str
    endpoints: tuple[Endpoint, ...]
    ports: tuple[GrantPort, ...]
    ends_at: datetime
    wanted: Wanted = Wanted.PRESENT

    @property
    def key(self) -> str:
        """The claim's name within its group."""
        return f"open|{self.grant}"


@dataclass(frozen=True, slots=True)
class FlushClaim:
    """Have `flushConnection` on in this group for a machine whose sessions end with their grants, or no longer."""

    flush_for: MachineId
    wanted: Wanted = Wanted.PRESENT
    own: bool = False  # Whether the group is one that Postern makes for the machine.

    @property
    def key(self) -> str:
        """The claim's name within its group."""
        return f"flush|{self.flush_for.key}"


type Claim = LockClaim | OpenClaim | FlushClaim


class Finding(StrEnum):
    """What was seen of a claim when the group was last read back."""

    PENDING = "pending"  # Nobody has looked yet.
    FULFILLED = "fulfilled"
    BLOCKED = "blocked"  # A rule of somebody else leaves no room; `detail` names it.
    VANISHED = "vanished"  # It was fulfilled, and somebody took the rules away.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claim, and the rules that stand for it."""

    finding: Finding
    rules: tuple[PlacedRule, ...] = ()
    detail: str = ""


PENDING = Outcome(Finding.PENDING)
