"""The examples, run as somebody would who has copied them: what they open, what they say, and that they close it."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import uvicorn

from emulator.environment import AUDIENCE, TENANT
from emulator.install import Place
from tests.journeys.azure import Azure
from tests.journeys.client import LOOK_AGAIN, USER, Postern, machine
from tests.journeys.gate import Gate

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples"
CURL: Final = ("bash", str(EXAMPLES / "curl" / "request.sh"))
PYTHON: Final = (sys.executable, str(EXAMPLES / "python" / "request_access.py"))
ACTION: Final = EXAMPLES / "github-action"
WEB: Final = machine("web-01")
WHY: Final = "Restart of the web server"
KNOCK: Final = "curl -s --cacert $CERTIFICATE $BOX/_box/packets -H 'Content-Type: application/json' -d \"$PACKET\""
NODE: Final = Place(ROOT).node
BOTH: Final = pytest.mark.parametrize("how", ["curl", "python"])
PACKET: Final = {"source": USER, "machine": "web-01", "port": [22], "protocol": "Tcp"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said."""

    status: int
    said: str


@pytest.fixture
async def gate(azure: Azure) -> AsyncIterator[Gate]:
    """A gate that stands open."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        found = Gate(azure.box, int(door.getsockname()[1]))
        server = uvicorn.Server(uvicorn.Config(found.app(), log_level="error"))
        serving = asyncio.create_task(server.serve([door]))
        yield found
        server.should_exit = True
        await serving


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody runs examples: signed in as the requestor, and let in from USER."""

    environ: Mapping[str, str]

    async def run(self, *command: str, **more: str) -> Ended:
        """Run to the end. A program that nobody waits for any longer is killed, as the runner of a job does."""
        environ = {**self.environ, **more}
        running = await asyncio.create_subprocess_exec(*command, env=environ, stdout=PIPE, stderr=STDOUT)
        try:
            said, _ = await running.communicate()
        except asyncio.CancelledError:
            running.kill()
            await running.communicate()
            raise
        return Ended(int(running.returncode or 0), said.decode())

    async def ask(self, how: str, *command: str, minutes: int = 10, patience: int = 30) -> Ended:
        """Ask for SSH on web-01 by an example, for as long as the command takes where there is one."""
        if how == "curl":
            words = ("with" if command else "open", WEB, "22", str(minutes), WHY, *command)
            return await self.run(*CURL, *words, POSTERN_PATIENCE=str(patience))
        wish = ("--source", USER, "--minutes", str(minutes), "--justification", WHY, "--patience", str(patience))
        return await self.run(*PYTHON, WEB, "22", *wish, *(("--", *command) if command else ()))


@pytest.fixture
async def desk(postern: Postern, azure: Azure, gate: Gate) -> Desk:
    """A desk, in a world in which web-01 is guarded."""
    await postern.enable("web-01", ports=[{"number": 22, "maxRequestAccessDuration": "PT1H"}])
    site = azure.box.site
    told = {
        "POSTERN": gate.address,
        "POSTERN_TOKEN": await postern.token("requestor"),
        "POSTERN_SOURCE": USER,
        "BOX": site.emulator,
        "CERTIFICATE": str(Path(site.directory) / "cert.pem"),
        "PACKET": json.dumps(PACKET),
    }
    return Desk({**os.environ, **told})


async def states(postern: Postern, user: str = "requestor") -> list[str]:
    """The states of all grants that somebody has asked for."""
    answer = await postern.call(user, "GET", "/api/grants")
    return [grant["state"] for grant in answer.json()["value"]]


@BOTH
async def test_it_opens_and_says_how_to_connect(desk: Desk, postern: Postern, azure: Azure, how: str) -> None:
    ended = await desk.ask(how)
    [grant] = await postern.grants()
    assert (0, "active", WHY) == (ended.status, grant["state"], grant["justification"])
    assert [] == [word for word in (grant["id"], grant["endTimeUtc"], "connect ssh ") if word not in ended.said]
    assert {22} == await azure.passing("web-01", USER, (22, 3389))


@BOTH
async def test_with_a_command_it_is_closed_again_and_ends_as_the_command(
    desk: Desk, postern: Postern, azure: Azure, how: str
) -> None:
    ended = await desk.ask(how, "bash", "-c", f'echo "at $POSTERN_HOST."; {KNOCK}; exit 7')
    assert (7, True, False) == (ended.status, '"passes":true' in ended.said, "at ." in ended.said)
    assert (["revoked"], set()) == (await states(postern), await azure.passing("web-01", USER, (22,)))


async def test_without_a_source_the_script_lets_in_its_own_address(desk: Desk, postern: Postern) -> None:
    await desk.run(*CURL, "open", WEB, "22", "10", WHY, POSTERN_SOURCE="")
    [grant] = await postern.grants()
    assert ["127.0.0.1"] == grant["ports"][0]["sources"]


@BOTH
async def test_a_refusal_gives_every_reason(desk: Desk, postern: Postern, how: str) -> None:
    await postern.enable("web-01", ports=[{"number": 22}], justification={"ticketPattern": "INC[0-9]+"})
    ended = await desk.ask(how, minutes=300)
    told = [words in ended.said for words in ("Not opened", "The policy allows at most", "ticket")]
    assert (1, [True, True, True]) == (ended.status, told)


@BOTH
async def test_what_nobody_approves_in_time_is_taken_back(desk: Desk, postern: Postern, how: str) -> None:
    await postern.enable("web-01", approval={"required": True})
    ended = await desk.ask(how, patience=0)
    assert (True, True) == (ended.status in {1, 3}, "still pending" in ended.said)
    assert ["revoked"] == await states(postern)


@BOTH
async def test_what_is_denied_is_said_to_be(desk: Desk, postern: Postern, how: str) -> None:
    await postern.enable("web-01", approval={"required": True})
    asking = asyncio.create_task(desk.ask(how, patience=3))
    while not (waiting := await postern.grants()):  # noqa: ASYNC110 - other processes set no event.
        await asyncio.sleep(LOOK_AGAIN)
    await postern.call("approver", "POST", f"/api/grants/{waiting[0]['id']}/deny")
    ended = await asking
    assert (1, True) == (ended.status, "denied" in ended.said)


@BOTH
async def test_an_app_that_is_busy_is_asked_again(desk: Desk, gate: Gate, postern: Postern, how: str) -> None:
    gate.away = 2
    ended = await desk.ask(how)
    assert (0, ["active"]) == (ended.status, await states(postern))


async def test_a_grant_is_closed_by_its_id(desk: Desk, postern: Postern, tmp_path: Path) -> None:
    noted = tmp_path / "grant"
    await desk.run(*CURL, "open", WEB, "22", "10", WHY, POSTERN_GRANT=str(noted))
    assert ["active"] == await states(postern)
    assert 0 == (await desk.run(*CURL, "close", noted.read_text().strip())).status
    assert ["revoked"] == await states(postern)


async def test_a_script_that_is_stopped_leaves_nothing_open(desk: Desk, postern: Postern, azure: Azure) -> None:
    command = (*CURL, "with", WEB, "22", "10", WHY, "bash", "-c", "kill $PPID; sleep 1")
    ended = await desk.run(*command)
    assert (143, ["revoked"]) == (ended.status, await states(postern))
    assert set() == await azure.passing("web-01", USER, (22,))


@dataclass(frozen=True, slots=True)
class Job:
    """A job of GitHub Actions with the action in it, as the runner plays it."""

    desk: Desk
    folder: Path

    async def main(self, **more: str) -> Ended:
        """The action's step."""
        files = {name: str(self.folder / name) for name in ("GITHUB_STATE", "GITHUB_OUTPUT")}
        return await self.desk.run(str(NODE), str(ACTION / "main.js"), **files, **more)

    async def post(self) -> Ended:
        """The step after the job. The runner gives it what the first has noted."""
        state = {f"STATE_{name}": value for name, value in self.noted("GITHUB_STATE").items()}
        return await self.desk.run(str(NODE), str(ACTION / "post.js"), **state)

    def noted(self, name: str) -> dict[str, str]:
        """What was written for the runner."""
        file = self.folder / name
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def job(desk: Desk, gate: Gate, azure: Azure, tmp_path: Path) -> Job:
    """A job whose identity is that of the box's pipeline."""
    inputs = {
        "address": gate.address,
        "audience": AUDIENCE,
        "client-id": "pipeline",
        "tenant-id": TENANT,
        "machine": WEB,
        "ports": "22",
        "minutes": "10",
        "justification": "https://github.com/example/shop/actions/runs/1",
        "source": USER,
        "patience-minutes": "1",
        "authority": azure.box.site.emulator,
    }
    told = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{gate.address}/vouch?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "this job",
        "NODE_EXTRA_CA_CERTS": str(Path(azure.box.site.directory) / "cert.pem"),
        **{f"INPUT_{name.upper()}": value for name, value in inputs.items()},
    }
    return Job(Desk({**desk.environ, **told}), tmp_path)


async def test_the_action_opens_and_its_post_step_closes(job: Job, gate: Gate, postern: Postern, azure: Azure) -> None:
    assert 0 == (await job.main()).status
    told = job.noted("GITHUB_OUTPUT")
    assert ({"grant", "host", "until"}, {22}) == (set(told), await azure.passing("web-01", USER, (22,)))
    assert (0, True) == ((ended := await job.post()).status, told["grant"] in ended.said)
    assert (["revoked"], set()) == (await states(postern, "pipeline"), await azure.passing("web-01", USER, (22,)))
    assert ["api://AzureADTokenExchange"] * 2 == gate.vouched


async def test_without_a_source_the_job_lets_in_its_own_address(job: Job, postern: Postern) -> None:
    assert 0 == (await job.main(INPUT_SOURCE="")).status
    [grant] = (await postern.call("pipeline", "GET", "/api/grants")).json()["value"]
    assert ["127.0.0.1"] == grant["ports"][0]["sources"]
    await job.post()


async def test_a_job_that_is_cancelled_while_it_waits_leaves_nothing_behind(job: Job, postern: Postern) -> None:
    await postern.enable("web-01", approval={"required": True})
    running = asyncio.create_task(job.main())
    while await states(postern, "pipeline") != ["pending"]:  # noqa: ASYNC110 - other processes set no event.
        await asyncio.sleep(LOOK_AGAIN)
    running.cancel()
    await asyncio.wait([running])
    await job.post()
    assert ["revoked"] == await states(postern, "pipeline")


async def test_an_answer_that_the_job_never_heard_is_closed_all_the_same(job: Job, postern: Postern) -> None:
    await job.main()
    job.folder.joinpath("GITHUB_OUTPUT").unlink()
    await job.post()
    assert ["revoked"] == await states(postern, "pipeline")


async def test_a_refused_job_says_every_reason_and_has_nothing_to_close(job: Job, postern: Postern) -> None:
    refused = await job.main(INPUT_MINUTES="300", INPUT_PORTS="22,3389")
    assert (1, True, 2) == (refused.status, "::error::" in refused.said, refused.said.count("%0A"))
    assert (Ended(0, ""), []) == (await job.post(), await states(postern, "pipeline"))


async def test_a_job_that_never_came_to_ask_has_nothing_to_close(job: Job) -> None:
    assert Ended(0, "") == await job.post()


async def test_the_post_step_never_hides_that_it_could_not_close(job: Job, gate: Gate) -> None:
    await job.main()
    gate.away = 99
    ended = await job.post()
    assert (0, True) == (ended.status, "::warning::It could not be closed" in ended.said)


async def test_no_token_is_seen_in_the_log(job: Job, postern: Postern) -> None:
    ended = await job.main()
    token = await postern.token("pipeline")
    shown = [line for line in ended.said.splitlines() if token.split(".")[0] in line]
    assert [] == [line for line in shown if not line.startswith("::add-mask::")]
