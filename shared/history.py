"""What looking back needs of the outside world: the record of what Postern did, and the logs. As `shared.ports`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared.domain.evidence import Evidence, Part, Scope
from shared.domain.flow_logs import FlowLog
from shared.domain.records import Record


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is on record, the newest first, and whether there was more than was wanted."""

    records: Sequence[Record]
    capped: bool = False


class History(Protocol):
    """The record of what Postern did."""

    async def between(self, scope: Scope, most: int, requestor: str | None = None) -> Recorded:
        """What is on record about a scope, the newest first. Raises Unavailable.

        Of a scope with machines also what was found about their groups. With a requestor, only about its grants.
        """
        ...


class Logs(Protocol):
    """Log Analytics. `workspace` is the id that flow logs name."""

    @property
    def workspace(self) -> str:
        """The id of the workspace; empty when there is none."""
        ...

    async def tell(self, scope: Scope, about: Collection[Part], patience: timedelta | None = None) -> Evidence:
        """What the logs tell. It never fails: what cannot be told is a gap in the evidence.

        `patience` is how long to wait for it, where that is not as long as a person would.
        """
        ...


class FlowLogs(Protocol):
    """Which networks log their flows."""

    async def flow_logs(self, subscriptions: Sequence[str]) -> Sequence[FlowLog]:
        """Every flow log of some subscriptions. Raises Unavailable."""
        ...
