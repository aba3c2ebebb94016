"""The query API of Log Analytics over HTTP: `/v1/workspaces/{id}/query` and `/v1/$batch`.

It knows tokens, limits, faults, roles and the call log, in that order, and turns everything into HTTP. It refuses to
know KQL. Where Azure's pages leave something open, it is the stricter.
"""

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import jwt
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.arm.access import Need
from emulator.arm.cloud import Cloud
from emulator.arm.faults import Fault
from emulator.line import LostAnswer
from emulator.logs import WORKSPACE, asked, errors
from emulator.logs.asked import Asked, Member
from emulator.logs.errors import Json, LogsError
from emulator.logs.store import Logs, Result
from emulator.tokens import Signer, TokenError

AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.io/")
_METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE"]
_MEDIA = {"Content-Type": "application/json; charset=utf-8"}
_CUT = "A programmed fault has cut the result short."


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `lost` is what a fault keeps from getting there."""

    status: HTTPStatus
    body: Json | None
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: bool = False


@dataclass(frozen=True, slots=True)
class QueryApi:
    """Log Analytics behind HTTP. `sleep` waits seconds; `utc` says what time calls are written down with."""

    cloud: Cloud
    logs: Logs
    signer: Signer
    utc: Callable[[], dt.datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        return [
            Route("/v1/workspaces/{workspace}/query", self._answering(self._single), methods=["POST"]),
            Route("/v1/$batch", self._answering(self._batch), methods=["POST"]),
            Route("/v1/{path:path}", self._answering(_nowhere), methods=_METHODS),
        ]

    def _answering(
        self, handler: Callable[[Request, str, Fault | None], Awaitable[Answer]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                caller = self._authenticate(request)
                fault = self.cloud.faults.take(request.method, request.url.path)
                found = await handler(request, caller, fault)
            except LogsError as error:
                found = _refused(error)
            content = b"" if found.body is None else await asyncio.to_thread(_encode, found.body)
            self._write_down(request, found.status, len(content))
            return LostAnswer() if found.lost else Response(content, found.status, {**_MEDIA, **found.headers})

        return answer

    def _authenticate(self, request: Request) -> str:
        """The object id of the caller."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.unauthenticated()
        # Outside the public cloud a token is for the endpoint itself.
        own = f"{request.url.scheme}://{request.url.netloc}"
        try:
            return str(self.signer.verify(token, audiences=(*AUDIENCES, own)).get("oid", ""))
        except TokenError as error:
            if not isinstance(error.__cause__, jwt.InvalidAudienceError):
                raise errors.token_refused() from error
            claims = jwt.decode(token, options={"verify_signature": False})
            raise errors.audience_refused(claims["aud"], AUDIENCES) from error

    async def _single(self, request: Request, caller: str, fault: Fault | None) -> Answer:
        content = await request.body()
        if not content or "application/json" not in request.headers.get("content-type", ""):
            # So it is documented: "Missing JSON or Content-Type".
            return Answer(HTTPStatus.OK, None)
        workspace, prefer = str(request.path_params["workspace"]), request.headers.get("prefer", "")
        return await self._ask(caller, fault, asked.read(workspace, asked.read_json(content), prefer))

    async def _batch(self, request: Request, caller: str, fault: Fault | None) -> Answer:
        """Every request of a batch, in the order in which they are done; a fault may meet the whole, and each."""
        lost = await self._suffer(fault, asked.DEFAULT_SECONDS)
        members = asked.read_batch(await request.body())
        # Tasks begin in this order, so that faults meet requests in theirs.
        running = [asyncio.create_task(self._member(caller, one)) for one in members]
        answers = [await one for one in asyncio.as_completed(running)]
        responses = [
            {"id": key, "status": int(one.status), "headers": {**_MEDIA, **one.headers}, "body": one.body}
            for key, one in answers
        ]
        return Answer(HTTPStatus.OK, {"responses": responses}, lost=lost or any(one.lost for _, one in answers))

    async def _member(self, caller: str, member: Member) -> tuple[str, Answer]:
        if (member.method, member.path) != ("POST", "/query"):
            return member.id, _refused(errors.path_missing())
        fault = self.cloud.faults.take("POST", f"/v1/workspaces/{member.workspace}/query")
        try:
            wanted = asked.read(member.workspace, member.body, member.prefer)
            return member.id, await self._ask(caller, fault, wanted)
        except LogsError as error:
            return member.id, _refused(error)

    async def _ask(self, caller: str, fault: Fault | None, wanted: Asked) -> Answer:
        """One query, alone or of a batch."""
        self.logs.callers.admit(caller)
        lost = await self._suffer(fault, wanted.seconds)
        if any(one.lower() != WORKSPACE for one in wanted.workspaces):
            raise errors.insufficient()
        if not all([self._may(caller, "read"), self._may(caller, "query/read")]):
            raise errors.insufficient()
        result = await self._run(caller, wanted)
        if fault and fault.kind == "partial":
            result = replace(result, rows=result.rows[: len(result.rows) // 2], cut=_CUT)
        return Answer(HTTPStatus.OK, result.document(), lost=lost)

    async def _run(self, caller: str, wanted: Asked) -> Result:
        async with self.logs.callers.place(caller):
            try:
                async with asyncio.timeout(wanted.seconds):
                    return await self.logs.query(
                        wanted.query, wanted.timespan, lambda table: self._may(caller, _reading(table))
                    )
            except TimeoutError as error:
                raise errors.timed_out() from error

    def _may(self, caller: str, action: str) -> bool:
        return self.cloud.access.allows(caller, Need(f"Microsoft.OperationalInsights/workspaces/{action}", ""), "POST")

    async def _suffer(self, fault: Fault | None, seconds: int) -> bool:
        """Let a fault do what it does before the answer; whether the answer gets lost afterwards."""
        if fault is None:
            return False
        if fault.kind == "slow":
            await self.sleep(min(fault.seconds, seconds))
            if fault.seconds >= seconds:
                raise errors.timed_out()
        refuse = _REFUSALS.get(fault.kind)
        if refuse:
            raise refuse()
        return fault.kind == "lost-answer"

    def _write_down(self, request: Request, status: HTTPStatus, size: int) -> None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        time = self.utc().isoformat().replace("+00:00", "Z")
        self.cloud.calls.add(time=time, method=request.method, path=path, answer=(int(status), size))


def _reading(table: str) -> str:
    """The action that reads a table; custom ones share one ("Manage table-level read access", legacy method)."""
    return f"query/{'Tables.Custom' if table.endswith('_CL') else table}/read"


async def _nowhere(_request: Request, _caller: str, _fault: Fault | None) -> Answer:
    raise errors.path_missing()


def _refused(error: LogsError) -> Answer:
    return Answer(error.status, error.document(), error.headers)


def _encode(body: Json) -> bytes:
    return json.dumps(body).encode()


_REFUSALS: Mapping[str, Callable[[], LogsError]] = {
    "400": lambda: errors.syntax("A programmed fault."),
    "403": errors.insufficient,
    "429": lambda: errors.throttled(1),
    "500": errors.broken,
    "503": errors.unavailable,
    "timeout": errors.timed_out,
}
