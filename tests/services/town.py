"""A small world to act in: four machines, two groups, and people who ask.

`Town` keeps everything that outlives a process. `live` runs one act in a process of its own and cleans up after it,
whether it ended well or died. web-01 lies behind its own group and its subnet's; web-02 and web-03 share the latter.
bare-01 has no group at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from shared.domain.decisions import AskedPort, Asker, Wish
from shared.domain.grants import Grant
from shared.domain.issues import Refused
from shared.domain.machines import Machine, MachineId
from shared.domain.people import Person
from shared.domain.policies import Policy, PolicyPort
from shared.domain.rules import OPEN_MARK, Protocol, Rule
from shared.domain.traffic import Flow
from shared.services.enabling import Assignment, enable
from shared.services.grants import Ask, ask
from shared.services.locking import Standing
from shared.services.opening import Progress
from shared.services.repairing import repair
from shared.services.sweeping import Report, sweep
from shared.services.world import World
from tests.domain import bridge
from tests.domain.values import GROUP, OFFICE, SUBNET_GROUP, SUBSCRIPTION, endpoint, group, machine_id
from tests.services import memory
from tests.services.clock import Clock
from tests.services.cloud import Cloud, MemoryNetwork
from tests.services.index import MemoryInventory
from tests.services.past import MemoryHistory, ToldFlowLogs, ToldLogs, ToldServers
from tests.services.process import Process

ANN, BOB = Person("ann", "Ann"), Person("bob", "Bob")
WEB_01, WEB_02, WEB_03 = machine_id("web-01"), machine_id("web-02"), machine_id("web-03")
BARE = machine_id("bare-01")
HOUR = timedelta(hours=1)
POLICY = Policy(
    tuple(PolicyPort((port, port), Protocol.TCP, ("*",), timedelta(hours=3)) for port in (22, 3389)),
)


def _cloud(shelf: memory.Shelf) -> Cloud:
    homes = {
        WEB_01: endpoint("10.0.0.4", GROUP, SUBNET_GROUP),
        WEB_02: endpoint("10.0.0.5", None, SUBNET_GROUP),
        WEB_03: endpoint("10.0.0.6", None, SUBNET_GROUP),
        BARE: endpoint("10.0.0.7", None, None),
    }
    machines = {id_: Machine(id_, "westeurope", "Linux", (home,)) for id_, home in homes.items()}
    cloud = Cloud(machines, {}, shelf)
    cloud.put(group("300 allow-rdp Allow Tcp 3389 from Internet", "310 allow-ssh Allow Tcp 22 from *"))
    cloud.put(group("200 allow-ssh Allow Tcp 22 from *", id_=SUBNET_GROUP))
    return cloud


class Unwatched:
    """No gate here needs to be looked at: ARM tells of every change."""

    async def empty(self, _nsg: str) -> None:
        """Nothing."""

    async def look_again(self, _nsg: str) -> tuple[str, ...]:
        """Nothing."""
        return ()


@dataclass(slots=True)
class Town:
    """What outlives a process, and ways to act in it."""

    shelf: memory.Shelf = field(default_factory=memory.Shelf)
    clock: Clock = field(default_factory=Clock)
    logs: ToldLogs = field(default_factory=ToldLogs)
    flow_logs: ToldFlowLogs = field(default_factory=ToldFlowLogs)
    servers: ToldServers = field(default_factory=ToldServers)
    cloud: Cloud = field(init=False)
    _chances: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.cloud = _cloud(self.shelf)

    def world(self, process: Process | None = None) -> World:
        """The ports of a process, wired."""
        process = process or Process()
        ports = (self.shelf, process, self.clock)
        return World(
            clock=self.clock,
            network=MemoryNetwork(self.cloud, process, self.clock),
            inventory=MemoryInventory(self.cloud, process, self.clock),
            policies=memory.MemoryPolicies(*ports),
            grants=memory.MemoryGrants(*ports),
            dues=memory.MemoryDues(*ports),
            desk=memory.MemoryDesk(*ports),
            audit=memory.MemoryAudit(*ports),
            reminders=memory.MemoryReminders(*ports),
            attempts=memory.MemoryAttempts(*ports),
            history=MemoryHistory(*ports),
            logs=self.logs,
            flow_logs=self.flow_logs,
            servers=self.servers,
            watched=Unwatched(),
            chance=lambda bits: next(self._chances) % 2**bits,
            subscriptions=(SUBSCRIPTION,),
        )

    async def live[T](self, act: Callable[[World], Awaitable[T]], process: Process | None = None) -> T:
        """One act in a process of its own; nothing of it goes on afterwards."""
        others = asyncio.all_tasks()
        world = self.world(process)
        try:
            result = await act(world)
            await asyncio.gather(*world.background)
            return result
        finally:
            mine = asyncio.all_tasks() - others
            for task in mine:
                task.cancel()
            await asyncio.gather(*mine, return_exceptions=True)

    async def enable(
        self, machine: MachineId = WEB_01, process: Process | None = None, policy: Policy = POLICY
    ) -> Standing | Refused:
        """Put a machine under a policy."""
        return await self.live(lambda world: enable(world, machine, Assignment(policy, BOB)), process)

    async def ask(self, machine: MachineId = WEB_01, process: Process | None = None, port: int = 22) -> Grant:
        """Ask for an hour of ssh from the office, which must not be refused."""
        answer = await self.live(lambda world: ask(world, wish(machine, port)), process)
        assert isinstance(answer, Progress)
        return answer.grant

    async def sweep(self, process: Process | None = None) -> Report:
        """The timer's pass."""
        return await self.live(sweep, process)

    async def repair(self, process: Process | None = None) -> Report:
        """The repairing pass."""
        return await self.live(repair, process)

    def passes(self, port: int = 22, source: str = OFFICE, address: str = "10.0.0.4") -> bool:
        """What the network would do with a packet, by the box's oracle."""
        places = (place for machine in self.cloud.machines.values() for place in machine.endpoints)
        path = next((place.path for place in places if place.address == address), (SUBNET_GROUP, GROUP))
        return bridge.verdict([self.cloud.groups[nsg.lower()] for nsg in path], Flow(source, port), address).passes

    def holes(self) -> Iterator[Rule]:
        """Every allow rule of a grant, wherever it stands."""
        for nsg in self.cloud.groups.values():
            yield from (rule for rule in nsg.rules if rule.mark == OPEN_MARK)

    def grant(self, id_: str) -> Grant:
        """A grant as it is kept."""
        return self.shelf.grants[id_].value

    def is_recorded_once(self) -> bool:
        """Whether each change of each grant is in the audit exactly once."""
        written = sorted((id_, number) for _, id_, number in self.shelf.records)
        last = {id_: kept.value.occurrence.number for id_, kept in self.shelf.grants.items()}
        return written == [(id_, number) for id_ in sorted(last) for number in range(last[id_] + 1)]


def wish(machine: MachineId = WEB_01, port: int = 22, lasts: timedelta = HOUR, key: str | None = None) -> Ask:
    """A request from the office."""
    asked = Wish((AskedPort((port, port)),), lasts, justification="to see what is wrong")
    return Ask(machine, asked, ANN, Asker(frozenset({ANN.id}), OFFICE), key, f"{machine} {port} {lasts}")
