"""The rounds of one settling: under the group's lease, serve what is on its desk until nothing is left to serve.

In one process there is one settling of a group at a time. Whoever comes meanwhile joins it and is told of its claims
as soon as a round has served them; so the writes of all who come together are one, and only one in each process asks
for the lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.claims import LockClaim, OpenClaim, Wanted
from shared.domain.observing import is_wanted
from shared.domain.punctuality import worth_waiting
from shared.domain.rules import DEFAULTS, Nsg
from shared.ports import Conflict, Entry, NotFound, Observed, Unavailable
from shared.services.leasing import hold, new_holder, take
from shared.services.serving import DeskChanged, Entries, Purpose, Turn, serve
from shared.services.world import World

_FIRST_LOOK, _LAST_LOOK = timedelta(milliseconds=250), timedelta(milliseconds=500)
_FIRST_PAUSE, _AFTER_CONFLICT, _LONGEST_PAUSE = (timedelta(milliseconds=ms) for ms in (50, 300, 5000))


class Rounds:
    """A settling that goes on in this process until `task` is done."""

    def __init__(self, world: World, nsg: str, purpose: Purpose) -> None:
        self._world, self._nsg, self._first = world, nsg, Turn(purpose)
        self._opens = purpose is Purpose.OPEN
        self._holds = False
        self._waiting = 0
        self._news = asyncio.get_running_loop().create_future()
        self.looks = 0  # How often the desk was read, a reading that still goes on included.
        self.entries: Entries = {}  # What the last reading showed that is over.
        self.observed: Observed | None = None  # The group as last read, once it is as all claims want it.
        self.task = asyncio.create_task(self._run())

    @property
    def gone(self) -> AbstractSet[str]:
        """The claims that these rounds took off the desk when they had seen the rules gone."""
        return self._first.gone

    def join(self, purpose: Purpose) -> None:
        """Go on with it for somebody else too. It opens from the next round on when one who has joined wants that."""
        self._opens = self._opens or purpose is Purpose.OPEN

    async def told(self, keys: Iterable[str], look: int | None, until: datetime) -> bool:
        """Whether `entries` tell what became of claims: a reading from `look` on has them served, or is the last.

        False when the rounds ended without such a reading, and when the lease could not be had by `until`. Without
        `look` only their end is waited for, and not after `until`. Raises what ended the rounds.
        """
        wanted, alarm = frozenset(keys), asyncio.create_task(self._sleep_until(until))
        self._waiting += 1
        try:
            while not self.task.done():
                if look and self.looks >= look and self._shows_served(wanted):
                    return True
                if alarm.done() and not (look and self._holds):
                    return False
                events = {self.task, self._news, *(() if alarm.done() else (alarm,))}
                await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting -= 1
            alarm.cancel()
        if look is None:
            return False
        self.task.result()
        return self.looks >= look

    async def _sleep_until(self, until: datetime) -> None:
        await self._world.clock.sleep(until - self._world.clock.now())

    def _shows_served(self, keys: Iterable[str]) -> bool:
        chosen, now = [self.entries.get(key) for key in keys], self._world.clock.now()
        return bool(chosen) and not any(entry is not None and _waits(entry, now) for entry in chosen)

    async def _run(self) -> None:
        """Get the lease, or see the claims served by whoever has it; stop when nobody waits for that any more."""
        try:
            await self._get_lease_and_drain()
        finally:
            if self._world.settlings.get(self._nsg.lower()) is self:
                del self._world.settlings[self._nsg.lower()]

    async def _get_lease_and_drain(self) -> None:
        world, holder, pause = self._world, new_holder(self._world), _FIRST_LOOK
        while self._waiting:
            if lease := await take(world, self._nsg, holder):
                self._holds = True
                self.observed = await hold(world, lease, self._drain())
                for found in self._first.found:
                    await world.audit.found(found)
                return
            await world.clock.sleep(pause)
            pause = min(pause * 1.5, _LAST_LOOK)
            await self._look()
            self._tell()

    async def _look(self) -> Entries:
        self.looks += 1
        self.entries = await self._world.desk.entries(self._nsg)
        return self.entries

    def _tell(self) -> None:
        """Wake up those who wait; who has not got what it waits for goes on waiting."""
        self._news.set_result(None)
        self._news = asyncio.get_running_loop().create_future()

    async def _drain(self) -> Observed:
        """Settle until nothing that this settling may serve is pending."""
        clock, observed, pause = self._world.clock, None, _FIRST_PAUSE
        give_up, entries = clock.now() + self._world.times.settling, await self._look()
        while clock.now() < give_up:
            if gap := self._gap(entries):
                await clock.sleep(gap)
                entries = await self._look()
                continue
            try:
                observed = await serve(self._world, observed or await self._steady(entries), entries, self._turn())
            except Conflict as conflict:
                # Where only the desk has changed, all is known of the group, and there is little to wait for.
                observed = conflict.observed if isinstance(conflict, DeskChanged) else None
                await clock.sleep(pause if observed else max(pause, _AFTER_CONFLICT))
                pause, entries = min(pause * 1.5, _LONGEST_PAUSE), await self._look()
                continue
            entries = await self._look()
            # A claim may have come in, or a grant's time run out, while the last ones were served.
            if not any(self._to_serve(entries)):
                return observed
            # As long as rounds succeed nothing is wrong, however many there are.
            give_up, pause = clock.now() + self._world.times.settling, _FIRST_PAUSE
            self._tell()
        raise Unavailable(f"{self._nsg} kept changing while it was being settled")

    def _turn(self) -> Turn:
        return replace(self._first, purpose=Purpose.OPEN if self._opens else Purpose.CLOSE)

    def _to_serve(self, entries: Entries) -> Iterator[Entry]:
        """What waits and may be served by those who have joined."""
        turn, now = self._turn(), self._world.clock.now()
        return (entry for entry in entries.values() if _waits(entry, now) and not turn.leaves(entry))

    def _gap(self, entries: Entries) -> timedelta:
        """How long to wait for a grant that is about to end, where nothing else is to be done than to close others."""
        now = self._world.clock.now()
        claims = (entry.claim for entry in self._to_serve(entries))
        if not all(isinstance(claim, OpenClaim) and claim.ends_at <= now for claim in claims):
            return timedelta()
        return worth_waiting((entry.claim for entry in entries.values()), now, self._world.times.write)

    async def _steady(self, entries: Entries) -> Observed:
        """The group, when ARM is not busy with it: planning on what is just being changed would be guessing."""
        try:
            observed = await self._world.network.group(self._nsg)
        except NotFound:
            makers = [entry.claim for entry in entries.values() if isinstance(entry.claim, LockClaim)]
            wanted = [claim for claim in makers if claim.make_in and claim.wanted is Wanted.PRESENT]
            if not wanted:
                raise
            return unmade(self._nsg, wanted[0])
        if not observed.nsg.settled:
            raise Conflict(f"{self._nsg} is being updated")
        return observed


def _waits(entry: Entry, now: datetime) -> bool:
    """Whether a claim still has to be served: nobody has looked at it, or it is there to be taken off the desk."""
    return entry.pending or not is_wanted(entry.claim, now)


def unmade(nsg: str, claim: LockClaim) -> Observed:
    """A group that is still to be made for a machine that has none, with the lock inside from the start."""
    group = Nsg(nsg, etag="", rules=(), defaults=DEFAULTS, made_for=claim.machine.key)
    return Observed(group, {"location": claim.make_in})
