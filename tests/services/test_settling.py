"""Settling: those who come together are served by one write, by one writer, and nothing is opened behind a closing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.grants import Grant
from shared.domain.guarding import open_claims
from shared.domain.issues import Refused
from shared.domain.lifecycle import State
from shared.ports import Lease
from shared.services.grants import ask, revoke
from shared.services.opening import Progress, resume
from shared.services.serving import Purpose
from shared.services.settling import settle
from shared.services.sweeping import remind
from shared.services.world import World
from tests.domain.values import GROUP, SUBNET_GROUP, group
from tests.services.cloud import Trouble
from tests.services.process import Crash, Process
from tests.services.town import BOB, HOUR, WEB_01, WEB_02, Town, wish


async def locked_town() -> Town:
    town = Town()
    await town.enable(WEB_02)
    town.cloud.written.clear()
    return town


async def until(happened: Callable[[], bool]) -> None:
    """Let the others work until something has happened."""
    for _ in range(10_000):
        if happened():
            return
        await asyncio.sleep(0)
    raise TimeoutError


def granted(answer: Progress | Refused) -> Grant:
    assert isinstance(answer, Progress)
    return answer.grant


async def test_twenty_who_ask_at_once_need_at_most_three_writes() -> None:
    town = await locked_town()
    worlds = [town.world() for _ in range(20)]
    answers = await asyncio.gather(*(ask(world, wish(WEB_02)) for world in worlds))
    assert {State.ACTIVE} == {granted(answer).state for answer in answers}
    assert 20 == len(list(town.holes()))
    assert len(town.cloud.written) <= 3
    assert [] == town.cloud.offences


async def test_twenty_whose_time_is_up_need_one_write() -> None:
    town = await locked_town()
    await asyncio.gather(*(ask(town.world(), wish(WEB_02)) for _ in range(20)))
    town.cloud.written.clear()
    town.clock.advance(HOUR + timedelta(minutes=2))
    assert 20 == len((await town.sweep()).closed)
    assert [SUBNET_GROUP] == town.cloud.written


async def test_whoever_waits_is_told_what_the_holder_did() -> None:
    town = await locked_town()
    town.cloud.write_time = timedelta(seconds=10)
    first = asyncio.create_task(ask(town.world(), wish(WEB_02)))
    second = asyncio.create_task(ask(town.world(), wish(WEB_02)))
    assert [State.ACTIVE, State.ACTIVE] == [granted(await answer).state for answer in (first, second)]
    assert [] == town.cloud.offences


async def test_when_the_holder_dies_the_next_one_takes_over_after_its_lease() -> None:
    town = await locked_town()
    begun = town.clock.now()
    await town.world().desk.acquire(SUBNET_GROUP, "dead", begun + timedelta(seconds=15), begun)
    assert State.ACTIVE is (await town.ask(WEB_02)).state
    # The lease, half a second until somebody looks again, and the write.
    assert timedelta(seconds=15) <= town.clock.now() - begun <= timedelta(seconds=17.5)


async def test_whoever_cannot_have_the_lease_in_time_is_told_so_and_the_sweep_ends_the_grant() -> None:
    town = await locked_town()
    begun = town.clock.now()
    await town.world().desk.acquire(SUBNET_GROUP, "busy", begun + timedelta(seconds=100), begun)
    grant = await town.ask(WEB_02)
    assert State.OPENING is grant.state
    town.clock.advance(timedelta(minutes=3))
    await town.sweep()
    assert State.FAILED is town.grant(grant.id).state


async def test_a_lease_is_renewed_while_a_long_write_goes_on() -> None:
    town = await locked_town()
    town.cloud.write_time = timedelta(seconds=50)
    first, second = town.world(), town.world()
    await asyncio.gather(ask(first, wish(WEB_02)), settle(second, SUBNET_GROUP, (), Purpose.CLOSE))
    await asyncio.gather(*first.background)
    assert [State.ACTIVE] == [stored.value.state for stored in town.shelf.grants.values()]
    assert [] == town.cloud.offences


async def test_work_stops_when_the_lease_is_lost() -> None:
    town = await locked_town()
    town.cloud.write_time = timedelta(seconds=12)
    asking = asyncio.create_task(ask(town.world(), wish(WEB_02)))
    await until(lambda: bool(town.shelf.leases))
    held = town.shelf.leases[SUBNET_GROUP.lower()]
    town.shelf.leases[SUBNET_GROUP.lower()] = (Lease(SUBNET_GROUP, "thief", "stolen"), held[1])
    assert State.OPENING is granted(await asking).state
    assert [] == list(town.holes())


async def test_a_grant_that_was_closed_while_its_opening_waited_is_never_opened() -> None:
    """The race of a caller who goes on with an opening just after the sweep has ended it."""
    town = await locked_town()
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    waiting = town.shelf.grants[(await town.ask(WEB_02)).id]
    town.clock.advance(timedelta(minutes=2))
    await town.sweep()
    answer = await town.live(lambda world: resume(world, waiting))
    assert State.FAILED is answer.grant.state
    assert [] == list(town.holes())


async def test_a_claim_left_over_from_a_closed_grant_opens_nothing_for_the_next_caller() -> None:
    town = await locked_town()
    grant = await town.ask(WEB_02)
    await town.live(lambda world: revoke(world, grant.id, BOB))
    machine = town.shelf.policies[WEB_02].value.machine
    for nsg, claim in open_claims(grant, machine).items():
        await town.world().desk.offer(nsg, claim)
    other = await town.ask(WEB_02)
    assert {other.id} == {hole.name.removeprefix("postern-open-")[:24] for hole in town.holes()}


@pytest.mark.parametrize("delay", range(0, 60, 4))
async def test_an_opening_and_its_revocation_at_once_end_closed(delay: int) -> None:
    town = await locked_town()
    asking = asyncio.create_task(ask(town.world(), wish(WEB_02)))
    await until(lambda: bool(town.shelf.grants))
    for _ in range(delay):
        await asyncio.sleep(0)
    revoked = await revoke(town.world(), next(iter(town.shelf.grants)), BOB)
    await asking
    assert ([], State.REVOKED) == (list(town.holes()), revoked.state)


async def test_a_sweep_does_not_open_what_waits() -> None:
    town = await locked_town()
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    await town.ask(WEB_02)
    await town.sweep()
    await town.repair()
    assert [] == list(town.holes())


async def test_a_request_for_one_machine_finishes_what_another_left_in_the_same_group() -> None:
    town = await locked_town()
    await town.enable(WEB_01)

    async def die_writing(world: World) -> None:
        await ask(world, wish(WEB_01))

    process = Process()
    await town.live(die_writing, process)
    last = process.calls.index("network.answer") + 1
    try:
        await town.live(die_writing, Process(dies_at=last))
    except Crash:
        town.clock.advance(timedelta(seconds=16))
    assert 2 == sum("postern-open" in one.name for one in town.cloud.groups[GROUP.lower()].rules)
    assert State.ACTIVE is (await town.ask(WEB_01)).state
    assert [] == town.cloud.offences


async def test_eighty_who_ask_one_process_at_once_need_two_writes_and_one_lease() -> None:
    town, process = await locked_town(), Process()
    world = replace(town.world(process), most_unfinished=100)
    answers = await asyncio.gather(*(ask(world, wish(WEB_02)) for _ in range(80)))
    assert {State.ACTIVE} == {granted(answer).state for answer in answers}
    assert (80, []) == (len(list(town.holes())), town.cloud.offences)
    assert len(town.cloud.written) <= 2
    assert 1 == process.calls.count("desk.acquire")


async def test_as_many_as_a_group_holds_whose_time_is_up_need_one_write() -> None:
    town = Town()
    town.cloud.put(group(id_=SUBNET_GROUP))
    await town.enable(WEB_02)
    world = replace(town.world(), most_unfinished=1000)
    await asyncio.gather(*(ask(world, wish(WEB_02)) for _ in range(900)))
    assert 900 == len(list(town.holes()))
    town.clock.advance(HOUR)
    town.cloud.written.clear()
    assert (900, ()) == (len((report := await town.sweep()).closed), report.problems)
    assert ([SUBNET_GROUP], []) == (town.cloud.written, list(town.holes()))


async def test_whoever_is_served_by_another_process_hears_of_it_within_half_a_second() -> None:
    town = await locked_town()
    town.cloud.write_time, begun = timedelta(seconds=10), town.clock.now()
    await asyncio.gather(*(ask(town.world(), wish(WEB_02)) for _ in range(2)))
    assert 1 == len(town.cloud.written)
    assert town.clock.now() - begun <= timedelta(seconds=10.5)


async def test_one_who_joins_a_settling_that_only_closes_is_opened_all_the_same() -> None:
    town = await locked_town()
    world = town.world()
    closing = asyncio.create_task(settle(world, SUBNET_GROUP, (), Purpose.CLOSE))
    await until(lambda: bool(town.shelf.leases))
    assert State.ACTIVE is granted(await ask(world, wish(WEB_02))).state
    assert await closing


async def test_one_who_joins_a_settling_that_fails_is_told_why_and_may_try_again() -> None:
    town = await locked_town()
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    world = town.world()
    answers = await asyncio.gather(*(ask(world, wish(WEB_02)) for _ in range(3)))
    assert {State.OPENING} == {granted(answer).state for answer in answers}
    assert {State.ACTIVE} == {
        granted(await resume(world, town.shelf.grants[granted(answer).id])).state for answer in answers
    }


async def test_a_settling_of_whatever_there_is_looks_at_the_group_again_after_one_that_goes_on() -> None:
    town, process = await locked_town(), Process()
    world = town.world(process)
    await asyncio.gather(*(settle(world, SUBNET_GROUP, (), Purpose.CLOSE) for _ in range(2)))
    assert 2 == process.calls.count("network.group")


async def test_grants_that_end_one_shortly_after_the_other_are_closed_by_one_write_when_both_have_ended() -> None:
    town = await locked_town()
    first = await town.ask(WEB_02)
    second = granted(await ask(town.world(), wish(WEB_02, lasts=HOUR - timedelta(seconds=1))))
    assert timedelta(seconds=1) == second.ends_at - first.ends_at
    town.cloud.written.clear()
    town.clock.advance(first.ends_at - town.clock.now())
    await town.live(lambda world: remind(world, first.id))
    assert ([SUBNET_GROUP], []) == (town.cloud.written, list(town.holes()))
    assert second.ends_at + town.cloud.write_time == town.clock.now()
