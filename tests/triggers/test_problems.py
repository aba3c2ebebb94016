"""The one table from what went wrong to what the caller is told."""

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import azure.functions as func
import pytest

from shared.domain.issues import Invalid, Issue, Refused
from shared.ports import Conflict, NotFound, Outdated, PriorityTaken, Unavailable
from shared.settings import SettingsError
from shared.triggers.endpoints import ENDPOINTS
from shared.triggers.problems import Form, Wrong, document_of, internal, of_answer, of_error, problem


def read(response: func.HttpResponse | None) -> dict[str, Any]:
    """The problem document of a response, which has the right type."""
    assert response is not None
    assert "application/problem+json" == response.mimetype
    document: dict[str, Any] = json.loads(response.get_body())
    assert response.status_code == document["status"]
    return document


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("gone"), 404, "notFound"),
        (Conflict("moved"), 409, "conflict"),
        (Outdated("old"), 412, "outdated"),
        (PriorityTaken("taken"), 409, "conflict"),
        (Unavailable("away"), 503, "unavailable"),
        (SettingsError("POSTERN_SUBSCRIPTIONS"), 503, "misconfigured"),
        (Wrong(HTTPStatus.IM_A_TEAPOT, "teapot", "short and stout"), 418, "teapot"),
    ],
)
def test_each_known_error_has_a_status_and_a_code(error: Exception, status: int, code: str) -> None:
    document = read(of_error(error))
    assert (status, code, str(error)) == (document["status"], document["code"], document["detail"])
    assert (f"urn:postern:problem:{code}", HTTPStatus(status).phrase) == (document["type"], document["title"])


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), OSError("x"), TimeoutError(), Exception("x")])
def test_what_is_a_fault_of_ours_is_not_in_the_table(error: Exception) -> None:
    assert of_error(error) is None


@pytest.mark.parametrize(("seconds", "told"), [(0, "1"), (0.2, "1"), (10, "10"), (61.4, "61")])
def test_who_finds_azure_away_is_told_when_to_come_again(seconds: float, told: str) -> None:
    response = of_error(Unavailable("away", timedelta(seconds=seconds)))
    assert response is not None
    assert told == response.headers["Retry-After"]


def test_one_of_several_that_finds_azure_away_is_told_when_to_come_again_too() -> None:
    assert [61, None] == [document_of(error).get("retryAfter") for error in (Unavailable("", timedelta(seconds=61)),
                                                                             Conflict(""))]  # fmt: skip


ISSUES = (Issue("required", "machine", "Needed."), Issue("tooFew", "ports", "Too few."))


@pytest.mark.parametrize(("answer", "status", "code"), [(Invalid(ISSUES), 400, "invalid"),
                                                        (Refused(ISSUES), 422, "refused")])  # fmt: skip
def test_all_issues_are_told_each_with_its_code_and_path(answer: Invalid | Refused, status: int, code: str) -> None:
    document = read(of_answer(answer))
    assert (status, code) == (document["status"], document["code"])
    assert [{"code": "required", "path": "machine", "message": "Needed."},
            {"code": "tooFew", "path": "ports", "message": "Too few."}] == document["issues"]  # fmt: skip


def read_arm(response: func.HttpResponse | None) -> tuple[int, dict[str, Any]]:
    """Status and error of a response in the form of Azure Resource Manager."""
    assert response is not None
    assert "application/json" == response.mimetype
    document = json.loads(response.get_body())
    assert ["error"] == list(document)
    return response.status_code, document["error"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("gone"), 404, "PolicyNotFound"),
        (Conflict("moved"), 409, "Conflict"),
        (Outdated("old"), 412, "Outdated"),
        (Unavailable("away"), 503, "ServiceUnavailable"),
        (Wrong(HTTPStatus.FORBIDDEN, "forbidden", "This needs a role."), 403, "AuthorizationFailed"),
        (Wrong(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Sign in."), 401, "AuthenticationFailed"),
        (Wrong(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "tooLarge", "Less."), 413, "TooLarge"),
    ],
)
def test_an_error_in_the_form_of_arm_has_the_same_status_and_words(error: Exception, status: int, code: str) -> None:
    assert (status, {"code": code, "message": str(error)}) == read_arm(of_error(error, Form.ARM))


def test_who_finds_azure_away_is_told_when_to_come_again_in_either_form() -> None:
    found = [of_error(Unavailable("away", timedelta(seconds=9)), form) for form in Form]
    assert ["9", "9"] == [response.headers["Retry-After"] for response in found if response]


def test_issues_in_the_form_of_arm_are_its_details() -> None:
    status, error = read_arm(of_answer(Refused(ISSUES), Form.ARM))
    assert (422, "Refused") == (status, error["code"])
    assert [{"code": "Required", "target": "machine", "message": "Needed."},
            {"code": "TooFew", "target": "ports", "message": "Too few."}] == error["details"]  # fmt: skip


def test_a_fault_of_ours_tells_nothing_of_itself_in_either_form() -> None:
    assert (500, "internal") == (read(internal())["status"], read(internal())["code"])
    assert (500, "InternalServerError") == ((told := read_arm(internal(Form.ARM)))[0], told[1]["code"])


def test_paths_of_azure_tell_errors_as_azure_does_and_no_others_do() -> None:
    forms = {endpoint.route.split("/")[0]: endpoint.errors for endpoint in ENDPOINTS}
    assert {"api": Form.PROBLEM, "subscriptions": Form.ARM} == forms
    assert len(ENDPOINTS) == sum(endpoint.errors is forms[endpoint.route.split("/")[0]] for endpoint in ENDPOINTS)


def test_a_problem_may_say_more() -> None:
    document = read(problem(HTTPStatus.CONFLICT, "blocked", "No room.", grant={"id": "g"}))
    assert {"id": "g"} == document["grant"]
