"""Policies that end open sessions: `flushConnection` is on while they need it, and back when none does."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.domain.findings import What
from shared.domain.guarding import Guarded
from shared.domain.issues import Refused
from shared.domain.machines import MachineId
from shared.domain.rules import Flush
from shared.domain.sessions import Fate, Sessions
from shared.services.enabling import Assignment, enable, foretell
from shared.services.grants import revoke
from shared.services.locking import Standing
from shared.services.measuring import sessions_now
from shared.services.policies import Removal, disable, foretell_removal, look
from shared.services.world import World
from tests.domain.values import GROUP, SUBNET_GROUP, endpoint
from tests.services.town import BARE, BOB, POLICY, WEB_01, WEB_02, Town

ENDING = replace(POLICY, end_sessions=True)
OFF, THEIRS, OURS = Flush(), Flush(on=True), Flush(on=True, ours=True)
OWN = BARE.own_nsg


def setting(machine: MachineId = WEB_01, *, ends: bool = True) -> Callable[[World], Awaitable[Standing | Refused]]:
    return lambda world: enable(world, machine, Assignment(ENDING if ends else POLICY, BOB))


def removing(machine: MachineId = WEB_01) -> Callable[[World], Awaitable[object]]:
    return lambda world: disable(world, machine, Removal(BOB))


async def put(town: Town, machine: MachineId = WEB_01, *, ends: bool = True) -> Standing:
    standing = await town.live(setting(machine, ends=ends))
    assert isinstance(standing, Standing)
    return standing


def flush(town: Town, nsg: str = GROUP) -> Flush:
    return town.cloud.groups[nsg.lower()].flush


def set_flush(town: Town, to: Flush, nsg: str = GROUP) -> None:
    town.cloud.put(replace(town.cloud.groups[nsg.lower()], flush=to))


def kept(town: Town, machine: MachineId = WEB_01) -> Guarded:
    return town.shelf.policies[machine].value


async def told(town: Town, machine: MachineId = WEB_01) -> Sessions:
    return await town.live(lambda world: sessions_now(world, kept(town, machine)))


def findings(town: Town) -> list[What]:
    return [found.what for found in town.shelf.findings.values()]


async def test_it_is_switched_on_in_every_group_in_which_a_grant_may_have_rules() -> None:
    town = Town()
    standing = await put(town)
    assert (OURS, OURS) == (flush(town), flush(town, SUBNET_GROUP))
    assert (Fate.END, Fate.END) == (standing.sessions.fate, (await told(town)).fate)


async def test_without_the_wish_nothing_is_switched_and_sessions_are_said_to_live_on() -> None:
    town = Town()
    standing = await put(town, ends=False)
    assert (OFF, OFF) == (flush(town), flush(town, SUBNET_GROUP))
    assert (Fate.CONTINUE, Fate.CONTINUE) == (standing.sessions.fate, (await told(town)).fate)


async def test_a_group_of_our_own_is_made_with_it() -> None:
    town = Town()
    await put(town, BARE)
    assert (OURS, [OWN]) == (flush(town, OWN), [nsg for nsg in town.cloud.written if nsg == OWN])


async def test_it_goes_back_when_the_policy_no_longer_asks_for_it() -> None:
    town = Town()
    await put(town)
    standing = await put(town, ends=False)
    assert (OFF, OFF, ()) == (flush(town), flush(town, SUBNET_GROUP), kept(town).flush_in)
    assert Fate.CONTINUE is standing.sessions.fate
    assert [] == [key for desk in town.shelf.desks.values() for key in desk if key.startswith("flush|")]


async def test_it_goes_back_with_the_policy() -> None:
    town = Town()
    await put(town)
    await town.live(removing())
    assert (OFF, OFF) == (flush(town), flush(town, SUBNET_GROUP))


async def test_it_stays_on_while_another_machine_needs_it() -> None:
    town = Town()
    await put(town)
    await put(town, WEB_02)
    await town.live(removing())
    assert (OFF, OURS) == (flush(town), flush(town, SUBNET_GROUP))
    await put(town, WEB_02, ends=False)
    assert OFF == flush(town, SUBNET_GROUP)


async def test_what_somebody_else_had_switched_on_stays_on_and_unmarked() -> None:
    town = Town()
    set_flush(town, THEIRS)
    standing = await put(town)
    assert (THEIRS, Fate.END) == (flush(town), standing.sessions.fate)
    await town.live(removing())
    assert (THEIRS, []) == (flush(town), town.cloud.offences)


async def test_what_somebody_switches_on_after_it_went_back_stays_on() -> None:
    town = Town()
    await put(town)
    await put(town, ends=False)
    set_flush(town, THEIRS)
    await town.repair()
    await town.live(removing())
    assert THEIRS == flush(town)


async def test_a_switch_that_somebody_has_made_their_own_is_left_to_them() -> None:
    town = Town()
    await put(town)
    set_flush(town, THEIRS)
    await town.live(removing())
    assert THEIRS == flush(town)


@pytest.mark.parametrize("off", [OFF, Flush(ours=True)])
async def test_a_repair_switches_on_what_was_switched_off_and_tells(off: Flush) -> None:
    town = Town()
    await put(town)
    set_flush(town, off)
    assert () == (await town.repair()).problems
    assert (OURS, [What.FLUSH_SWITCHED_OFF]) == (flush(town), findings(town))
    await town.repair()
    assert [What.FLUSH_SWITCHED_OFF] == findings(town)


async def test_a_grant_that_opens_finds_it_switched_off_as_well() -> None:
    town = Town()
    await put(town)
    set_flush(town, OFF, SUBNET_GROUP)
    set_flush(town, OFF)
    await town.ask()
    assert (OURS, OURS) == (flush(town), flush(town, SUBNET_GROUP))


async def test_it_is_on_when_the_rule_of_a_grant_goes_whoever_switched_it_off_meanwhile() -> None:
    town = Town()
    await put(town)
    grant = await town.ask()
    set_flush(town, OFF)
    await town.live(lambda world: revoke(world, grant.id, BOB))
    assert ([], OURS, []) == (list(town.holes()), flush(town), town.cloud.lived_on)


async def test_removing_a_policy_ends_sessions_before_the_switch_goes_back() -> None:
    town = Town()
    await put(town)
    await town.ask()
    await town.live(removing())
    assert ([], OFF, []) == (list(town.holes()), flush(town), town.cloud.lived_on)


async def test_a_machine_that_moves_takes_the_switch_with_it() -> None:
    town = Town()
    await put(town, WEB_02)
    machine = town.cloud.machines[WEB_02]
    town.cloud.machines[WEB_02] = replace(machine, endpoints=(endpoint("10.0.0.5", GROUP, None),))
    assert () == (await town.repair()).problems
    assert (OURS, OFF, (GROUP,)) == (flush(town), flush(town, SUBNET_GROUP), kept(town, WEB_02).flush_in)


async def test_a_machine_that_is_gone_needs_it_no_more() -> None:
    town = Town()
    await put(town)
    del town.cloud.machines[WEB_01]
    await town.repair()
    assert (OFF, OFF, {}) == (flush(town), flush(town, SUBNET_GROUP), town.shelf.policies)


async def test_where_the_group_may_not_be_written_the_lock_stands_and_the_truth_is_told() -> None:
    town = Town()
    town.cloud.unflushable.add(GROUP.lower())
    standing = await put(town)
    assert ((), Fate.CONTINUE, OFF) == (standing.leaks, standing.sessions.fate, flush(town))
    assert f"{GROUP}: the group may not be written" in standing.sessions.note
    assert (standing.sessions, OURS) == (await told(town), flush(town, SUBNET_GROUP))
    assert not town.passes()


async def test_where_the_group_may_not_be_written_grants_open_and_close_all_the_same() -> None:
    town = Town()
    town.cloud.unflushable.add(GROUP.lower())
    await put(town)
    grant = await town.ask()
    assert town.passes()
    await town.live(lambda world: revoke(world, grant.id, BOB))
    assert ([], "revoked") == (list(town.holes()), str(town.grant(grant.id).state))


async def test_no_closing_waits_for_a_switch_that_keeps_failing() -> None:
    town = Town()
    await put(town)
    grant = await town.ask()
    set_flush(town, OFF)
    town.cloud.stubborn.add(GROUP.lower())
    await town.live(lambda world: revoke(world, grant.id, BOB))
    assert ([], "revoked", Fate.CONTINUE) == (
        list(town.holes()),
        str(town.grant(grant.id).state),
        (await told(town)).fate,
    )


async def test_a_repair_tells_of_it_each_time_and_switches_when_it_may() -> None:
    town = Town()
    town.cloud.unflushable.add(GROUP.lower())
    await put(town)
    [problem] = (await town.repair()).problems
    assert "web-01: Sessions that are open when a grant ends live on." in str(problem)
    town.cloud.unflushable.clear()
    assert () == (await town.repair()).problems
    assert (OURS, Fate.END, []) == (flush(town), (await told(town)).fate, findings(town))


async def test_a_switch_that_can_no_longer_be_turned_back_keeps_no_policy_from_going_and_is_on_record() -> None:
    town = Town()
    await put(town)
    town.cloud.unflushable.add(GROUP.lower())
    await town.live(removing())
    assert ({}, OURS, [What.FLUSH_LEFT_ON]) == (town.shelf.policies, flush(town), findings(town))


async def test_a_group_of_that_name_that_somebody_else_made_is_not_switched() -> None:
    town = Town()
    await put(town, BARE)
    machine = town.cloud.machines[BARE]
    town.cloud.machines[BARE] = replace(machine, endpoints=(endpoint("10.0.0.7", None, None),))
    town.cloud.put(replace(town.cloud.groups[OWN.lower()], made_for="", rules=(), flush=OFF))
    await town.repair()
    assert OFF == flush(town, OWN)


async def test_a_preview_tells_of_the_switch_and_writes_nothing() -> None:
    town = Town()
    [seen] = await town.live(lambda world: foretell(world, [WEB_01], Assignment(ENDING, BOB)))
    assert not isinstance(seen, Refused | Exception)
    switched = {one.before.id: (one.before.flush, one.after.flush) for one in seen.forecasts}
    assert {GROUP: (OFF, OURS), SUBNET_GROUP: (OFF, OURS)} == switched
    assert (Fate.END, [], {}) == (seen.sessions.fate, town.cloud.written, town.shelf.policies)


async def test_a_preview_of_a_removal_tells_that_it_goes_back() -> None:
    town = Town()
    await put(town)
    seen = await town.live(lambda world: foretell_removal(world, WEB_01, Removal(BOB)))
    assert {GROUP: OFF, SUBNET_GROUP: OFF} == {one.before.id: one.after.flush for one in seen.forecasts}
    assert OURS == flush(town)


async def test_looking_at_a_policy_tells_what_was_last_seen() -> None:
    town = Town()
    await put(town)
    assert Fate.END is (await town.live(lambda world: look(world, WEB_01))).sessions.fate
    town.shelf.desks[GROUP.lower()].clear()
    assert Fate.UNKNOWN is (await town.live(lambda world: look(world, WEB_01))).sessions.fate


async def test_a_repair_of_what_is_in_order_writes_nothing() -> None:
    town = Town()
    await put(town)
    before = list(town.cloud.written)
    assert () == (await town.repair()).problems
    assert before == town.cloud.written
