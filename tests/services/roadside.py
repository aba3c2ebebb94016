"""A town with a server outside Azure: its gate's rules end by themselves, and it may be out of reach.

It knows what a gate does that a group does not: whatever is written holds until the end that stands in it, whether or
not anybody comes back.
"""

from dataclasses import dataclass, field, replace

from shared.domain.machines import Machine, MachineId
from shared.domain.planning import Plan
from shared.domain.rules import HOST_DEFAULTS, Nsg
from shared.domain.shapes import deadline_of
from shared.ports import NotFound, Observed, Unavailable
from shared.services.world import World
from tests.domain.values import RESOURCES, endpoint
from tests.services.cloud import MemoryNetwork
from tests.services.process import Process
from tests.services.town import Town

HOST = MachineId(f"{RESOURCES}/Microsoft.HybridCompute/machines/files-01")
ADDRESS = "10.9.0.4"


@dataclass
class Roadside(Town):
    """The town, and a server by the road. `looked` are the gates that were looked at, `emptied` those made empty."""

    out_of_reach: bool = False
    gone: bool = False
    wrong: tuple[str, ...] = ()  # What a look behind the gate finds.
    looked: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        home = replace(endpoint(ADDRESS, HOST.gate, None), nic=str(HOST))
        self.cloud.machines[HOST] = Machine(HOST, "westeurope", "Linux", (home,))
        self.cloud.put(Nsg(HOST.gate, "1", (), HOST_DEFAULTS, timed=True))

    def world(self, process: Process | None = None) -> World:
        """The ports of a process, wired."""
        made = super().world(process)
        inner = made.network
        assert isinstance(inner, MemoryNetwork)
        return replace(made, network=Timed(inner.cloud, inner.process, inner.clock, self), watched=Watch(self))

    def let_time_work(self) -> None:
        """What the server's own clock has ended is gone."""
        nsg = self.cloud.groups[HOST.gate.lower()]
        now = self.clock.now()
        left = tuple(rule for rule in nsg.rules if (end := deadline_of(rule)) is None or end > now)
        self.cloud.groups[HOST.gate.lower()] = replace(nsg, rules=left)

    @property
    def is_open(self) -> bool:
        """Whether anything of a grant stands on the server."""
        self.let_time_work()
        return any("postern-open" in rule.name for rule in self.cloud.groups[HOST.gate.lower()].rules)


@dataclass(frozen=True, slots=True)
class Timed(MemoryNetwork):
    """The network, with the server in it."""

    road: Roadside

    async def machine(self, id_: MachineId) -> Machine:
        """The machine."""
        if id_ == HOST and self.road.gone:
            raise NotFound(str(id_))
        return await MemoryNetwork.machine(self, id_)

    async def group(self, nsg: str) -> Observed:
        """The group, or the gate."""
        if nsg.lower() == HOST.gate.lower():
            if self.road.gone:
                raise NotFound(nsg)
            self.road.let_time_work()
        return await MemoryNetwork.group(self, nsg)

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan."""
        if observed.nsg.timed and self.road.out_of_reach:
            raise Unavailable("files-01 is disconnected")
        return await MemoryNetwork.apply(self, observed, plan)


@dataclass(frozen=True, slots=True)
class Watch:
    """The `Watched` port."""

    road: Roadside

    async def empty(self, nsg: str) -> None:
        """Make a gate empty."""
        if self.road.gone:
            raise NotFound(nsg)
        if self.road.out_of_reach:
            raise Unavailable("files-01 is disconnected")
        self.road.emptied.append(nsg)

    async def look_again(self, nsg: str) -> tuple[str, ...]:
        """Look behind a gate."""
        self.road.looked.append(nsg)
        return self.road.wrong
