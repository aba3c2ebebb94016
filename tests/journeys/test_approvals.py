"""From a request that waits to a packet that passes: approval, a start to come, breaking the glass, a longer stay."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, machine, read, wait_past, wish
from tests.journeys.test_bad_requests import issues, problem

APPROVER: Final = "00000000-0000-0000-0000-000000000002"
APPROVAL: Final = {"required": True, "approvers": [APPROVER], "pendingFor": "PT1H"}


async def waiting(postern: Postern, **policy: object) -> Json:
    """A request on web-01 that waits for approval."""
    await postern.enable("web-01", **{"approval": APPROVAL, **policy})
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"))
    assert {"location", "retry-after"} <= set(answer.headers)
    grant = read(answer, 202)
    assert "pending" == grant["state"]
    return grant


async def say(postern: Postern, grant: Json, what: str, user: str = "approver", **body: object) -> Json:
    """A decision about a grant, which must be taken."""
    return read(await postern.call(user, "POST", f"/api/grants/{grant['id']}/{what}", body or None), 200)


async def test_what_waits_is_closed_and_what_is_approved_is_open(postern: Postern, azure: Azure) -> None:
    grant = await waiting(postern)
    assert set() == await azure.passing("web-01", USER, (22,))
    approved = await say(postern, grant, "approve", comment="go ahead")
    assert ("active", "go ahead") == (approved["state"], approved["decisions"][0]["comment"])
    assert {22} == await azure.passing("web-01", USER, (22,))


async def test_the_approver_finds_what_waits(postern: Postern) -> None:
    grant = await waiting(postern)
    listed = read(await postern.call("approver", "GET", "/api/grants?state=pending"), 200)["value"]
    assert [grant["id"]] == [one["id"] for one in listed]


async def test_what_is_denied_stays_closed_and_says_why(postern: Postern, azure: Azure) -> None:
    grant = await waiting(postern)
    denied = await say(postern, grant, "deny", comment="use the bastion")
    assert ("denied", "denied", "use the bastion") == (denied["state"], denied["reason"], denied["detail"])
    assert set() == await azure.passing("web-01", USER, (22,))
    again = await postern.call("approver", "POST", f"/api/grants/{grant['id']}/approve")
    problem(again, 409, "conflict")


async def test_who_is_not_named_is_told_so(postern: Postern) -> None:
    grant = await waiting(postern, approval={**APPROVAL, "approvers": ["00000000-0000-0000-0000-0000000000ff"]})
    answer = await postern.call("approver", "POST", f"/api/grants/{grant['id']}/approve")
    assert [("notApprover", "")] == issues(problem(answer, 422, "refused"))


async def test_what_is_cancelled_can_no_longer_be_approved(postern: Postern) -> None:
    grant = await waiting(postern)
    assert "cancelled" == (await say(postern, grant, "cancel", "requestor"))["state"]
    problem(await postern.call("approver", "POST", f"/api/grants/{grant['id']}/approve"), 409, "conflict")


async def test_what_nobody_answers_lapses(postern: Postern) -> None:
    grant = await waiting(postern, approval={**APPROVAL, "pendingFor": "PT5S"})
    await wait_past(grant["lapsesAt"])
    await postern.run("sweep")
    assert "unanswered" == (await postern.until(grant["id"], "lapsed"))["reason"]


async def test_what_starts_later_is_closed_until_then_and_open_afterwards(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01")
    start = datetime.now(UTC) + timedelta(seconds=4)
    body = wish("web-01", startTimeUtc=start.isoformat(), duration="PT1H")
    grant = read(await postern.call("requestor", "POST", "/api/grants", body), 202)
    assert ("scheduled", set()) == (grant["state"], await azure.passing("web-01", USER, (22,)))
    assert "active" == (await postern.until(grant["id"], "active", patience=15))["state"]
    assert {22} == await azure.passing("web-01", USER, (22,))


async def test_breaking_the_glass_opens_at_once_and_is_marked(postern: Postern, azure: Azure) -> None:
    await postern.enable("web-01", approval=APPROVAL, breakGlass=True)
    grant = await postern.ask(wish("web-01", breakGlass=True, justification="the shop is down"))
    assert ("active", True) == (grant["state"], grant["breakGlass"])
    assert {22} == await azure.passing("web-01", USER, (22,))


async def test_a_longer_stay_waits_for_approval_and_the_grant_keeps_its_end_until_then(postern: Postern) -> None:
    grant = await waiting(postern)
    opened = await say(postern, grant, "approve")
    answer = await postern.call("requestor", "POST", f"/api/grants/{grant['id']}/extend", {"duration": "PT2H"})
    asked = read(answer, 202)
    assert (opened["endTimeUtc"], "PT2H") == (asked["endTimeUtc"], asked["extension"]["duration"])
    longer = await say(postern, grant, "approve")
    assert longer["endTimeUtc"] > opened["endTimeUtc"]


async def test_a_preview_says_that_approval_is_needed_and_makes_nothing(postern: Postern) -> None:
    await postern.enable("web-01", approval=APPROVAL)
    told = read(await postern.call("requestor", "POST", "/api/grants?preview=true", wish("web-01")), 200)
    assert (True, []) == (told["needsApproval"], await postern.grants())


@pytest.mark.parametrize("what", ["approve", "deny", "cancel", "revoke"])
async def test_a_comment_that_cannot_be_read_decides_nothing(postern: Postern, what: str) -> None:
    grant = await waiting(postern)
    user = "requestor" if what == "cancel" else "approver"
    answer = await postern.call(user, "POST", f"/api/grants/{grant['id']}/{what}", {"coment": "typo"})
    assert [("unknownField", "coment")] == issues(problem(answer, 400, "invalid"))
    assert "pending" == (await postern.grant(grant["id"]))["state"]


async def test_a_machine_with_a_request_that_waits_counts_no_open_grant(postern: Postern) -> None:
    await waiting(postern)
    details = read(await postern.call("auditor", "GET", f"/api/machines{machine('web-01')}"), 200)
    assert 0 == details["use"]["activeGrants"]


def behalf(number: int) -> Json:
    return {"onBehalfOf": {"id": f"00000000-0000-0000-0000-{number:012d}", "name": "Arthur Approver"}}


async def test_an_answer_that_a_relay_brings_counts_as_the_approvers_and_names_both(postern: Postern) -> None:
    grant = await waiting(postern)
    approved = await say(postern, grant, "approve", "relay", **behalf(2))
    [decision] = approved["decisions"]
    assert (APPROVER, "00000000-0000-0000-0000-000000000102") == (decision["by"]["id"], decision["via"])


@pytest.mark.parametrize(("number", "code"), [(1, "ownRequest"), (9, "notApprover")])
async def test_a_relay_lends_nobody_a_voice_that_they_do_not_have(postern: Postern, number: int, code: str) -> None:
    grant = await waiting(postern)
    answer = await postern.call("relay", "POST", f"/api/grants/{grant['id']}/approve", behalf(number))
    assert code in [found for found, _ in issues(problem(answer, 422, "refused"))]


async def test_a_relay_has_to_say_whose_answer_it_brings_and_nobody_else_may(postern: Postern) -> None:
    path = f"/api/grants/{(await waiting(postern))['id']}/approve"
    assert [("required", "onBehalfOf")] == issues(problem(await postern.call("relay", "POST", path), 400, "invalid"))
    problem(await postern.call("approver", "POST", path, behalf(2)), 403, "notRelay")
