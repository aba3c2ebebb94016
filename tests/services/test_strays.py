"""Rules of grants that nobody visits: they are closed all the same."""

from contextlib import suppress

import pytest

from tests.services.process import Crash, Process
from tests.services.town import Town


async def forgotten() -> Town:
    """A town whose tables were lost while an access was open."""
    town = Town()
    await town.enable()
    await town.ask()
    town.shelf.policies.clear()
    town.shelf.grants.clear()
    town.shelf.desks.clear()
    town.shelf.dues.clear()
    return town


async def test_an_access_that_no_table_knows_is_closed() -> None:
    town = await forgotten()
    assert town.passes()
    await town.repair()
    assert not town.passes()


async def test_a_lock_that_no_table_knows_stays() -> None:
    town = await forgotten()
    await town.repair()
    assert not town.passes(3389)


@pytest.mark.parametrize("call", range(1, 15))
async def test_wherever_closing_it_dies_the_next_repair_closes_it(call: int) -> None:
    town = await forgotten()
    with suppress(Crash):
        await town.repair(Process(dies_at=call))
    await town.repair()
    assert not town.passes()


async def test_an_access_that_is_claimed_stays_open() -> None:
    town = Town()
    await town.enable()
    await town.ask()
    town.shelf.policies.clear()
    await town.repair()
    assert town.passes()
