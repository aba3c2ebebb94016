"""Tables and queues go away and come back: a hole that was open then closes, and callers are told to wait."""

import asyncio
from typing import Final

from emulator.box import PATIENCE, Box
from tests.journeys.azure import Azure
from tests.journeys.client import ENDS, USER, Postern, machine, wait_past, wish
from tests.journeys.test_bad_requests import problem

OTHER: Final = "203.0.113.9"
CALLS: Final = (
    ("requestor", "POST", "/api/grants"),
    ("requestor", "GET", "/api/grants"),
    ("requestor", "GET", f"/api/grants/{'0' * 24}"),
    ("requestor", "POST", f"/api/grants/{'0' * 24}/revoke"),
    ("auditor", "GET", f"/api/policies{machine('web-01')}"),
    ("administrator", "PUT", f"/api/policies{machine('web-01')}"),
    ("administrator", "DELETE", f"/api/policies{machine('web-01')}"),
)


async def test_while_storage_is_away_callers_are_told_and_afterwards_nothing_is_lost(own_box: Box) -> None:
    postern, azure = Postern(own_box), Azure(own_box)
    await azure.quick()
    await postern.enable("web-01")
    grant, _lasting = (
        await postern.ask(wish("web-01", duration="PT5S")),
        await postern.ask(wish("web-01", source=OTHER)),
    )
    for user, *_ in CALLS:
        await postern.token(user)
    await own_box.azurite.stop()
    answers = await asyncio.gather(*(refused(postern, *call) for call in CALLS))
    assert [True] * len(CALLS) == ["storage" in answer for answer in answers]
    await wait_past(grant["endTimeUtc"], 0.5)
    await own_box.azurite.start(PATIENCE)
    await postern.run("sweep")
    assert "expired" == (await postern.until(grant["id"], *ENDS, patience=30))["state"]
    assert {OTHER} == {source for source in (USER, OTHER) if await azure.passes("web-01", source, 22)}
    assert "active" == (await postern.ask(wish("web-01")))["state"]


async def refused(postern: Postern, user: str, method: str, path: str) -> str:
    """What a caller is told, who is also told when to come again."""
    body = {"PUT": {}, "POST": {} if "revoke" in path else wish("web-01")}.get(method)
    answer = await postern.call(user, method, path, body)
    assert int(answer.headers.get("retry-after", "0")) > 0
    return str(problem(answer, 503, "unavailable")["detail"])
