"""What is guarded outside Azure, beside what is guarded in it: whose call is whose, and what fails alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.adapters.arc_inventory import ArcInventory, Seeing
from shared.adapters.gates import Gates
from shared.adapters.inventories import Inventories
from shared.domain.computers import ArcServer, ArcServers
from shared.domain.inventory import Attached, MachineKind, Occupied, ResourceLock, Sighting, Snapshot
from shared.domain.machines import Machine, MachineId
from shared.domain.planning import Plan
from shared.domain.rules import Nsg
from shared.ports import Observed, Unavailable
from tests.domain.values import GROUP, NOW, RESOURCES, SUBSCRIPTION, machine_id
from tests.services.clock import Clock

HOST = MachineId(f"{RESOURCES}/Microsoft.HybridCompute/machines/files-01")
INSTANCE = MachineId(f"{RESOURCES}/Amazon.EC2/instances/i-0123456789abcdef0")


@dataclass
class Heard:
    """A network that only tells what it was asked."""

    calls: list[tuple[object, ...]] = field(default_factory=list)
    fails: bool = False

    async def machine(self, id_: MachineId) -> Machine:
        self.calls.append(("machine", id_))
        return Machine(id_, "", "", ())

    async def group(self, nsg: str) -> Observed:
        self.calls.append(("group", nsg))
        if self.fails:
            raise Unavailable("away")
        return Observed(Nsg(nsg, "1", ()), {})

    async def apply(self, observed: Observed, _plan: Plan) -> Observed:
        self.calls.append(("apply", observed.nsg.id))
        return observed

    async def attach(self, nic: str, nsg: str) -> None:
        self.calls.append(("attach", nic, nsg))

    async def detach(self, nic: str, nsg: str) -> None:
        self.calls.append(("detach", nic, nsg))

    async def discard(self, nsg: str) -> str | None:
        self.calls.append(("discard", nsg))
        return None


@pytest.mark.parametrize(("nsg", "whose"), [(GROUP, "azure"), (HOST.gate, "arc"), (HOST.gate.upper(), "arc")])
async def test_each_call_about_a_group_goes_to_whoever_knows_it(nsg: str, whose: str) -> None:
    networks = {"azure": Heard(), "arc": Heard()}
    gates = Gates(networks["azure"], {"microsoft.hybridcompute": networks["arc"]})
    observed = await gates.group(nsg)
    await gates.apply(observed, Plan(()))
    await gates.attach("nic", nsg)
    await gates.detach("nic", nsg)
    await gates.discard(nsg)
    assert ["group", "apply", "attach", "detach", "discard"] == [call[0] for call in networks.pop(whose).calls]
    assert [[]] == [other.calls for other in networks.values()]


async def test_each_machine_is_read_by_whoever_knows_it() -> None:
    azure, arc = Heard(), Heard()
    gates = Gates(azure, {"microsoft.hybridcompute": arc})
    await gates.machine(machine_id())
    await gates.machine(HOST)
    assert ([("machine", machine_id())], [("machine", HOST)]) == (azure.calls, arc.calls)


async def test_of_a_machine_that_nobody_was_set_up_for_nothing_is_told_least_of_all_that_it_is_gone() -> None:
    with pytest.raises(Unavailable, match=r"not set up for machines of amazon\.ec2"):
        await Gates(Heard(), {}).machine(INSTANCE)


@dataclass
class Told:
    """An inventory that tells what it is told to."""

    name: str
    fails: bool = False
    breaks: bool = False

    async def machines(self, _subscriptions: Sequence[str]) -> Snapshot:
        self._fail()
        return Snapshot(NOW, [Sighting(str(machine_id(self.name)), MachineKind.VIRTUAL_MACHINE, "")], {}, 1)

    async def groups(self, _subscription: str) -> Sequence[Attached]:
        self._fail()
        return [Attached(self.name, None, (), ())]

    async def interfaces(self, _subscription: str) -> Sequence[Occupied]:
        self._fail()
        return [Occupied(machine_id(self.name), "10.0.0.4", "", None)]

    async def resource_locks(self, _subscription: str) -> Sequence[ResourceLock]:
        return [ResourceLock(self.name, "/")]

    def _fail(self) -> None:
        if self.fails:
            raise Unavailable(f"{self.name} is away")
        if self.breaks:
            raise KeyError(self.name)


async def asked(inventory: Inventories) -> tuple[list[str], list[str], list[str], tuple[str, ...]]:
    snapshot, groups, locks = await asyncio.gather(
        inventory.machines((SUBSCRIPTION,)), inventory.groups(SUBSCRIPTION), inventory.resource_locks(SUBSCRIPTION)
    )
    names = [one.name for one in snapshot.machines]
    return names, [one.id for one in groups], [one.name for one in locks], snapshot.missing


async def test_what_is_outside_stands_beside_what_is_in_azure() -> None:
    both = Inventories(Told("azure"), [Told("arc")])
    assert (["azure", "arc"], ["azure", "arc"], ["azure"], ()) == await asked(both)
    assert 2 == len(await both.interfaces(SUBSCRIPTION))


async def test_what_fails_outside_hides_nothing_in_azure_and_is_told() -> None:
    both = Inventories(Told("azure"), [Told("arc", fails=True)])
    assert (["azure"], ["azure"], ["azure"], ("arc is away",)) == await asked(both)


async def test_what_breaks_outside_hides_nothing_in_azure_and_is_told() -> None:
    names, gates, _, missing = await asked(Inventories(Told("azure"), [Told("arc", breaks=True)]))
    told = ("What is outside Azure could not be looked at: KeyError.",)
    assert (["azure"], ["azure"], told) == (names, gates, missing)


async def test_what_fails_outside_keeps_nobody_from_telling_who_is_where_in_azure() -> None:
    found = await Inventories(Told("azure"), [Told("arc", fails=True)]).interfaces(SUBSCRIPTION)
    assert ["azure"] == [one.machine.name for one in found]
    with pytest.raises(Unavailable, match="azure is away"):
        await Inventories(Told("azure", fails=True), [Told("arc")]).interfaces(SUBSCRIPTION)


async def test_without_azure_there_is_nothing_to_show() -> None:
    with pytest.raises(Unavailable, match="azure is away"):
        await Inventories(Told("azure", fails=True), [Told("arc")]).machines((SUBSCRIPTION,))


@dataclass
class Index:
    """Servers of Azure Arc, and how often they were asked about."""

    asked: list[Sequence[str]] = field(default_factory=list)

    async def servers(self, subscriptions: Sequence[str]) -> ArcServers:
        self.asked.append(subscriptions)
        server = ArcServer(str(HOST), "westeurope", "Connected", agent="1.58", system="Linux", addresses=("10.0.0.4",))
        other = replace(server, id=str(HOST).replace(SUBSCRIPTION, ELSEWHERE))
        return ArcServers(NOW, [server, other], 2)


@dataclass
class Read:
    """Gates that are read, or that fail to be."""

    calls: list[str] = field(default_factory=list)
    fails: bool = False

    async def recent(self, nsg: str, _age: timedelta) -> Nsg:
        self.calls.append(nsg)
        if self.fails:
            raise Unavailable("away")
        return Nsg(nsg, "1", ())


ELSEWHERE = "33333333-3333-3333-3333-333333333333"


def arc(gates: Read, clock: Clock, index: Index | None = None) -> ArcInventory:
    return ArcInventory(index or Index(), gates, clock, Seeing((SUBSCRIPTION, ELSEWHERE), timedelta(minutes=1)))


async def test_a_server_is_listed_behind_its_gate() -> None:
    inventory = arc(Read(), Clock())
    snapshot = await inventory.machines((SUBSCRIPTION,))
    [gate] = await inventory.groups(SUBSCRIPTION)
    assert ([str(HOST)], 2) == ([one.id for one in snapshot.machines], snapshot.unreadable)
    assert (HOST.gate, (str(HOST),)) == (gate.id, gate.nics)
    assert [Occupied(HOST, "10.0.0.4", "", HOST.gate)] == await inventory.interfaces(SUBSCRIPTION)


async def test_all_subscriptions_are_asked_about_in_one_question() -> None:
    index = Index()
    await arc(Read(), Clock(), index).groups(SUBSCRIPTION)
    assert [(SUBSCRIPTION, ELSEWHERE)] == index.asked


async def test_a_gate_that_cannot_be_read_is_one_of_which_nothing_can_be_told() -> None:
    [gate] = await arc(Read(fails=True), Clock()).groups(SUBSCRIPTION)
    assert replace(gate, id="") == Attached("", None, (str(HOST),), ())


async def test_a_gate_that_could_not_be_read_is_not_tried_again_at_once() -> None:
    gates, clock = Read(fails=True), Clock()
    inventory = arc(gates, clock)
    for seconds in (0, 59, 2):
        clock.advance(timedelta(seconds=seconds))
        await inventory.groups(SUBSCRIPTION)
    assert 2 == len(gates.calls)
