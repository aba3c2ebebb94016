"""Computers outside Azure as they are gathered: both sides at once, gaps for what cannot be told, pages in order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.no_logs import NoLogs
from shared.domain.evidence import Evidence, Gap, Lack, Part
from shared.domain.onboarding import Place
from shared.domain.readiness import State
from shared.services.computers import Page, Wanted, look, page
from shared.services.costs import estate
from tests.domain.test_computers import BEAT, DC_01
from tests.domain.values import NOW, SUBSCRIPTION
from tests.services.town import Town

POS_07 = replace(DC_01, id=DC_01.id.replace("DC-01", "pos-07"), agent="1.28.1.1", uuid="u-7", tags=(("team", "Shop"),))
LAB = replace(BEAT, computer="lab-04", uuid="u-4", address="192.168.40.4")
FAILED = Gap(Lack.THROTTLED, "reporters", "Refused: too many at a time.")


def town() -> Town:
    """Two servers, one of which reports, and a computer that only reports."""
    found = Town()
    found.servers.found = [POS_07, DC_01]
    found.logs.evidence = Evidence(reporters=(BEAT, LAB))
    return found


async def paged(place: Town, wanted: Wanted = Wanted(), size: int = 50) -> Page:  # noqa: B008 - a value.
    return await place.live(lambda world: page(world, wanted, size, None))


def names(found: Page) -> list[str]:
    return [computer.name for computer, _ in found.rows]


async def test_both_sides_are_one_list_with_most_to_be_done_first() -> None:
    found = await paged(town())
    assert ["lab-04", "pos-07", "DC-01"] == names(found)
    assert {State.NOT_ONBOARDED: 1, State.NEEDS_UPDATE: 1, State.READY: 1} == found.counts


async def test_the_logs_are_asked_about_the_last_day_once() -> None:
    place = town()
    await paged(place)
    [(scope, parts)] = place.logs.asked
    assert (frozenset({Part.REPORTERS}), timedelta(days=1)) == (parts, scope.until - scope.since)
    assert (SUBSCRIPTION,) == scope.subscriptions


async def test_a_query_that_failed_makes_nobody_silent_and_is_a_gap() -> None:
    place = town()
    place.logs.evidence = Evidence(lacking=frozenset({Part.REPORTERS}), gaps=(FAILED,))
    seen = await place.live(look)
    assert {State.NEEDS_UPDATE, State.READY} == {where for _, where in seen.found}
    assert ([FAILED], FAILED.text) == (list(seen.gaps), seen.look.deaf)


async def test_without_a_workspace_that_is_the_gap() -> None:
    world = replace(town().world(), logs=NoLogs())
    seen = await look(world)
    assert [Lack.NO_WORKSPACE] == [gap.lack for gap in seen.gaps]
    assert "POSTERN_WORKSPACE" in seen.look.deaf


async def test_a_server_that_nobody_understands_is_counted_as_a_gap() -> None:
    place = town()
    place.servers.unreadable = 2
    [gap] = (await place.live(look)).gaps
    assert (Lack.FAILED, True) == (gap.lack, gap.text.startswith("2 servers"))


async def test_what_was_heard_before_half_of_the_logs_failed_is_told() -> None:
    place = town()
    place.logs.evidence = replace(place.logs.evidence, lacking=frozenset({Part.REPORTERS}), gaps=(FAILED,))
    assert ["lab-04", "pos-07", "DC-01"] == names(await paged(place))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(frozenset({State.READY})), ["DC-01"]),
        (Wanted(text="team=shop"), ["pos-07"]),
        (Wanted(text="onprem"), ["pos-07", "DC-01"]),
        (Wanted(text="192.168.40"), ["lab-04"]),
        (Wanted(frozenset({State.EXPIRED})), []),
    ],
)
async def test_a_list_shows_what_is_wanted(wanted: Wanted, expected: list[str]) -> None:
    assert expected == names(await paged(town(), wanted))


async def test_pages_put_together_are_the_whole() -> None:
    place = town()
    first = await paged(place, size=1)
    found = names(first) + names(await place.live(lambda world: page(world, Wanted(), 5, first.next)))
    assert ["lab-04", "pos-07", "DC-01"] == found


async def test_a_computer_that_is_new_goes_where_the_others_are() -> None:
    assert Place(SUBSCRIPTION, "onpremises", "westeurope") == (await town().live(look)).place


async def test_nodes_are_the_machines_of_azure_and_the_computers_outside() -> None:
    found = await town().live(lambda world: estate(world, "team"))
    # Four machines of the town and two servers that are connected; one computer only reports.
    assert (7, 6) == (found.counted.total.all, found.counted.total.billed)
    assert [("Shop", 1), (None, 6)] == [(one.name, one.tally.all) for one in found.counted.values]
    assert (NOW, ()) == (found.at, found.gaps)
