"""Telling what happened: all of it, only that, and to each who wants it, whoever dies or does not answer."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from shared.channels import Receipt, Reception
from shared.domain.events import in_brief
from shared.domain.lifecycle import Reason, State
from shared.domain.messages import Happened
from shared.domain.people import Person
from shared.domain.subscriptions import Format, Kind, Notification, Subscription
from shared.ports import Unavailable
from shared.services.approving import approve, deny
from shared.services.extending import extend
from shared.services.grants import ask, revoke
from shared.services.opening import Progress
from tests.services.newsroom import RECEIVER, Newsroom
from tests.services.process import Crash, Process
from tests.services.test_approving import CAROLS, ONE, asking
from tests.services.test_crashes import ACTS, clean_up
from tests.services.test_extending import EXTENDER, More
from tests.services.town import ANN, BOB, HOUR, POLICY, Town, wish

CHAT = Notification("https://chat.example.com/in", Format.TEAMS, (Kind.OPENED,))
FAILED, GONE = Receipt(Reception.FAILED, "It answered 500."), Receipt(Reception.UNWANTED)
DAY = timedelta(days=1)


async def news(request: object = None) -> tuple[Newsroom, str]:
    """A town with a request for an hour, whose policy wants approval."""
    town = Newsroom()
    await town.enable(policy=replace(ONE, break_glass=True))
    answer = await town.live(lambda world: ask(world, request or wish()))  # type: ignore[arg-type]  # An Ask.
    assert isinstance(answer, Progress)
    return town, answer.grant.id


async def opened() -> tuple[Newsroom, str]:
    """A town in which a grant of an hour was opened, and everything told."""
    town = Newsroom()
    await town.enable(policy=POLICY)
    id_ = (await town.ask()).id
    await town.tell()
    return town, id_


async def test_a_grants_life_is_told_in_its_order() -> None:
    town, id_ = await news()
    await town.live(lambda world: approve(world, id_, CAROLS))
    await town.tell(until=HOUR + timedelta(seconds=1))
    await town.sweep()
    await town.tell()
    assert ["approvalNeeded", "decided", "opened", "endingSoon", "ended"] == town.told()
    assert 5 == len(set(town.ids()))


async def test_what_is_told_late_is_told_as_it_was_then() -> None:
    town, id_ = await news()
    town.clock.advance(timedelta(seconds=1))
    await town.live(lambda world: approve(world, id_, CAROLS))
    await town.live(lambda world: revoke(world, id_, ANN))
    await town.tell()
    states = [(one["data"]["grant"]["state"], len(one["data"]["grant"]["decisions"])) for *_, one in town.outside.sent]
    assert [("pending", 0), ("opening", 1), ("active", 1), ("revoked", 1)] == states


async def test_a_denial_is_a_decision_and_an_end() -> None:
    town, id_ = await news()
    await town.live(lambda world: deny(world, id_, CAROLS))
    await town.tell()
    assert ["approvalNeeded", "decided", "ended"] == town.told()


async def test_a_broken_glass_is_told_at_once_with_those_who_might_have_approved() -> None:
    town, _ = await news(asking(break_glass=True, justification="the shop is down"))
    await town.tell()
    assert ["brokenGlass", "opened"] == town.told()
    assert ["carol", "night-shift"] == town.outside.sent[0][2]["data"]["approvers"]


async def test_an_end_is_told_of_ten_minutes_before_and_once() -> None:
    town, id_ = await opened()
    ends_at = town.grant(id_).ends_at
    await town.tell(until=timedelta(minutes=49))
    assert ["opened"] == town.told()
    await town.tell(until=timedelta(minutes=2))
    assert ["opened", "endingSoon"] == town.told()
    assert ends_at == town.grant(id_).ends_at


async def test_a_longer_stay_is_told_of_before_its_own_end_only() -> None:
    town, id_ = await opened()
    stored = town.shelf.grants[id_]
    await town.live(lambda world: extend(world, stored, More(HOUR * 2), EXTENDER))
    await town.tell(until=timedelta(minutes=109))
    assert ["opened"] == town.told()
    await town.tell(until=timedelta(minutes=2))
    assert ["opened", "endingSoon"] == town.told()


async def test_a_short_grant_is_not_told_to_be_ending_soon() -> None:
    town = Newsroom()
    await town.enable(policy=POLICY)
    await town.live(lambda world: ask(world, wish(lasts=timedelta(minutes=20))))
    await town.tell(until=HOUR)
    assert ["opened"] == town.told()


async def test_findings_are_told_once_however_often_they_are_recorded() -> None:
    town = Newsroom()
    await town.enable()
    for nsg in list(town.cloud.groups.values()):
        town.cloud.put(replace(nsg, rules=tuple(rule for rule in nsg.rules if not rule.name.startswith("postern"))))
    for _ in range(3):
        await town.repair()
        await town.tell()
    assert ["found"] == town.told()
    assert "lockMissing" == town.outside.sent[0][2]["data"]["what"]


async def test_what_was_said_and_never_stored_is_dropped() -> None:
    town, id_ = await opened()
    never = town.grant(id_).ended(town.clock.now(), Reason.REVOKED)
    await town.post().events.send(Happened(in_brief(never.gone(town.clock.now())), town.clock.now()))
    await town.tell(until=HOUR / 2)
    assert (["opened"], []) == (town.told(), [one for one in town.outside.queue if one[0] <= town.clock.now()])


async def test_of_two_who_make_the_same_change_only_what_was_stored_is_told() -> None:
    town, id_ = await news()
    first = town.grant(id_).occurrence
    loser = replace(town.grant(id_), occurrence=replace(first, at=first.at + timedelta(seconds=1), by=BOB))
    await town.post().events.send(Happened(in_brief(loser), town.clock.now()))
    await town.tell()
    await town.live(lambda world: approve(world, id_, CAROLS))
    await town.post().events.send(Happened(in_brief(loser), town.clock.now()))
    await town.tell()
    assert ["approvalNeeded", "decided", "opened"] == town.told()


async def test_each_receiver_gets_what_it_wants_in_its_form() -> None:
    town = Newsroom()
    await town.enable(policy=replace(POLICY, notifications=(CHAT,)))
    id_ = (await town.ask()).id
    await town.live(lambda world: revoke(world, id_, ANN))
    await town.tell()
    hosts = [url.split("/")[2] for url, *_ in town.outside.sent]
    assert ["chat.example.com", "news.example.com", "news.example.com"] == sorted(hosts)
    [card] = [document for url, _, document in town.outside.sent if "chat" in url]
    assert "message" == card["type"]


async def test_who_is_named_twice_is_told_of_the_kinds_of_both() -> None:
    town = Newsroom()
    named = [Notification(RECEIVER.url, kinds=(kind,)) for kind in (Kind.OPENED, Kind.ENDED)]
    await town.enable(policy=POLICY)
    id_ = (await town.ask()).id
    await town.live(lambda world: revoke(world, id_, ANN))
    await town.tell(town.post(standing=tuple(named)))
    assert ["opened", "ended"] == town.told()


async def test_a_receiver_that_fails_is_tried_again_ever_later_and_given_up() -> None:
    town = Newsroom()
    await town.enable(policy=POLICY)
    await town.live(lambda world: ask(world, wish(lasts=timedelta(minutes=20))))
    town.outside.answers = [FAILED] * 8
    troubles = await town.tell(until=DAY)
    assert [False] * 6 + [True] == [trouble.given_up for trouble in troubles]
    assert (1, 7, 1) == (len(town.outside.poison), len(town.ids()), len(set(town.ids())))


async def test_one_receiver_that_fails_delays_no_other() -> None:
    town = Newsroom()
    await town.enable(policy=replace(POLICY, notifications=(CHAT,)))
    town.outside.answers = [FAILED]
    await town.ask()
    await town.tell()
    assert {"chat.example.com", "news.example.com"} == {url.split("/")[2] for url, *_ in town.outside.sent}


async def test_a_subscription_that_wants_nothing_more_is_forgotten_and_a_standing_receiver_is_not() -> None:
    town = Newsroom()
    await town.enable(policy=POLICY)
    mine = Subscription.of(Person("carol", "Carol"), RECEIVER, town.clock.now())
    await town.post().subscriptions.put(mine)
    town.outside.answers = [GONE, GONE]
    await town.ask()
    await town.tell()
    assert ({}, 1) == (town.outside.subscriptions, len(town.outside.queue) - 1)


async def test_a_receiver_whose_host_is_no_longer_allowed_is_sent_nothing() -> None:
    town = Newsroom()
    await town.enable(policy=POLICY)
    await town.ask()
    elsewhere = replace(RECEIVER, url="https://elsewhere.example.com/in")
    [trouble] = await town.tell(town.post(standing=(elsewhere,)))
    assert ([], "elsewhere.example.com") == (town.outside.sent, trouble.host)


async def test_storage_that_is_away_says_nothing_against_a_message() -> None:
    town = Newsroom()
    await town.enable(policy=POLICY)
    await town.ask()
    away = Process(away={"grants.get": Unavailable("storage is away")})
    for _ in range(20):
        [*_, trouble] = await town.tell(town.post(away))
        assert not trouble.given_up
        town.clock.advance(timedelta(minutes=1))
    await town.tell()
    assert ["opened"] == town.told()


@pytest.mark.parametrize("name", ["ask", "revoke", "approve", "extend"])
async def test_with_the_queue_away_everything_happens_all_the_same_and_is_known_to_be_untold(name: str) -> None:
    before, act = ACTS[name]
    quiet, town = Town(), Newsroom()
    for one, process in ((quiet, None), (town, Process(away={"events.send": Unavailable("away")}))):
        await before(one)
        await one.live(act, process)
    assert sorted(kept.value.state for kept in quiet.shelf.grants.values()) == sorted(
        kept.value.state for kept in town.shelf.grants.values()
    )
    assert town.lost


async def test_marking_a_grant_as_closing_asks_no_queue() -> None:
    town, id_ = await opened()
    process = Process()
    await town.live(lambda world: revoke(world, id_, ANN), process)
    assert process.calls.index("events.send") > process.calls.index("network.apply")


def expected(town: Town) -> list[str]:
    """What must have been told, by what is on record of grants."""
    words = {State.ACTIVE: "opened", State.EXPIRED: "ended", State.REVOKED: "ended", State.FAILED: "ended",
             State.LAPSED: "ended"}  # fmt: skip
    told = []
    for (_, id_, number), grant in town.shelf.records.items():
        event = str(grant.occurrence.event or "")
        word = {"approved": "decided", "extended": ""}.get(event, words.get(grant.state, ""))
        word = "approvalNeeded" if grant.state is State.PENDING and not event else word
        told += [f"{id_}-{number}-{word}"] if word else []
    return sorted(told)


@pytest.mark.parametrize("name", ["ask", "revoke", "approve", "extend", "sweep"])
async def test_wherever_the_process_dies_all_that_happened_is_told_and_nothing_else(name: str) -> None:
    before, act = ACTS[name]
    call, died = 1, True
    while died:
        town, died = Newsroom(), False
        await before(town)
        try:
            await town.live(act, Process(dies_at=call))
        except Crash:
            died = True
        await clean_up(town)
        await town.tell(until=HOUR / 2)
        told = sorted({id_ for id_ in town.ids() if "endingSoon" not in id_ and len(id_.split("-")[0]) == 24})
        assert expected(town) == told, f"after dying at call {call}"
        call += 1
    assert call > 5


@pytest.mark.parametrize("others", [(), (CHAT,)], ids=["one receiver", "two receivers"])
async def test_wherever_telling_dies_everything_is_told(others: tuple[Notification, ...]) -> None:
    call, died = 1, True
    while died:
        town, died = Newsroom(), False
        await town.enable(policy=replace(POLICY, notifications=others))
        await town.ask()
        try:
            await town.tell(town.post(Process(dies_at=call)))
        except Crash:
            died = True
        await town.tell()
        hosts = {urlsplit(one.url).netloc for one in (RECEIVER, *others)}
        assert hosts == {urlsplit(url).netloc for url, *_ in town.outside.sent}
        call += 1
    assert call > 5
