"""Sessions that were let in once: they live on until a group on their way cuts them.

A network security group keeps a record of each flow. Taking a rule away leaves flows alone, so that an established
connection goes on. With `flushConnection` on, flows of the group are evaluated again when its rules change, and when it
is switched on. Only the group that changed looks at them, by its own rules. Sources: "Network security groups"
overview, "Security rules"; REST reference of Microsoft.Network, `flushConnection`.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from emulator.arm.store import Store
from emulator.oracle import judgement, ways
from emulator.oracle.packets import Group, Packet, Verdict, Way

type State = tuple[str, bool]
"""What a group was when a session was last held against it: its rules, and whether it flushes."""


@dataclass(slots=True)
class Session:
    """One connection that was let in. `cut_by` is the verdict that ended it."""

    number: int
    packet: Packet
    seen: dict[str, State]
    cut_by: Verdict | None = None

    def document(self) -> dict[str, Any]:
        """The session as JSON."""
        cut = self.cut_by.document() if self.cut_by else {"rule": None, "nsg": None}
        return {
            "id": self.number,
            "source": str(self.packet.source),
            "destination": str(self.packet.destination),
            "port": self.packet.port,
            "protocol": self.packet.protocol,
            "established": self.cut_by is None,
            "cutBy": {"rule": cut["rule"], "nsg": cut["nsg"]} if self.cut_by else None,
        }


@dataclass(slots=True)
class Sessions:
    """Every session of this world. Whoever changes what is in force calls `note` after each change."""

    _all: list[Session] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all."""
        self._all.clear()

    def open(self, packet: Packet, way: Way) -> Session:
        """A session whose first packet has passed on this way."""
        session = Session(len(self._all) + 1, packet, {group.id: _state(group) for group in way.groups})
        self._all.append(session)
        return session

    def every(self) -> list[Session]:
        """All, the oldest first, those that were cut too."""
        return list(self._all)

    def note(self, store: Store) -> None:
        """Hold the sessions against the groups that have changed and flush."""
        for session in self._all:
            if session.cut_by is None:
                _hold(store, session)


def _hold(store: Store, session: Session) -> None:
    found = [(group, way) for way in ways.to_address(store, session.packet.destination) for group in way.groups]
    for group, way in found:
        changed = session.seen.get(group.id) not in {None, _state(group)}
        verdict = judgement.judge_in(group, session.packet, way) if changed and group.flushes else None
        if verdict and not verdict.passes:
            session.cut_by = verdict
    session.seen = {group.id: _state(group) for group, _ in found if group.id in session.seen}


def _state(group: Group) -> State:
    return json.dumps(group.rules, sort_keys=True), group.flushes
