"""What every HTTP endpoint does: know the caller, check the roles and the form of the request, map what comes out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from pkgutil import resolve_name
from typing import Any, Final

import azure.functions as func

from shared.bootstrap import Postern
from shared.domain.issues import Invalid, Refused
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.ports import NotFound
from shared.triggers.callers import Caller, Role, address_of, caller_of
from shared.triggers.problems import Form, Wrong, internal, of_answer, of_error

_LARGEST_BODY: Final = 64 * 1024
_PAGE, _LARGEST_PAGE = 50, 200
_CSRF_HEADER: Final = "x-postern-request"
_log = logging.getLogger("postern.http")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a caller who may make it."""

    request: func.HttpRequest
    caller: Caller

    @property
    def address(self) -> str | None:
        """The caller's address as the platform saw it."""
        return address_of(self.request.headers)

    @property
    def person(self) -> Person:
        """Who calls, and from where."""
        return replace(self.caller.person, address=self.address)

    @property
    def etag(self) -> str | None:
        """The version that the caller wants to change; None when it does not say."""
        value = self.request.headers.get("if-match")
        return None if value in {None, "*"} else value

    def body_if_any(self) -> bytes:
        """The body of a request that need not have one. Raises Wrong."""
        return self.body() if self.request.get_body() else b""

    def body(self, most: int = _LARGEST_BODY) -> bytes:
        """The body of a request that must have one, of JSON, and at most so many bytes. Raises Wrong."""
        kind = str(self.request.headers.get("content-type", "")).partition(";")[0].strip().lower()
        if kind != "application/json":
            text = "Send the body as application/json."
            raise Wrong(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupportedMediaType", text)
        body = self.request.get_body()
        if len(body) > most:
            text = f"A body holds at most {most} bytes."
            raise Wrong(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "tooLarge", text)
        return body

    def patience(self) -> int | None:
        """How many seconds the caller is ready to wait (`Prefer: wait=N`); None when it does not say."""
        match = re.search(r"(?:^|[,;\s])wait=(\d{1,3})\b", str(self.request.headers.get("prefer", "")))
        return int(match[1]) if match else None


type Answer = func.HttpResponse | Invalid | Refused
type Handler = Callable[[Postern, Call], Awaitable[Answer]]
type Trigger = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API: its name, how it is made, who may make it, and what answers it (`module:function`)."""

    name: str
    method: str
    route: str
    roles: tuple[Role, ...]
    handler: str
    errors: Form = Form.PROBLEM


def blueprint(app: Postern, endpoints: Iterable[Endpoint]) -> func.Blueprint:
    """The endpoints as HTTP functions, behind Easy Auth and therefore without keys."""
    functions = func.Blueprint()
    for endpoint in endpoints:
        route = functions.route(endpoint.route, methods=[endpoint.method], auth_level=func.AuthLevel.ANONYMOUS)
        functions.function_name(endpoint.name)(route(_trigger(app, endpoint)))
    return functions


def _trigger(app: Postern, endpoint: Endpoint) -> Trigger:
    @cache
    def handler() -> Handler:
        """What answers is loaded with the first call: starting is what users of a function app wait for."""
        found: Handler = resolve_name(endpoint.handler)
        return found

    async def trigger(req: func.HttpRequest) -> func.HttpResponse:
        try:
            answer = await handler()(app, Call(req, _allowed(app, req, endpoint.roles)))
        except Exception as error:  # noqa: BLE001 - what is not known is logged and told as our fault.
            if (known := of_error(error, endpoint.errors)) is not None:
                return known
            _log.exception("%s failed", endpoint.name)
            return internal(endpoint.errors)
        return of_answer(answer, endpoint.errors) if isinstance(answer, Invalid | Refused) else answer

    # The worker wants every function under a name of its own, and real types instead of their names.
    trigger.__name__ = endpoint.name
    trigger.__annotations__ = {"req": func.HttpRequest, "return": func.HttpResponse}
    return trigger


def _allowed(app: Postern, req: func.HttpRequest, roles: tuple[Role, ...]) -> Caller:
    caller = caller_of(req.headers) if app.trusts_easy_auth else None
    if caller is None:
        raise Wrong(HTTPStatus.UNAUTHORIZED, "unauthenticated", "Sign in first: no identity came with this request.")
    if not caller.has_any(roles):
        names = " or ".join(roles)
        raise Wrong(HTTPStatus.FORBIDDEN, "forbidden", f"This needs the role {names}.")
    # A browser sends its cookies along wherever a link points; only our own pages can add this header.
    if req.method not in {"GET", "HEAD"} and "cookie" in req.headers and _CSRF_HEADER not in req.headers:
        raise Wrong(HTTPStatus.FORBIDDEN, "csrf", f"A call with a cookie needs the header {_CSRF_HEADER}.")
    return caller


def machine_of(call: Call) -> MachineId:
    """The machine that the path names. Raises NotFound: what is no machine's id cannot be there."""
    try:
        return MachineId.parse(str(call.request.route_params.get("id", "")))
    except ValueError as error:
        raise NotFound(f"There is no such machine, or you may not see it: {error}.") from error


def flag(call: Call, name: str) -> bool:
    """A yes or no of the query string; no when it is not there. Raises Wrong."""
    text = call.request.params.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise Wrong(HTTPStatus.BAD_REQUEST, "invalidFlag", f"{name} is true or false, not {text}.")
    return bool(text == "true")


def page_size(call: Call) -> int:
    """How many entries a page shall have. Raises Wrong."""
    text = call.request.params.get("pageSize", str(_PAGE))
    if not text.isdecimal() or len(text) > len(str(_LARGEST_PAGE)) or not 1 <= int(text) <= _LARGEST_PAGE:
        raise Wrong(HTTPStatus.BAD_REQUEST, "invalidPageSize", f"pageSize is a number from 1 to {_LARGEST_PAGE}.")
    return int(text)


def reply(status: HTTPStatus, document: object, **headers: str) -> func.HttpResponse:
    """A JSON answer. Header names are written with underscores here."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body: Any = json.dumps(document)
    return func.HttpResponse(body, status_code=status, mimetype="application/json", headers=named)
