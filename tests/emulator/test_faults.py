"""Programmed faults, throttling and the call log."""

from pathlib import Path

import httpx
import pytest

from emulator import certificate
from emulator.line import LostAnswerError
from tests.emulator.conftest import GROUPS, RULE, WEB, Box, rule
from tests.emulator.test_groups import code
from tests.emulator.test_operations import poll

KINDS = [
    ("403", 403, "AuthorizationFailed"),
    ("409", 409, "AnotherOperationInProgress"),
    ("412", 412, "PreconditionFailed"),
    ("429", 429, "TooManyRequests"),
    ("500", 500, "InternalServerError"),
    ("503", 503, "ServiceUnavailable"),
    ("conflict", 400, "SecurityRuleConflict"),
    ("retryable", 429, "RetryableError"),
]


@pytest.mark.parametrize(("kind", "status", "expected"), KINDS)
async def test_a_refusing_fault_answers_and_carries_nothing_out(
    box: Box, kind: str, status: int, expected: str
) -> None:
    await box.fault(kind, "securityRules/MINE$")
    assert (status, expected) == code(await box.call("PUT", RULE, rule()))
    assert (await box.call("GET", RULE)).status_code == 404
    assert (await box.call("PUT", RULE, rule())).status_code == 201


async def test_a_fault_strikes_as_often_as_told_and_where_told(box: Box) -> None:
    await box.control("faults", {"match": {"method": "GET", "path": "web-01-nsg"}, "times": 2, "kind": "500"})
    assert (await box.call("PUT", RULE, rule())).status_code == 201
    assert [(await box.call("GET", WEB)).status_code for _ in range(3)] == [500, 500, 200]
    assert (await box.control("faults", method="GET"))["faults"] == []


async def test_faults_are_listed_and_disarmed(box: Box) -> None:
    await box.fault("429", "web", times=3)
    armed = (await box.control("faults", method="GET"))["faults"]
    assert [(one["kind"], one["times"]) for one in armed] == [("429", 3)]
    await box.control("faults", method="DELETE")
    assert (await box.call("GET", WEB)).status_code == 200


async def test_a_failed_operation_is_accepted_and_changes_nothing(box: Box) -> None:
    await box.fault("failed-operation", "securityRules")
    answer = await box.call("PUT", RULE, rule())
    assert answer.status_code == 201
    box.finish()
    assert failure(await poll(box, answer)) == ("Failed", "SecurityRuleConflict")
    assert (await box.call("GET", RULE)).status_code == 404
    assert (await box.call("GET", WEB)).json()["properties"]["provisioningState"] == "Succeeded"


def failure(operation: dict[str, object]) -> tuple[object, object]:
    error = operation["error"]
    assert isinstance(error, dict)
    return operation["status"], error["code"]


async def test_a_failed_deletion_leaves_the_rule(box: Box) -> None:
    await box.fault("failed-operation")
    await box.call("DELETE", f"{WEB}/securityRules/allow-ssh")
    box.finish()
    assert (await box.call("GET", f"{WEB}/securityRules/allow-ssh")).json()["properties"][
        "provisioningState"
    ] == "Succeeded"


async def test_a_lost_answer_is_of_a_request_that_was_carried_out(box: Box) -> None:
    await box.fault("lost-answer", "securityRules")
    with pytest.raises(LostAnswerError):
        await box.call("PUT", RULE, rule())
    assert (await box.call("GET", RULE)).status_code == 200


async def test_a_slow_operation_takes_its_seconds_longer(box: Box) -> None:
    await box.fault("slow", "securityRules", seconds=10)
    answer = await box.call("PUT", RULE, rule())
    box.clock.advance(10)
    assert await poll(box, answer) == {"status": "InProgress"}
    box.clock.advance(0.5)
    assert await poll(box, answer) == {"status": "Succeeded"}


@pytest.mark.parametrize("body", [{"kind": "none"}, {"kind": "500", "match": {"path": "("}}, {"knd": "500"}])
async def test_a_fault_with_a_slip_in_it_is_refused(box: Box, body: object) -> None:
    assert (await box.client.post("/_box/faults", json=body)).status_code == 400


async def test_buckets_are_counted_always_and_refuse_when_switched_on(box: Box) -> None:
    assert (await box.call("GET", WEB)).headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    await box.control("throttle", {"on": True})
    codes = [(await box.call("GET", WEB)).status_code for _ in range(250)]
    assert codes == [200] * 249 + [429]
    assert (await box.call("GET", WEB)).headers["Retry-After"] == "1"
    box.clock.advance(1)
    assert (await box.call("GET", WEB)).status_code == 200


async def test_writes_and_deletes_have_buckets_of_their_own(box: Box) -> None:
    put = await box.call("PUT", RULE, rule())
    delete = await box.call("DELETE", f"{GROUPS}/none")
    assert put.headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert delete.headers["x-ms-ratelimit-remaining-subscription-deletes"] == "199"


async def test_every_arm_call_is_written_down(box: Box) -> None:
    answer = await box.call("GET", WEB)
    await box.call("DELETE", f"{GROUPS}/none")
    rows = (await box.control("calls?since=0", method="GET"))["calls"]
    assert [("GET", 200, len(answer.content)), ("DELETE", 204, 0)] == [
        (row["method"], row["status"], row["size"]) for row in rows
    ]
    assert f"{WEB}?api-version=2025-05-01" == rows[0]["path"]
    assert [row["number"] for row in (await box.control("calls?since=1", method="GET"))["calls"]] == [2]


async def test_a_reset_forgets_everything(box: Box) -> None:
    await box.fault("500")
    await box.control("throttle", {"on": True})
    await box.control("latency", {"operation": 9})
    await box.control("reset", {"seed": "empty", "storage": False})
    assert (await box.call("GET", WEB)).status_code == 404
    assert (box.cloud.throttle.on, box.cloud.latency.operation) == (False, 0.4)
    assert len((await box.control("calls", method="GET"))["calls"]) == 1


async def test_a_reset_that_cannot_reach_azurite_says_so(box: Box, tmp_path: Path) -> None:
    certificate.ensure(tmp_path)
    answer: httpx.Response = await box.client.post("/_box/reset", json={"seed": "demo"})
    assert (answer.status_code, "Azurite" in answer.json()["error"]) == (503, True)
