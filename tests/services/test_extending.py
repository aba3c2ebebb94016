"""More time: decided as a new request would be, and never a moment longer open than the grant says."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from shared.domain.decisions import Asker
from shared.domain.grants import Grant
from shared.domain.issues import Refused
from shared.domain.lifecycle import Event, State
from shared.domain.policies import Policy
from shared.ports import Conflict
from shared.services.closing import shut
from shared.services.enabling import Assignment, enable
from shared.services.extending import Who, extend, prolong
from shared.services.grants import revoke
from shared.services.sweeping import remind
from tests.domain.values import OFFICE
from tests.services.process import Process
from tests.services.town import ANN, BOB, HOUR, POLICY, WEB_01, Town

EXTENDER = Who(ANN, Asker(frozenset({ANN.id}), OFFICE))


@dataclass(frozen=True, slots=True)
class More:
    """A wish for more time."""

    duration: timedelta | None = HOUR * 2
    end_time_utc: datetime | None = None
    justification: str = ""


async def active() -> tuple[Town, str]:
    town = Town()
    await town.enable()
    return town, (await town.ask()).id


async def longer(town: Town, id_: str, more: More | None = None, process: Process | None = None) -> Grant | Refused:
    stored = town.shelf.grants[id_]
    return await town.live(lambda world: extend(world, stored, more or More(), EXTENDER), process)


async def test_a_grant_that_is_extended_stays_open_until_its_later_end_and_not_longer() -> None:
    town, id_ = await active()
    town.clock.advance(timedelta(minutes=30))
    extended = await longer(town, id_)
    assert isinstance(extended, Grant)
    assert town.clock.now() + HOUR * 2 == extended.ends_at
    town.clock.advance(HOUR + timedelta(minutes=59))
    await town.sweep()
    assert town.passes()
    town.clock.advance(timedelta(minutes=1))
    await town.sweep()
    assert (False, State.EXPIRED) == (town.passes(), town.grant(id_).state)


async def test_an_extension_is_on_record_as_what_it_is_and_writes_nothing_to_the_group() -> None:
    town, id_ = await active()
    town.cloud.written.clear()
    await longer(town, id_, More(justification="the disk is still full"))
    last = town.grant(id_).occurrence
    assert (Event.EXTENDED, ANN, []) == (last.event, last.by, town.cloud.written)
    assert "the disk is still full" in last.detail
    assert town.is_recorded_once()


async def test_the_reminder_of_the_old_end_closes_nothing_and_that_of_the_new_one_does() -> None:
    town, id_ = await active()
    await longer(town, id_)
    town.clock.advance(HOUR)
    await town.live(lambda world: remind(world, id_))
    assert town.passes()
    town.clock.advance(HOUR - timedelta(seconds=4))
    await town.live(lambda world: remind(world, id_))
    assert not town.passes()


REFUSALS = [
    (More(timedelta(hours=4)), ["durationTooLong"]),
    (More(timedelta(minutes=20)), ["notLonger"]),
    (More(timedelta(minutes=1)), ["durationTooShort", "notLonger"]),
]


@pytest.mark.parametrize(("more", "codes"), REFUSALS)
async def test_what_a_new_request_could_not_have_is_refused(more: More, codes: list[str]) -> None:
    town, id_ = await active()
    ends_at = town.grant(id_).ends_at
    refused = await longer(town, id_, more)
    assert isinstance(refused, Refused)
    assert (codes, ends_at) == ([issue.code for issue in refused.issues], town.grant(id_).ends_at)


async def test_a_port_that_the_policy_no_longer_offers_gets_no_more_time() -> None:
    town, id_ = await active()
    stored = town.shelf.grants[id_]
    only_rdp = Policy(POLICY.ports[1:])
    await town.live(lambda world: enable(world, WEB_01, Assignment(only_rdp, BOB)))
    with pytest.raises(Conflict):
        await longer(town, id_)
    assert stored.value.ends_at == town.grant(id_).ends_at


async def test_a_grant_that_is_over_gets_no_more_time() -> None:
    town, id_ = await active()
    before = town.shelf.grants[id_]
    await town.live(lambda world: revoke(world, id_, BOB))
    with pytest.raises(Conflict):
        await town.live(lambda world: extend(world, before, More(), EXTENDER))
    assert (State.REVOKED, False) == (town.grant(id_).state, town.passes())


async def test_what_was_just_seen_gone_is_not_prolonged() -> None:
    town, id_ = await active()
    town.clock.advance(HOUR)
    stored = town.shelf.grants[id_]
    assert {id_} == (await town.live(lambda world: shut(world, [stored.value]))).gone
    longer_grant = stored.value.extended(town.clock.now(), town.clock.now() + HOUR, ANN)
    with pytest.raises(Conflict):
        await town.live(lambda world: prolong(world, stored, longer_grant))
