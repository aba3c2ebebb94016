"""The host's own pages below `/admin`: is it running, which functions are there, run one now.

Knows what Azure answers there, as far as scripts ask. On Azure these pages need the master key
(`x-functions-key`); here they answer this machine only. Refuses to know schedules and queues: it is handed what to run.
Source: "Manually run a non HTTP-triggered function".
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from emulator.functions.catalog import Function, HttpTrigger
from emulator.functions.worker import HOST_VERSION

type Start = Callable[[Function, str], Awaitable[None]]
"""Begins a run of a function with an input, and does not wait for its end."""


class Admin:
    """Answers for the paths below `/admin`."""

    def __init__(self, functions: tuple[Function, ...], start: Start) -> None:
        self._functions: Mapping[str, Function] = {function.name.lower(): function for function in functions}
        self._start = start
        self._app = Starlette(
            routes=[
                Route("/admin/host/status", self._tell, methods=["GET"]),
                Route("/admin/functions", self._list, methods=["GET"]),
                Route("/admin/functions/{name}", self._run, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app if ip_address(scope["client"][0]).is_loopback else Response(status_code=401)
        await app(scope, receive, send)

    async def _tell(self, _: Request) -> Response:
        return JSONResponse({"id": "box", "state": "Running", "version": HOST_VERSION})

    async def _list(self, _: Request) -> Response:
        functions = self._functions.values()
        return JSONResponse([{"name": one.name, "config": {"bindings": list(one.bindings)}} for one in functions])

    async def _run(self, request: Request) -> Response:
        function = self._functions.get(request.path_params["name"].lower())
        if function is None:
            return Response(status_code=404)
        if isinstance(function.trigger, HttpTrigger):
            return _refuse("an HTTP function is called by its route")
        try:
            given = _read_input(await request.body())
        except ValueError as error:
            return _refuse(str(error))
        await self._start(function, given)
        return Response(status_code=202)


def _read_input(body: bytes) -> str:
    """The text in `{"input": ...}`; what is not text is given as JSON. Raises ValueError."""
    document = json.loads(body or b"{}")
    if not isinstance(document, dict):
        raise ValueError('the body is {"input": ...}')  # noqa: TRY004 - It is the caller's value that is wrong.
    given = document.get("input", "")
    return given if isinstance(given, str) else json.dumps(given)


def _refuse(reason: str) -> Response:
    return JSONResponse({"message": reason}, 400)
