"""The workflow for Teams, played by hand: its own calls, sent to the app by an identity that has the role Relay."""

import json
from typing import Any, Final

import pytest

from tests.infra.workflow import Action, actions, fill, follow, read
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, watch
from tests.journeys.client import read as document
from tests.journeys.test_approvals import APPROVAL, APPROVER, say, waiting
from tests.journeys.test_bad_requests import issues, problem
from tests.journeys.test_events import PATIENCE, hook, received

FLOW: Final = read()
ACTIONS: Final[dict[str, Action]] = {action.name: action for action in actions(FLOW)}
NAME: Final = "take(coalesce(body('Ask')?['responder']?['displayName'], body('Ask')?['responder']?['objectId']), 80)"
VERDICT: Final = "if(equals(body('Ask')?['data']?['verdict'], 'approve'), 'approve', 'deny')"
COMMENT: Final = "coalesce(body('Ask')?['data']?['comment'], '')"
PERSON: Final = "body('Ask')?['responder']?['objectId']"


@pytest.fixture(autouse=True)
async def _forgetful(azure: Azure) -> None:
    await azure.control("DELETE", "hooks")


async def send(postern: Postern, inputs: Json, values: dict[str, str]) -> Any:  # noqa: ANN401 - httpx's answer.
    """One call of the workflow, as its identity makes it."""
    call = fill({name: part for name, part in inputs.items() if name != "authentication"}, values)
    return await postern.call("relay", call["method"], call["uri"], call.get("body"))


async def subscribed(postern: Postern) -> None:
    """The workflow subscribes, as its trigger does when it is switched on."""
    values = {"parameters('address')": "", "listCallbackUrl()": hook(postern, "flow")}
    [trigger] = FLOW["triggers"].values()
    document(await send(postern, trigger["inputs"]["subscribe"], values), 201)


async def told_of(postern: Postern) -> str:
    """The grant that the first run of the workflow is about."""

    async def look() -> list[Json]:
        return await received(postern, "flow")

    first, *_ = await watch(look, bool, PATIENCE)
    found: str = follow(ACTIONS["Grant"].body["inputs"], json.loads(first["body"]))
    return found


def values_for(grant: str, person: str = APPROVER, verdict: str = "approve") -> dict[str, str]:
    """What the expressions give when somebody pressed a button."""
    answer = {"responder": {"objectId": person, "displayName": "Arthur Approver"}, "data": {"comment": "go ahead"}}
    return {
        "parameters('address')": "",
        "encodeURIComponent(outputs('Grant'))": grant,
        VERDICT: verdict,
        COMMENT: str(answer["data"]["comment"]),
        PERSON: follow(PERSON, answer),
        NAME: answer["responder"]["displayName"],
    }


async def card(postern: Postern, grant: str) -> Json:
    """What the workflow sees of a grant."""
    return document(await send(postern, ACTIONS["Look"].body["inputs"], values_for(grant)), 200)


def buttons(shown: Json) -> list[str]:
    return [one["title"] for one in shown["card"]["actions"] if one["type"] == "Action.Submit"]


async def test_the_workflow_is_told_asks_and_opens_the_door(postern: Postern, azure: Azure) -> None:
    await subscribed(postern)
    asked = await waiting(postern)
    id_ = await told_of(postern)
    before = await card(postern, id_)
    assert (asked["id"], True, ["Approve", "Deny"]) == (id_, before["waits"], buttons(before))
    approved = document(await send(postern, ACTIONS["Decide"].body["inputs"], values_for(id_)), 200)
    [decision] = approved["decisions"]
    assert ("active", APPROVER, "go ahead") == (approved["state"], decision["by"]["id"], decision["comment"])
    assert {22} == await azure.passing("web-01", USER, (22,))
    after = await card(postern, id_)
    assert (False, []) == (after["waits"], buttons(after))


async def test_a_denial_is_brought_in_the_same_way(postern: Postern, azure: Azure) -> None:
    asked = await waiting(postern)
    denied = await send(postern, ACTIONS["Decide"].body["inputs"], values_for(asked["id"], verdict="deny"))
    assert "denied" == document(denied, 200)["state"]
    assert (False, set()) == ((await card(postern, asked["id"]))["waits"], await azure.passing("web-01", USER, (22,)))


async def test_the_same_answer_twice_changes_nothing(postern: Postern) -> None:
    asked = await waiting(postern)
    sent = [await send(postern, ACTIONS["Decide"].body["inputs"], values_for(asked["id"])) for _ in range(2)]
    assert [1, 1] == [len(document(one, 200)["decisions"]) for one in sent]


async def test_an_answer_of_somebody_who_may_not_leaves_the_question_open(postern: Postern) -> None:
    asked = await waiting(postern)
    stranger = values_for(asked["id"], "00000000-0000-0000-0000-000000000009")
    refused = await send(postern, ACTIONS["Decide"].body["inputs"], stranger)
    assert [("notApprover", "")] == issues(problem(refused, 422, "refused"))
    assert (await card(postern, asked["id"]))["waits"]


async def test_where_a_policy_names_nobody_no_answer_that_is_brought_counts(postern: Postern) -> None:
    asked = await waiting(postern, approval={**APPROVAL, "approvers": []})
    refused = await send(postern, ACTIONS["Decide"].body["inputs"], values_for(asked["id"]))
    assert [("notApprover", "")] == issues(problem(refused, 422, "refused"))


async def test_an_answer_that_comes_too_late_is_told_so_and_the_card_shows_the_outcome(postern: Postern) -> None:
    asked = await waiting(postern)
    await say(postern, asked, "deny", comment="use the bastion")
    problem(await send(postern, ACTIONS["Decide"].body["inputs"], values_for(asked["id"])), 409, "conflict")
    shown = await card(postern, asked["id"])
    assert (False, True) == (shown["waits"], "use the bastion" in json.dumps(shown["card"]))


async def test_a_grant_that_does_not_exist_ends_the_run_where_it_began(postern: Postern) -> None:
    problem(await send(postern, ACTIONS["Look"].body["inputs"], values_for("0" * 24)), 404, "notFound")
