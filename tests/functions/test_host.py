"""A real function app is served as Azure would serve it: the sample, in a process of its own."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from emulator.box import PATIENCE, ROOT, Box
from emulator.environment import ACCOUNT, describe_host, describe_identity, describe_trust
from emulator.functions.storage import Accounts
from tests.functions.conftest import SAMPLE, Served, find_port, plan

BROKEN = "import azure.functions as func\napp = func.FunctionApp()\n"


async def eventually(served: Served, happened: Callable[[list[str]], bool]) -> list[str]:
    """What the app has seen, once that is enough."""
    for _ in range(200):
        seen: list[str] = (await served.get("/api/seen")).json()
        if happened(seen):
            return seen
        await asyncio.sleep(0.05)
    raise TimeoutError(seen)


async def test_a_request_arrives_as_the_host_hands_it_on(served: Served) -> None:
    answer = await served.client.post("/API/echo/a%2Fb/c%20d?x=1&X=2&empty=", content=b"body")
    told = answer.json()
    assert (told["method"], told["body"], told["function"]) == ("POST", "body", "echo")
    assert told["query"] == {"x": "1,2"}
    assert told["route"] == {"rest": "a%2Fb/c d"}
    assert told["url"] == f"{served.client.base_url}/API/echo/a%2Fb/c%20d?x=1&X=2&empty=".replace("//API", "/API")


async def test_the_front_end_adds_the_peer_to_the_forwarded_addresses(served: Served) -> None:
    told = (await served.get("/api/echo", **{"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"})).json()
    sent, _, peer = told["headers"]["x-forwarded-for"].partition(", ")
    assert (sent, peer.partition(":")[0]) == ("9.9.9.9", "127.0.0.1")
    assert told["headers"]["x-forwarded-proto"] == "http"
    assert told["headers"]["disguised-host"] == served.client.base_url.netloc.decode()


async def test_a_body_of_unknown_length_does_not_arrive(served: Served) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"chunk"

    answer = await served.client.post("/api/echo", content=chunks())
    assert answer.json()["body"] == ""


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", 200),
        ("GET", "/api/health", 200),
        ("POST", "/api/health", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api/fail", 500),
        ("GET", "/api/locked", 401),
        ("GET", "/api/sync", 200),
        ("DELETE", "/api/echo", 200),
    ],
)
async def test_a_status_is_the_hosts(served: Served, method: str, path: str, expected: int) -> None:
    assert expected == (await served.client.request(method, path)).status_code


async def test_a_failed_function_tells_the_caller_nothing_and_the_log_all(served: Served) -> None:
    assert (await served.get("/api/fail")).content == b""
    log = served.log.read_text()
    assert "fail failed (invocation " in log
    assert "RuntimeError: it was asked to" in log


async def test_a_response_keeps_its_headers_and_cookies(served: Served) -> None:
    answer = await served.get("/api/cookies")
    assert (answer.status_code, answer.headers["x-custom"]) == (201, "yes")
    assert answer.headers.get_list("set-cookie") == [
        "one=1; max-age=60; path=/; samesite=lax; httponly",
        "two=a%2Fb; path=/api; secure",
    ]


async def test_text_is_plain_text(served: Served) -> None:
    answer = await served.get("/api/sync")
    assert (answer.text, answer.headers["content-type"]) == ("plain text", "text/plain; charset=utf-8")


async def test_requests_run_at_the_same_time(served: Served) -> None:
    begun = time.monotonic()
    await asyncio.gather(*(served.get("/api/slow?seconds=0.3") for _ in range(10)))
    assert time.monotonic() - begun < 2


async def test_without_easy_auth_a_principal_is_whatever_the_caller_says(served: Served) -> None:
    answer = await served.get("/api/health", **{"X-MS-CLIENT-PRINCIPAL": "forged"})
    assert answer.json() == {"principal": "forged"}


async def test_the_host_tells_that_it_runs_and_what(served: Served) -> None:
    assert (await served.get("/admin/host/status")).json()["state"] == "Running"
    names = {function["name"] for function in (await served.get("/admin/functions")).json()}
    assert {"front", "tick", "letter"} <= names


async def test_a_timer_runs_when_an_administrator_says_so(served: Served) -> None:
    assert (await served.client.post("/admin/functions/tick", json={})).status_code == 202
    await eventually(served, lambda seen: "tick False" in seen)


async def test_a_queue_function_runs_with_an_administrators_message(served: Served) -> None:
    answer = await served.client.post("/admin/functions/letter", json={"input": {"grant": 1}})
    assert answer.status_code == 202
    await eventually(served, lambda seen: '{"grant": 1} 1' in seen)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [("nowhere", "{}", 404), ("echo", "{}", 400), ("letter", "[]", 400), ("letter", "nonsense", 400)],
)
async def test_an_administrators_mistake_is_told(served: Served, name: str, body: str, expected: int) -> None:
    assert expected == (await served.client.post(f"/admin/functions/{name}", content=body)).status_code


async def test_a_message_of_a_real_queue_reaches_its_function(served: Served, account: str) -> None:
    accounts = Accounts({"Store": account})
    await accounts.queue("Store", "sample").send_message("aGVsbG8=")
    await eventually(served, lambda seen: "hello 1" in seen)
    await accounts.close()


QUIET = {
    "SampleStorage": "AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:9/a",
    "SAMPLE_QUEUE": "sample",
    "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
}


@asynccontextmanager
async def serve(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Served]:
    """The sample app with settings of its own."""
    port = find_port()
    service = plan(port, folder, {**QUIET, **settings})
    await service.start(PATIENCE)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield Served(service, client, folder / "sample.log")
    await service.stop()


async def test_a_stop_lets_a_running_request_finish(tmp_path: Path) -> None:
    async with serve(tmp_path, {}) as served:
        slow = asyncio.create_task(served.get("/api/slow?seconds=1"))
        await eventually(served, lambda seen: "slow" in seen)
        await served.service.stop()
        assert (await slow).status_code == 200


async def test_easy_auth_works_with_the_boxs_own_provider(emulator: Box, tmp_path: Path) -> None:
    site = emulator.site
    told = {**describe_host(site.ports, site.directory), **describe_trust(site.directory)}
    del told["POSTERN_PORT"]
    async with serve(tmp_path, {**told, "WEBSITE_AUTH_ENABLED": "True"}) as served:
        assert (await served.get("/api/echo")).status_code == 401
        token = (await served.client.post("/.auth/local/token", json={"user": "approver"})).json()["access_token"]
        headers = (await served.get("/api/echo", Authorization=f"Bearer {token}")).json()["headers"]
        assert headers["x-ms-client-principal-name"].startswith("approver@")


async def test_a_queue_is_read_with_the_apps_own_identity(azurite: Box, emulator: Box, tmp_path: Path) -> None:
    site = emulator.site
    address = f"https://127.0.0.1:{azurite.site.ports.queues}/{ACCOUNT}"
    told = {**describe_identity(site.ports), **describe_trust(site.directory)}
    # An empty connection string is as good as none, so the identity is what is left.
    settings = {**told, "SampleStorage": "", "SampleStorage__queueServiceUri": address, "SAMPLE_QUEUE": "other"}
    async with serve(tmp_path, settings) as served:
        accounts = Accounts({"Store__queueServiceUri": address})
        await accounts.queue("Store", "other").send_message("aWRlbnRpdHk=")
        await accounts.close()
        await eventually(served, lambda seen: "identity 1" in seen)


def start(app: Path) -> subprocess.CompletedProcess[str]:
    """A host that is expected not to start."""
    environment = {"PATH": "", "POSTERN_PORT": str(find_port())}
    command = [sys.executable, "-m", "emulator.functions", "--app", str(app)]
    return subprocess.run(  # noqa: S603 - The command is ours.
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("import nowhere\n", "nowhere"),
        ("x = 1\n", "Could not find top level function app"),
        (BROKEN + "@app.timer_trigger('timer', '0 0 * * * 7')\ndef one(timer): ...\n", "one: '7' is not a weekday"),
        (BROKEN + "@app.timer_trigger('timer', '%NOWHERE%')\ndef one(timer): ...\n", "%NOWHERE%"),
        (BROKEN + "@app.route('admin/x')\ndef one(req): ...\n", "conflicts with the host's own"),
        (BROKEN + "@app.route('x')\ndef one(wrong): ...\n", "one"),
        (BROKEN, "no functions"),
    ],
)
def test_an_app_that_is_wrong_does_not_start(tmp_path: Path, source: str, word: str) -> None:
    (tmp_path / "host.json").write_text((SAMPLE / "host.json").read_text())
    (tmp_path / "function_app.py").write_text(source)
    ended = start(tmp_path)
    assert ended.returncode == 1
    assert "does not start" in ended.stderr
    assert word in ended.stderr


def test_a_folder_that_is_no_app_does_not_start(tmp_path: Path) -> None:
    ended = start(tmp_path)
    assert (ended.returncode, "host.json" in ended.stderr) == (1, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_host_that_is_told_to_stop_ends_well(number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", "-m", "emulator.functions", "--app", str(SAMPLE)]
    environment = {**QUIET, "POSTERN_PORT": str(find_port())}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as host:  # noqa: S603 - The command is ours.
        assert host.stdout is not None
        assert "functions at http://127.0.0.1:" in host.stdout.readline()
        host.send_signal(number)
        assert host.wait(timeout=10) == 0
