"""Looking back in the town: the record and the logs together, what is missing, and what a requestor may see."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.no_logs import NoLogs
from shared.domain.activity import Entry, Kind, Wanted
from shared.domain.evidence import Counts, Evidence, Gap, Hour, Lack, Part, SignIn, Source
from shared.domain.flow_logs import FlowLog
from shared.domain.machines import MachineId
from shared.domain.records import Record
from shared.domain.summaries import Summary
from shared.domain.visits import Visit
from shared.ports import Unavailable
from shared.services.activity import Asked, Page, Seen, summary, timeline
from shared.services.grants import ask, revoke
from shared.services.opening import Progress
from shared.services.world import World
from tests.domain.past import alerted, edited, heard, logged_as, passed, signed_in, tried
from tests.domain.values import GROUP, NOW, OFFICE, STRANGER, SUBNET_GROUP
from tests.services.process import Process
from tests.services.town import BOB, HOUR, WEB_01, WEB_02, WEB_03, Town, wish

DAY = timedelta(days=1)
ALL = Asked(NOW - HOUR, NOW + DAY)
MINE = replace(ALL, requestor="ann")
EVIDENCE = Evidence(
    sources=(tried(STRANGER, 40, span=(3, 20)),),
    sign_ins=(signed_in(OFFICE, 10), signed_in(STRANGER, 12)),
    alerts=(alerted(25),),
    edits=(edited(24),),
    beats=(heard(),),
    newest={"NTANetAnalytics": NOW + HOUR},
)


async def page(town: Town, asked: Asked = ALL, size: int = 100) -> Page:
    return await town.live(lambda world: timeline(world, asked, size))


async def numbers(town: Town, asked: Asked = ALL) -> tuple[Summary, Seen]:
    return await town.live(lambda world: summary(world, asked))


def told(entries: Sequence[Entry]) -> list[str]:
    """The kind of each entry, and of each record what it is about."""
    return [str(one.matter.kind if isinstance(one.matter, Record) else one.kind) for one in entries]


def lacks(found: Page) -> list[tuple[str, str]]:
    return [(gap.lack, gap.subject) for gap in (*found.seen.evidence.gaps, *found.seen.gaps)]


async def a_day_in_town() -> Town:
    """web-01 under a policy, a grant of Ann's from noon on, and logs that tell of two hours."""
    town = Town()
    await town.enable()
    await town.ask()
    town.clock.advance(2 * HOUR)
    town.logs.evidence = EVIDENCE
    town.flow_logs.logs = [
        FlowLog(f"{place.nic}/subnet".lower(), enabled=True, workspace=town.logs.workspace)
        for machine in town.cloud.machines.values()
        for place in machine.endpoints
    ]
    return town


async def bobs(town: Town, machine: MachineId = WEB_01) -> str:
    """A grant of Bob's; its id."""
    theirs = replace(wish(machine), asker=replace(wish().asker, ids=frozenset({BOB.id})), person=BOB)
    answer = await town.live(lambda world: ask(world, theirs))
    assert isinstance(answer, Progress)
    return answer.grant.id


async def test_record_and_logs_are_one_line_of_time() -> None:
    town = await a_day_in_town()
    found = await page(town)
    assert ["alert", "ruleEdit", "attack", "signIn", "signIn"] == told(found.entries)[:5]
    assert {"grantActive", "grantOpening", "policySet"} == set(told(found.entries)[5:])
    assert ([], None) == (lacks(found), found.next)


class Mute(Town):
    """A town without logs."""

    def world(self, process: Process | None = None) -> World:
        """The ports of a process, with no workspace."""
        return replace(Town.world(self, process), logs=NoLogs())


async def test_without_logs_the_record_is_told_and_that_the_rest_is_missing() -> None:
    town = Mute()
    await town.enable()
    await town.ask()
    found = await page(town)
    assert {"grantActive", "grantOpening", "policySet"} == set(told(found.entries))
    assert [("noWorkspace", "POSTERN_WORKSPACE")] == lacks(found)


async def test_logs_that_fail_leave_the_record_as_it_is() -> None:
    town = await a_day_in_town()
    gap = Gap(Lack.UNAVAILABLE, "Log Analytics", "It cannot be reached.")
    town.logs.evidence = Evidence(lacking=frozenset(Part), gaps=(gap,))
    found = await page(town)
    assert {"grantActive", "grantOpening", "policySet"} == set(told(found.entries))
    assert [("unavailable", "Log Analytics")] == lacks(found)


async def test_without_the_record_nothing_is_told() -> None:
    town = await a_day_in_town()
    away = Process(away={"history.between": Unavailable("the tables cannot be reached")})
    with pytest.raises(Unavailable):
        await town.live(lambda world: timeline(world, ALL, 10), away)


async def test_a_sign_in_is_tied_to_the_grant_that_let_it_in_and_the_grant_shows_its_use() -> None:
    town = await a_day_in_town()
    [grant] = town.shelf.grants
    town.logs.evidence = replace(EVIDENCE, uses=(passed(f"postern-open-{grant}-1", OFFICE, 3, (9, 11)),))
    found = await page(town)
    tied = {one.matter.sign_in.source: one.grant for one in found.entries if isinstance(one.matter, Visit)}
    assert {OFFICE: grant, STRANGER: ""} == tied
    used = found.usage[grant]
    assert (True, 3, 1, frozenset({OFFICE})) == (used.used, used.connections, used.sign_ins, used.addresses)


async def test_a_grant_that_opened_before_the_time_that_is_asked_about_is_known_in_it() -> None:
    town = await a_day_in_town()
    found = await page(town, replace(ALL, since=NOW + timedelta(minutes=5)))
    assert ["alert", "ruleEdit", "attack", "signIn", "signIn"] == told(found.entries)
    assert sorted(town.shelf.grants) == [one.grant for one in found.entries if one.grant]


async def test_about_everything_the_logs_are_asked_but_not_what_a_lock_may_cut() -> None:
    town = await a_day_in_town()
    await page(town)
    [(scope, parts)] = town.logs.asked
    assert set(Part) - {Part.LET_IN} == parts
    assert (frozenset({WEB_01}), ALL.since, ALL.until) == (scope.machines, scope.since, scope.until)
    assert {GROUP.lower(), SUBNET_GROUP.lower()} == scope.groups


async def test_a_requestor_sees_own_grants_and_the_sign_ins_tied_to_them_and_nothing_else() -> None:
    town = await a_day_in_town()
    [mine] = town.shelf.grants
    await town.live(lambda world: revoke(world, mine, BOB))
    found = await page(town, MINE)
    assert {mine} == {one.grant for one in found.entries}
    assert {Kind.GRANT, Kind.SIGN_IN} == {one.kind for one in found.entries}
    assert [OFFICE] == [one.matter.sign_in.source for one in found.entries if isinstance(one.matter, Visit)]


async def test_a_sign_in_that_came_by_another_s_grant_is_not_shown_as_one_s_own() -> None:
    town = await a_day_in_town()
    theirs = await bobs(town)
    town.logs.evidence = replace(EVIDENCE, sign_ins=(signed_in(OFFICE, 125),))
    town.clock.advance(HOUR)
    found = await page(town, replace(MINE, until=NOW + DAY))
    assert theirs not in {one.grant for one in found.entries}
    assert {Kind.GRANT} == {one.kind for one in found.entries}


async def test_of_a_requestor_s_machines_nothing_about_attacks_is_even_asked_for() -> None:
    town = await a_day_in_town()
    await town.enable(WEB_02)
    await page(town, MINE)
    [(scope, parts)] = town.logs.asked
    assert (frozenset({Part.USES, Part.SIGN_INS}), ALL.since) == (parts, scope.since)
    assert (frozenset(), frozenset({WEB_01})) == (scope.groups, scope.machines or frozenset())


async def test_whoever_never_had_a_grant_sees_nothing_and_the_logs_are_not_asked() -> None:
    town = await a_day_in_town()
    found = await page(town, replace(ALL, requestor="carol"))
    assert ([], [], []) == (found.entries, town.logs.asked, lacks(found))


async def test_a_machine_filter_reaches_the_logs_and_the_record() -> None:
    town = await a_day_in_town()
    await town.enable(WEB_02)
    await town.ask(WEB_02)
    town.logs.evidence = Evidence()
    found = await page(town, replace(ALL, machines=frozenset({WEB_02})))
    assert {str(WEB_02)} == {one.matter.subject for one in found.entries if isinstance(one.matter, Record)}
    [(scope, _)] = town.logs.asked
    assert (frozenset({WEB_02}), frozenset({SUBNET_GROUP.lower()})) == (scope.machines, scope.groups)


async def test_without_a_filter_the_record_of_machines_without_a_policy_is_told_too() -> None:
    town = await a_day_in_town()
    town.shelf.policies.clear()
    found = await page(town)
    assert {"grantActive", "grantOpening", "policySet"} == set(told(found.entries))
    assert [] == town.logs.asked


async def test_a_requestor_s_machine_filter_reaches_the_logs_too() -> None:
    town = await a_day_in_town()
    await town.enable(WEB_03)
    await town.ask(WEB_03)
    await page(town, replace(MINE, machines=frozenset({WEB_03})))
    assert [frozenset({WEB_03})] == [scope.machines for scope, _ in town.logs.asked]


async def test_only_what_is_wanted_is_shown() -> None:
    town = await a_day_in_town()
    wanted = [
        Wanted(frozenset({Kind.ATTACK, Kind.ALERT})),
        Wanted(text="azureuser"),
        Wanted(text="nothing of all this"),
    ]
    found = [told((await page(town, replace(ALL, wanted=one))).entries) for one in wanted]
    assert [["alert", "attack"], ["signIn", "signIn"], []] == found


async def walked(town: Town, size: int) -> list[list[Entry]]:
    """Every page, one after the other."""
    found = [await page(town, ALL, size)]
    while (after := found[-1].next) is not None:
        found.append(await town.live(partial(timeline, asked=ALL, size=size, after=after)))
    return [list(one.entries) for one in found]


@pytest.mark.parametrize(("size", "pages"), [(1, 8), (3, 3), (4, 2), (7, 2), (8, 1), (9, 1)])
async def test_pages_put_together_are_everything_once_and_in_order(size: int, pages: int) -> None:
    town = await a_day_in_town()
    every = list((await page(town)).entries)
    found = await walked(town, size)
    assert (every, pages) == ([entry for one in found for entry in one], len(found))


SOURCES = st.integers(1, 254).map(lambda number: tried(f"192.0.2.{number}", 1, span=(0, number % 4)))
SIGNS = st.builds(signed_in, st.sampled_from([OFFICE, STRANGER]), st.integers(0, 4), user=st.text("ab", min_size=1))


@settings(max_examples=20)
@given(st.lists(SOURCES, unique_by=lambda one: one.address), st.lists(SIGNS), st.integers(1, 12))
def test_pages_of_any_size_are_everything_once_the_newest_first(
    sources: list[Source], signs: list[SignIn], size: int
) -> None:
    town = Town()
    asyncio.run(town.enable())
    town.logs.evidence = Evidence(sources=tuple(sources), sign_ins=tuple(signs))
    entries = [entry for one in asyncio.run(walked(town, size)) for entry in one]
    assert len(sources) + len(set(signs)) + 1 == len(entries)
    assert len(entries) == len({entry.id for entry in entries})
    assert sorted(entries, key=lambda one: one.place, reverse=True) == entries


async def test_what_comes_between_two_pages_moves_nothing_to_the_next() -> None:
    town = await a_day_in_town()
    first = await page(town, size=3)
    before = [entry.id for entry in (await page(town)).entries]
    town.logs.evidence = replace(EVIDENCE, alerts=(*EVIDENCE.alerts, alerted(100, "new")))
    rest = await town.live(lambda world: timeline(world, ALL, 100, first.next))
    assert before == [entry.id for entry in (*first.entries, *rest.entries)]


async def test_the_numbers_are_those_of_the_same_record_and_logs() -> None:
    town = await a_day_in_town()
    town.logs.evidence = replace(EVIDENCE, hours=(Hour(NOW, Counts(30, 5, 5)),))
    found, seen = await numbers(town)
    assert (Counts(30, 5, 5), 0.75, [STRANGER]) == (
        found.counts,
        found.denied_share,
        [one.source for one in found.sources],
    )
    assert (1, 1, (), 0) == (found.grants.open, found.grants.used, found.grants.never_used, found.grants.unknown)
    assert str(WEB_01) == seen.names[logged_as()]


async def test_names_of_machines_are_spelled_as_they_are_known() -> None:
    town = await a_day_in_town()
    asked = MachineId(str(WEB_02).upper())
    _, seen = await numbers(town, replace(ALL, machines=frozenset({asked})))
    assert str(WEB_01) == seen.names[logged_as("web-01")]
    assert str(WEB_02).lower() == seen.names[logged_as("web-02")].lower()
