"""What happens is told: each kind of event arrives at the box's own receiver, once by its id."""

import json
from typing import Any

from tests.journeys.client import Json, Postern, read, watch, wish
from tests.journeys.test_approvals import APPROVAL, say, waiting


async def received(postern: Postern, name: str = "box") -> list[Json]:
    """What a receiver in the box got so far."""
    answer = await postern.box.client.get(f"{postern.box.site.emulator}/_box/hooks", params={"name": name})
    found: list[Json] = answer.raise_for_status().json()["value"]
    return found


async def told(postern: Postern, grant: str, *expected: str, patience: float = 15) -> list[Json]:
    """The events about a grant, as soon as all of these kinds are among them."""

    async def look() -> list[Json]:
        events = [json.loads(one["body"]) for one in await received(postern)]
        return [one for one in events if grant in one["subject"]]

    return await watch(look, lambda events: set(expected) <= set(words(events)), patience)


def words(events: list[Json]) -> list[str]:
    return [one["type"].rpartition(".")[2] for one in events]


async def test_what_happens_to_a_grant_is_told_in_its_order(postern: Postern) -> None:
    grant = await waiting(postern, ports=[{"number": 22, "maxRequestAccessDuration": "PT1H"}])
    await say(postern, grant, "approve", comment="go ahead")
    await postern.revoke(grant["id"])
    events = await told(postern, grant["id"], "approvalNeeded", "decided", "opened", "ended")
    assert {"approvalNeeded", "decided", "opened", "ended"} == set(words(events))
    assert 4 == len({one["id"] for one in events})
