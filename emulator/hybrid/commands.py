"""Run commands of Arc-enabled servers: what was ordered, and what became of it.

It knows the resource `machines/runCommands` of Microsoft.HybridCompute: a PUT is accepted at once and carried out when
the server's agent is connected; the instance view tells the rest. Output is cut to its last 4 KB, as Azure does. It
refuses to know how a script is run.

Sources: REST reference "Machine Run Commands"; Azure documentation "Run command on Azure Arc-enabled servers".
"""

import asyncio
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError, Json
from emulator.arm.exchange import Answer, Call
from emulator.arm.store import Resource
from emulator.hybrid import rehearsal
from emulator.hybrid.namespaces import Namespaces, Ran, Unable

NAMESPACE: Final = "microsoft.hybridcompute"
_COLLECTION: Final = "runcommands"
_MOST: Final = 4096  # characters of output, and of errors
_LONGEST_NAME: Final = 36
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_DONE: Final = ("Succeeded", "Failed")


@dataclass(slots=True)
class Ordered:
    """One run command: its document, and the work that carries it out."""

    document: Json
    view: Json
    work: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Commands:
    """Every run command of this world, by the server's id and its own name, both in lower case."""

    cloud: Cloud
    hosts: Namespaces
    utc: Callable[[], dt.datetime]
    pause: float = 0.2  # Seconds until an agent has heard of an order.
    rehearsed: dict[str, str] = field(default_factory=dict)  # What would be loaded, by server, where none is played.
    _ordered: dict[tuple[str, str], Ordered] = field(default_factory=dict)
    _cut_off: set[str] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def clear(self) -> None:
        """Forget all, and take the hosts away."""
        for one in self._ordered.values():
            if one.work:
                one.work.cancel()
        self._ordered.clear()
        self._cut_off.clear()
        self.rehearsed.clear()
        await self.hosts.close()

    def connect(self, machine: str, *, connected: bool) -> None:
        """Cut a server's agent off, or let it connect again: it then carries out what was ordered meanwhile."""
        (self._cut_off.discard if connected else self._cut_off.add)(machine.lower())
        self._changed.set()
        self._changed = asyncio.Event()

    def is_cut_off(self, machine: str) -> bool:
        """Whether a server's agent does not hear of anything."""
        return machine.lower() in self._cut_off

    def handles(self, call: Call) -> bool:
        """Whether a call is about run commands."""
        steps = [step.lower() for step in call.place.steps]
        return call.place.namespace.lower() == NAMESPACE and len(steps) in {3, 4} and steps[2] == _COLLECTION

    def answer(self, call: Call) -> Answer:
        """The answer to a call about run commands. Raises ArmError."""
        machine = self._machine(call)
        if len(call.place.steps) == 3:  # noqa: PLR2004 - the collection itself.
            if call.method != "GET":
                raise ArmError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"{call.method} is not supported.")
            every = [one for (id_, _), one in self._ordered.items() if id_ == machine.id.lower()]
            return Answer(HTTPStatus.OK, {"value": [_shown(one) for one in every]})
        key = (machine.id.lower(), call.place.steps[3].lower())
        match call.method:
            case "GET":
                return Answer(HTTPStatus.OK, _shown(self._known(key, call)))
            case "PUT":
                return self._put(key, machine, call)
            case "DELETE":
                gone = self._ordered.pop(key, None)
                return Answer(HTTPStatus.OK if gone else HTTPStatus.NO_CONTENT)
            case _:
                raise ArmError(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", f"{call.method} is not supported.")

    def _machine(self, call: Call) -> Resource:
        id_ = call.path.rsplit(f"/{call.place.steps[2]}", 1)[0]
        found = self.cloud.store.get(id_)
        if found is None:
            name = call.place.steps[1]
            message = f"Can not perform requested operation on nested resource. Parent resource '{name}' not found."
            raise ArmError(HTTPStatus.NOT_FOUND, "ParentResourceNotFound", message)
        return found

    def _known(self, key: tuple[str, str], call: Call) -> Ordered:
        if key not in self._ordered:
            name = f"Microsoft.HybridCompute/machines/{call.place.steps[1]}/runCommands/{key[1]}"
            raise ArmError(HTTPStatus.NOT_FOUND, "ResourceNotFound", f"The Resource '{name}' was not found.")
        return self._ordered[key]

    def _put(self, key: tuple[str, str], machine: Resource, call: Call) -> Answer:
        body = call.json()
        properties = body.get("properties") or {}
        _check(key[1], machine, body, properties)
        known = self._ordered.get(key)
        if known and known.view["executionState"] not in _DONE:
            raise ArmError(HTTPStatus.CONFLICT, "Conflict", "The run command is being executed.")
        document = {
            "id": call.path,
            "name": call.place.steps[3],
            "type": "Microsoft.HybridCompute/machines/runcommands",
            "location": body["location"],
            "tags": body.get("tags") or {},
            "properties": {**properties, "provisioningState": "Creating"},
        }
        ordered = Ordered(document, {"executionState": "Pending"})
        self._ordered[key] = ordered
        ordered.work = asyncio.create_task(self._carry_out(ordered, machine))
        return Answer(HTTPStatus.OK if known else HTTPStatus.CREATED, _shown(ordered))

    async def _carry_out(self, ordered: Ordered, machine: Resource) -> None:
        await asyncio.sleep(self.pause)
        while self.is_cut_off(machine.id):
            await self._changed.wait()
        ordered.view = {"executionState": "Running", "startTime": _time(self.utc())}
        try:
            ran = await self._run(ordered, machine)
        except Unable as error:
            ran = Ran(1, "", str(error))
        ordered.view |= {
            "executionState": "Succeeded" if ran.code == 0 else "Failed",
            "exitCode": ran.code,
            "output": ran.output[-_MOST:],
            "error": ran.error[-_MOST:],
            "endTime": _time(self.utc()),
            "executionMessage": "RunCommand script execution completed",
        }
        ordered.document["properties"]["provisioningState"] = "Succeeded"

    async def type_in(self, machine: Resource, text: str) -> Ran:
        """Run on a host what somebody types at its console. Raises Unable."""
        script = self.hosts.folder / "scripts" / "console.sh"
        await asyncio.to_thread(_write, script, text)
        return await self.hosts.run(machine.id.lower(), address_of(machine.document), script, {})

    async def _run(self, ordered: Ordered, machine: Resource) -> Ran:
        if machine.document["properties"].get("osType", "").lower() != "linux":
            raise Unable("only hosts with Linux are played here")
        properties = ordered.document["properties"]
        script = self.hosts.folder / "scripts" / f"{len(self._ordered)}-{ordered.document['name']}.sh"
        await asyncio.to_thread(_write, script, properties["source"]["script"])
        environment = {one["name"]: one["value"] for one in properties.get("parameters") or ()}
        if self.hosts.lacks and rehearsal.can_be(properties["source"]["script"]):
            ran, self.rehearsed[machine.id] = await rehearsal.rehearse(script, environment)
            return ran
        return await self.hosts.run(machine.id.lower(), address_of(machine.document), script, environment)


def address_of(machine: Json) -> str:
    """The first IPv4 address that a server says to have."""
    interfaces = (machine["properties"].get("networkProfile") or {}).get("networkInterfaces") or ()
    every = (one["address"] for interface in interfaces for one in interface.get("ipAddresses") or ())
    return next((str(one) for one in every if ":" not in one), "10.255.0.1")


def _check(name: str, machine: Resource, body: Json, properties: Mapping[str, Any]) -> None:
    """Raise ArmError for what Azure would not have."""
    script = (properties.get("source") or {}).get("script")
    parameters = properties.get("parameters") or ()
    wrong = (
        "the name of a run command has at most 36 characters" if len(name) > _LONGEST_NAME else "",
        "" if _NAME.fullmatch(name) else "the name of a run command has letters, digits, '-', '_' and '.'",
        "" if body.get("location", "").lower() == machine.location.lower() else "the location is not the machine's",
        "" if isinstance(script, str) and script else "source.script is required",
        "" if all(_VARIABLE.fullmatch(str(one.get("name"))) for one in parameters) else "a parameter has a wrong name",
        "" if all(isinstance(one.get("value"), str) for one in parameters) else "the value of a parameter is a string",
    )
    if found := [one for one in wrong if one]:
        raise ArmError(HTTPStatus.BAD_REQUEST, "InvalidParameter", "; ".join(found))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _shown(ordered: Ordered) -> Json:
    return {**ordered.document, "properties": {**ordered.document["properties"], "instanceView": dict(ordered.view)}}


def _time(at: dt.datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
