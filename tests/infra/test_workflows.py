"""The workflow for Teams, held against the language that it is written in, and against the app that it calls."""

import json
import re
from typing import Any, Final

from shared.documents.cards import write_card
from shared.documents.events import Telling
from shared.documents.notifications import read_subscription
from shared.domain.lifecycle import State
from shared.domain.receivers import Receivers
from shared.domain.subscriptions import Format, Kind, Notification
from shared.triggers.openapi import describe
from tests.domain.test_events import grant
from tests.domain.values import GRANT
from tests.infra.workflow import FOLDER, Json, actions, expressions, fill, follow, read

FLOW: Final = read()
ACTIONS: Final = {action.name: action for action in actions(FLOW)}
TRIGGER: Final[Json] = FLOW["triggers"]["When_approval_is_needed"]
BICEP: Final = (FOLDER.parent / "modules" / "approvals.bicep").read_text("utf-8")
KEYS: Final = {
    "Compose": set(),
    "Http": {"operationOptions"},
    "ApiConnection": set(),
    "ApiConnectionWebhook": {"limit"},
    "If": {"expression", "actions", "else"},
    "Until": {"expression", "actions", "limit"},
    "Wait": set(),
    "Terminate": set(),
}
WITHOUT_INPUTS: Final = {"If", "Until"}
STATUSES: Final = {"Succeeded", "Failed", "Skipped", "TimedOut"}
CALLBACK: Final = (
    "https://prod-01.westeurope.logic.azure.com:443/workflows/1/triggers/t/paths/invoke?sp=%2Frun&sig=s-_1"
)
VERDICT: Final = "if(equals(body('Ask')?['data']?['verdict'], 'approve'), 'approve', 'deny')"
GRANT_SEGMENT: Final = "encodeURIComponent(outputs('Grant'))"


def calls() -> list[Json]:
    """The inputs of every call of the app."""
    return [one.body["inputs"] for one in ACTIONS.values() if one.body["type"] == "Http"] + [
        TRIGGER["inputs"]["subscribe"]
    ]


def card() -> Json:
    """The card of a request that waits, as the trigger gets it."""
    document: Json = json.loads(write_card(Telling(grant(State.PENDING), Kind.APPROVAL_NEEDED))[1])
    return document


def test_each_action_has_what_its_type_takes() -> None:
    for one in ACTIONS.values():
        kind = one.body["type"]
        own = KEYS[kind] | (set() if kind in WITHOUT_INPUTS else {"inputs"})
        assert {"type", "runAfter"} | own - {"limit", "operationOptions"} <= set(one.body), one.name
        assert set(one.body) <= {"type", "runAfter", "description"} | own, one.name


def test_no_two_actions_have_one_name() -> None:
    assert len([*actions(FLOW)]) == len(ACTIONS)


def test_each_action_runs_after_some_beside_it() -> None:
    after = [(one, name, how) for one in ACTIONS.values() for name, how in one.body["runAfter"].items()]
    assert [] == [one.name for one, name, _ in after if name not in one.beside or name == one.name]
    assert [] == [one.name for one, _, how in after if not how or set(how) - STATUSES]


def test_each_action_can_be_reached() -> None:
    done: set[str] = set()
    for _ in ACTIONS:
        done |= {one.name for one in ACTIONS.values() if set(one.body["runAfter"]) <= done}
    assert set(ACTIONS) == done


def test_expressions_name_actions_and_parameters_that_exist() -> None:
    found = "\n".join(expressions(FLOW))
    assert set(re.findall(r"(?:body|outputs)\('(\w+)'\)", found)) <= set(ACTIONS)
    assert set(FLOW["parameters"]) == set(re.findall(r"parameters\('([$\w]+)'\)", found))


def test_expressions_close_what_they_open() -> None:
    bare = [re.sub(r"'(?:[^']|'')*'", "", one) for one in expressions(FLOW)]
    assert [] == [one for one in bare if one.count("(") != one.count(")") or one.count("[") != one.count("]")]
    assert len(bare) > 40


def test_an_action_reads_only_what_ran_before_it_or_what_it_holds() -> None:
    order = list(ACTIONS)
    for place, one in enumerate(ACTIONS.values()):
        inner = {action.name for action in actions(one.body)}
        own = {key: part for key, part in one.body.items() if key not in {"actions", "else"}}
        read_by = set(re.findall(r"(?:body|outputs)\('(\w+)'\)", "\n".join(expressions(own))))
        assert read_by - inner <= set(order[:place]), one.name


def test_nothing_ends_the_run_from_inside_a_loop() -> None:
    assert [] == [one.name for one in ACTIONS.values() if one.body["type"] == "Terminate" and "Until" in one.within]


def test_the_template_gives_each_parameter() -> None:
    given = BICEP.partition("    parameters: {\n")[2]
    assert set(FLOW["parameters"]) == set(re.findall(r"^      '?([$\w]+)'?: \{$", given, re.MULTILINE))


def test_no_secret_is_asked_for_or_given_out() -> None:
    assert [] == re.findall(r"listCallbackUrl|listKeys|@secure|password|secret", BICEP, re.IGNORECASE)


def test_each_call_is_one_of_the_app() -> None:
    paths = describe()["paths"]
    for verdict in ("approve", "deny"):
        values = {"parameters('address')": "", GRANT_SEGMENT: "{id}", VERDICT: verdict}
        made = {(one["method"].lower(), fill(one["uri"], values)) for one in calls()}
        assert [] == [(method, path) for method, path in made if method not in paths.get(path, {})]
        assert ("post", f"/api/grants/{{id}}/{verdict}") in made


def test_each_call_is_made_with_the_flows_identity() -> None:
    expected = {"type": "ManagedServiceIdentity", "audience": "@parameters('audience')"}
    assert [expected] * len(calls()) == [one["authentication"] for one in calls()]


def test_a_decision_is_sent_once_although_its_answer_may_name_a_place_to_look_at() -> None:
    """202 with `Location` would otherwise be followed, by a caller who may not look there."""
    assert "DisableAsyncPattern" == ACTIONS["Decide"].body["operationOptions"]


def test_it_subscribes_to_requests_that_wait_and_to_nothing_else() -> None:
    body = fill(TRIGGER["inputs"]["subscribe"]["body"], {"listCallbackUrl()": CALLBACK})
    wanted = read_subscription(json.dumps(body).encode(), Receivers(("*.logic.azure.com",)))
    assert Notification(CALLBACK, Format.TEAMS, (Kind.APPROVAL_NEEDED,)) == wanted


def test_the_grant_is_found_where_the_card_has_it() -> None:
    assert GRANT == follow(ACTIONS["Grant"].body["inputs"], card())


def test_the_answer_is_read_where_the_card_puts_it() -> None:
    content: dict[str, Any] = card()["attachments"][0]["content"]
    inputs = {one["id"] for one in content["body"] if one["type"].startswith("Input.")}
    sent = {name for one in content["actions"] if one["type"] == "Action.Submit" for name in one["data"]} | inputs
    used = set(re.findall(r"body\('Ask'\)\?\['data'\]\?\['(\w+)'\]", "\n".join(expressions(FLOW))))
    assert used == {"verdict", "comment"} == sent - {"grant"}


def test_what_is_asked_about_is_what_the_app_said_and_not_what_the_card_says() -> None:
    decided = "\n".join(expressions(ACTIONS["Decide"].body))
    assert ("outputs('Grant')" in decided, "['grant']" in decided) == (True, False)


def test_a_card_waits_for_as_long_as_a_request_may() -> None:
    """A policy lets a request wait for seven days at most; the watch looks until then, and a little longer."""
    watch, pause = ACTIONS["Until_nothing_waits"].body["limit"], ACTIONS["Pause"].body["inputs"]["interval"]
    assert ("P7D", "P8D") == (ACTIONS["Ask"].body["limit"]["timeout"], watch["timeout"])
    assert ("Minute", True) == (pause["unit"], watch["count"] * pause["count"] > 8 * 24 * 60)
