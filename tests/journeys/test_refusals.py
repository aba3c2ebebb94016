"""Who may do what, what is not there, and what was said before: answers that say no."""

import asyncio
from typing import Final

import pytest

from tests.journeys.azure import Azure
from tests.journeys.client import STRANGER, Postern, machine, wish
from tests.journeys.test_bad_requests import problem

POLICY: Final = f"/api/policies{machine('web-01')}"
GRANT: Final = f"/api/grants/{'0' * 24}"
FORBIDDEN: Final = (
    *(("PUT", POLICY, user) for user in ("requestor", "approver", "auditor", "pipeline", "outsider")),
    *(("DELETE", POLICY, user) for user in ("requestor", "approver", "auditor", "pipeline", "outsider")),
    ("GET", POLICY, "outsider"),
    *(("POST", "/api/grants", user) for user in ("approver", "administrator", "auditor", "outsider")),
    ("GET", "/api/grants", "outsider"),
    ("GET", GRANT, "outsider"),
    *(("POST", f"{GRANT}/revoke", user) for user in ("auditor", "outsider")),
)
NOWHERE: Final = (
    ("PUT", f"/api/policies{machine('ghost-01')}"),
    ("PUT", POLICY.replace("1111", "3333")),
    ("PUT", f"/api/policies{machine('old-01').replace('Microsoft.Compute', 'Microsoft.ClassicCompute')}"),
    ("PUT", "/api/policies/web-01"),
    ("GET", POLICY),
    ("DELETE", POLICY),
    ("GET", GRANT),
    ("GET", "/api/grants/not-an-id"),
    ("POST", f"{GRANT}/revoke"),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "user"), FORBIDDEN)
async def test_a_caller_without_the_role_is_told_which_it_needs(
    accounts: Postern, method: str, path: str, user: str
) -> None:
    answer = await accounts.call(user, method, path, {} if method in {"PUT", "POST"} else None)
    assert "Postern." in problem(answer, 403, "forbidden")["detail"]


@pytest.mark.parametrize(("method", "path"), NOWHERE)
async def test_what_is_not_there_is_not_found(postern: Postern, method: str, path: str) -> None:
    user = "requestor" if path.startswith("/api/grants") else "administrator"
    answer = await postern.call(user, method, path, {} if method == "PUT" else None)
    problem(answer, 404, "notFound")


async def test_asking_for_a_machine_without_a_policy_is_not_found(postern: Postern) -> None:
    problem(await postern.call("requestor", "POST", "/api/grants", wish("web-01")), 404, "notFound")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/nothing"), ("PATCH", "/api/grants"), ("GET", "/secret"),
                                              ("POST", GRANT), ("DELETE", "/api/health")])  # fmt: skip
async def test_a_route_that_there_is_not_is_not_found(accounts: Postern, method: str, path: str) -> None:
    assert 404 == (await accounts.call("administrator", method, path)).status_code


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
@pytest.mark.parametrize(("user", "method", "path"), [("requestor", "POST", "/api/grants"),
                                                      ("administrator", "PUT", POLICY)])  # fmt: skip
async def test_a_body_that_does_not_call_itself_json_is_refused(
    accounts: Postern, user: str, method: str, path: str, kind: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = await accounts.send(method, path, await accounts.token(user), content=b"{}", headers=headers)
    problem(answer, 415, "unsupportedMediaType")


async def test_a_body_over_64_kib_is_refused_and_one_of_64_kib_is_read(accounts: Postern) -> None:
    room = 64 * 1024 - len(b'{"x":""}')
    most, more = (f'{{"x":"{"x" * length}"}}'.encode() for length in (room, room + 1))
    token, headers = await accounts.token("requestor"), {"content-type": "application/json; charset=utf-8"}
    problem(await accounts.send("POST", "/api/grants", token, content=most, headers=headers), 400, "invalid")
    problem(await accounts.send("POST", "/api/grants", token, content=more, headers=headers), 413, "tooLarge")


async def test_a_request_sent_twice_under_one_key_is_one_grant(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    first = await postern.ask(wish("web-01"), Idempotency_Key="k1")
    second = await postern.ask(wish("web-01"), Idempotency_Key="k1")
    assert (first["id"], 1) == (second["id"], len(await azure.ours("web-01-nsg", "postern-open-")))


async def test_a_request_sent_five_times_at_once_under_one_key_is_one_grant(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    sending = (postern.call("requestor", "POST", "/api/grants", wish("web-01"), Idempotency_Key="k1") for _ in range(5))
    answers = await asyncio.gather(*sending)
    assert {201, 202} >= {answer.status_code for answer in answers}
    assert (1, 1) == (len({answer.json()["id"] for answer in answers}), len(await postern.grants()))
    assert 1 == len(await azure.ours("web-01-nsg", "postern-open-"))


async def test_another_request_under_the_same_key_is_a_conflict(postern: Postern) -> None:
    await postern.enable("web-01")
    await postern.ask(wish("web-01"), Idempotency_Key="k1")
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01", source=STRANGER),
                                Idempotency_Key="k1")  # fmt: skip
    problem(answer, 409, "conflict")
    assert 1 == len(await postern.grants())


async def test_a_key_is_one_callers_own(postern: Postern) -> None:
    await postern.enable("web-01")
    first = await postern.ask(wish("web-01"), Idempotency_Key="k1")
    other = await postern.ask(wish("web-01", source=STRANGER), user="pipeline", Idempotency_Key="k1")
    assert first["id"] != other["id"]


async def test_without_a_key_the_same_request_twice_is_two_grants(postern: Postern) -> None:
    await postern.enable("web-01")
    assert (await postern.ask(wish("web-01")))["id"] != (await postern.ask(wish("web-01")))["id"]


async def test_a_request_that_was_refused_may_be_made_again_under_its_key(postern: Postern) -> None:
    await postern.enable("web-01", justification={"required": True})
    refused = await postern.call("requestor", "POST", "/api/grants", wish("web-01"), Idempotency_Key="k1")
    await postern.enable("web-01")
    assert (422, "active") == (refused.status_code,
                               (await postern.ask(wish("web-01"), Idempotency_Key="k1"))["state"])  # fmt: skip


async def test_a_key_that_is_too_long_is_refused(accounts: Postern) -> None:
    answer = await accounts.call("requestor", "POST", "/api/grants", wish("web-01"), Idempotency_Key="k" * 201)
    problem(answer, 400, "invalidIdempotencyKey")


async def test_a_browsers_call_without_our_header_changes_nothing(postern: Postern) -> None:
    await postern.enable("web-01")
    cookie = f"AppServiceAuthSession={await postern.token('administrator')}"
    answer = await postern.send("DELETE", POLICY, None, headers={"cookie": cookie})
    problem(answer, 403, "csrf")
    own = {"cookie": cookie, "x-postern-request": "1"}
    assert 200 == (await postern.send("DELETE", POLICY, None, headers=own)).status_code


async def test_only_those_whom_the_policy_names_may_ask(postern: Postern) -> None:
    await postern.enable("web-01", requestors=["00000000-0000-0000-0000-000000000101"])
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"))
    assert ["notEligible"] == [issue["code"] for issue in problem(answer, 422, "refused")["issues"]]
    assert "active" == (await postern.ask(wish("web-01"), user="pipeline"))["state"]


async def test_a_source_of_a_family_that_the_machine_has_not_is_refused(postern: Postern) -> None:
    await postern.enable("web-01")
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01", source="2001:db8::7"))
    assert ["sourceUnreachable"] == [issue["code"] for issue in problem(answer, 422, "refused")["issues"]]
