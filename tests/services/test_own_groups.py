"""Machines without any group: one is made with the lock inside, attached after that, and taken away when that is asked.

Wherever the process dies, the machine is as it was or closed, never behind a group without its lock.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.findings import What
from shared.domain.issues import Refused
from shared.domain.lifecycle import State
from shared.domain.selecting import Filter, Order
from shared.services.enabling import Assignment, enable
from shared.services.machines import page
from shared.services.policies import Removal, Removed, disable
from shared.services.world import World
from tests.domain.values import OFFICE, STRANGER, endpoint, group, rule
from tests.services.process import Crash, Process
from tests.services.town import BARE, BOB, POLICY, WEB_01, Town

ADDRESS = "10.0.0.7"
OWN = BARE.own_nsg
DISCARD = Removal(BOB, discards_group=True)


def is_open(town: Town) -> bool:
    return town.passes(22, STRANGER, ADDRESS)


def attached(town: Town) -> list[str | None]:
    return [place.nic_nsg for place in town.cloud.machines[BARE].endpoints]


async def enabled() -> Town:
    town = Town()
    await town.enable(BARE)
    return town


async def discard(town: Town, process: Process | None = None) -> Removed:
    async def act(world: World) -> Removed:
        return await disable(world, BARE, DISCARD)

    return await town.live(act, process)


async def test_a_machine_without_a_group_gets_one_and_is_closed() -> None:
    town = Town()
    assert is_open(town)
    await town.enable(BARE)
    assert ([OWN], False) == (attached(town), is_open(town))
    assert BARE.key == town.cloud.groups[OWN.lower()].made_for


async def test_its_group_is_made_with_the_lock_inside() -> None:
    town = Town()
    process = Process()
    await town.enable(BARE, process)
    calls = [call for call in process.calls if call in {"network.apply", "network.attach"}]
    assert ["network.apply", "network.attach"] == calls
    assert ["postern-lock-all"] == [one.name for one in town.cloud.groups[OWN.lower()].rules]


async def test_access_to_it_can_be_asked_for() -> None:
    town = await enabled()
    assert State.ACTIVE is (await town.ask(BARE)).state
    assert (True, False) == (town.passes(22, OFFICE, ADDRESS), is_open(town))


@pytest.mark.parametrize("call", range(1, 60))
async def test_wherever_enabling_dies_nothing_is_half_attached_and_the_repair_finishes_it(call: int) -> None:
    town = Town()
    try:
        await town.enable(BARE, Process(dies_at=call))
    except Crash:
        pass
    else:
        return
    assert is_open(town) is (attached(town) == [None])
    town.clock.advance(timedelta(minutes=1))
    assert () == (await town.repair()).problems
    assert is_open(town) is (BARE not in town.shelf.policies)
    assert [] == town.cloud.offences


@pytest.mark.parametrize("call", range(1, 60))
async def test_wherever_enabling_dies_the_list_calls_no_open_machine_closed(call: int) -> None:
    town = Town()
    town.cloud.indexed[BARE] = None
    with suppress(Crash):
        await town.enable(BARE, Process(dies_at=call))
    found = await town.live(lambda world: page(world, Filter(), Order(), 10, None))
    called_closed = [one.leaks == () for one, _ in found.rows if one.guarded]
    assert not (is_open(town) and any(called_closed))


async def test_a_machine_that_the_index_does_not_show_yet_is_listed_as_closed_once_it_is() -> None:
    town = await enabled()
    town.cloud.indexed[BARE] = None
    found = await town.live(lambda world: page(world, Filter(), Order(), 10, None))
    assert [()] == [one.leaks for one, _ in found.rows if one.guarded]


@pytest.mark.parametrize("call", range(1, 60))
async def test_wherever_discarding_dies_the_repair_finishes_it(call: int) -> None:
    town = await enabled()
    try:
        await discard(town, Process(dies_at=call))
    except Crash:
        town.clock.advance(timedelta(minutes=1))
        assert () == (await town.repair()).problems
    gone = BARE not in town.shelf.policies
    assert (gone, gone) == (OWN.lower() not in town.cloud.groups, attached(town) == [None])
    assert is_open(town) is gone


async def test_removing_leaves_the_group_where_it_is_unless_told_otherwise() -> None:
    town = await enabled()
    removed = await town.live(lambda world: disable(world, BARE, Removal(BOB)))
    assert ([OWN], ()) == (attached(town), town.cloud.groups[OWN.lower()].rules)
    assert {"AllowVnetInBound", "AllowAzureLoadBalancerInBound"} >= {leak.rule for leak in removed.leaks or ()}


async def test_discarding_puts_the_machine_back_as_it_was() -> None:
    town = await enabled()
    removed = await discard(town)
    assert (None, [None], True) == (removed.kept_because, attached(town), is_open(town))


async def test_a_group_in_which_somebody_else_has_put_a_rule_is_kept() -> None:
    town = await enabled()
    nsg = town.cloud.groups[OWN.lower()]
    town.cloud.put(replace(nsg, rules=(*nsg.rules, rule("300 theirs Allow Tcp 443 from *"))))
    removed = await discard(town)
    assert "still holds rules" in str(removed.kept_because)
    assert [OWN] == attached(town)


async def test_a_group_of_that_name_that_somebody_else_made_is_not_taken() -> None:
    town = Town()
    town.cloud.put(group("300 theirs Allow Tcp 443 from *", id_=OWN))
    refused = await town.live(lambda world: enable(world, BARE, Assignment(POLICY, BOB)))
    assert isinstance(refused, Refused)
    assert (["groupNameTaken"], [None]) == ([issue.code for issue in refused.issues], attached(town))
    assert not town.shelf.policies


async def test_a_group_that_was_kept_is_used_again() -> None:
    town = await enabled()
    await town.live(lambda world: disable(world, BARE, Removal(BOB)))
    await town.enable(BARE)
    assert not is_open(town)
    assert None is (await discard(town)).kept_because


async def test_a_group_that_somebody_took_off_the_machine_is_put_back_and_told() -> None:
    town = await enabled()
    bare = replace(endpoint(ADDRESS), nic_nsg=None)
    town.cloud.machines[BARE] = replace(town.cloud.machines[BARE], endpoints=(bare,))
    assert is_open(town)
    await town.repair()
    assert ([OWN], False) == (attached(town), is_open(town))
    assert [What.GROUP_MISSING] == [found.what for found in town.shelf.findings.values()]


async def test_a_group_that_somebody_deleted_with_the_machine_bare_is_made_again() -> None:
    town = await enabled()
    bare = replace(endpoint(ADDRESS), nic_nsg=None)
    town.cloud.machines[BARE] = replace(town.cloud.machines[BARE], endpoints=(bare,))
    del town.cloud.groups[OWN.lower()]
    await town.repair()
    assert ([OWN], False) == (attached(town), is_open(town))


async def test_a_machine_whose_own_group_is_gone_for_good_gets_one_of_ours() -> None:
    """Somebody took away the group that a machine came with: the policy says that it is closed, so it is closed."""
    town = Town()
    await town.enable()
    bare = replace(endpoint(), nic_nsg=None)
    town.cloud.machines[WEB_01] = replace(town.cloud.machines[WEB_01], endpoints=(bare,))
    await town.repair()
    assert not town.passes(22, STRANGER)
