"""Microsoft Graph v1.0 over HTTP, under `/v1.0`.

It knows tokens, faults and the call log, in that order, and turns everything into HTTP. The fault `stale` is a replica
that has not heard of the last change: the call sees what stood before it. It refuses to know who may do what in a
tenant: whoever has a token for Graph may do all, but for the fault `403`.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.arm.cloud import Cloud
from emulator.arm.faults import Fault
from emulator.entra import calls, errors
from emulator.entra.calls import Answer, Call
from emulator.entra.directory import Scene, State
from emulator.entra.errors import GraphError, Json
from emulator.line import LostAnswer
from emulator.tokens import Signer, TokenError

AUDIENCES = ("https://graph.microsoft.com", "https://graph.microsoft.com/", "00000003-0000-0000-c000-000000000000")
_METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE"]
_MEDIA = "application/json"


@dataclass(frozen=True, slots=True)
class GraphApi:
    """Graph behind HTTP. `sleep` waits seconds; `utc` says what time it is."""

    cloud: Cloud
    signer: Signer
    utc: Callable[[], dt.datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        return [Route("/v1.0/{path:path}", self._answer, methods=_METHODS)]

    async def _answer(self, request: Request) -> Response:
        number, fault, headers = self.cloud.new_id(), None, dict[str, str]()
        try:
            self._authenticate(request)
            fault = self.cloud.faults.take(request.method, request.url.path)
            await self._suffer(fault)
            call = await _read(request)
            answer = self._carry_out(call, stale=fault is not None and fault.kind == "stale")
        except GraphError as error:
            answer = Answer(error.status, error.document(number, self._date()))
            headers = error.headers
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self._write_down(request, answer.status, len(content))
        if fault and fault.kind == "lost-answer":
            return LostAnswer()
        media = {} if answer.body is None else {"content-type": f"{_MEDIA}; charset=utf-8"}
        return Response(content, answer.status, {"request-id": number, **media, **headers})

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.unauthenticated("Access token is empty.")
        own = f"{request.url.scheme}://{request.url.netloc}"  # Outside the public cloud a token is for the endpoint.
        try:
            self.signer.verify(token, audiences=(*AUDIENCES, own))
        except TokenError as error:
            raise errors.unauthenticated(f"Access token validation failure. {error}") from error

    async def _suffer(self, fault: Fault | None) -> None:
        """Let a fault do what it does before the answer."""
        if fault and fault.kind == "slow":
            await self.sleep(fault.seconds)
        refuse = _REFUSALS.get(fault.kind) if fault else None
        if refuse:
            raise refuse()

    def _carry_out(self, call: Call, *, stale: bool) -> Answer:
        directory = self.cloud.directory
        seen = directory.before if stale else directory.now
        if call.method == "GET":
            return calls.answer(self._scene(seen), call)
        with directory.changing():
            return calls.answer(self._scene(seen), call)

    def _scene(self, seen: State) -> Scene:
        return Scene(seen, self.cloud.directory.now, self.cloud.new_id, self._date())

    def _date(self) -> str:
        return self.utc().replace(tzinfo=None).isoformat(timespec="seconds")

    def _write_down(self, request: Request, status: HTTPStatus, size: int) -> None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        time = self.utc().isoformat().replace("+00:00", "Z")
        self.cloud.calls.add(time=time, method=request.method, path=path, answer=(int(status), size))


async def _read(request: Request) -> Call:
    """The call; raises GraphError for a body that is none."""
    content = await request.body()
    body: Json = {}
    if request.method in {"POST", "PATCH"}:
        if _MEDIA not in request.headers.get("content-type", ""):
            raise errors.bad("Write requests must contain the Content-Type header declaration.")
        try:
            body = json.loads(content)
        except ValueError:
            raise errors.bad("Unable to read JSON request payload.", "BadRequest") from None
        if not isinstance(body, dict):
            raise errors.bad("Unexpected contents in request body.")
    url = request.url
    address = f"{url.scheme}://{url.netloc}{url.path}"
    upserts = "create-if-missing" in request.headers.get("prefer", "")
    return Call(request.method, url.path, address, dict(request.query_params), body, upserts)


_REFUSALS: Mapping[str, Callable[[], GraphError]] = {
    "400": lambda: errors.bad("A programmed fault."),
    "403": errors.denied,
    "429": errors.throttled,
    "500": errors.broken,
    "503": errors.unavailable,
}
