"""The app's own site: requests in, HTTP functions run, responses out.

Knows the table of routes, levels of authorization, limits of size and the homepage. Refuses to know who calls. Sources:
"Azure Functions HTTP trigger", limits and authorization; the host's `HomepageMiddleware`, than which we are stricter: a
function for "/" is reached only when the setting AzureWebJobsDisableHomepage is true.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse
from starlette.responses import Response as Answer
from starlette.types import Receive, Scope, Send

from emulator.functions import exchange
from emulator.functions.catalog import Function, HttpTrigger, Level
from emulator.functions.invocations import Invoker
from emulator.functions.routes import Match, Route, Table
from emulator.functions.worker import Failed

_HOMEPAGE = "<!doctype html><title>Functions</title><p>Your function app is up and running.</p>"
_WITHOUT_BODY = frozenset({204, 304})


class TooLargeError(Exception):
    """The request's body is larger than the host takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest body in bytes, and whether "/" without a function shows that the host runs."""

    body: int
    homepage: bool


class Site:
    """An ASGI app that runs HTTP functions."""

    def __init__(self, functions: Iterable[Function], invoker: Invoker, limits: Limits) -> None:
        self._invoker, self._limits = invoker, limits
        self._table = Table(
            Route(function.trigger.template, function.trigger.methods, function)
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(Request(scope, receive))
        except TooLargeError:
            answer = Answer(status_code=413)
        except ClientDisconnect:
            # Nobody is left to answer.
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Answer:
        if request.scope["path"] == "/" and self._limits.homepage:
            return HTMLResponse(_HOMEPAGE)
        match = self._table.find(request.method, request.scope["path"])
        if match is None:
            # With the homepage disabled the host answers "/" with nothing, successfully.
            return Answer(status_code=204 if request.scope["path"] == "/" else 404)
        trigger = match.target.trigger
        if isinstance(trigger, HttpTrigger) and trigger.level is not Level.ANONYMOUS:
            # This host has no keys, so nobody has one.
            return Answer(status_code=401)
        return await self._run(match, request)

    async def _run(self, match: Match[Function], request: Request) -> Answer:
        outcome = await self._invoker.invoke(match.target, await self._read(request, match))
        if isinstance(outcome, Failed):
            return Answer(status_code=500)
        if outcome.response is None:
            return Answer(status_code=204)
        return _write(outcome.response)

    async def _read(self, request: Request, match: Match[Function]) -> exchange.Request:
        scope = request.scope
        headers = exchange.read_headers(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        return exchange.Request(
            method=request.method,
            url=f"{scope['scheme']}://{headers.get('host', '')}{path}",
            headers=headers,
            query=exchange.read_query(query),
            params=match.values,
            # The host looks at Content-Length alone: a chunked body does not reach a function on Azure either.
            body=await self._read_body(request) if int(headers.get("content-length", "0")) else b"",
        )

    async def _read_body(self, request: Request) -> bytes:
        if int(request.headers["content-length"]) > self._limits.body:
            raise TooLargeError
        return await request.body()


def _write(response: exchange.Response) -> Answer:
    body = b"" if response.status in _WITHOUT_BODY else response.body
    answer = Answer(body, response.status)
    headers = [(key.encode("latin-1"), value.encode()) for key, value in response.headers]
    answer.raw_headers = [pair for pair in answer.raw_headers if pair[0] == b"content-length"] + headers
    return answer
