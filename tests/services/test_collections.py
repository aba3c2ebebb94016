"""Collections of machines: all of a call or nothing, and never a setting lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.collections import Place, Portion
from shared.domain.decisions import AskedPort, Asker, Wish
from shared.domain.grants import Grant
from shared.domain.guarding import Stage
from shared.domain.issues import Refused
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.policies import Lock, Policy, PolicyPort, Scope
from shared.domain.rules import Protocol
from shared.ports import NotFound, Outdated, Unavailable
from shared.services.collections import (
    Rejection,
    Replaced,
    Request,
    _disable,
    initiate,
    look,
    look_at_all,
    put,
    remove,
)
from shared.services.enabling import Assignment, enable
from shared.services.extending import Who
from tests.domain.values import OFFICE, STRANGER, SUBNET_GROUP, SUBSCRIPTION, machine_id, rule
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.services.town import ANN, BARE, BOB, HOUR, WEB_01, WEB_02, WEB_03, Town

PLACE = Place(SUBSCRIPTION, "demo", "westeurope", "default")
SSH = (PolicyPort((22, 22), Protocol.ANY, ("*",), HOUR * 3),)
RDP = (PolicyPort((3389, 3389), Protocol.ANY, ("*",), HOUR * 3),)
SPAN = PolicyPort((5000, 5010), Protocol.TCP, ("*",), HOUR)
MINE = Policy((*SSH, SPAN), Lock(keep_open=((443, 443),)), justification_required=True, requestors=(ANN.id,))
SOMEBODY = Who(ANN, Asker(frozenset({ANN.id}), OFFICE))


async def set_(town: Town, *ids: MachineId, name: str = "default", ports: tuple[PolicyPort, ...] = SSH) -> object:
    place = replace(PLACE, name=name.lower())
    return await town.live(lambda world: put(world, place, name, dict.fromkeys(ids, ports), BOB))


async def start(town: Town, *wishes: tuple[MachineId, int], process: Process | None = None) -> list[Grant] | Rejection:
    some = [
        Portion(id_, Wish((AskedPort((port, port)),), HOUR), (f"virtualMachines[{number}].ports[0]",))
        for number, (id_, port) in enumerate(wishes)
    ]
    return await town.live(lambda world: initiate(world, PLACE, Request(some, SOMEBODY)), process)


def codes(answer: object) -> dict[str, list[tuple[str, str]]]:
    assert isinstance(answer, Rejection), answer
    refused = {id_.name: one.issues for id_, one in answer.problems.items() if isinstance(one, Refused)}
    return {name: [(issue.code, issue.path) for issue in issues] for name, issues in refused.items()}


def kept(town: Town) -> dict[str, Policy]:
    return {id_.name: stored.value.policy for id_, stored in town.shelf.policies.items()}


async def test_a_machine_without_a_policy_is_locked_on_its_ports_only() -> None:
    town = Town()
    assert isinstance(await set_(town, WEB_01), Replaced)
    assert {"web-01": Policy(SSH, Lock(Scope.PORTS))} == kept(town)
    assert not town.passes(22, STRANGER)


async def test_a_policy_keeps_everything_but_its_single_ports() -> None:
    town = Town()
    await town.live(lambda world: enable(world, WEB_01, Assignment(MINE, BOB)))
    await set_(town, WEB_01, ports=RDP)
    assert {"web-01": replace(MINE, ports=(*RDP, SPAN))} == kept(town)


async def test_a_port_that_the_lock_keeps_open_cannot_be_offered_and_nothing_is_stored() -> None:
    town = Town()
    await town.live(lambda world: enable(world, WEB_01, Assignment(MINE, BOB)))
    https = (replace(SSH[0], span=(443, 443)),)
    assert {"web-01": [("keepOpenIsGuarded", "lock.keepOpen[0]")]} == codes(
        await set_(town, WEB_01, WEB_02, ports=https)
    )
    assert {"web-01": MINE} == kept(town)


async def test_a_port_of_a_span_that_stays_cannot_be_offered_twice() -> None:
    town = Town()
    await town.live(lambda world: enable(world, WEB_01, Assignment(MINE, BOB)))
    inside = (replace(SPAN, span=(5005, 5005)),)
    assert {"web-01": [("overlappingPorts", "ports[1].number")]} == codes(await set_(town, WEB_01, ports=inside))


async def test_machines_of_postern_are_in_the_default_collection() -> None:
    town = Town()
    await town.enable(WEB_01)
    found = await town.live(lambda world: look(world, PLACE, None))
    assert [("default", WEB_01)] == [(found.name, one.machine.id) for one in found.machines]


async def test_a_change_by_postern_leaves_a_machine_in_its_collection() -> None:
    town = Town()
    await set_(town, WEB_01, name="Team-B")
    await town.enable(WEB_01)
    assert "Team-B" == town.shelf.policies[WEB_01].value.collection


async def test_a_machine_that_is_put_in_another_collection_leaves_its_own() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    await set_(town, WEB_02, name="Team-B")
    found = await town.live(lambda world: look_at_all(world, replace(PLACE, name=None), None))
    assert [("default", ["web-01"]), ("Team-B", ["web-02"])] == [
        (one.name, [guarded.machine.id.name for guarded in one.machines]) for one in found
    ]


async def test_what_is_left_out_is_disabled_and_loses_its_grants() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    [grant] = grants(await start(town, (WEB_02, 22)))
    await set_(town, WEB_01, WEB_03)
    assert {"web-01", "web-03"} == set(kept(town))
    assert (State.REVOKED, True) == (town.grant(grant.id).state, town.passes(22, STRANGER, "10.0.0.5"))


def grants(answer: list[Grant] | Rejection) -> list[Grant]:
    assert isinstance(answer, list), answer
    return answer


async def test_nothing_is_disabled_while_something_cannot_be_locked() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    assert isinstance(await set_(town, WEB_01, machine_id("ghost-01")), Rejection)
    assert {"web-01", "web-02"} == set(kept(town))
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    answer = await set_(town, WEB_03)
    assert isinstance(answer, Rejection)
    assert [Unavailable] == [type(one) for one in answer.problems.values()]
    assert {"web-01", "web-02"} <= set(kept(town))


async def test_doing_the_same_again_finishes_what_azure_has_interrupted() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    await set_(town, BARE)
    assert isinstance(await set_(town, BARE), Replaced)
    assert {"bare-01"} == set(kept(town))


async def test_a_machine_that_is_moved_elsewhere_meanwhile_is_not_disabled() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    seen = [kept.value for kept in town.shelf.policies.values()]
    await set_(town, WEB_02, name="Team-B")
    wrong = await town.live(lambda world: _disable(world, seen, BOB))
    assert {WEB_02: Outdated} == {id_: type(one) for id_, one in wrong.items()}
    assert {"web-02"} == set(kept(town))


async def test_a_collection_is_removed_also_when_that_was_begun_before() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    stored = town.shelf.policies[WEB_01]
    town.shelf.policies[WEB_01] = replace(stored, value=replace(stored.value, stage=Stage.REMOVING))
    assert [True, False] == [await town.live(lambda world: remove(world, PLACE, BOB)) for _ in range(2)]
    assert {} == kept(town)


async def test_one_request_opens_all_its_machines() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02, ports=(*SSH, *RDP))
    opened = grants(await start(town, (WEB_01, 22), (WEB_02, 3389)))
    assert [State.ACTIVE] * 2 == [grant.state for grant in opened]
    assert [True, False] == [town.passes(22), town.passes(3389)]


async def test_when_one_of_them_is_refused_nothing_is_kept() -> None:
    town = Town()
    await set_(town, WEB_01, WEB_02)
    answer = codes(await start(town, (WEB_01, 22), (WEB_02, 99), (WEB_03, 22)))
    assert {
        "web-02": [("portNotInPolicy", "virtualMachines[1].ports[0]")],
        "web-03": [("machineNotInPolicy", "virtualMachines[2].ports[0]")],
    } == answer
    assert ({}, False) == (town.shelf.grants, town.passes())


async def test_what_has_no_room_is_refused_before_anything_is_opened() -> None:
    town = Town()
    await set_(town, WEB_01, BARE)
    nsg = town.cloud.groups[SUBNET_GROUP.lower()]
    town.cloud.put(replace(nsg, rules=(*nsg.rules, rule("100 no-entry Deny * * from *"))))
    assert {"web-01": [("blocked", "virtualMachines[1].ports[0]")]} == codes(
        await start(town, (BARE, 22), (WEB_01, 22))
    )
    assert {} == town.shelf.grants


async def test_when_one_of_them_fails_after_all_the_others_are_given_up_again() -> None:
    twin, town, rehearsal = Town(), Town(), Process()
    for one in (twin, town):
        await set_(one, WEB_01, WEB_02)
    await start(twin, (WEB_01, 22), (WEB_02, 22), process=rehearsal)
    second = [number for number, name in enumerate(rehearsal.calls, 1) if name == "grants.add"][1]
    failing = Process(errors={second: Unavailable("storage is away")})
    answer = await start(town, (WEB_01, 22), (WEB_02, 22), process=failing)
    assert isinstance(answer, Rejection)
    assert [Unavailable] == [type(one) for one in answer.problems.values()]
    assert [State.REVOKED] == [kept.value.state for kept in town.shelf.grants.values()]
    assert (False, False) == (town.passes(), town.passes(address="10.0.0.5"))


async def test_nobody_asks_in_a_collection_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        await start(Town(), (WEB_01, 22))


async def test_the_same_request_under_the_same_key_makes_no_second_grant() -> None:
    town = Town()
    await set_(town, WEB_01)
    some = [Portion(WEB_01, Wish((AskedPort((22, 22)),), HOUR), ("here",))]
    request = Request(some, SOMEBODY, key="k", digest="d")
    first, second = [grants(await town.live(lambda world: initiate(world, PLACE, request))) for _ in range(2)]
    assert [grant.id for grant in first] == [grant.id for grant in second]
    assert 1 == len(town.shelf.grants)


async def test_requests_are_shown_to_those_who_made_them_and_to_those_who_see_all() -> None:
    town = Town()
    await set_(town, WEB_01)
    await start(town, (WEB_01, 22))
    shown = [await town.live(lambda world: look(world, PLACE, who)) for who in (None, ANN.id, BOB.id)]  # noqa: B023 - awaited at once.
    assert [1, 1, 0] == [len(found.grants) for found in shown]


async def test_requests_of_more_than_a_week_ago_are_not_shown() -> None:
    town = Town()
    await set_(town, WEB_01)
    await start(town, (WEB_01, 22))
    town.clock.advance(timedelta(days=7, seconds=1))
    assert () == (await town.live(lambda world: look(world, PLACE, None))).grants


async def test_only_the_latest_hundred_requests_are_shown() -> None:
    town = Town()
    await set_(town, WEB_01)
    stored = town.shelf.grants[grants(await start(town, (WEB_01, 22)))[0].id]
    for number in range(100, 220):
        id_ = f"{stored.value.id[:-3]}{number}"
        town.shelf.grants[id_] = replace(stored, value=replace(stored.value, id=id_))
    found = (await town.live(lambda world: look(world, PLACE, None))).grants
    assert [str(number) for number in range(120, 220)] == [grant.id[-3:] for grant in found]
