"""Errors as RFC 9457 problem documents. The one table from what went wrong to what the caller is told.

Callers of Azure's own paths are told the same in the form that Azure Resource Manager has for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import azure.functions as func

from shared.domain.issues import Invalid, Issue, Refused
from shared.domain.lifecycle import Reason
from shared.settings import SettingsError

if TYPE_CHECKING:
    # Not loaded: starting is what users of a function app wait for.
    from shared.documents.answers.problems import IssueAnswer, ProblemAnswer

_TYPE: Final = "application/problem+json"
_INTERNAL: Final = (HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong here; it is logged.")
CODES: Final[Mapping[HTTPStatus, tuple[str, ...]]] = {
    HTTPStatus.BAD_REQUEST: ("invalid", "invalidFlag", "invalidPageSize", "invalidIdempotencyKey"),
    HTTPStatus.UNAUTHORIZED: ("unauthenticated",),
    HTTPStatus.FORBIDDEN: ("forbidden", "csrf", "notRelay"),
    HTTPStatus.NOT_FOUND: ("notFound",),
    # What could not be opened is told by the reason for which it ended.
    HTTPStatus.CONFLICT: ("conflict", *Reason),
    HTTPStatus.PRECONDITION_FAILED: ("outdated",),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("tooLarge",),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupportedMediaType",),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("refused",),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("unavailable", "misconfigured"),
}
# Those for which ARM has a word of its own; the others are ours, in ARM's case.
_ARM_CODES: Final = {
    "forbidden": "AuthorizationFailed",
    "internal": "InternalServerError",
    "invalid": "InvalidInput",
    "notFound": "PolicyNotFound",
    "unauthenticated": "AuthenticationFailed",
    "unavailable": "ServiceUnavailable",
}
JIT_CODES: Final[Mapping[HTTPStatus, tuple[str, ...]]] = {
    HTTPStatus.BAD_REQUEST: (
        "invalidPolicyName", "missingApiVersionParameter", "invalidApiVersionParameter", "invalidInitiateInput",
    ),
    HTTPStatus.NOT_FOUND: ("subscriptionNotFound",),
}  # fmt: skip
"""Codes that only the paths of Defender's API have, besides the others."""
_log = logging.getLogger("postern.http")


class Form(StrEnum):
    """How errors are told."""

    PROBLEM = "problem"  # RFC 9457.
    ARM = "arm"  # The CloudError of Azure Resource Manager.


class Wrong(Exception):  # noqa: N818 - what the caller did, told on the way out of a handler.
    """The caller is wrong: a status, a stable code, and a sentence."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


def problem(status: HTTPStatus, code: str, detail: str, **more: Any) -> func.HttpResponse:  # noqa: ANN401 - any JSON.
    """A problem document as an answer."""
    return _response(_document(status, code, detail, **more), Form.PROBLEM)


def internal(form: Form = Form.PROBLEM) -> func.HttpResponse:
    """What a caller is told about a fault of ours."""
    return _response(_document(*_INTERNAL), form)


def _document(status: HTTPStatus, code: str, detail: str, **more: Any) -> ProblemAnswer:  # noqa: ANN401 - any JSON.
    head: ProblemAnswer = {
        "type": f"urn:postern:problem:{code}",
        "title": status.phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    return cast("ProblemAnswer", {**head, **more})


def _response(document: Mapping[str, Any], form: Form) -> func.HttpResponse:
    if form is Form.PROBLEM:
        return func.HttpResponse(json.dumps(document), status_code=document["status"], mimetype=_TYPE)
    details = [
        {"code": arm_code(issue["code"]), "target": issue["path"], "message": issue["message"]}
        for issue in document.get("issues", ())
    ]
    return cloud_error(document["status"], document["code"], document["detail"], details)


def cloud_error(status: int, code: str, message: str, details: Sequence[Mapping[str, str]] = ()) -> func.HttpResponse:
    """An error as Azure Resource Manager tells it."""
    error: dict[str, Any] = {"code": arm_code(code), "message": message}
    if details:
        error["details"] = details
    return func.HttpResponse(json.dumps({"error": error}), status_code=status, mimetype="application/json")


def arm_code(code: str) -> str:
    """A code as Azure Resource Manager writes it."""
    return _ARM_CODES.get(code) or code[0].upper() + code[1:]


def of_answer(answer: Invalid | Refused, form: Form = Form.PROBLEM) -> func.HttpResponse:
    """What a caller is told about a document that says nothing sensible, or a wish that is refused."""
    return _response(_of_answer(answer), form)


def _of_answer(answer: Invalid | Refused) -> ProblemAnswer:
    issues = [_write(issue) for issue in answer.issues]
    if isinstance(answer, Invalid):
        return _document(HTTPStatus.BAD_REQUEST, "invalid", "The request is not well formed.", issues=issues)
    return _document(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", "The request is refused.", issues=issues)


def document_of(result: Refused | Exception) -> ProblemAnswer:
    """The problem document of one of several things that were asked for at once."""
    if isinstance(result, Refused):
        return _of_answer(result)
    known = _of_error(result)
    if known is None:
        _log.error("one of several failed", exc_info=result)
        return _document(*_INTERNAL)
    seconds = _seconds_to_wait(result)
    # Several answers have one set of headers, so each tells for itself when to come again.
    return known if seconds is None else {**known, "retryAfter": seconds}


def _write(issue: Issue) -> IssueAnswer:
    return {"code": issue.code, "path": issue.path, "message": issue.message}


@cache
def _known() -> tuple[tuple[type[Exception], HTTPStatus, str], ...]:
    """What each error is told as. Looked through in this order, so the narrower kind stands before the wider."""
    from shared.ports import Conflict, NotFound, Outdated, Unavailable

    return (
        (NotFound, HTTPStatus.NOT_FOUND, "notFound"),
        (Outdated, HTTPStatus.PRECONDITION_FAILED, "outdated"),
        (Conflict, HTTPStatus.CONFLICT, "conflict"),
        (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
        (SettingsError, HTTPStatus.SERVICE_UNAVAILABLE, "misconfigured"),
    )


def of_error(error: Exception, form: Form = Form.PROBLEM) -> func.HttpResponse | None:
    """What a caller is told about an error that has a meaning; None for one that is a fault of ours."""
    document = _of_error(error)
    if document is None:
        return None
    response = _response(document, form)
    if (seconds := _seconds_to_wait(error)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def _seconds_to_wait(error: Exception) -> int | None:
    retry_after: timedelta | None = getattr(error, "retry_after", None)
    return None if retry_after is None else max(1, round(retry_after.total_seconds()))


def _of_error(error: Exception) -> ProblemAnswer | None:
    if isinstance(error, Wrong):
        return _document(error.status, error.code, str(error))
    for kind, status, code in _known():
        if isinstance(error, kind):
            return _document(status, code, str(error))
    return None
