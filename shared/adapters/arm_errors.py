"""What ARM's failures mean to us. The one place where its status codes and error codes are read.

Sources: ARM documentation "Throttling Resource Manager requests"; error texts in public issue threads
(RetryableErrorDueToAnotherOperation, AnotherOperationInProgress, SecurityRuleConflict).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError, ServiceResponseError

from shared.ports import Conflict, NotFound, PriorityTaken, Unavailable

_BUSY_CODES = frozenset({"RetryableError", "RetryableErrorDueToAnotherOperation", "AnotherOperationInProgress"})
# Other 404s, such as SubscriptionNotFound, say that we may no longer look, and nothing of what is there.
_GONE_CODES = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "NotFound"})
_LOCK_CODES = frozenset({"ScopeLocked", "ReadOnlyDisabledSubscription"})
_LACKING = re.compile(r"not have (?:authorization|permission) to perform action '([\w./]+)'")
_SERVER_ERRORS = 500
_AFTER_A_BREAK = timedelta(seconds=1)
_WHEN_FORBIDDEN = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(minutes=10)


class Forbidden(Unavailable):
    """Our identity may not do this; it may be allowed the smaller step."""


class Locked(Unavailable):
    """A resource lock forbids this; another way to the same end may be free."""


class InUse(Unavailable):
    """Something still refers to what was to be deleted."""


class Malformed(Unavailable):
    """ARM will not have the request as it is."""


@contextmanager
def translated(what: str, *, writes: bool = False) -> Iterator[None]:
    """Turn ARM's failures into the three that the use cases know.

    After a failed write whose effect is unknown (the answer was lost, or the server broke) the answer is
    Conflict: looking again tells what happened, and planning again is always safe.
    """
    try:
        yield
    except HttpResponseError as error:
        raise _meaning(error, what, writes=writes) from error
    except (ServiceRequestError, ServiceResponseError, asyncio.IncompleteReadError) as error:
        if writes and not isinstance(error, ServiceRequestError):
            raise Conflict(f"{what}: the answer was lost") from error
        # A connection that broke once is worth another try at once; the one who asks gives up soon enough.
        raise Unavailable(f"{what}: Azure Resource Manager cannot be reached", _AFTER_A_BREAK) from error
    except AzureError as error:
        raise Unavailable(f"{what}: {error.message}") from error


def _meaning(error: HttpResponseError, what: str, *, writes: bool) -> Exception:
    code, status = _code(error), error.status_code or 0
    text = f"{what}: {code or status}"
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
        return Forbidden(f"{text}: Postern's identity lacks a permission{_lacking(error)}", _WHEN_FORBIDDEN)
    if code in _LOCK_CODES:
        return Locked(f"{text}: a resource lock forbids it", _WHEN_FORBIDDEN)
    if status == HTTPStatus.BAD_REQUEST:
        return _meaning_of_refusal(code, text)
    if status == HTTPStatus.NOT_FOUND and code in _GONE_CODES:
        return NotFound(text)
    if _has_moved(status, code) or (writes and status >= _SERVER_ERRORS):
        return Conflict(text)
    return Unavailable(text, retry_after(error))


def _meaning_of_refusal(code: str, text: str) -> Exception:
    if code == "SecurityRuleConflict":
        return PriorityTaken(text)
    return InUse(text, _WHEN_FORBIDDEN) if code.startswith("InUse") else Malformed(text, _WHEN_FORBIDDEN)


def _has_moved(status: int, code: str) -> bool:
    changed = status in {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}
    return changed or (status == HTTPStatus.TOO_MANY_REQUESTS and code in _BUSY_CODES)


def _code(error: HttpResponseError) -> str:
    return str(getattr(error.error, "code", None) or "")


def _lacking(error: HttpResponseError) -> str:
    """The action that ARM says is lacking, which is all that somebody needs who is to grant it."""
    found = _LACKING.search(str(getattr(error.error, "message", None) or ""))
    return f": {found[1]}" if found else ""


def retry_after(error: HttpResponseError) -> timedelta:
    """How long ARM asks us to wait; two seconds when it does not say."""
    headers = getattr(error.response, "headers", {})
    text = str(headers.get("Retry-After", ""))
    return min(timedelta(seconds=int(text)), _LONGEST_WAIT) if text.isdigit() else timedelta(seconds=2)
