"""What every `Inventory` port promises, held against the one in memory and the one on Resource Graph and ARM."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from azure.identity.aio import DefaultAzureCredential

from shared.adapters.arm_client import Arm as Client
from shared.adapters.graph_inventory import GraphInventory
from shared.domain.inventory import MachineKind, ResourceLock, Sighting, Snapshot, Wiring
from shared.ports import Inventory, Network, Unavailable
from tests.adapters.conftest import Arm, HastyClock
from tests.adapters.test_network import WEB_NSG
from tests.domain.values import RESOURCES, SUBSCRIPTION, endpoint, group, machine_id
from tests.services.clock import Clock
from tests.services.cloud import MemoryNetwork
from tests.services.index import MemoryInventory
from tests.services.process import Process
from tests.services.town import Town

WEB_NIC = f"{RESOURCES}/Microsoft.Network/networkInterfaces/web-01-nic"
FROZEN = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/frozen-nsg"
OLD = f"{RESOURCES}/Microsoft.ClassicCompute/virtualMachines/old-01"
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
QUERIES = {"method": "POST", "path": "Microsoft.ResourceGraph"}
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sight:
    """An inventory, and a network that it has to agree with."""

    inventory: Inventory
    network: Network

    async def machines(self) -> Snapshot:
        return await self.inventory.machines((SUBSCRIPTION,))

    async def wiring(self) -> Wiring:
        """The groups on interfaces and subnets, and the subnets' ranges."""
        groups = await self.inventory.groups(SUBSCRIPTION)
        nics = {nic.lower(): one.id for one in groups for nic in one.nics}
        subnets = {subnet.lower(): one.id for one in groups for subnet in one.subnets}
        return Wiring(nics, subnets, (await self.machines()).networks)


def named(snapshot: Snapshot, name: str) -> Sighting:
    [found] = [one for one in snapshot.machines if one.name == name]
    return found


class InventoryContract:
    """The promises. web-01 lies behind a group of its own, bare-01 behind none, old-01 is classic."""

    async def test_a_machine_is_seen_with_what_azure_has_of_it(self, sight: Sight) -> None:
        web = named(await sight.machines(), "web-01")
        assert str(machine_id("web-01")).lower() == web.id.lower()
        assert (MachineKind.VIRTUAL_MACHINE, "westeurope", "Linux", "running", "") == (
            web.kind, web.location, web.system, web.power, web.managed_by
        )  # fmt: skip
        assert ("198.51.100.4",) == web.public_addresses
        assert [("10.0.0.4", WEB_NIC.lower())] == [(place.address, place.nic.lower()) for place in web.places]

    async def test_every_machine_is_seen_once(self, sight: Sight) -> None:
        ids = [one.id.lower() for one in (await sight.machines()).machines]
        assert (len(set(ids)), True) == (len(ids), len(ids) > 1)

    async def test_a_machine_of_another_kind_is_seen_as_such(self, sight: Sight) -> None:
        old = named(await sight.machines(), "old-01")
        assert (MachineKind.CLASSIC, ()) == (old.kind, old.places)

    async def test_groups_are_seen_with_their_rules_and_where_they_are(self, sight: Sight) -> None:
        [web] = [one for one in await sight.inventory.groups(SUBSCRIPTION) if one.id.lower() == WEB_NSG.lower()]
        assert web.nsg is not None
        assert [300, 310, 320] == sorted(rule.priority for rule in web.nsg.rules)
        assert ([WEB_NIC.lower()], ()) == ([nic.lower() for nic in web.nics], web.subnets)

    async def test_both_together_give_each_machine_with_the_way_to_it_that_the_network_knows(
        self, sight: Sight
    ) -> None:
        wiring = await sight.wiring()
        ids = [one.machine_id for one in (await sight.machines()).machines if one.machine_id]
        known = {str(id_): (await sight.network.machine(id_)).way for id_ in ids}
        seen = {str(one.id): one.way for it in (await sight.machines()).machines if (one := wiring.machine(it))}
        assert known == seen

    async def test_a_resource_lock_is_seen_with_its_scope(self, sight: Sight) -> None:
        locks = await sight.inventory.resource_locks(SUBSCRIPTION)
        assert [("frozen", FROZEN.lower())] == [(one.name, one.scope.lower()) for one in locks]


class TestMemoryInventory(InventoryContract):
    """In memory."""

    @pytest.fixture
    def sight(self) -> Sight:
        cloud = Town().cloud
        lines = (f"{number} allow-{number} Allow Tcp 22 from *" for number in (300, 310, 320))
        cloud.put(group(*lines, id_=WEB_NSG))
        web = cloud.machines[machine_id("web-01")]
        place = replace(endpoint(nic=WEB_NSG), nic=WEB_NIC)
        cloud.machines[web.id] = replace(web, endpoints=(place,), public_addresses=("198.51.100.4",))
        process, clock = Process(), Clock()
        locks, others = (ResourceLock("frozen", FROZEN),), (Sighting(OLD, MachineKind.CLASSIC, "westeurope"),)
        return Sight(MemoryInventory(cloud, process, clock, others, locks), MemoryNetwork(cloud, process, clock))


class TestGraphInventory(InventoryContract):
    """On Resource Graph and ARM."""

    @pytest.fixture
    def sight(self, arm: Arm) -> Sight:
        return Sight(arm.inventory, arm.network)


class HonestClock(HastyClock):
    """Waits as long as it is asked to, and remembers it."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    async def sleep(self, duration: timedelta) -> None:
        """Return when that much time has passed."""
        self.naps += [duration.total_seconds()] if duration > timedelta() else []
        await asyncio.sleep(max(0.0, duration.total_seconds()))


@dataclass(slots=True)
class Graph:
    """Inventories of the emulated Azure, each kept for as long as it is told to."""

    arm: Arm
    credential: DefaultAzureCredential
    opened: list[GraphInventory | Client] = field(default_factory=list)

    def inventory(self, age: timedelta = MINUTE, clock: HastyClock | None = None) -> GraphInventory:
        client = Client(self.credential, self.arm.box.site.emulator, clock or HastyClock())
        made = GraphInventory(client, age)
        self.opened += [made, client]
        return made

    async def calls(self, path: str = GRAPH) -> int:
        return sum(path in call["path"] for call in await self.arm.calls())

    async def delete(self, id_: str) -> None:
        """Somebody deletes a resource, and it is gone afterwards."""
        url, headers = f"{self.arm.box.site.emulator}{id_}", {"Authorization": f"Bearer {self.arm.token}"}
        answer = await self.arm.box.client.delete(url, params={"api-version": "2024-05-01"}, headers=headers)
        answer.raise_for_status()

    async def control(self, path: str, body: object) -> None:
        await self.arm.box.post(f"{self.arm.box.site.emulator}/_box/{path}", body)


@pytest.fixture
async def graph(arm: Arm) -> AsyncIterator[Graph]:
    async with DefaultAzureCredential() as credential:
        found = Graph(arm, credential)
        yield found
        await asyncio.gather(*(one.close() for one in found.opened))


async def machines(inventory: GraphInventory) -> Snapshot:
    return await inventory.machines((SUBSCRIPTION,))


async def test_every_machine_of_the_demo_world_is_seen_with_all_that_hangs_on_it(graph: Graph) -> None:
    seen = await machines(graph.inventory())
    dual, bricks, sleeper, shop = (named(seen, name) for name in ("dual-01", "bricks-01", "sleeper-01", "web-01"))
    assert ["10.0.7.4", "fd00:db8:7::4"] == sorted(place.address for place in dual.places)
    assert ["198.51.100.19", "2001:db8:1::4"] == sorted(dual.public_addresses)
    assert ("bricks", "deallocated") == (bricks.managed_by.rsplit("/", 1)[1], sleeper.power)
    assert (("team", "shop"),) == shop.tags
    assert [True, False] == [named(seen, name).places[0].probed for name in ("lb-01", "web-01")]
    assert ("set-01", MachineKind.SCALE_SET) == (named(seen, "set-01").name, named(seen, "set-01").kind)
    assert ["flex-01"] == [one.name for one in seen.machines if one.name.startswith("flex")]


async def test_the_subnets_are_seen_with_all_their_ranges(graph: Graph) -> None:
    networks = (await machines(graph.inventory())).networks
    subnet = f"{RESOURCES}/Microsoft.Network/virtualNetworks/demo-vnet/subnets/dual".lower()
    assert ("10.0.7.0/24", "fd00:db8:7::/64") == networks[subnet]


async def test_groups_are_seen_on_subnets_and_by_several_interfaces(graph: Graph) -> None:
    groups = {one.id.rsplit("/", 1)[1]: one for one in await graph.inventory().groups(SUBSCRIPTION)}
    assert ["app"] == [one.rsplit("/", 1)[1] for one in groups["app-nsg"].subnets]
    assert ["jump-01-nic", "jump-02-nic"] == sorted(one.rsplit("/", 1)[1] for one in groups["jump-nsg"].nics)


async def test_many_machines_are_read_page_by_page_each_once(graph: Graph) -> None:
    await graph.arm.box.reset("large", machines=2500)
    seen = await machines(graph.inventory())
    assert [f"vm-{number:05}" for number in range(1, 2501)] == sorted(one.name for one in seen.machines)
    # Three pages of a thousand machines, and one of networks.
    assert 4 == await graph.calls()


async def test_many_groups_are_read_page_by_page(graph: Graph) -> None:
    await graph.arm.box.reset("large", machines=450, share=1)
    groups = await graph.inventory().groups(SUBSCRIPTION)
    assert [f"nsg-{number:03}" for number in range(450)] == sorted(one.id.rsplit("/", 1)[1] for one in groups)


async def test_where_there_is_nothing_nothing_is_seen(graph: Graph) -> None:
    await graph.arm.box.reset("empty")
    inventory = graph.inventory()
    seen = await machines(inventory)
    assert ([], {}, []) == (seen.machines, seen.networks, await inventory.groups(SUBSCRIPTION))


async def test_all_who_ask_at_once_and_soon_afterwards_share_one_reading(graph: Graph) -> None:
    inventory = graph.inventory()
    found = [*await asyncio.gather(*(machines(inventory) for _ in range(5))), await machines(inventory)]
    assert ([found[0]] * 6, 2) == (found, await graph.calls())
    await asyncio.gather(*(inventory.resource_locks(SUBSCRIPTION) for _ in range(5)))
    assert 1 == await graph.calls("Microsoft.Authorization/locks")


async def test_what_was_read_too_long_ago_is_read_again(graph: Graph) -> None:
    inventory = graph.inventory(timedelta(milliseconds=50))
    first = await machines(inventory)
    await asyncio.sleep(0.06)
    assert (first.at < (await machines(inventory)).at, 4) == (True, await graph.calls())


async def test_a_group_is_never_shown_as_it_was(graph: Graph) -> None:
    inventory = graph.inventory()
    before = len(await inventory.groups(SUBSCRIPTION))
    await graph.delete(WEB_NSG.replace("web-01", "spare"))
    assert before - 1 == len(await inventory.groups(SUBSCRIPTION))


async def test_one_who_stops_waiting_stops_nobody_else(graph: Graph) -> None:
    inventory = graph.inventory()
    await graph.control("latency", {"read": 0.1})
    impatient, patient = (asyncio.create_task(machines(inventory)) for _ in range(2))
    await asyncio.sleep(0.05)
    impatient.cancel()
    assert "web-01" == named(await patient, "web-01").name


@pytest.mark.parametrize("kind", ["429", "500", "503", "403"])
async def test_a_failure_is_told_and_not_kept(graph: Graph, kind: str) -> None:
    inventory = graph.inventory()
    await graph.arm.fault(kind, match=QUERIES, times=99)
    with pytest.raises(Unavailable):
        await machines(inventory)
    (await graph.arm.box.client.delete(f"{graph.arm.box.site.emulator}/_box/faults")).raise_for_status()
    assert "web-01" == named(await machines(inventory), "web-01").name


@pytest.mark.parametrize("kind", ["429", "500", "503"])
async def test_a_query_that_fails_for_a_moment_is_asked_again(graph: Graph, kind: str) -> None:
    await graph.arm.fault(kind, match=QUERIES, times=2)
    assert "web-01" == named(await machines(graph.inventory()), "web-01").name


async def test_a_page_that_fails_makes_the_whole_fail_and_never_a_shorter_list(graph: Graph) -> None:
    await graph.arm.box.reset("large", machines=2500)
    inventory = graph.inventory()
    await graph.arm.fault("slow", match=QUERIES, times=3)
    await graph.arm.fault("403", match=QUERIES, times=99)
    with pytest.raises(Unavailable):
        await machines(inventory)


@pytest.mark.parametrize("path", ["Microsoft.Authorization/locks", "networkSecurityGroups"])
async def test_what_we_may_not_see_never_reads_as_nothing(graph: Graph, path: str) -> None:
    inventory = graph.inventory()
    await graph.arm.fault("403", match={"method": "GET", "path": path}, times=99)
    read = inventory.groups if "Groups" in path else inventory.resource_locks
    with pytest.raises(Unavailable):
        await read(SUBSCRIPTION)


async def test_more_queries_than_the_quota_allows_wait_until_it_is_full_again(graph: Graph) -> None:
    clock = HonestClock()
    inventory = graph.inventory(timedelta(), clock)
    await graph.control("throttle", {"on": True})
    # Two queries for each: one more than the fifteen that there are in five seconds.
    found = [await machines(inventory) for _ in range(8)]
    assert (16, 8) == (await graph.calls(), len([named(one, "web-01") for one in found]))
    assert 3 < sum(clock.naps) < 6


async def test_who_asks_about_no_subscription_is_not_told_about_all(graph: Graph) -> None:
    with pytest.raises(ValueError, match="no subscription"):
        await graph.inventory().machines(())


async def test_a_machine_that_is_gone_is_not_seen_once_the_index_has_caught_up(graph: Graph) -> None:
    await graph.control("latency", {"index": 0})
    await graph.delete(str(machine_id("web-02")))
    names = {one.name for one in (await machines(graph.inventory())).machines}
    assert (True, False) == ("web-01" in names, "web-02" in names)
