"""Long-running operations, etags and preconditions."""

import httpx
import pytest

from tests.emulator.conftest import NETWORK, RULE, WEB, Box, rule
from tests.emulator.test_groups import code

OUTSIDE = "203.0.113.200"
NIC = f"{NETWORK}/networkInterfaces/web-01-nic"


async def etag(box: Box, path: str = WEB) -> str:
    return str((await box.call("GET", path)).json()["etag"])


async def poll(box: Box, answer: httpx.Response) -> dict[str, object]:
    found: dict[str, object] = (await box.call("GET", answer.headers["Azure-AsyncOperation"])).json()
    return found


async def test_a_new_rule_is_shown_at_once_and_in_force_when_its_operation_ends(box: Box) -> None:
    answer = await box.call("PUT", RULE, rule())
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Updating")
    assert await poll(box, answer) == {"status": "InProgress"}
    assert True is await box.passes(OUTSIDE, "web-01", 22)
    box.finish()
    assert await poll(box, answer) == {"status": "Succeeded"}
    assert False is await box.passes(OUTSIDE, "web-01", 22)
    assert (await box.call("GET", RULE)).json()["properties"]["provisioningState"] == "Succeeded"


async def test_an_operation_takes_as_long_as_told(box: Box) -> None:
    await box.control("latency", {"operation": 5, "retryAfter": 2})
    answer = await box.call("PUT", RULE, rule())
    assert answer.headers["Retry-After"] == "2"
    box.clock.advance(4.9)
    assert await poll(box, answer) == {"status": "InProgress"}
    box.clock.advance(0.1)
    assert await poll(box, answer) == {"status": "Succeeded"}


async def test_a_deleted_rule_is_in_force_until_its_operation_ends(box: Box) -> None:
    answer = await box.call("DELETE", f"{WEB}/securityRules/allow-ssh")
    assert (answer.status_code, answer.content) == (202, b"")
    assert True is await box.passes(OUTSIDE, "web-01", 22)
    assert (await box.call("GET", answer.headers["Location"])).status_code == 202
    box.finish()
    assert (await box.call("GET", answer.headers["Location"])).status_code == 204
    assert False is await box.passes(OUTSIDE, "web-01", 22)


async def test_deleting_what_is_not_there_is_done_at_once(box: Box) -> None:
    assert (await box.call("DELETE", RULE)).status_code == 204


async def test_the_signed_part_of_an_operations_address_must_come_back_as_it_was(box: Box) -> None:
    answer = await box.call("PUT", RULE, rule())
    forged = answer.headers["Azure-AsyncOperation"].partition("&s=")[0]
    assert code(await box.call("GET", forged)) == (404, "OperationNotFound")


async def test_a_second_write_is_told_to_wait_while_one_runs(box: Box) -> None:
    await box.call("PUT", RULE, rule())
    answer = await box.call("PUT", f"{WEB}/securityRules/other", rule(priority=201))
    assert code(answer) == (429, "RetryableError")
    assert answer.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
    box.finish()
    assert (await box.call("PUT", f"{WEB}/securityRules/other", rule(priority=201))).status_code == 201


async def test_an_interface_waits_for_its_group(box: Box) -> None:
    nic = (await box.call("GET", NIC)).json()
    await box.call("PUT", RULE, rule())
    answer = await box.call("PUT", NIC, nic)
    assert answer.status_code == 429
    assert answer.json()["error"]["details"][0]["code"] == "ReferencedResourceNotProvisioned"


async def test_a_network_that_is_being_written_answers_409(box: Box) -> None:
    path = f"{NETWORK}/virtualNetworks/demo-vnet/subnets/more"
    assert (await box.call("PUT", path, {"properties": {"addressPrefix": "10.0.99.0/24"}})).status_code == 201
    assert code(await box.call("DELETE", path)) == (409, "AnotherOperationInProgress")


async def test_the_etag_changes_with_a_write_and_again_when_it_is_done(box: Box) -> None:
    before = await etag(box)
    during = (await box.call("PUT", RULE, rule())).json()["etag"]
    box.finish()
    after = await etag(box)
    assert len({before, during, after}) == 3
    assert after == await etag(box, RULE)


async def test_an_identical_put_is_an_operation_all_the_same(box: Box) -> None:
    standing = (await box.call("GET", f"{WEB}/securityRules/allow-ssh")).json()
    answer = await box.call("PUT", f"{WEB}/securityRules/allow-ssh", standing)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")


async def test_if_match_on_a_rule_speaks_of_the_group(box: Box) -> None:
    old = await etag(box)
    assert (await box.call("PUT", RULE, rule(), If_Match=old)).status_code == 201
    box.finish()
    answer = await box.call("DELETE", RULE, If_Match=old)
    assert code(answer) == (412, "PreconditionFailed")
    assert answer.json()["error"]["details"][0]["code"] == "PreconditionFailedEtagMismatch"
    assert (await box.call("DELETE", RULE, If_Match=await etag(box))).status_code == 202


async def test_if_match_on_a_group_stops_the_slower_of_two_writers(box: Box) -> None:
    read = (await box.call("GET", WEB)).json()
    assert (await box.call("PUT", WEB, read, If_Match=read["etag"])).status_code == 200
    box.finish()
    assert (await box.call("PUT", WEB, read, If_Match=read["etag"])).status_code == 412


async def test_an_etag_in_the_body_is_ignored(box: Box) -> None:
    assert (await box.call("PUT", RULE, {**rule(), "etag": 'W/"old"'})).status_code == 201


@pytest.mark.parametrize(("name", "status"), [("mine", 201), ("allow-ssh", 412)])
async def test_if_none_match_creates_only_what_is_new(box: Box, name: str, status: int) -> None:
    answer = await box.call("PUT", f"{WEB}/securityRules/{name}", rule(), If_None_Match="*")
    assert status == answer.status_code
