"""The shipped roles hold exactly what the app needs: nothing lacks, and nothing is there that no feature uses."""

import json
from pathlib import Path
from typing import Final

import pytest

from emulator.box import Box
from tests.infra.play import PARTS
from tests.journeys.azure import Azure
from tests.journeys.client import Json, Postern

ROOT: Final = Path(__file__).parents[2]
ROLES: Final = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "infra/roles").glob("*.json"))}
GRANTED: Final = {action for role in ROLES.values() for action in role["actions"]}


@pytest.fixture(scope="module")
async def needed(box: Box) -> list[Json]:
    """What the app needed while everything was played with all roles."""
    await box.reset()
    postern, azure = Postern(box), Azure(box)
    await azure.quick()
    for part in PARTS:
        await part(postern, azure)
    found: list[Json] = (await azure.control("GET", "actions"))["actions"]
    return found


async def test_everything_that_the_app_needs_is_in_a_role(needed: list[Json]) -> None:
    assert [] == sorted({one["action"] for one in needed} - GRANTED)


async def test_nothing_that_the_app_tried_was_refused(needed: list[Json]) -> None:
    assert [] == [one for one in needed if not one["granted"]]


@pytest.mark.parametrize("name", ROLES)
async def test_no_role_grants_what_no_feature_uses(needed: list[Json], name: str) -> None:
    assert [] == sorted(set(ROLES[name]["actions"]) - {one["action"] for one in needed})
