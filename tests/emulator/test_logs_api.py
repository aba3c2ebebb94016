"""The query API over HTTP: tokens, batches, limits, faults and the control API, with a clock to turn."""

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette

from emulator.arm.cloud import Cloud
from emulator.arm.faults import Fault
from emulator.environment import OWNER_OBJECT
from emulator.line import LostAnswerError
from emulator.logs import WORKSPACE
from emulator.logs.api import QueryApi
from emulator.logs.callers import Callers
from emulator.logs.errors import LogsError
from emulator.logs.store import Logs
from emulator.tokens import Signer
from tests.emulator.conftest import WEB, Box, Clock

AUDIENCE = "https://api.loganalytics.io"
PATH = f"/v1/workspaces/{WORKSPACE}/query"
COUNT = "Syslog | count"


@pytest.fixture
async def token(box: Box) -> str:
    return str((await box.control("token", {"audience": AUDIENCE}))["access_token"])


@pytest.fixture
def ask(box: Box, token: str) -> Callable[..., Any]:
    """One query over HTTP, which is a count of log lines unless something else is said."""

    async def ask(kql: str = COUNT, path: str = PATH, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {token}", **headers}
        return await box.client.post(path, json={"query": kql, "timespan": None}, headers=given)

    return ask


async def batch(box: Box, token: str, *requests: dict[str, Any]) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await box.client.post("/v1/$batch", json={"requests": requests}, headers=headers)


def member(number: int, kql: str = COUNT, **changes: object) -> dict[str, Any]:
    body = {"query": kql, "timespan": None, "workspaces": None}
    plain = {"id": str(number), "workspace": WORKSPACE, "path": "/query", "method": "POST", "headers": {}, "body": body}
    return {**plain, **changes}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_query_is_answered_with_columns_and_rows(ask: Callable[..., Any]) -> None:
    answer = await ask()
    columns = [{"name": "Count", "type": "long"}]
    assert {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [[0]]}]} == answer.json()
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_nobody_asks_without_a_token_for_this_service(box: Box, ask: Callable[..., Any]) -> None:
    assert (403, "InvalidAuthenticationTokenAudience") == code(await ask(Authorization=f"Bearer {box.token}"))
    assert (403, "InvalidAuthenticationToken") == code(await ask(Authorization="Bearer x.y.z"))
    assert (401, "AuthenticationFailed") == code(await ask(Authorization=""))
    box.clock.advance(3601)
    assert (403, "InvalidAuthenticationToken") == code(await ask())


async def test_nobody_asks_another_workspace(box: Box, token: str, ask: Callable[..., Any]) -> None:
    other = PATH.replace("3", "4")
    assert (403, "InsufficientAccessError") == code(await ask(path=other))
    body = {"query": COUNT, "workspaces": ["other"]}
    answer = await box.client.post(PATH, json=body, headers={"Authorization": f"Bearer {token}"})
    assert (403, "InsufficientAccessError") == code(answer)


@pytest.mark.parametrize("path", ["/v1/workspaces", f"/v1/workspaces/{WORKSPACE}/metadata", "/v1/batch"])
async def test_another_path_does_not_exist(ask: Callable[..., Any], path: str) -> None:
    assert (404, "PathNotFoundError") == code(await ask(path=path))


@pytest.mark.parametrize(
    "body",
    ["no JSON", "[]", "{}", '{"query": 1}', '{"query": "print 1", "timespan": 1}', '{"query": "print 1", "more": 1}'],
)
async def test_a_body_with_a_slip_in_it_is_refused(box: Box, token: str, body: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert (400, "BadArgumentError") == code(await box.client.post(PATH, content=body, headers=headers))


async def test_a_body_without_its_type_gets_an_empty_answer(box: Box, token: str) -> None:
    answer = await box.client.post(PATH, content='{"query": "print 1"}', headers={"Authorization": f"Bearer {token}"})
    assert (200, b"") == (answer.status_code, answer.content)


async def test_each_request_of_a_batch_has_an_answer_of_its_own(box: Box, token: str) -> None:
    odd = [member(2, "Nope"), member(3, path="/other"), member(4, method="GET"), member(5, workspace="other")]
    answer = await batch(box, token, member(1), *odd, member(6, body=None))
    found = {one["id"]: (one["status"], one["body"].get("error", {}).get("code")) for one in answer.json()["responses"]}
    expected = {"2": (400, "BadArgumentError"), "3": (404, "PathNotFoundError"), "4": (404, "PathNotFoundError")}
    expected |= {"5": (403, "InsufficientAccessError"), "6": (400, "BadArgumentError")}
    assert (200, {"1": (200, None), **expected}) == (answer.status_code, found)


async def test_a_batch_with_a_slip_in_it_is_refused_as_a_whole(box: Box, token: str) -> None:
    for requests in ([member(1), member(1)], [{"id": "1"}], [member(1, workspace=None)]):
        assert (400, "BadArgumentError") == code(await batch(box, token, *requests))


async def test_two_hundred_requests_in_half_a_minute_are_enough(box: Box, token: str, ask: Callable[..., Any]) -> None:
    for _ in range(20):
        await batch(box, token, *(member(number, "print 1") for number in range(10)))
    refused = await ask()
    assert ((429, "ThrottledError"), "30") == (code(refused), refused.headers["Retry-After"])
    assert 429 == (await batch(box, token, member(1))).json()["responses"][0]["status"]
    box.clock.advance(30)
    assert 200 == (await ask()).status_code


async def test_five_queries_of_a_caller_run_and_two_hundred_wait() -> None:
    callers, over = Callers(Clock()), asyncio.Event()

    async def hold() -> None:
        async with callers.place("me"):
            await over.wait()

    held = [asyncio.create_task(hold()) for _ in range(205)]
    await asyncio.sleep(0)
    with pytest.raises(LogsError, match="429"):
        await hold()
    async with callers.place("somebody else"):
        over.set()
    await asyncio.gather(*held)


REFUSING = [
    ("400", 400, "BadArgumentError"),
    ("403", 403, "InsufficientAccessError"),
    ("429", 429, "ThrottledError"),
    ("500", 500, "InternalServerError"),
    ("503", 503, "ServiceUnavailable"),
    ("timeout", 504, "GatewayTimeout"),
]


@pytest.mark.parametrize(("kind", "status", "expected"), REFUSING)
async def test_a_fault_meets_a_query(box: Box, ask: Callable[..., Any], kind: str, status: int, expected: str) -> None:
    await box.fault(kind, "^/v1/")
    assert (status, expected) == code(await ask())
    assert 200 == (await ask()).status_code


@pytest.mark.parametrize(("kind", "status", "expected"), REFUSING)
async def test_a_fault_meets_one_request_of_a_batch(
    box: Box, token: str, kind: str, status: int, expected: str
) -> None:
    await box.fault(kind, "/workspaces/.*/query")
    responses = (await batch(box, token, member(1), member(2))).json()["responses"]
    found = sorted((one["status"], one["body"].get("error", {}).get("code", "")) for one in responses)
    assert [(200, ""), (status, expected)] == found


async def test_a_fault_cuts_a_result_short(box: Box, token: str, ask: Callable[..., Any]) -> None:
    await box.fault("partial", "^/v1/", times=2)
    body = (await ask("range x from 1 to 4 step 1")).json()
    assert ([[1], [2]], "PartialError") == (body["tables"][0]["rows"], body["error"]["code"])
    (part,) = (await batch(box, token, member(1))).json()["responses"]
    assert (200, "PartialError") == (part["status"], part["body"]["error"]["code"])


async def test_a_fault_loses_the_answer_of_a_query_and_of_a_batch(
    box: Box, token: str, ask: Callable[..., Any]
) -> None:
    await box.fault("lost-answer", "/query$", times=2)
    with pytest.raises(LostAnswerError):
        await ask()
    with pytest.raises(LostAnswerError):
        await batch(box, token, member(1), member(2))


@pytest.mark.parametrize("kind", ["409", "412", "conflict", "failed-operation", "locked", "retryable"])
async def test_a_fault_of_resource_manager_does_not_meet_a_query(box: Box, ask: Callable[..., Any], kind: str) -> None:
    await box.fault(kind)
    assert 200 == (await ask()).status_code
    assert [1] == [one["times"] for one in (await box.control("faults", method="GET"))["faults"]]


@pytest.mark.parametrize("kind", ["partial", "timeout"])
async def test_a_fault_of_a_query_does_not_meet_resource_manager(box: Box, kind: str) -> None:
    await box.fault(kind)
    assert 200 == (await box.call("GET", WEB)).status_code
    assert [1] == [one["times"] for one in (await box.control("faults", method="GET"))["faults"]]


@pytest.fixture
async def slow(key: RSAPrivateKey) -> AsyncIterator[tuple[Cloud, httpx.AsyncClient]]:
    """The query API alone, whose waits turn the clock."""
    clock = Clock()
    cloud, signer = Cloud(clock, lambda: "1"), Signer(key, clock)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    api = QueryApi(cloud, Logs(clock), signer, lambda: dt.datetime.fromtimestamp(clock.now, dt.UTC), sleep)
    headers = {"Authorization": f"Bearer {signer.sign({'oid': OWNER_OBJECT}, audience=f'{AUDIENCE}/')}"}
    transport = httpx.ASGITransport(Starlette(routes=api.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="https://box.example", headers=headers) as client:
        yield cloud, client


@pytest.mark.parametrize(
    ("seconds", "prefer", "status"),
    [
        (20, "wait=30", 200),
        (30, "include-statistics=true,wait=30", 504),
        (179, "", 200),
        (180, "wait=soon", 504),
        (599, "wait=9999", 200),
        (600, "wait=9999", 504),
    ],
)
async def test_a_slow_query_ends_when_the_caller_waits_no_longer(
    slow: tuple[Cloud, httpx.AsyncClient], seconds: int, prefer: str, status: int
) -> None:
    cloud, client = slow
    cloud.faults.arm(Fault("slow", re.compile("/query$"), seconds=seconds))
    answer = await client.post(PATH, json={"query": "print 1"}, headers={"Prefer": prefer})
    assert status == answer.status_code
    cloud.faults.arm(Fault("slow", re.compile("/query$"), seconds=seconds))
    request = member(1, "print 1", headers={"Prefer": prefer})
    answer = await client.post("/v1/$batch", json={"requests": [request]})
    assert [status] == [one["status"] for one in answer.json()["responses"]]


async def test_every_call_is_written_down_once(box: Box, token: str, ask: Callable[..., Any]) -> None:
    answer = await ask()
    await batch(box, token, member(1), member(2))
    await ask("Nope")
    rows = (await box.control("calls", method="GET"))["calls"]
    found = [(row["method"], row["path"], row["status"]) for row in rows]
    assert [("POST", PATH, 200), ("POST", "/v1/$batch", 200), ("POST", PATH, 400)] == found
    assert (len(answer.content), "2027-01-15T08:00:00Z") == (rows[0]["size"], rows[0]["time"])


async def test_rows_are_put_in_by_the_control_api(box: Box, ask: Callable[..., Any]) -> None:
    body = {"table": "Syslog", "rows": [{"Computer": "a"}, {"Computer": "b"}], "lag": 5}
    assert {"table": "Syslog", "rows": 2} == await box.control("logs", body)
    assert [[0]] == (await ask()).json()["tables"][0]["rows"]
    box.clock.advance(5)
    assert [[2]] == (await ask()).json()["tables"][0]["rows"]


async def test_tables_are_taken_away_by_the_control_api_until_a_reset(box: Box, ask: Callable[..., Any]) -> None:
    await box.control("logs", {"table": "Syslog", "rows": [{"Computer": "a"}]})
    await box.control("logs", {"table": "Syslog", "missing": True})
    assert (400, "BadArgumentError") == code(await ask())
    await box.control("logs", {"table": "SecurityEvent", "forbidden": True})
    assert (403, "InsufficientAccessError") == code(await ask("SecurityEvent | count"))
    await box.control("reset", {"storage": False})
    assert [[0]] == (await ask("union Syslog, SecurityEvent | count")).json()["tables"][0]["rows"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "rows"),
        ({"table": "Syslog"}, "rows"),
        ({"table": "Syslog", "rows": [], "missing": True}, "missing"),
        ({"table": "Syslog", "rows": {}}, "list"),
        ({"table": "Syslog", "rows": [1]}, "objects"),
        ({"table": "Syslog", "rows": [], "lag": "soon"}, "lag"),
        ({"table": "Syslog", "rows": [], "lag": -1}, "lag"),
        ({"table": "Nope", "rows": []}, "Nope"),
        ({"table": "Nope", "missing": True}, "Nope"),
        ({"table": "Syslog", "rows": [{"computer": "a"}]}, "computer"),
        ({"tabel": "Syslog"}, "table"),
    ],
)
async def test_a_control_call_with_a_slip_in_it_is_refused(box: Box, body: object, named: str) -> None:
    answer = await box.client.post("/_box/logs", json=body)
    assert (400, True) == (answer.status_code, named in answer.json()["error"])
