"""What was asked: the body of a query, alone or in a batch.

It knows the request's shape (the pages "Azure Monitor Log Analytics API request format" and "Batch queries"), and
refuses fields that it does not know, so that a slip in a client does not pass unseen.
"""

import json
import re
from dataclasses import dataclass

from emulator.logs import errors
from emulator.logs.errors import Json

DEFAULT_SECONDS = 180
MOST_SECONDS = 600
_WAIT = re.compile(r"(?:^|[\s,;])wait=(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: the workspaces that it is for, KQL, time span, and the seconds it may take."""

    workspaces: tuple[str, ...]
    query: str
    timespan: str | None
    seconds: int


@dataclass(frozen=True, slots=True)
class Member:
    """One request of a batch, whose body has not been read yet."""

    id: str
    workspace: str
    path: str
    method: str
    prefer: str
    body: object


def read_json(content: bytes) -> Json:
    """A body that is an object."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise errors.unreadable("InvalidJsonBody", str(error)) from error
    if not isinstance(body, dict):
        raise errors.unreadable("InvalidJsonBody", "The body is not an object.")
    return body


def read(workspace: str, body: object, prefer: str) -> Asked:
    """The query in a body; `prefer` is the header of this name."""
    if not isinstance(body, dict) or {*body} - {"query", "timespan", "workspaces"}:
        raise errors.unreadable("InvalidBody", "The body is an object with query, timespan and workspaces.")
    query, span, others = body.get("query"), body.get("timespan"), body.get("workspaces") or []
    if not isinstance(query, str):
        raise errors.unreadable("MissingQuery", "query is required, and it is a text.")
    if not isinstance(span, str | None):
        raise errors.unreadable("InvalidTimespan", "timespan is a text or null.")
    if not isinstance(others, list):
        raise errors.unreadable("InvalidWorkspaces", "workspaces is a list.")
    found = _WAIT.search(prefer)
    seconds = min(max(int(found[1]), 1), MOST_SECONDS) if found else DEFAULT_SECONDS
    return Asked((workspace, *map(str, others)), query, span, seconds)


def read_batch(content: bytes) -> list[Member]:
    """The requests of a batch; where one has no id or workspace, or an id comes twice, all are refused."""
    requests = read_json(content).get("requests")
    if not isinstance(requests, list):
        raise errors.unreadable("InvalidBatch", "requests is a list.")
    members = [_member(one) for one in requests]
    if len({one.id for one in members}) < len(members):
        raise errors.unreadable("DuplicateRequestId", "Each request of a batch has an id of its own.")
    return members


def _member(request: object) -> Member:
    match request:
        case {"id": str(key), "workspace": str(workspace), "path": str(path), **rest}:
            method = str(rest.get("method", "GET")).upper()
            return Member(key, workspace, path, method, _prefer(rest.get("headers")), rest.get("body"))
        case _:
            message = "A request has id, workspace, path, method, headers and body."
            raise errors.unreadable("InvalidBatchRequest", message)


def _prefer(headers: object) -> str:
    """The header of this name, however it is spelled."""
    given = headers if isinstance(headers, dict) else {}
    return next((str(value) for name, value in given.items() if str(name).lower() == "prefer"), "")
