"""Machines and network security groups in memory, as strict as ARM, watching what is done to them.

A write takes time, lands only on the group that was planned for, and is carried out change by change. Whatever should
never happen is noted in `offences`, and tests look there.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum

from shared.domain.guarding import Stage
from shared.domain.machines import Machine, MachineId
from shared.domain.planning import Plan
from shared.domain.rules import LOCK_MARK, OPEN_MARK, Access, Nsg
from shared.ports import Conflict, NotFound, Observed, PriorityTaken, Rejected, Unavailable
from tests.domain.values import steps
from tests.services.clock import Clock
from tests.services.memory import Shelf
from tests.services.process import Process


class Trouble(Enum):
    """What can happen to a write."""

    CONFLICT = "somebody else was faster"
    TAKEN = "a priority is said to be taken"
    UNAVAILABLE = "ARM is down"
    MISSING = "the group is not found"
    LOST = "done, but the answer is lost"
    PART = "the first change is done, and no other"


_ERRORS = {
    Trouble.CONFLICT: Conflict,
    Trouble.TAKEN: PriorityTaken,
    Trouble.UNAVAILABLE: Unavailable,
    Trouble.MISSING: NotFound,
    Trouble.LOST: Conflict,
    Trouble.PART: Conflict,
}


@dataclass(slots=True)
class Cloud:
    """The machines and groups, all writes that landed, and everything that should not have happened."""

    machines: dict[MachineId, Machine]
    groups: dict[str, Nsg]
    shelf: Shelf
    troubles: deque[Trouble] = field(default_factory=deque)
    written: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)
    unlocked: list[str] = field(default_factory=list)  # Addresses set free of machines that are under a policy.
    kept: set[str] = field(default_factory=set)  # Groups that may not be deleted.
    indexed: dict[MachineId, Machine | None] = field(default_factory=dict)  # What the index shows, where it lags.
    unreadable: set[MachineId] = field(default_factory=set)
    unwelcome: set[str] = field(default_factory=set)  # Source prefixes that no rule may name.
    unflushable: set[str] = field(default_factory=set)  # Groups that may not be written whole, by id in lower case.
    stubborn: set[str] = field(default_factory=set)  # Groups in which each write that switches is a conflict.
    lived_on: list[str] = field(
        default_factory=list
    )  # Rules of grants that went without ending sessions as they should.
    write_time: timedelta = timedelta(seconds=2)
    _writing: Counter[str] = field(default_factory=Counter)

    def put(self, nsg: Nsg) -> None:
        """A group as it stands from now on."""
        key = nsg.id.lower()
        number = int(self.groups[key].etag) + 1 if key in self.groups else 1
        self.groups[key] = replace(nsg, etag=str(number))

    def begin(self, id_: str) -> None:
        """Somebody writes to a group; nobody else should."""
        self._writing[id_.lower()] += 1
        if self._writing[id_.lower()] > 1:
            self.offences.append(f"two write to {id_} at once")

    def end(self, id_: str) -> None:
        """The write is over."""
        self._writing[id_.lower()] -= 1

    def watch(self, before: Nsg, after: Nsg) -> None:
        """Note what a write should not have done."""
        if sorted(map(repr, before.foreign)) != sorted(map(repr, after.foreign)):
            self.offences.append("a foreign rule was changed")
        for rule in set(after.rules) - set(before.rules):
            if rule.mark == OPEN_MARK and rule.name.removeprefix(OPEN_MARK)[:24] not in self.shelf.grants:
                self.offences.append(f"{rule.name} was opened before its grant was stored")
        if before.flush.on and not before.flush.ours and not after.flush.on:
            self.offences.append("flushConnection was switched off that somebody else had switched on")
        gone = {rule.name for rule in before.ours if rule.mark == OPEN_MARK} - {rule.name for rule in after.ours}
        self.lived_on.extend(sorted(name for name in gone if self._ends_sessions(name) and not after.flush.on))
        self.unlocked.extend(sorted((_locked(before) - _locked(after)) & self._guarded_addresses(before)))

    def _ends_sessions(self, rule: str) -> bool:
        grant = self.shelf.grants.get(rule.removeprefix(OPEN_MARK)[:24])
        guarded = self.shelf.policies.get(grant.value.machine) if grant else None
        return guarded is not None and guarded.value.policy.end_sessions

    def _guarded_addresses(self, nsg: Nsg) -> set[str]:
        guarded = (kept.value for kept in self.shelf.policies.values() if kept.value.stage is Stage.GUARDED)
        return {place.address for one in guarded for place in one.machine.locked_in(nsg.id)}


def _locked(nsg: Nsg) -> set[str]:
    denies = (rule for rule in nsg.ours if rule.mark == LOCK_MARK and rule.access is Access.DENY)
    return {address for rule in denies for address in rule.destinations}


@dataclass(frozen=True, slots=True)
class MemoryNetwork:
    """The `Network` port of one process."""

    cloud: Cloud
    process: Process
    clock: Clock

    async def machine(self, id_: MachineId) -> Machine:
        """The machine."""
        await self.process.call("network.machine", self.clock)
        if id_ in self.cloud.unreadable:
            raise Unavailable(f"{id_} may not be read")
        if id_ not in self.cloud.machines:
            raise NotFound(str(id_))
        return self.cloud.machines[id_]

    async def attach(self, nic: str, nsg: str) -> None:
        """Put a group on an interface."""
        await self._put_on(nic, nsg, instead_of=None)

    async def detach(self, nic: str, nsg: str) -> None:
        """Take a group off an interface."""
        await self._put_on(nic, None, instead_of=nsg)

    async def _put_on(self, nic: str, nsg: str | None, instead_of: str | None) -> None:
        await self.process.call("network.attach", self.clock)
        holders = [one for one in self.cloud.machines.values() if nic in {place.nic for place in one.endpoints}]
        if not holders:
            raise NotFound(nic)
        for machine in holders:
            present = {place.nic_nsg for place in machine.endpoints if place.nic == nic}
            if not present <= {nsg, instead_of}:
                raise Conflict("the interface has another group")
            places = tuple(replace(e, nic_nsg=nsg) if e.nic == nic else e for e in machine.endpoints)
            self.cloud.machines[machine.id] = replace(machine, endpoints=places)
        await self.process.call("network.attached", self.clock)

    async def discard(self, nsg: str) -> str | None:
        """Delete a group."""
        await self.process.call("network.discard", self.clock)
        if any(nsg in machine.nsgs for machine in self.cloud.machines.values()):
            return "it is in use"
        if nsg in self.cloud.kept:
            return "it may not be deleted"
        self.cloud.groups.pop(nsg.lower(), None)
        return None

    async def group(self, nsg: str) -> Observed:
        """The group."""
        await self.process.call("network.group", self.clock)
        if nsg.lower() not in self.cloud.groups:
            raise NotFound(nsg)
        return Observed(self.cloud.groups[nsg.lower()], {})

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan."""
        nsg = observed.nsg
        await self.process.call("network.apply", self.clock)
        self.cloud.begin(nsg.id)
        try:
            await self.clock.sleep(self.cloud.write_time)
            self._write(nsg, plan)
        finally:
            self.cloud.end(nsg.id)
        await self.process.call("network.answer", self.clock)
        refused = "the group may not be written" if plan.flush and nsg.id.lower() in self.cloud.unflushable else ""
        return Observed(self.cloud.groups[nsg.id.lower()], {}, refused)

    def _write(self, nsg: Nsg, plan: Plan) -> None:
        trouble = self.cloud.troubles.popleft() if self.cloud.troubles else None
        present = self.cloud.groups.get(nsg.id.lower())
        if present is None and not nsg.etag:
            present = nsg
        if present is None:
            raise NotFound(nsg.id)
        if present.etag != nsg.etag or (plan.flush and nsg.id.lower() in self.cloud.stubborn):
            raise Conflict("the group is no longer as observed")
        for change in plan.changes:
            if self.cloud.unwelcome & set(change.rule.sources):
                raise Rejected("ARM does not like the source", change.rule.name)
        states = steps(present, replace(plan, flush=None) if nsg.id.lower() in self.cloud.unflushable else plan)
        landed = {None: states[-1], Trouble.LOST: states[-1], Trouble.PART: states[:2][-1]}.get(trouble)
        if landed:
            self.cloud.watch(present, landed)
            self.cloud.put(landed)
            self.cloud.written.append(nsg.id)
        if trouble:
            raise _ERRORS[trouble](trouble.value)
