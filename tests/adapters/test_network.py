"""What every `Network` port promises, held against the cloud in memory and the SDK on the emulated ARM."""

from contextlib import suppress
from dataclasses import replace

import pytest

from shared.domain.machines import MachineId
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import DEFAULTS, Flush, Nsg, Rule
from shared.ports import Conflict, Network, NotFound, Observed
from tests.adapters.conftest import Arm
from tests.domain.values import RESOURCES, endpoint, group, machine_id, rule
from tests.services.clock import Clock
from tests.services.cloud import MemoryNetwork
from tests.services.process import Process
from tests.services.town import Town

WEB_NSG = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/web-01-nsg"
LOCK = rule("299 postern-lock-web-01-1 Deny * * from * to 10.0.0.4")
OWN_NSG = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/postern-bare-01"
UNMADE = Observed(Nsg(OWN_NSG, etag="", rules=(), defaults=DEFAULTS, made_for="mine"), {"location": "westeurope"})
OURS = Flush(on=True, ours=True)
OPEN = rule("298 postern-open-1-1 Allow Tcp 22,80-90 from 203.0.113.7,10.0.0.0/24 to 10.0.0.4")


def creating(*rules: Rule) -> Plan:
    return Plan(tuple(Change(Kind.CREATE, one) for one in rules))


class NetworkContract:
    """The promises. The group of web-01 has customer rules at 300, 310 and 320."""

    async def test_a_group_is_read_with_its_rules_and_defaults(self, network: Network) -> None:
        nsg = (await network.group(WEB_NSG)).nsg
        assert [300, 310, 320] == sorted(one.priority for one in nsg.rules)
        assert [65000, 65001, 65500] == sorted(one.priority for one in nsg.defaults)
        assert (WEB_NSG.lower(), True) == (nsg.id.lower(), nsg.settled)

    @pytest.mark.parametrize("rules", [(LOCK,), (LOCK, OPEN)])
    async def test_what_was_written_is_read_back(self, network: Network, rules: tuple[Rule, ...]) -> None:
        before = await network.group(WEB_NSG)
        after = (await network.apply(before, creating(*rules))).nsg
        found = [one for one in after.rules if one.mark]
        assert all(mine.does_the_same_as(theirs) for mine, theirs in zip(_by_name(rules), _by_name(found), strict=True))
        assert _by_name(before.nsg.rules) == _by_name(after.foreign)
        assert after == (await network.group(WEB_NSG)).nsg

    async def test_rules_are_changed_and_deleted(self, network: Network) -> None:
        standing = await network.apply(await network.group(WEB_NSG), creating(LOCK, OPEN))
        moved = rule("200 postern-lock-web-01-1 Deny * * from Internet to 10.0.0.4")
        made = Plan((Change(Kind.DELETE, OPEN), Change(Kind.UPDATE, moved)))
        [found] = (await network.apply(standing, made)).nsg.ours
        assert found.does_the_same_as(moved)

    async def test_deleting_one_rule_leaves_the_others(self, network: Network) -> None:
        standing = await network.apply(await network.group(WEB_NSG), creating(LOCK, OPEN))
        after = await network.apply(standing, Plan((Change(Kind.DELETE, OPEN),)))
        assert [LOCK.name] == [one.name for one in after.nsg.ours]

    @pytest.mark.parametrize("rules", [(), (OPEN,), (LOCK, OPEN)])
    async def test_flush_connection_is_switched_with_the_rules_and_back(
        self, network: Network, rules: tuple[Rule, ...]
    ) -> None:
        before = await network.group(WEB_NSG)
        on = await network.apply(before, replace(creating(*rules), flush=OURS))
        assert (Flush(), OURS, "") == (before.nsg.flush, on.nsg.flush, on.unflushable)
        assert on.nsg == (await network.group(WEB_NSG)).nsg
        off = await network.apply(on, Plan(tuple(Change(Kind.DELETE, one) for one in rules), flush=Flush()))
        assert replace(before.nsg, etag=off.nsg.etag) == off.nsg

    async def test_a_change_of_rules_leaves_flush_connection_as_it_is(self, network: Network) -> None:
        on = await network.apply(await network.group(WEB_NSG), Plan((), flush=OURS))
        for rules in ((OPEN,), (LOCK, rule("250 postern-lock-other Deny * * from * to 10.0.0.5"))):
            on = await network.apply(on, creating(*rules))
            assert OURS == on.nsg.flush

    async def test_a_switch_planned_for_an_older_group_is_a_conflict(self, network: Network) -> None:
        old = await network.group(WEB_NSG)
        await network.apply(old, creating(OPEN))
        with pytest.raises(Conflict):
            await network.apply(old, Plan((), flush=OURS))
        assert Flush() == (await network.group(WEB_NSG)).nsg.flush

    async def test_a_group_is_made_with_flush_connection_on(self, network: Network) -> None:
        made = await network.apply(UNMADE, replace(creating(LOCK), flush=OURS))
        assert (OURS, "mine") == (made.nsg.flush, made.nsg.made_for)

    @pytest.mark.parametrize("rules", [(OPEN,), (LOCK, OPEN)])
    async def test_a_plan_for_an_older_group_is_a_conflict(self, network: Network, rules: tuple[Rule, ...]) -> None:
        old = await network.group(WEB_NSG)
        await network.apply(old, creating(rule("250 postern-lock-other Deny * * from * to 10.0.0.5")))
        with pytest.raises(Conflict):
            await network.apply(old, creating(*rules))
        assert ["postern-lock-other"] == [one.name for one in (await network.group(WEB_NSG)).nsg.ours]

    async def test_a_group_that_is_not_there_is_not_found(self, network: Network) -> None:
        with pytest.raises(NotFound):
            await network.group(f"{WEB_NSG}-none")

    async def test_a_machine_is_read_with_the_way_to_it(self, network: Network) -> None:
        machine = await network.machine(machine_id("web-01"))
        [place] = machine.endpoints
        assert ("10.0.0.4", WEB_NSG.lower()) == (place.address, str(place.nic_nsg).lower())
        assert (machine_id("web-01"), "Linux") == (machine.id, machine.system)

    async def test_a_machine_that_is_not_there_is_not_found(self, network: Network) -> None:
        with pytest.raises(NotFound):
            await network.machine(machine_id("nobody"))

    async def test_a_machine_is_found_in_any_case(self, network: Network) -> None:
        machine = await network.machine(MachineId(str(machine_id("web-01")).upper()))
        assert ["10.0.0.4"] == [place.address for place in machine.endpoints]

    async def test_a_group_without_an_etag_is_made_with_its_rules_inside(self, network: Network) -> None:
        made = await network.apply(UNMADE, creating(LOCK, OPEN))
        assert [LOCK.name, OPEN.name] == sorted(one.name for one in made.nsg.ours)
        assert (True, "mine") == (bool(made.nsg.etag), made.nsg.made_for)
        assert made.nsg == (await network.group(OWN_NSG)).nsg

    async def test_a_group_of_a_name_that_is_taken_is_not_made_over_it(self, network: Network) -> None:
        await network.apply(UNMADE, creating(OPEN))
        with pytest.raises(Conflict):
            await network.apply(UNMADE, creating(LOCK))
        assert [OPEN.name] == [one.name for one in (await network.group(OWN_NSG)).nsg.ours]

    async def test_a_group_is_put_on_an_interface_that_has_none_and_doing_it_again_is_no_harm(
        self, network: Network
    ) -> None:
        await network.apply(UNMADE, creating(LOCK))
        nic = await bare_nic(network)
        for _ in range(2):
            await network.attach(nic, OWN_NSG)
            assert OWN_NSG.lower() == await group_on(network, "bare-01")

    async def test_a_group_never_takes_the_place_of_another(self, network: Network) -> None:
        await network.apply(UNMADE, creating(LOCK))
        [web] = (await network.machine(machine_id("web-01"))).endpoints
        with pytest.raises(Conflict):
            await network.attach(web.nic, OWN_NSG)
        assert WEB_NSG.lower() == await group_on(network, "web-01")

    async def test_a_group_is_taken_off_an_interface_and_doing_it_again_is_no_harm(self, network: Network) -> None:
        await network.apply(UNMADE, creating(LOCK))
        nic = await bare_nic(network)
        await network.attach(nic, OWN_NSG)
        for _ in range(2):
            await network.detach(nic, OWN_NSG)
            assert await group_on(network, "bare-01") is None

    async def test_taking_one_group_off_never_takes_another_off(self, network: Network) -> None:
        [web] = (await network.machine(machine_id("web-01"))).endpoints
        with suppress(Conflict):
            await network.detach(web.nic, OWN_NSG)
        assert WEB_NSG.lower() == await group_on(network, "web-01")

    async def test_an_interface_that_is_not_there_is_not_found(self, network: Network) -> None:
        nic = f"{await bare_nic(network)}-none"
        for act in (network.attach, network.detach):
            with pytest.raises(NotFound):
                await act(nic, WEB_NSG)

    async def test_a_group_is_deleted_only_when_nothing_uses_it(self, network: Network) -> None:
        await network.apply(UNMADE, creating(LOCK))
        nic = await bare_nic(network)
        await network.attach(nic, OWN_NSG)
        await network.discard(OWN_NSG)
        assert [LOCK.name] == [one.name for one in (await network.group(OWN_NSG)).nsg.ours]
        await network.detach(nic, OWN_NSG)
        await network.discard(OWN_NSG)
        with pytest.raises(NotFound):
            await network.group(OWN_NSG)

    async def test_deleting_a_group_that_is_gone_is_no_harm(self, network: Network) -> None:
        await network.discard(OWN_NSG)


async def bare_nic(network: Network) -> str:
    [place] = (await network.machine(machine_id("bare-01"))).endpoints
    return place.nic


async def group_on(network: Network, name: str) -> str | None:
    [place] = (await network.machine(machine_id(name))).endpoints
    return place.nic_nsg.lower() if place.nic_nsg else None


def _by_name(rules: object) -> list[Rule]:
    assert isinstance(rules, tuple | list)
    return sorted(rules, key=lambda one: str(one.name))


class TestMemoryNetwork(NetworkContract):
    """In memory."""

    @pytest.fixture
    def network(self) -> Network:
        lines = (
            "300 allow-rdp Allow Tcp 3389 from Internet",
            "310 allow-ssh Allow Tcp 22 from *",
            "320 allow-https Allow Tcp 443 from *",
        )
        cloud = Town().cloud
        cloud.put(group(*lines, id_=WEB_NSG))
        web = cloud.machines[machine_id("web-01")]
        cloud.machines[web.id] = replace(web, endpoints=(endpoint(nic=WEB_NSG),))
        return MemoryNetwork(cloud, Process(), Clock())


class TestArmNetwork(NetworkContract):
    """On ARM."""

    @pytest.fixture
    def network(self, arm: Arm) -> Network:
        return arm.network
