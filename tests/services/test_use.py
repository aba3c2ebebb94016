"""How a machine was used, as the list tells it."""

from shared.services.machines import use_of
from tests.services.town import WEB_01, Town


async def test_an_access_that_was_asked_for_long_ago_and_is_still_open_counts() -> None:
    use = await Town().live(lambda world: use_of(world, WEB_01, frozenset({"old"})))
    assert (1, 0) == (use.active, use.recent)


async def test_an_access_that_is_both_recent_and_open_counts_once() -> None:
    town = Town()
    await town.enable()
    grant = await town.ask()
    use = await town.live(lambda world: use_of(world, WEB_01, frozenset({grant.id})))
    assert (1, 1) == (use.active, use.recent)
