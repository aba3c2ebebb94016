"""The watch over the logs: what it finds goes on record once, and is found by a day's window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.evidence import Evidence, LetIn, Part, Passed, Scope
from shared.domain.findings import What
from shared.history import Recorded
from shared.services.alarming import watch
from tests.domain.values import STRANGER, SUBSCRIPTION
from tests.services.town import WEB_01, Town

MINUTES = timedelta(minutes=10)


async def troubled() -> Town:
    """web-01 is locked, and ten minutes later something gets through to it all the same."""
    town = Town()
    await town.enable(WEB_01)
    town.clock.advance(MINUTES)
    now = town.clock.now()
    passed = Passed(f"{SUBSCRIPTION}/demo/web-01", "in-a-hurry", STRANGER, 1, now, now)
    town.logs.evidence = Evidence(let_in=(LetIn(passed, 22, "TCP"),))
    return town


async def test_what_gets_through_a_lock_goes_on_record_once_however_often_it_is_seen() -> None:
    town = await troubled()
    for _ in range(3):
        await town.live(watch)
        town.clock.advance(MINUTES)
    assert [What.PASSED_LOCK] == [found.what for found in town.shelf.findings.values()]


async def test_the_watch_looks_at_yesterday_and_today_and_only_at_ports_that_are_offered() -> None:
    town = await troubled()
    await town.live(watch)
    [(scope, parts)] = town.logs.asked
    assert datetime(2026, 11, 21, tzinfo=UTC) == scope.since
    assert (frozenset({WEB_01}), frozenset({22, 3389, 5985, 5986})) == (scope.machines, scope.ports)
    assert {Part.SOURCES, Part.FAILURES, Part.SIGN_INS, Part.LET_IN, Part.REACHED} == parts


async def test_without_a_policy_nobody_is_asked() -> None:
    town = Town()
    await town.live(watch)
    assert [] == town.logs.asked


class FullRecord:
    """A record of which only a part can be looked at."""

    async def between(self, scope: Scope, most: int, requestor: str | None = None) -> Recorded:  # noqa: ARG002 - the port's form.
        """Nothing, and that there is more."""
        return Recorded((), capped=True)


async def test_without_all_grants_nobody_is_accused_and_that_the_watch_is_blind_is_found() -> None:
    town = await troubled()
    found, _, _ = await town.live(lambda world: watch(replace(world, history=FullRecord())))
    assert [What.WATCH_BLIND] == [one.what for one in found]
    assert [What.WATCH_BLIND] == [one.what for one in town.shelf.findings.values()]
