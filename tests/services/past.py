"""Looking back in memory: the record of the shelf, and logs that tell what they are told to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.computers import ArcServer, ArcServers
from shared.domain.evidence import Evidence, Part, Scope
from shared.domain.findings import Found
from shared.domain.flow_logs import FlowLog
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded, Stage
from shared.domain.records import POLICY_REMOVED, POLICY_SET, Record, grant_kind
from shared.history import Recorded
from tests.domain.values import NOW
from tests.services.memory import Port


class MemoryHistory(Port):
    """The `History` port."""

    async def between(self, scope: Scope, most: int, requestor: str | None = None) -> Recorded:
        """What is on record, the newest first."""
        await self.call("history.between")
        abouts = {str(one).lower() for one in scope.machines or ()} | scope.groups
        found = [
            one
            for one in self._everything()
            if scope.since <= one.at < scope.until
            and (
                one.subject.split("/")[2] in scope.subscriptions
                if scope.machines is None
                else one.subject.lower() in abouts
            )
            and requestor in {None, one.requestor}
        ]
        found.sort(key=lambda one: (one.at, one.key), reverse=True)
        return Recorded(found[:most], len(found) > most)

    def _everything(self) -> Iterator[Record]:
        yield from map(_of_grant, self.shelf.records.values())
        yield from map(_of_policy, self.shelf.changes.values())
        yield from map(_of_finding, self.shelf.findings.values())


def _of_grant(grant: Grant) -> Record:
    last = grant.occurrence
    return Record(
        key=f"{last.at.isoformat()}|{grant.id}|{last.number}",
        at=last.at,
        kind=grant_kind(last.event or last.state),
        subject=str(grant.machine),
        by=last.by,
        grant=grant.id,
        requestor=grant.requestor.id,
        ports=", ".join(f"{p.span[0]}-{p.span[1]}/{p.protocol} {' '.join(p.sources)}" for p in grant.ports),
        justification=grant.justification,
        ticket=grant.ticket,
        break_glass=grant.break_glass,
        reason=str(last.reason or ""),
        detail=last.detail,
    )


def _of_policy(guarded: Guarded) -> Record:
    kind = POLICY_REMOVED if guarded.stage is Stage.REMOVING else POLICY_SET
    key = f"{guarded.changed_at.isoformat()}|{guarded.machine.id}|{guarded.revision}"
    return Record(key, guarded.changed_at, kind, str(guarded.machine.id), guarded.changed_by)


def _of_finding(found: Found) -> Record:
    key = f"{found.at.isoformat()}|{found.subject}|{found.what}|{found.number}"
    return Record(key, found.at, str(found.what), found.subject, detail=found.detail)


@dataclass(slots=True)
class ToldLogs:
    """The `Logs` port: it tells the evidence that it was given, and notes what it was asked."""

    evidence: Evidence = field(default_factory=Evidence)
    workspace: str = "33333333-3333-3333-3333-333333333333"
    asked: list[tuple[Scope, frozenset[Part]]] = field(default_factory=list)

    async def tell(
        self,
        scope: Scope,
        about: Collection[Part],
        patience: timedelta | None = None,  # noqa: ARG002 - the port's form.
    ) -> Evidence:
        """The evidence."""
        self.asked.append((scope, frozenset(about)))
        return self.evidence


@dataclass(slots=True)
class ToldFlowLogs:
    """The `FlowLogs` port."""

    logs: list[FlowLog] = field(default_factory=list)

    async def flow_logs(self, subscriptions: Sequence[str]) -> Sequence[FlowLog]:  # noqa: ARG002 - the port's form.
        """The flow logs."""
        return self.logs


@dataclass(slots=True)
class ToldServers:
    """The `Servers` port."""

    found: list[ArcServer] = field(default_factory=list)
    unreadable: int = 0

    async def servers(self, subscriptions: Sequence[str]) -> ArcServers:  # noqa: ARG002 - the port's form.
        """The servers."""
        return ArcServers(NOW, self.found, self.unreadable)
