"""A server outside Azure among virtual machines: what it was told holds, and it keeps nobody else waiting."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.domain.decisions import Asker
from shared.domain.findings import What
from shared.domain.grants import Grant
from shared.domain.lifecycle import Reason, State
from shared.ports import Unavailable
from shared.services.extending import Who, extend
from shared.services.policies import Removal, disable
from tests.domain.values import GROUP, OFFICE
from tests.services.roadside import HOST, Roadside
from tests.services.town import ANN, BOB, HOUR, WEB_01


@dataclass(frozen=True)
class Longer:
    duration: timedelta | None = 2 * HOUR
    end_time_utc: None = None
    justification: str = "It takes longer."


async def opened() -> tuple[Roadside, str]:
    """A server that is locked, and an access to it for an hour."""
    road = Roadside()
    await road.enable(HOST)
    return road, (await road.ask(HOST)).id


async def prolonged(road: Roadside, id_: str) -> Grant:
    who = Who(ANN, Asker(frozenset({ANN.id}), OFFICE))
    found = await road.live(lambda world: extend(world, road.shelf.grants[id_], Longer(), who))
    assert isinstance(found, Grant)
    return found


async def test_an_access_to_a_server_ends_when_the_server_was_told_however_long_the_telling_took() -> None:
    road = Roadside()
    await road.enable(HOST)
    road.cloud.write_time = timedelta(seconds=30)
    grant = await road.ask(HOST)
    assert grant.requested_at + HOUR == grant.ends_at


async def test_a_longer_stay_is_on_the_server_when_it_is_promised() -> None:
    road, id_ = await opened()
    road.clock.advance(HOUR - timedelta(minutes=1))
    grant = await prolonged(road, id_)
    road.clock.advance(timedelta(minutes=2))
    await road.sweep()
    await road.repair()
    assert (State.ACTIVE, True, True) == (road.grant(id_).state, road.is_open, grant.ends_at > road.clock.now() + HOUR)


async def test_a_longer_stay_that_the_server_does_not_hear_of_is_none() -> None:
    road, id_ = await opened()
    ends_at, road.out_of_reach = road.grant(id_).ends_at, True
    with pytest.raises(Unavailable, match="the earlier one holds"):
        await prolonged(road, id_)
    road.clock.advance(HOUR + timedelta(seconds=1))
    await road.sweep()
    over = road.grant(id_)
    assert (State.EXPIRED, Reason.DEADLINE, ends_at) == (over.state, over.reason, over.ends_at)


async def test_a_server_out_of_reach_ends_an_access_on_time_and_no_earlier() -> None:
    road, id_ = await opened()
    road.out_of_reach = True
    road.clock.advance(HOUR - timedelta(minutes=1))
    await road.sweep()
    assert (State.ACTIVE, True) == (road.grant(id_).state, road.is_open)
    road.clock.advance(timedelta(minutes=1, seconds=1))
    await road.sweep()
    assert (State.EXPIRED, False) == (road.grant(id_).state, road.is_open)


async def test_nothing_is_called_closed_on_a_server_whose_resource_is_gone_until_its_time() -> None:
    road, id_ = await opened()
    road.gone, road.cloud.indexed[HOST] = True, None
    await road.repair()
    assert (True, HOST in road.shelf.policies) == (road.grant(id_).holding, True)
    road.clock.advance(HOUR + timedelta(seconds=1))
    await road.sweep()
    await road.repair()
    assert (State.EXPIRED, False) == (road.grant(id_).state, HOST in road.shelf.policies)


async def test_a_policy_goes_only_when_its_server_was_made_empty() -> None:
    road, _ = await opened()
    await road.live(lambda world: disable(world, HOST, Removal(BOB)))
    assert ([HOST.gate], False) == (road.emptied, HOST in road.shelf.policies)


async def test_a_policy_stays_until_its_server_can_be_made_empty() -> None:
    road = Roadside()
    await road.enable(HOST)
    road.out_of_reach = True
    with pytest.raises(Unavailable):
        await road.live(lambda world: disable(world, HOST, Removal(BOB)))
    road.out_of_reach = False
    await road.repair()
    assert ([HOST.gate], False) == (road.emptied, HOST in road.shelf.policies)


async def test_the_repair_looks_behind_gates_and_records_what_it_found() -> None:
    road = Roadside(wrong=("postern-lock-all was gone.",))
    await road.enable(HOST)
    await road.enable(WEB_01)
    await road.repair()
    found = [(one.what, one.subject, one.detail) for one in road.shelf.findings.values()]
    assert ([HOST.gate], [(What.LOCK_EDITED, str(HOST), "postern-lock-all was gone.")]) == (road.looked, found)


async def test_nobody_looks_behind_a_gate_whose_policy_is_going() -> None:
    road = Roadside()
    await road.enable(HOST)
    road.out_of_reach = True
    with pytest.raises(Unavailable):
        await road.live(lambda world: disable(world, HOST, Removal(BOB)))
    await road.repair()
    assert [] == road.looked


async def test_a_server_out_of_reach_keeps_no_virtual_machine_from_being_repaired() -> None:
    road = Roadside()
    await road.enable(HOST)
    await road.enable(WEB_01)
    nsg = road.cloud.groups[GROUP.lower()]
    road.cloud.put(replace(nsg, rules=nsg.foreign))
    road.out_of_reach = True
    assert road.passes()
    await road.repair()
    assert not road.passes()
