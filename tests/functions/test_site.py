"""The app's own site answers as the host would, whatever a function does."""

from collections.abc import AsyncIterator

import httpx
import pytest

from emulator.functions import exchange, templates
from emulator.functions.catalog import HttpTrigger, Level
from emulator.functions.exchange import Response
from emulator.functions.front import Front
from emulator.functions.invocations import Invoker
from emulator.functions.site import Limits, Site
from emulator.functions.worker import Call, Failed, Outcome, Succeeded
from tests.functions.programs import Recorder, declare


class Rig:
    """A site of one function at /api, whose outcome the test decides."""

    def __init__(self, *, homepage: bool = False, level: Level = Level.ANONYMOUS) -> None:
        self.outcome: Outcome = Succeeded(Response(200))
        self.recorder = Recorder(self.run)
        function = declare(HttpTrigger(templates.parse("api/{*rest}"), frozenset(), level))
        site = Site([function], Invoker(self.recorder, lambda: "0"), Limits(body=10, homepage=homepage))
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(Front(site)), base_url="http://box")

    async def run(self, _: Call) -> Outcome:
        return self.outcome

    def request(self) -> exchange.Request:
        (call,) = self.recorder.calls
        assert isinstance(call.payload, exchange.Request)
        return call.payload


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.client.aclose()


@pytest.mark.parametrize(
    ("outcome", "status", "body"),
    [
        (Succeeded(Response(200, (), b"hello")), 200, b"hello"),
        (Succeeded(Response(204, (), b"hello")), 204, b""),
        (Succeeded(Response(304, (), b"hello")), 304, b""),
        (Succeeded(None), 204, b""),
        (Failed("it fails", "secret"), 500, b""),
    ],
)
async def test_an_outcome_becomes_an_answer(rig: Rig, outcome: Outcome, status: int, body: bytes) -> None:
    rig.outcome = outcome
    answer = await rig.client.get("/api")
    assert (status, body) == (answer.status_code, answer.content)


async def test_a_body_over_the_limit_does_not_reach_the_function(rig: Rig) -> None:
    assert (await rig.client.post("/api", content=b"x" * 10)).status_code == 200
    assert (await rig.client.post("/api", content=b"x" * 11)).status_code == 413
    assert len(rig.recorder.calls) == 1


async def test_the_front_page_without_a_function_is_empty(rig: Rig) -> None:
    assert (await rig.client.get("/")).status_code == 204


async def test_the_homepage_stands_before_every_function() -> None:
    rig = Rig(homepage=True)
    assert "up and running" in (await rig.client.get("/")).text
    await rig.client.aclose()


@pytest.mark.parametrize("level", [Level.FUNCTION, Level.ADMIN])
async def test_nobody_has_the_key_that_a_level_needs(level: Level) -> None:
    rig = Rig(level=level)
    assert (await rig.client.get("/api", headers={"x-functions-key": "guess"})).status_code == 401
    await rig.client.aclose()


async def test_dots_in_a_path_lead_nowhere_else(rig: Rig) -> None:
    await rig.client.get("/elsewhere/%2e%2e/api/one")
    assert rig.request().params == {"rest": "one"}


async def test_a_header_may_come_several_times_and_in_other_letters(rig: Rig) -> None:
    headers = [(b"X-Many", b"1"), (b"x-many", b"2"), (b"X-Name", "Zoë".encode()), (b"X-Old", b"Zo\xeb")]
    await rig.client.get("/api", headers=headers)
    told = rig.request().headers
    assert (told["x-many"], told["x-name"], told["x-old"]) == ("1,2", "Zoë", "Zoë")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1"}),
        ("a=1&A=2", {"a": "1,2"}),
        ("a=%2B+%26", {"a": "+ &"}),
        ("a", {}),
        ("a=1;b=2", {"a": "1;b=2"}),
    ],
)
def test_a_query_is_read_as_aspnet_reads_it(query: str, expected: dict[str, str]) -> None:
    assert expected == exchange.read_query(query)
