"""Errors as RFC 9457 problem documents. The one table from what went wrong to what the caller is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from shared.domain.issues import Invalid, Issue, Refused
from shared.settings import SettingsError

_TYPE: Final = "application/problem+json"


class Wrong(Exception):  # noqa: N818 - what the caller did, told on the way out of a handler.
    """The caller is wrong: a status, a stable code, and a sentence."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code


def problem(status: HTTPStatus, code: str, detail: str, **more: Any) -> func.HttpResponse:  # noqa: ANN401 - any JSON.
    """A problem document."""
    document = {"type": f"urn:postern:problem:{code}", "title": status.phrase, "status": status, "code": code}
    body = json.dumps({**document, "detail": detail, **more})
    return func.HttpResponse(body, status_code=status, mimetype=_TYPE)


def of_answer(answer: Invalid | Refused) -> func.HttpResponse:
    """What a caller is told about a document that says nothing sensible, or a wish that is refused."""
    issues = [_write(issue) for issue in answer.issues]
    if isinstance(answer, Invalid):
        return problem(HTTPStatus.BAD_REQUEST, "invalid", "The request is not well formed.", issues=issues)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", "The request is refused.", issues=issues)


def _write(issue: Issue) -> Mapping[str, str]:
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


def of_error(error: Exception) -> func.HttpResponse | None:
    """What a caller is told about an error that has a meaning; None for one that is a fault of ours."""
    if isinstance(error, Wrong):
        return problem(error.status, error.code, str(error))
    for kind, status, code in _known():
        if isinstance(error, kind):
            response = problem(status, code, str(error))
            if (retry_after := getattr(error, "retry_after", None)) is not None:
                response.headers["Retry-After"] = str(max(1, round(retry_after.total_seconds())))
            return response
    return None
