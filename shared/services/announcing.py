"""Saying what is about to be stored, before it is: so that nothing that happened goes untold, whoever dies on the way.

The ports here stand in front of the real ones and do the same. Saying it never keeps anything from being stored: when
the queue of events is away, that is told to the operator and the change goes on. What may be open is marked as closing
without saying anything, so that not even a slow queue makes closing late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.channels import Events, Records
from shared.domain.events import Matter, in_brief, is_told
from shared.domain.findings import Found
from shared.domain.grants import Grant, GrantFilter
from shared.domain.guarding import Guarded
from shared.domain.machines import MachineId
from shared.domain.messages import Happened
from shared.ports import Audit, Clock, Grants, Stored, Unavailable

# After a failure the queue is left alone for a while: a sweep that closes hundreds does not wait for each.
_LEFT_ALONE = timedelta(seconds=5)


@dataclass(slots=True)
class Herald:
    """Says things on the queue of events, as well as may be; `lost` hears of what could not be said."""

    clock: Clock
    events: Events
    lost: Callable[[str, Exception], None]
    lead: timedelta = timedelta(minutes=10)
    patience: float = 3.0  # seconds
    _again_at: datetime | None = field(default=None, init=False)

    async def change(self, grant: Grant) -> None:
        """Say that a grant is about to be changed to this."""
        if is_told(grant, self.lead):
            await self._say(in_brief(grant), f"{grant.id}-{grant.occurrence.number}")

    async def finding(self, found: Found) -> None:
        """Say that this was found."""
        await self._say(found, f"{found.what} of {found.subject}")

    async def _say(self, matter: Matter, name: str) -> None:
        now = self.clock.now()
        if self._again_at and now < self._again_at:
            self.lost(name, Unavailable("the queue of events did not answer a moment ago"))
            return
        try:
            async with asyncio.timeout(self.patience):
                await self.events.send(Happened(matter, now))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with telling, what is to be done is done.
            self._again_at = now + _LEFT_ALONE
            self.lost(name, error)


@dataclass(frozen=True, slots=True)
class AnnouncedGrants:
    """The `Grants` port, with each change said before it is stored."""

    grants: Grants
    herald: Herald

    async def add(self, grant: Grant) -> Stored[Grant]:
        """Keep a new grant."""
        await self.herald.change(grant)
        return await self.grants.add(grant)

    async def save(self, stored: Stored[Grant], changed: Grant) -> Stored[Grant]:
        """Replace a grant with its next state; where nothing happened to it, nothing is said."""
        if changed.occurrence != stored.value.occurrence:
            await self.herald.change(changed)
        return await self.grants.save(stored, changed)

    async def get(self, id_: str) -> Stored[Grant] | None:
        """One grant."""
        return await self.grants.get(id_)

    async def record(self, grant: Grant) -> None:
        """Make sure that what last happened to a grant is on record."""
        await self.grants.record(grant)

    async def unfinished(self, machine: MachineId) -> Sequence[Stored[Grant]]:
        """The grants of a machine that are not over."""
        return await self.grants.unfinished(machine)

    async def waiting(self, requestor: str) -> Sequence[Grant]:
        """The grants of a caller that wait."""
        return await self.grants.waiting(requestor)

    async def since(self, machine: MachineId, at: datetime) -> Sequence[Grant]:
        """The grants of a machine since a time."""
        return await self.grants.since(machine, at)

    async def page(self, wanted: GrantFilter, size: int, token: str | None) -> tuple[Sequence[Grant], str | None]:
        """A page of grants."""
        return await self.grants.page(wanted, size, token)


@dataclass(frozen=True, slots=True)
class AnnouncedAudit:
    """The `Audit` port, with each finding said before it is recorded for the first time."""

    audit: Audit
    records: Records
    herald: Herald

    async def policy_changed(self, guarded: Guarded) -> None:
        """Record a change of a policy."""
        await self.audit.policy_changed(guarded)

    async def found(self, found: Found) -> None:
        """Record a finding. The repair does this again and again: what is on record was said before."""
        if await self.records.has_finding(found):
            return
        await self.herald.finding(found)
        await self.audit.found(found)
