"""The box's control API, under `/_box`: for demos, tests and benchmarks, never for the app.

It knows how to read control bodies and which part of the box each one turns. It asks for no token: whoever reaches
127.0.0.1 owns the box. Unknown fields and kinds are refused by name, so that a test with a slip in it fails at once.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from azure.core.exceptions import AzureError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator import world
from emulator.arm import roles
from emulator.arm.cloud import Cloud, Latency
from emulator.arm.faults import KINDS, Fault
from emulator.arm.prefixes import HIGHEST_PORT
from emulator.hybrid.commands import Commands
from emulator.identity import OPERATOR, Identity
from emulator.logs import agents
from emulator.logs.control import FIELDS, change
from emulator.logs.store import Logs
from emulator.oracle import judgement, ways
from emulator.oracle.packets import Address, Packet, Way
from emulator.storage import Storage
from emulator.traffic.control import Traffic

type Json = dict[str, Any]

_PROTOCOLS = {"tcp": "Tcp", "udp": "Udp", "icmp": "Icmp", "esp": "Esp", "ah": "Ah"}


class ControlError(Exception):
    """A control call that cannot be done; `status` is the answer's."""

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Control:
    """The control API over one cloud."""

    cloud: Cloud
    identity: Identity
    storage: Storage
    logs: Logs
    traffic: Traffic
    commands: Commands

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        handlers: list[tuple[str, str, Callable[[Request], Awaitable[Json]]]] = [
            ("ready", "GET", self._ready),
            ("reset", "POST", self._reset),
            ("packets", "POST", self._packets),
            ("sessions", "GET", self._sessions),
            ("sessions", "POST", self._connect),
            ("faults", "GET", self._armed),
            ("faults", "POST", self._arm),
            ("faults", "DELETE", self._disarm),
            ("latency", "POST", self._slow),
            ("throttle", "POST", self._throttle),
            ("token", "POST", self._token),
            ("calls", "GET", self._calls),
            ("logs", "POST", self._logs),
            ("roles", "GET", self._roles),
            ("roles", "POST", self._assign),
            ("actions", "GET", self._actions),
        ]
        return [Route(f"/_box/{path}", _answering(handler), methods=[method]) for path, method, handler in handlers]

    async def _ready(self, _request: Request) -> Json:
        return {"ready": True}

    async def _reset(self, request: Request) -> Json:
        body = await _body(request, {"seed", "machines", "share", "storage"})
        seed = body.get("seed", "demo")
        if seed not in world.SEEDS:
            raise ControlError(f"There is no world {seed!r}; there are {', '.join(world.SEEDS)}.")
        if body.get("storage", True):
            await self._empty()
        await self.commands.clear()
        try:
            measures = {name: int(body[name]) for name in ("machines", "share") if name in body}
            world.build(self.cloud, seed, **measures)
            self.logs.clear()
            agents.report(self.logs, self.cloud.store)
            self.traffic.clear()
        except ValueError as error:
            raise ControlError(str(error)) from error
        if seed == "large":
            # This world is there for measuring, and the real index is never cold.
            self.cloud.index.table(self.cloud.clock(), self.cloud.latency.index)
        return {"seed": seed}

    async def _empty(self) -> None:
        try:
            await self.storage.empty()
        except AzureError as error:
            message = f'Azurite cannot be emptied: {error}. To leave it alone, say "storage": false.'
            raise ControlError(message, HTTPStatus.SERVICE_UNAVAILABLE) from error

    async def _packets(self, request: Request) -> Json:
        body = await _body(request, {"source", "machine", "destination", "port", "protocol"})
        self.cloud.settle()
        found = self._ways(body)
        ports = body.get("port")
        if not isinstance(ports, list):
            return _verdict(body, found, ports)
        results = [{"port": port, **_verdict(body, found, port)} for port in ports]
        first = next(
            (one for one in results if one["passes"]),
            results[0] if results else {"passes": False, "rule": None, "nsg": None},
        )
        return {"passes": first["passes"], "rule": first["rule"], "nsg": first["nsg"], "results": results}

    def _ways(self, body: Json) -> list[Way]:
        if ("machine" in body) == ("destination" in body):
            raise ControlError("Say either machine or destination.")
        if "destination" in body:
            found = list(ways.to_address(self.cloud.store, _address(body["destination"])))
        else:
            machine = ways.find_machine(self.cloud.store, str(body["machine"]))
            found = list(ways.of_machine(self.cloud.store, machine)) if machine else []
        if not found:
            raise ControlError(
                f"No network interface answers for {body.get('machine', body.get('destination'))}.",
                HTTPStatus.NOT_FOUND,
            )
        return found

    async def _connect(self, request: Request) -> Json:
        """Open a session where its first packet passes; `session` is null where it does not."""
        body = await _body(request, {"source", "machine", "destination", "port", "protocol"})
        self.cloud.settle()
        tried = _tried(body, self._ways(body), body.get("port"))
        let_in = next(((packet, way) for packet, way in tried if judgement.judge(packet, way).passes), None)
        return {"session": self.cloud.sessions.open(*let_in).document() if let_in else None}

    async def _sessions(self, _request: Request) -> Json:
        self.cloud.settle()
        return {"sessions": [one.document() for one in self.cloud.sessions.every()]}

    async def _arm(self, request: Request) -> Json:
        body = await _body(request, {"match", "times", "kind", "seconds"})
        match = body.get("match") or {}
        if body.get("kind") not in KINDS:
            raise ControlError(f"There is no fault {body.get('kind')!r}; there are {', '.join(KINDS)}.")
        try:
            path = re.compile(match.get("path", ""), re.IGNORECASE)
        except re.error as error:
            raise ControlError(f"match.path is no regular expression: {error}") from error
        fault = Fault(
            body["kind"],
            path,
            match.get("method", "").upper(),
            int(body.get("times", 1)),
            float(body.get("seconds", 0)),
        )
        self.cloud.faults.arm(fault)
        return fault.document()

    async def _armed(self, _request: Request) -> Json:
        return {"faults": [fault.document() for fault in self.cloud.faults.armed()]}

    async def _disarm(self, _request: Request) -> Json:
        self.cloud.faults.clear()
        return {"faults": []}

    async def _slow(self, request: Request) -> Json:
        """Set what is named; the rest stays.

        `index` is how long Resource Graph lags. `retryAfter` (whole seconds) is what operations announce, null for
        nothing.
        """
        body = await _body(request, {"read", "write", "operation", "index", "retryAfter"})
        old = self.cloud.latency
        times = {name: float(body.get(name, getattr(old, name))) for name in ("read", "write", "operation", "index")}
        self.cloud.latency = Latency(**times, retry_after=body.get("retryAfter", old.retry_after))
        return {**times, "retryAfter": self.cloud.latency.retry_after}

    async def _throttle(self, request: Request) -> Json:
        body = await _body(request, {"on"})
        self.cloud.throttle.on = bool(body.get("on"))
        return {"on": self.cloud.throttle.on}

    async def _token(self, request: Request) -> Json:
        body = await _body(request, {"audience"})
        audience = str(body.get("audience", "https://management.azure.com"))
        return {"access_token": self.identity.for_client(OPERATOR, audience)}

    async def _calls(self, request: Request) -> Json:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise ControlError(f"since is the number of a call, not {since!r}.")
        return {"calls": [row.document() for row in self.cloud.calls.since(int(since))]}

    async def _logs(self, request: Request) -> Json:
        try:
            return await change(self.logs, await _body(request, FIELDS))
        except ValueError as error:
            raise ControlError(str(error)) from error

    async def _roles(self, _request: Request) -> Json:
        """The roles that the app's identity has."""
        return {"roles": list(self.cloud.access.roles)}

    async def _assign(self, request: Request) -> Json:
        """Give the app's identity these of the shipped roles, without some actions, until the next reset."""
        body = await _body(request, {"roles", "without"})
        wanted, without = body.get("roles"), body.get("without", [])
        if not isinstance(wanted, list) or {*map(str, wanted)} - {*roles.shipped()}:
            raise ControlError(f"roles is a list of some of {', '.join(roles.shipped())}, not {wanted!r}.")
        if not isinstance(without, list) or not all(isinstance(one, str) for one in without):
            raise ControlError(f"without is a list of actions, not {without!r}.")
        self.cloud.access.assign(wanted, without)
        return await self._roles(request)

    async def _actions(self, _request: Request) -> Json:
        """What the app's identity has needed since the last reset, whether it had it or not."""
        return {"actions": [use.document() for use in self.cloud.access.uses()]}


def _verdict(body: Json, found: list[Way], port: object) -> Json:
    """The verdict over all addresses of a machine: it passes if any of them lets it through."""
    verdicts = [judgement.judge(packet, way) for packet, way in _tried(body, found, port)]
    return next((one for one in verdicts if one.passes), verdicts[0]).document()


def _tried(body: Json, found: list[Way], port: object) -> list[tuple[Packet, Way]]:
    """The packets to all addresses of a machine that the source can reach, each with its way."""
    source = _address(body.get("source"))
    packets = [
        (_packet(body, source, port, way.address), way) for way in found if way.address.version == source.version
    ]
    if not packets:
        raise ControlError(f"No address of the destination has the IP version of {source}.")
    return packets


def _packet(body: Json, source: Address, port: object, destination: Address) -> Packet:
    protocol = _PROTOCOLS.get(str(body.get("protocol", "Tcp")).lower())
    if protocol is None:
        raise ControlError(f"protocol is one of {', '.join(_PROTOCOLS.values())}.")
    if protocol not in ("Tcp", "Udp"):
        return Packet(source, destination, None, protocol)
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= HIGHEST_PORT:
        raise ControlError(f"port is a number from 0 to {HIGHEST_PORT}, or a list of them, not {port!r}.")
    return Packet(source, destination, port, protocol)


def _address(value: object) -> Address:
    try:
        return ip_address(str(value))
    except ValueError as error:
        raise ControlError(str(error)) from error


async def _body(request: Request, known: set[str]) -> Json:
    try:
        body = await request.json() if await request.body() else {}
    except ValueError as error:
        raise ControlError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict) or set(body) - known:
        raise ControlError(f"The body is an object with {', '.join(sorted(known))}, not {body!r}.")
    return body


def _answering(handler: Callable[[Request], Awaitable[Json]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return JSONResponse(await handler(request))
        except ControlError as error:
            return JSONResponse({"error": str(error)}, error.status)

    return answer
