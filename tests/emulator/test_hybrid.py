"""Run commands of servers outside Azure: accepted as Azure does, and really executed where that can be."""

import asyncio
import os
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from shared.domain.firewalls import System, read, write
from tests.domain.values import rule
from tests.emulator.conftest import SUBSCRIPTION, Box

MACHINES = f"{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines"
FILES, WINDOWS = f"{MACHINES}/files-01", f"{MACHINES}/dc-01"
NAMED = "/runCommands/greet"
GATE = Path(__file__).parents[2] / "shared" / "hosts" / "gate.sh"


def body(script: str = "echo hello", **properties: object) -> dict[str, Any]:
    return {"location": "westeurope", "properties": {"source": {"script": script}, **properties}}


async def ended(box: Box, path: str) -> dict[str, Any]:
    """A run command's instance view, once it has ended."""
    for _ in range(200):
        view: dict[str, Any] = (await box.call("GET", path)).json()["properties"]["instanceView"]
        if view["executionState"] in {"Succeeded", "Failed"}:
            break
        await asyncio.sleep(0.05)
    return view


@pytest.mark.parametrize(
    ("path", "sent", "status", "code"),
    [
        (f"{MACHINES}/nobody{NAMED}", body(), 404, "ParentResourceNotFound"),
        (f"{FILES}/runCommands/{'x' * 37}", body(), 400, "InvalidParameter"),
        (f"{FILES}{NAMED}", body(""), 400, "InvalidParameter"),
        (f"{FILES}{NAMED}", {**body(), "location": "elsewhere"}, 400, "InvalidParameter"),
        (f"{FILES}{NAMED}", body(parameters=[{"name": "a b", "value": "1"}]), 400, "InvalidParameter"),
        (f"{FILES}{NAMED}", body(parameters=[{"name": "A", "value": 1}]), 400, "InvalidParameter"),
    ],
)
async def test_what_azure_would_not_have_is_refused(
    box: Box, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = await box.call("PUT", path, sent)
    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])


async def test_a_run_command_that_was_never_made_is_not_found(box: Box) -> None:
    answer = await box.call("GET", f"{FILES}{NAMED}")
    assert (404, "ResourceNotFound") == (answer.status_code, answer.json()["error"]["code"])
    assert HTTPStatus.NO_CONTENT == (await box.call("DELETE", f"{FILES}{NAMED}")).status_code


async def test_a_run_command_waits_while_its_server_is_cut_off(box: Box) -> None:
    await box.control("hosts", {"machine": FILES, "connected": False})
    assert 201 == (await box.call("PUT", f"{FILES}{NAMED}", body())).status_code
    await asyncio.sleep(0.5)
    document = (await box.call("GET", f"{FILES}{NAMED}")).json()
    assert "Pending" == document["properties"]["instanceView"]["executionState"]
    assert "Disconnected" == (await box.call("GET", FILES)).json()["properties"]["status"]
    assert 409 == (await box.call("PUT", f"{FILES}{NAMED}", body())).status_code


async def test_a_server_that_cannot_be_played_fails_its_command_and_says_why(box: Box) -> None:
    await box.call("PUT", f"{WINDOWS}{NAMED}", body())
    view = await ended(box, f"{WINDOWS}{NAMED}")
    assert ("Failed", 1) == (view["executionState"], view["exitCode"])
    assert view["error"]


@pytest.fixture
async def playing(box: Box) -> Box:
    """A box that can play hosts."""
    if lacks := (await box.client.get("/_box/hosts")).json()["lacks"]:
        pytest.skip(lacks)
    return box


async def test_a_script_runs_with_its_parameters_as_variables(playing: Box) -> None:
    sent = body('echo "$WHO is root: $(id -u)"; exit 3', parameters=[{"name": "WHO", "value": "she"}])
    await playing.call("PUT", f"{FILES}{NAMED}", sent)
    view = await ended(playing, f"{FILES}{NAMED}")
    assert ("Failed", 3, "she is root: 0\n") == (view["executionState"], view["exitCode"], view["output"])


async def test_output_is_cut_to_its_last_4_kb(playing: Box) -> None:
    await playing.call("PUT", f"{FILES}{NAMED}", body("seq 1 5000"))
    output = (await ended(playing, f"{FILES}{NAMED}"))["output"]
    assert (4096, True) == (len(output), output.endswith("4999\n5000\n"))


async def test_a_host_keeps_what_it_writes_and_this_computer_never_sees_it(playing: Box) -> None:
    await playing.call("PUT", f"{FILES}{NAMED}", body("echo kept >/var/lib/note; ls -d /run/systemd/* /etc/systemd/*"))
    assert "" == (await ended(playing, f"{FILES}{NAMED}"))["output"]
    ran = await playing.control("hosts/run", {"machine": FILES, "script": "cat /var/lib/note"})
    assert "kept\n" == ran["output"]


async def test_a_host_s_firewall_is_its_own(playing: Box) -> None:
    await playing.control("hosts/run", {"machine": FILES, "script": "nft add table inet mine"})
    ran = await playing.control("hosts/run", {"machine": f"{MACHINES}/pos-07", "script": "nft list ruleset"})
    assert {"output": "", "error": ""} == ran


async def test_whether_a_port_is_reached_is_tried_by_a_real_connection(playing: Box) -> None:
    asked = {"machine": FILES, "source": "203.0.113.7", "port": 22}
    opened = await playing.control("hosts/reach", asked)
    chain = "{ type filter hook input priority 0; }"
    script = f"nft 'add table inet f; add chain inet f c {chain}; add rule inet f c tcp dport 22 drop'"
    await playing.control("hosts/run", {"machine": FILES, "script": script})
    assert [True, False] == [opened["reached"], (await playing.control("hosts/reach", asked))["reached"]]


async def test_where_no_server_can_be_played_a_gate_is_rehearsed_and_kept(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    lock = rule("200 postern-lock-all Deny * * from *")
    parameters = write((lock,), System.LINUX, datetime.now(UTC), 1)
    named = [{"name": name, "value": value} for name, value in parameters.items()]
    await box.call("PUT", f"{FILES}{NAMED}", body(GATE.read_text("utf-8"), parameters=named))
    view = await ended(box, f"{FILES}{NAMED}")
    assert ((lock,), None) == ((gate := read(parameters, view["output"], datetime.now(UTC))).rules, gate.trouble)
    rehearsed = (await box.control("hosts", method="GET"))["rehearsed"]
    assert ([FILES], True) == (list(rehearsed), 'drop comment "postern-lock-all"' in rehearsed[FILES])


async def test_where_no_server_can_be_played_no_other_script_is_run(
    box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    await box.call("PUT", f"{FILES}{NAMED}", body(f"echo >{tmp_path}/done"))
    state = (await ended(box, f"{FILES}{NAMED}"))["executionState"]
    assert ("Failed", False) == (state, await asyncio.to_thread(os.path.lexists, f"{tmp_path}/done"))
