"""Addresses that change hands: what one machine has left is set free only when nobody else who is guarded is there."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.machines import MachineId
from shared.ports import Unavailable
from shared.services.enabling import Assignment
from shared.services.policies import Removal, disable, foretell_removal
from shared.services.world import World
from tests.domain.values import GROUP, STRANGER, SUBNET_GROUP, endpoint
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.services.town import BOB, POLICY, WEB_01, WEB_02, WEB_03, Town

CHANGE = Assignment(POLICY, BOB)
DISCARD = Removal(BOB, discards_group=True)


def move(town: Town, machine: MachineId, address: str) -> None:
    """A machine has another address behind the subnet's group."""
    town.cloud.machines[machine] = replace(
        town.cloud.machines[machine], endpoints=(endpoint(address, None, SUBNET_GROUP),)
    )


async def swapped() -> Town:
    """web-02 and web-03, both locked, have exchanged their addresses, and nobody has looked since."""
    town = Town()
    for machine in (WEB_02, WEB_03):
        await town.enable(machine)
    move(town, WEB_02, "10.0.0.6")
    move(town, WEB_03, "10.0.0.5")
    return town


async def removed(town: Town, *machines: MachineId) -> None:
    """The policies of these machines are removed, one after the other."""

    async def act(world: World) -> None:
        for machine in machines:
            await disable(world, machine, Removal(BOB))

    await town.live(act)


def opened(town: Town) -> list[str]:
    return [address for address in ("10.0.0.5", "10.0.0.6") if town.passes(22, STRANGER, address)]


async def test_two_machines_that_exchange_addresses_are_never_open() -> None:
    town = await swapped()
    await town.enable(WEB_02)
    assert [] == opened(town)
    await town.repair()
    await town.repair()
    assert ([], []) == (opened(town), town.cloud.unlocked)


async def test_removing_a_machine_leaves_its_former_address_locked_for_whoever_has_it_now() -> None:
    town = await swapped()
    await town.live(lambda world: disable(world, WEB_02, Removal(BOB)))
    assert "10.0.0.5" not in opened(town)
    await town.repair()
    assert not town.passes(22, STRANGER, "10.0.0.5")


async def test_a_machine_that_inherits_the_address_of_one_that_is_gone_stays_closed() -> None:
    town = Town()
    for machine in (WEB_02, WEB_03):
        await town.enable(machine)
    del town.cloud.machines[WEB_02]
    move(town, WEB_03, "10.0.0.5")
    for _ in range(2):
        await town.repair()
        assert not town.passes(22, STRANGER, "10.0.0.5")
    assert WEB_02 not in town.shelf.policies


async def test_what_a_machine_has_left_is_set_free_once_nobody_is_there() -> None:
    town = Town()
    for machine in (WEB_02, WEB_03):
        await town.enable(machine)
    move(town, WEB_02, "10.0.0.9")
    await town.repair()
    destinations = {a for rule in town.cloud.groups[SUBNET_GROUP.lower()].ours for a in rule.destinations}
    assert {"10.0.0.6", "10.0.0.9"} == destinations


async def test_what_is_set_free_waits_while_somebody_else_writes_the_group() -> None:
    town = Town()
    await town.enable(WEB_01)
    home = endpoint("10.0.0.4", None, SUBNET_GROUP)
    town.cloud.machines[WEB_01] = replace(town.cloud.machines[WEB_01], endpoints=(home,))
    now = town.clock.now()
    await town.world().desk.acquire(GROUP, "busy", now + timedelta(minutes=2), now)
    await town.repair()
    town.clock.advance(timedelta(minutes=3))
    await town.repair()
    assert () == town.cloud.groups[GROUP.lower()].ours


def locked(town: Town) -> set[str]:
    return {address for rule in town.cloud.groups[SUBNET_GROUP.lower()].ours for address in rule.destinations}


async def test_nothing_is_set_free_while_nobody_can_tell_who_is_where() -> None:
    town = await swapped()
    with pytest.raises(Unavailable):
        await town.live(
            lambda world: disable(world, WEB_02, Removal(BOB)), Process(away={"inventory.groups": Unavailable("busy")})
        )
    assert [] == opened(town)
    await town.repair()
    assert ({WEB_03}, False) == (set(town.shelf.policies), town.passes(22, STRANGER, "10.0.0.5"))


async def test_who_is_where_is_asked_of_arm_and_not_of_an_index_that_lags() -> None:
    town = await swapped()
    late = replace(town.cloud.machines[WEB_03], endpoints=(endpoint("10.0.0.6", None, SUBNET_GROUP),))
    town.cloud.indexed[WEB_03] = late
    town.cloud.unreadable.add(WEB_03)
    await town.repair()
    assert [] == opened(town)
    await town.live(lambda world: disable(world, WEB_02, Removal(BOB)))
    assert "10.0.0.5" not in opened(town)


async def test_what_could_not_be_set_free_is_asked_about_again_before_it_is() -> None:
    town = Town()
    for machine in (WEB_02, WEB_03):
        await town.enable(machine)
    move(town, WEB_02, "10.0.0.9")
    await town.repair(Process(away={"audit.found": Unavailable("the audit is away")}))
    town.cloud.troubles.extend([Trouble.UNAVAILABLE] * 3)
    await town.repair()
    town.cloud.troubles.clear()
    move(town, WEB_03, "10.0.0.5")
    town.cloud.unreadable.add(WEB_03)
    await town.enable(WEB_02)
    await town.repair()
    assert not town.passes(22, STRANGER, "10.0.0.5")


async def test_a_lock_of_two_machines_that_changed_places_goes_with_the_last_of_them() -> None:
    town = await swapped()
    await removed(town, WEB_02, WEB_03)
    assert () == town.cloud.groups[SUBNET_GROUP.lower()].ours


async def test_a_claim_of_a_place_that_another_took_over_does_not_stay_behind() -> None:
    town = Town()
    await town.enable(WEB_01)
    await town.enable(WEB_02)
    town.cloud.machines[WEB_01] = replace(
        town.cloud.machines[WEB_01], endpoints=(endpoint("10.0.0.44", None, SUBNET_GROUP),)
    )
    town.cloud.machines[WEB_02] = replace(town.cloud.machines[WEB_02], endpoints=(endpoint("10.0.0.4", GROUP),))
    for _ in range(2):
        await town.repair()
    await removed(town, WEB_01, WEB_02)
    assert ((), ()) == tuple(town.cloud.groups[nsg.lower()].ours for nsg in (GROUP, SUBNET_GROUP))


@pytest.mark.parametrize(("address", "stays"), [("10.0.0.5", True), ("10.0.0.77", False)])
async def test_a_machine_that_cannot_be_read_keeps_locked_only_where_it_is(
    address: str,
    stays: bool,  # noqa: FBT001 - a column of the table.
) -> None:
    town = Town()
    for machine in (WEB_02, WEB_03):
        await town.enable(machine)
    move(town, WEB_02, "10.0.0.9")
    move(town, WEB_03, address)
    town.cloud.unreadable.add(WEB_03)
    await town.repair()
    assert (True, stays) == ("10.0.0.9" in locked(town), "10.0.0.5" in locked(town))


async def test_a_preview_of_removing_keeps_locked_what_another_machine_has_by_now() -> None:
    town = await swapped()
    told = await town.live(lambda world: foretell_removal(world, WEB_02, Removal(BOB)))
    foretold = {change.kind for one in told.forecasts for change in one.changes}
    await removed(town, WEB_02)
    assert ([], set()) == (opened(town), foretold)
