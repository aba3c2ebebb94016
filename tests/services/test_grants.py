"""Asking, having, giving up: the use cases on a world in memory."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.claims import Finding
from shared.domain.forecasts import Foretold
from shared.domain.issues import Refused
from shared.domain.lifecycle import Reason, State
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.grants import ask, foretell, revoke
from shared.services.opening import Progress, resume
from shared.services.policies import Removal, disable, look
from shared.services.sweeping import remind
from shared.services.world import World
from tests.domain.values import GROUP, OFFICE, STRANGER, SUBNET_GROUP, rule
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.services.town import BOB, HOUR, WEB_01, WEB_02, Town, wish


async def guarded_town() -> Town:
    town = Town()
    await town.enable(WEB_01)
    await town.enable(WEB_02)
    return town


async def test_a_machine_is_closed_once_it_is_enabled_and_its_neighbour_is_not() -> None:
    town = Town()
    await town.enable(WEB_02)
    assert [False, True] == [town.passes(22, STRANGER, address) for address in ("10.0.0.5", "10.0.0.6")]


async def test_who_asks_gets_in_and_nobody_else() -> None:
    town = await guarded_town()
    grant = await town.ask()
    assert (State.ACTIVE, HOUR) == (grant.state, grant.ends_at - town.clock.now())
    assert [True, False] == [town.passes(22, source) for source in (OFFICE, STRANGER)]
    assert not town.passes(3389)


async def test_a_grant_ends_with_its_time_and_not_before() -> None:
    town = await guarded_town()
    grant = await town.ask()
    town.clock.advance(timedelta(minutes=59))
    assert (0, True) == (len((await town.sweep()).closed), town.passes())
    town.clock.advance(timedelta(minutes=1))
    assert (1, False) == (len((await town.sweep()).closed), town.passes())
    assert (State.EXPIRED, Reason.DEADLINE) == (town.grant(grant.id).state, town.grant(grant.id).reason)


async def test_a_reminder_closes_a_grant_to_the_second() -> None:
    town = await guarded_town()
    grant = await town.ask()
    [(id_, at)] = town.shelf.reminders
    town.clock.advance(at - town.clock.now())
    assert grant.ends_at - at == timedelta(seconds=4)
    await town.live(lambda world: remind(world, id_))
    assert (State.EXPIRED, False) == (town.grant(grant.id).state, town.passes())
    assert grant.ends_at <= town.clock.now() < grant.ends_at + timedelta(seconds=10)


async def test_a_reminder_that_comes_too_early_closes_nothing() -> None:
    town = await guarded_town()
    grant = await town.ask()
    await town.live(lambda world: remind(world, grant.id))
    assert town.passes()


async def test_a_grant_can_be_given_up() -> None:
    town = await guarded_town()
    grant = await town.ask()
    ended = await town.live(lambda world: revoke(world, grant.id, BOB))
    assert (State.REVOKED, Reason.REVOKED, False) == (ended.state, ended.reason, town.passes())
    assert [0, 1, 2, 3] == sorted(number for _, _, number in town.shelf.records)


async def test_the_end_of_one_grant_leaves_another_that_opens_the_same() -> None:
    town = await guarded_town()
    first, second = await town.ask(), await town.ask()
    await town.live(lambda world: revoke(world, first.id, BOB))
    assert (State.ACTIVE, True) == (town.grant(second.id).state, town.passes())


async def test_the_same_key_and_body_is_the_same_grant_and_another_body_is_refused() -> None:
    town = await guarded_town()
    first, second = [await town.live(lambda world: ask(world, wish(key="k"))) for _ in range(2)]
    assert isinstance(first, Progress)
    assert isinstance(second, Progress)
    assert first.grant.id == second.grant.id
    with pytest.raises(Conflict):
        await town.live(lambda world: ask(world, wish(port=3389, key="k")))


async def test_what_the_policy_does_not_offer_is_refused_and_nothing_is_kept() -> None:
    town = await guarded_town()
    answer = await town.live(lambda world: ask(world, wish(port=80, lasts=timedelta(hours=9))))
    assert isinstance(answer, Refused)
    assert {"portNotInPolicy"} == {issue.code for issue in answer.issues}
    assert {} == town.shelf.grants


async def test_a_machine_without_a_policy_cannot_be_asked_for() -> None:
    with pytest.raises(NotFound):
        await Town().ask()


async def test_a_group_without_room_above_a_deny_ends_the_grant_and_says_which_rule() -> None:
    town = await guarded_town()
    nsg = town.cloud.groups[SUBNET_GROUP.lower()]
    town.cloud.put(replace(nsg, rules=(*nsg.rules, rule("100 no-entry Deny * * from *"))))
    grant = await town.ask()
    assert (State.FAILED, Reason.BLOCKED) == (grant.state, grant.reason)
    assert "no-entry" in grant.detail
    assert [] == list(town.holes())


@pytest.mark.parametrize("trouble", [Trouble.CONFLICT, Trouble.TAKEN, Trouble.LOST, Trouble.PART])
async def test_a_write_that_went_wrong_is_looked_at_again_and_done(trouble: Trouble) -> None:
    town = await guarded_town()
    town.cloud.troubles.append(trouble)
    assert State.ACTIVE is (await town.ask()).state
    assert town.passes()


async def test_while_azure_is_down_a_grant_stays_opening_and_the_next_look_opens_it() -> None:
    town = await guarded_town()
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    grant = await town.ask()
    assert State.OPENING is grant.state
    again = await town.live(lambda world: resume(world, town.shelf.grants[grant.id]))
    assert (State.ACTIVE, None) == (again.grant.state, again.held_up)


async def test_an_opening_that_nobody_finished_is_ended_by_the_sweep() -> None:
    town = await guarded_town()
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    grant = await town.ask()
    town.clock.advance(timedelta(minutes=2))
    await town.sweep()
    assert (State.FAILED, Reason.INTERRUPTED) == (town.grant(grant.id).state, town.grant(grant.id).reason)
    assert [] == list(town.holes())


async def test_closing_that_fails_is_finished_by_the_next_sweep() -> None:
    town = await guarded_town()
    grant = await town.ask()
    town.clock.advance(HOUR)
    town.cloud.troubles.append(Trouble.UNAVAILABLE)
    assert (await town.sweep()).problems
    assert State.CLOSING is town.grant(grant.id).state
    assert () == (await town.sweep()).problems
    assert State.EXPIRED is town.grant(grant.id).state


async def test_a_write_that_does_not_find_the_group_is_looked_at_again() -> None:
    town = await guarded_town()
    grant = await town.ask()
    town.cloud.troubles.append(Trouble.MISSING)
    ended = await town.live(lambda world: revoke(world, grant.id, BOB))
    assert [] == list(town.holes())
    assert State.REVOKED is ended.state


async def test_a_group_that_is_really_gone_holds_nothing_open_and_ends_the_grant() -> None:
    town = await guarded_town()
    grant = await town.ask()
    del town.cloud.groups[GROUP.lower()]
    assert State.REVOKED is (await town.live(lambda world: revoke(world, grant.id, BOB))).state


async def test_closing_needs_no_policy() -> None:
    town = await guarded_town()
    await town.ask()
    town.shelf.policies.clear()
    town.clock.advance(HOUR)
    assert 1 == len((await town.sweep()).closed)
    assert [] == list(town.holes())


async def test_disabling_ends_grants_takes_the_lock_away_and_leaves_other_rules() -> None:
    town = await guarded_town()
    grant = await town.ask()
    standing = await town.live(lambda world: disable(world, WEB_01, Removal(BOB)))
    assert Reason.POLICY_REMOVED is town.grant(grant.id).reason
    assert () == town.cloud.groups[GROUP.lower()].ours
    assert {"allow-ssh"} <= {leak.rule for leak in standing.leaks or ()}
    assert WEB_01 not in town.shelf.policies


async def test_disabling_one_machine_keeps_the_lock_of_another_in_the_same_group() -> None:
    town = await guarded_town()
    await town.live(lambda world: disable(world, WEB_01, Removal(BOB)))
    assert not town.passes(22, STRANGER, "10.0.0.5")


async def test_looking_measures_the_lock() -> None:
    town = await guarded_town()
    assert () == (await town.live(lambda world: look(world, WEB_01))).leaks


async def test_storage_that_is_down_keeps_a_grant_from_being_opened() -> None:
    town = await guarded_town()
    with pytest.raises(Unavailable):
        await town.ask(process=Process(errors={3: Unavailable("storage is down")}))
    assert [] == list(town.holes())


async def test_a_grant_whose_rules_somebody_removed_is_ended_by_the_repair_and_not_opened_again() -> None:
    town = await guarded_town()
    grant = await town.ask()
    nsg = town.cloud.groups[GROUP.lower()]
    town.cloud.put(replace(nsg, rules=tuple(one for one in nsg.rules if not one.name.startswith("postern-open-"))))
    await town.ask(port=3389)
    assert not any(grant.id in hole.name for hole in town.holes() if hole in town.cloud.groups[GROUP.lower()].rules)
    assert Finding.VANISHED is town.shelf.desks[GROUP.lower()][f"open|{grant.id}"].outcome.finding
    await town.repair()
    assert (State.REVOKED, Reason.REMOVED_OUTSIDE) == (town.grant(grant.id).state, town.grant(grant.id).reason)


async def test_one_caller_can_have_only_so_many_grants_under_way_on_a_machine() -> None:
    town = await guarded_town()
    first, _ = await town.ask(), await town.ask()

    async def one_more(world: World) -> Progress | Refused:
        return await ask(replace(world, most_unfinished=2), wish())

    refused = await town.live(one_more)
    assert isinstance(refused, Refused)
    assert ["tooManyGrants"] == [issue.code for issue in refused.issues]
    await town.live(lambda world: revoke(world, first.id, BOB))
    assert isinstance(await town.live(one_more), Progress)


async def test_a_preview_tells_the_rules_that_asking_then_writes_and_writes_nothing_itself() -> None:
    town = await guarded_town()
    before = len(town.cloud.written)
    told = await town.live(lambda world: foretell(world, wish()))
    assert isinstance(told, Foretold)
    assert (before, {}, set()) == (len(town.cloud.written), town.shelf.grants, town.shelf.dues)
    opened = (await town.ask()).rules
    assert sorted(rule.priority for rule in told.rules) == sorted(rule.priority for rule in opened)


async def test_a_preview_is_refused_as_asking_is() -> None:
    town = await guarded_town()
    told = await town.live(lambda world: foretell(world, wish(port=99)))
    assert told == await town.live(lambda world: ask(world, wish(port=99)))
    assert isinstance(told, Refused)


async def test_a_preview_names_the_rule_that_leaves_no_room() -> None:
    town = await guarded_town()
    nsg = town.cloud.groups[SUBNET_GROUP.lower()]
    town.cloud.put(replace(nsg, rules=(*nsg.rules, rule("100 no-entry Deny * * from *"))))
    told = await town.live(lambda world: foretell(world, wish(WEB_02)))
    assert isinstance(told, Foretold)
    assert ["no-entry" in obstacle for obstacle in told.obstacles] == [True]


async def test_a_preview_tells_that_a_group_on_the_way_is_gone_as_asking_does() -> None:
    town = await guarded_town()
    del town.cloud.groups[SUBNET_GROUP.lower()]
    told = await town.live(lambda world: foretell(world, wish(WEB_02)))
    assert isinstance(told, Foretold)
    grant = await town.ask(WEB_02)
    assert ((grant.detail,), State.FAILED) == (told.obstacles, grant.state)
