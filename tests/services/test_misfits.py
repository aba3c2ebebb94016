"""What an adversarial reader tried: grants whose ground has shifted, failures that could hide a hole."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.claims import OpenClaim
from shared.domain.guarding import open_claims
from shared.domain.lifecycle import Reason, State
from shared.domain.policies import Policy
from shared.ports import Unavailable
from shared.services.enabling import Assignment, enable
from shared.services.grants import ask, revoke
from shared.services.opening import resume
from shared.services.policies import Removal, disable, look
from tests.domain.values import GROUP, OFFICE, STRANGER, endpoint, group, rule
from tests.services.process import Crash, Process
from tests.services.town import BOB, HOUR, POLICY, WEB_01, Town, wish

OTHER = GROUP.replace("web-nsg", "new-nsg")
ONLY_RDP = Policy(POLICY.ports[1:])


async def town_with_a_grant() -> tuple[Town, str]:
    town = Town()
    await town.enable()
    return town, (await town.ask()).id


def move(town: Town, address: str, nsg: str = GROUP) -> None:
    """web-01 gets another address, or another group."""
    home = endpoint(address, nsg, town.cloud.machines[WEB_01].endpoints[0].subnet_nsg)
    town.cloud.machines[WEB_01] = replace(town.cloud.machines[WEB_01], endpoints=(home,))


async def test_a_grant_ends_when_its_machine_has_another_address() -> None:
    town, grant = await town_with_a_grant()
    move(town, "10.0.0.14")
    await town.repair()
    assert (State.REVOKED, Reason.MACHINE_CHANGED) == (town.grant(grant).state, town.grant(grant).reason)
    assert [] == list(town.holes())


async def test_a_grant_ends_when_its_port_leaves_the_policy_and_stays_out_after_a_crash_there() -> None:
    town, grant = await town_with_a_grant()
    await town.live(lambda world: enable(world, WEB_01, Assignment(ONLY_RDP, BOB)))
    assert Reason.PORT_REMOVED is town.grant(grant).reason
    assert [] == list(town.holes())


async def test_a_claim_is_not_opened_where_its_grant_would_not_be_looked_for() -> None:
    town, grant = await town_with_a_grant()
    town.cloud.put(group("310 allow-ssh Allow Tcp 22 from *", id_=OTHER))
    move(town, "10.0.0.4", OTHER)
    machine = town.cloud.machines[WEB_01]
    claim = open_claims(town.grant(grant), machine)[OTHER]
    assert isinstance(claim, OpenClaim)
    await town.live(lambda world: world.desk.offer(OTHER, claim))
    await town.repair()
    assert () == tuple(rule for rule in town.cloud.groups[OTHER.lower()].ours if rule.name.startswith("postern-open-"))


async def test_a_grant_that_opens_in_a_new_group_is_closed_there_too() -> None:
    town = Town()
    await town.enable()
    answer = await town.ask(process=Process(errors={12: Unavailable("busy")}))
    town.cloud.put(group("310 allow-ssh Allow Tcp 22 from *", id_=OTHER))
    move(town, "10.0.0.4", OTHER)
    await town.live(lambda world: enable(world, WEB_01, Assignment(POLICY, BOB)))
    await town.live(lambda world: resume(world, town.shelf.grants[answer.id]))
    await town.live(lambda world: revoke(world, answer.id, BOB))
    assert [] == list(town.holes())


async def test_a_machine_without_an_address_is_never_said_to_be_locked() -> None:
    town, _ = await town_with_a_grant()
    town.cloud.machines[WEB_01] = replace(town.cloud.machines[WEB_01], endpoints=())
    assert (await town.live(lambda world: look(world, WEB_01))).leaks is None
    report = await town.repair()
    assert any("cannot be locked" in str(problem) for problem in report.problems)
    assert not town.passes(3389, STRANGER)


async def test_a_machine_that_lost_its_group_is_told_to_be_open() -> None:
    town, _ = await town_with_a_grant()
    town.cloud.machines[WEB_01] = replace(
        town.cloud.machines[WEB_01], endpoints=(replace(endpoint("10.0.0.4"), nic_nsg=None),)
    )
    assert (await town.live(lambda world: look(world, WEB_01))).leaks


async def test_a_policy_can_be_removed_when_its_group_is_gone() -> None:
    town, _ = await town_with_a_grant()
    del town.cloud.groups[GROUP.lower()]
    await town.live(lambda world: disable(world, WEB_01, Removal(BOB)))
    assert WEB_01 not in town.shelf.policies


@pytest.mark.parametrize("failing", range(1, 12))
async def test_a_change_of_policy_is_on_record_although_its_author_met_a_failure(failing: int) -> None:
    town, _ = await town_with_a_grant()
    errors = {failing: Unavailable("storage is down")}
    with suppress(Unavailable):
        await town.live(lambda world: enable(world, WEB_01, Assignment(ONLY_RDP, BOB)), Process(errors=errors))
    await town.live(lambda world: enable(world, WEB_01, Assignment(POLICY, BOB)))
    recorded = {revision for _, _, revision in town.shelf.changes}
    assert set(range(town.shelf.policies[WEB_01].value.revision + 1)) == recorded


async def test_a_request_that_was_overtaken_by_a_tighter_policy_opens_nothing() -> None:
    town = Town()
    await town.enable()
    answer = await town.ask(process=Process(errors={12: Unavailable("busy")}))
    await town.live(lambda world: enable(world, WEB_01, Assignment(ONLY_RDP, BOB)))
    await town.live(lambda world: ask(world, wish(port=3389)))
    assert not town.passes(22)
    assert answer.state is State.OPENING


async def test_a_rule_that_arm_does_not_take_fails_its_grant_and_stands_in_nobody_s_way() -> None:
    town = Town()
    await town.enable()
    town.cloud.unwelcome.add(OFFICE)
    assert (State.FAILED, Reason.BLOCKED) == ((bad := await town.ask()).state, bad.reason)
    town.cloud.unwelcome.clear()
    assert State.ACTIVE is (await town.ask()).state


async def test_a_revoked_hole_is_closed_although_nothing_can_be_recorded() -> None:
    town, grant = await town_with_a_grant()
    process = Process(away={"grants.record": Unavailable("the audit is away")})
    with pytest.raises(Unavailable):
        await town.live(lambda world: revoke(world, grant, BOB), process)
    assert [] == list(town.holes())


async def test_a_due_hole_is_closed_although_nothing_can_be_recorded_and_recorded_later() -> None:
    town, grant = await town_with_a_grant()
    town.clock.advance(HOUR * 2)
    await town.sweep(Process(away={"grants.record": Unavailable("the audit is away")}))
    assert [] == list(town.holes())
    await town.sweep()
    assert State.EXPIRED is town.grant(grant).state
    assert town.is_recorded_once()


def build_a_wall(town: Town, number: int) -> None:
    """A customer denies everything, above all rules of ours."""
    nsg = town.cloud.groups[GROUP.lower()]
    town.cloud.put(replace(nsg, rules=(*nsg.rules, rule(f"{number} no-entry Deny * * from *"))))


async def test_a_grant_that_a_customers_rule_leaves_no_room_for_ends_and_names_it() -> None:
    town, grant = await town_with_a_grant()
    build_a_wall(town, 100)
    await town.repair()
    ended = town.grant(grant)
    assert (State.FAILED, Reason.BLOCKED, []) == (ended.state, ended.reason, list(town.holes()))
    assert "no-entry" in ended.detail
    assert town.is_recorded_once()


@pytest.mark.parametrize("dies_at", [None, *range(1, 60)])
async def test_of_two_grants_that_find_room_for_one_the_other_ends_as_blocked(dies_at: int | None) -> None:
    town, first = await town_with_a_grant()
    second = (await town.ask(port=3389)).id
    build_a_wall(town, 101)
    with suppress(Crash):
        await town.repair(Process(dies_at=dies_at))
    for _ in range(2):
        town.clock.advance(timedelta(minutes=1))
        await town.repair()
    ends = {(town.grant(id_).state, town.grant(id_).reason) for id_ in (first, second)}
    assert {(State.ACTIVE, None), (State.FAILED, Reason.BLOCKED)} == ends
    assert 1 == len(list(town.holes()))
