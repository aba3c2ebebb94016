"""The control API's part for hosts outside Azure: `/_box/hosts`.

POST cuts a server's agent off from Azure or lets it connect again; `/_box/hosts/reach` tries a real TCP connection. It
knows HTTP and no more.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.arm.store import Resource
from emulator.hybrid.commands import Commands, address_of
from emulator.hybrid.namespaces import Unable

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HostControl:
    """The control of the servers of one cloud."""

    commands: Commands

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        return [
            Route("/_box/hosts", _answering(self._list), methods=["GET"]),
            Route("/_box/hosts", _answering(self._connect), methods=["POST"]),
            Route("/_box/hosts/reach", _answering(self._reach), methods=["POST"]),
            Route("/_box/hosts/run", _answering(self._run), methods=["POST"]),
        ]

    async def _list(self, _request: Request) -> Json:
        """What this computer lacks to play hosts, empty when it can; where it cannot, what each would have loaded."""
        return {"lacks": self.commands.hosts.lacks, "rehearsed": self.commands.rehearsed}

    async def _connect(self, request: Request) -> Json:
        """`{"machine", "connected"}` -> the same."""
        body = await request.json()
        machine, connected = self._machine(body), bool(body["connected"])
        properties = {**machine.document["properties"], "status": "Connected" if connected else "Disconnected"}
        machine.document = {**machine.document, "properties": properties}
        self.commands.cloud.note()
        self.commands.connect(machine.id, connected=connected)
        return {"machine": machine.id, "connected": connected}

    async def _reach(self, request: Request) -> Json:
        """`{"machine", "source", "port"}` -> `{"reached"}`, by a real TCP connection."""
        body = await request.json()
        machine = self._machine(body)
        to = (address_of(machine.document), int(body["port"]))
        source = str(IPv4Address(body["source"]))
        return {"reached": await self.commands.hosts.reaches(machine.id.lower(), source, to)}

    async def _run(self, request: Request) -> Json:
        """`{"machine", "script"}` -> `{"output", "error"}`: what somebody at the console of a host does there."""
        body = await request.json()
        ran = await self.commands.type_in(self._machine(body), str(body["script"]))
        return {"output": ran.output, "error": ran.error}

    def _machine(self, body: Json) -> Resource:
        found = self.commands.cloud.store.get(str(body["machine"]))
        if found is None:
            raise ValueError(f"There is no machine {body['machine']}.")
        return found


def _answering(handle: Callable[[Request], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handle(request))
        except Unable as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.NOT_IMPLEMENTED)
        except (ValueError, KeyError) as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)

    return answer
