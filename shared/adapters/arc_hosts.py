"""Arc-enabled servers as machines, each behind a gate in its own firewall.

A gate is one run command of Azure Arc: a fixed script, and parameters that hold all rules of Postern for that server. A
change of any rule orders all of them anew, and the script puts them in force together. What stands is what the script
reported about the very order that stands; rules of grants end by themselves on the server, so that reading a gate tells
which of them are over without asking the server.

Source: Azure REST reference, "Machines - Get" and "Machine Run Commands" (Microsoft.HybridCompute).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from shared.adapters.arm_client import Arm
from shared.adapters.arm_errors import Forbidden
from shared.domain.doubts import doubtful, remembering
from shared.domain.everywhere import TARGETS, as_planned, widened, write_targets
from shared.domain.firewalls import Gate, System, Trouble, fits, read, verifying, write
from shared.domain.hosts import endpoint, guarded_addresses
from shared.domain.machines import Machine, MachineId, machine_behind
from shared.domain.planning import Kind, Plan
from shared.domain.rules import HOST_DEFAULTS, Access, Nsg, Rule
from shared.domain.shapes import deadline_of
from shared.ports import Conflict, NotFound, Observed, Rejected, Unavailable

type Json = Mapping[str, Any]

VERSION: Final = "2026-07-15"
_SCRIPTS: Final = {System.LINUX: "gate.sh", System.WINDOWS: "gate.ps1"}
_SYSTEMS: Final = {"linux": System.LINUX, "windows": System.WINDOWS}
_FOLDER: Final = Path(__file__).parents[1] / "hosts"
_ENDED: Final = frozenset({"succeeded", "failed", "timedout", "canceled"})
_LONGEST_RUN: Final = 90  # seconds, as Azure is told
_ON_ITS_WAY: Final = timedelta(minutes=2)  # So long an order may be on its way until nothing more is expected of it.
_WHILE_AWAY: Final = timedelta(minutes=1)
_NOT_MADE: Final = "none"
_MOST_CHARACTERS: Final = 30_000  # A command line of Windows holds 32,767, and the agent needs some of them.
_GOES_ON: Final = "Sessions on a computer outside Azure go on until they end by themselves."


class ArcHosts:
    """The `Network` port for Arc-enabled servers, and the `Watched` port for their gates."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._last: dict[str, tuple[datetime, Observed]] = {}

    async def machine(self, id_: MachineId) -> Machine:
        """The server, with its gate before each of its addresses."""
        document = await self._arm.get(str(id_), VERSION)
        id_ = MachineId(str(document.get("id") or id_))
        endpoints = tuple(endpoint(id_, address) for address in _addresses(document["properties"]))
        return Machine(id_, str(document.get("location") or ""), str(_system(document) or ""), endpoints)

    async def group(self, nsg: str) -> Observed:
        """The gate as its server last reported it; while that cannot be told, with what may stand open."""
        document = await self._command(nsg)
        return self._keep(_observed(nsg, (), {}) if document is None else self._seen(nsg, document))

    async def recent(self, nsg: str, age: timedelta) -> Nsg:
        """The gate as this process has read or written it not longer ago than that, else as `group`."""
        now = self._arm.clock.now()
        at, observed = self._last.get(nsg.lower(), (now, None))
        if observed is None or now - at > age:
            return (await self.group(nsg)).nsg
        standing = (rule for rule in observed.nsg.rules if (end := deadline_of(rule)) is None or end > now)
        return replace(observed.nsg, rules=tuple(standing))

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Order all rules anew, with the plan's changes in them, and wait for the server's report."""
        nsg = observed.nsg.id
        self._last.pop(nsg.lower(), None)
        if plan.changes:
            observed = await self._order(nsg, _fitting(nsg, tuple(_changed(observed.nsg.rules, plan)), plan), observed)
        self._keep(observed)
        return Observed(observed.nsg, observed.document, _GOES_ON if plan.flush else "")

    async def attach(self, nic: str, nsg: str) -> None:
        """Nothing: a gate is where it is."""

    async def detach(self, nic: str, nsg: str) -> None:
        """Nothing, as above."""

    async def discard(self, nsg: str) -> str | None:
        """Forget a gate in which nothing stands any more."""
        if (await self.group(nsg)).nsg.rules:
            return f"{nsg} still holds rules."
        await self._arm.delete(nsg, VERSION)
        return None

    async def empty(self, nsg: str) -> None:
        """Make sure that nothing of ours is left on the server, whatever is known of it, and forget the gate."""
        self._last.pop(nsg.lower(), None)
        try:
            observed = await self.group(nsg)
        except Unavailable:
            # Whatever was made of the run command keeps nobody from setting the server free.
            observed = _observed(nsg, (), {})
        if not observed.document or observed.nsg.rules or not observed.nsg.settled:
            await self._order(nsg, (), observed)
        # An empty run command does no harm to whoever may not delete it.
        with suppress(Forbidden):
            await self._arm.delete(nsg, VERSION)
        self._last.pop(nsg.lower(), None)

    async def look_again(self, nsg: str) -> tuple[str, ...]:
        """Have the server look at its firewall and mend what somebody changed; what that was, in sentences."""
        self._last.pop(nsg.lower(), None)
        document = await self._command(nsg)
        if document is None or self._gate(document).rules is None:
            return ()  # What is not known to stand is ordered anew by whoever settles the gate.
        await self._connected(nsg)
        parameters = verifying(_parameters(document), self._arm.clock.now())
        document = await self._send(nsg, document["properties"]["source"], parameters, document["location"])
        gate = self._gate(document)
        if gate.rules is None:
            raise Unavailable(f"{nsg}: {_trouble(gate, document)}", _WHILE_AWAY)
        return (*(f"{name} was gone." for name in gate.missing), *(f"{name} was changed." for name in gate.edited))

    async def _order(self, nsg: str, rules: tuple[Rule, ...], observed: Observed) -> Observed:
        host = await self._connected(nsg)
        system = _system(host)
        if system is None:
            raise Unavailable(f"{nsg}: Azure does not say which operating system the server has", _WHILE_AWAY)
        now = self._arm.clock.now()
        serial = max(int(now.timestamp() * 1000), _serial(observed.document) + 1)
        order = {**write(widened(rules), system, now, serial), TARGETS: write_targets(rules)}
        parameters = remembering(order, observed.nsg.rules)
        if sum(map(len, parameters.values())) > _MOST_CHARACTERS:
            raise Unavailable(f"{nsg}: too many rules for one order, with those that may stand besides", _WHILE_AWAY)
        source = {"script": await asyncio.to_thread(_script, system)}
        document = await self._send(nsg, source, parameters, str(host["location"]))
        gate = self._gate(document)
        if gate.rules is None:
            raise Unavailable(f"{nsg}: {_trouble(gate, document)}", _WHILE_AWAY)
        return _observed(nsg, as_planned(gate.rules, parameters), document)

    async def _send(self, nsg: str, source: Json, parameters: Mapping[str, str], location: str) -> Json:
        """Give the server an order, and wait for how it ended."""
        listed = [{"name": name, "value": value} for name, value in parameters.items()]
        properties = {"source": source, "parameters": listed, "timeoutInSeconds": _LONGEST_RUN, "asyncExecution": False}
        await self._arm.put(nsg, {"location": location, "properties": properties}, VERSION)
        return await self._arm.until(self._is_answered, lambda: self._arm.get(nsg, VERSION), nsg)

    def _is_answered(self, document: Json) -> bool:
        """Whether the order that stands has ended, and what is shown is its own report."""
        return _is_ended(document) and self._gate(document).trouble is not Trouble.OTHER_ORDER

    async def _connected(self, nsg: str) -> Json:
        """The server of a gate. Raises Unavailable for one that would hear of an order only later."""
        id_ = machine_behind(nsg)
        if id_ is None:
            raise Conflict(f"not the gate of a server: {nsg}")
        document = await self._arm.get(str(id_), VERSION)
        status, since = (str(document["properties"].get(name) or "") for name in ("status", "lastStatusChange"))
        if status.lower() != "connected":
            raise Unavailable(f"{id_.name} is {status.lower() or 'not connected'} since {since}", _WHILE_AWAY)
        return document

    async def _command(self, nsg: str) -> Json | None:
        """The run command; None where there is none yet. Raises NotFound where there is no server either."""
        try:
            return await self._arm.get(nsg, VERSION)
        except NotFound:
            await self._arm.get(str(machine_behind(nsg)), VERSION)
            return None

    def _keep(self, observed: Observed) -> Observed:
        self._last[observed.nsg.id.lower()] = (self._arm.clock.now(), observed)
        return observed

    def _gate(self, document: Json) -> Gate:
        return read(_parameters(document), str(_view(document).get("output") or ""), self._arm.clock.now())

    def _seen(self, nsg: str, document: Json) -> Observed:
        now = self._arm.clock.now()
        try:
            parameters = _parameters(document)
            if _is_ended(document) and (rules := self._gate(document).rules) is not None:
                return _observed(nsg, as_planned(rules, parameters), document)
            issued = datetime.fromtimestamp(int(parameters["POSTERN_ISSUED"]), UTC)
            settled = _is_ended(document) or now - issued > _ON_ITS_WAY
            return _observed(nsg, doubtful(parameters, now), document, settled=settled)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Unavailable(f"{nsg} is not the run command that Postern wrote: {error}", _WHILE_AWAY) from error


def _observed(nsg: str, rules: tuple[Rule, ...], document: Json, *, settled: bool = True) -> Observed:
    etag = str(_serial(document) or _NOT_MADE)
    return Observed(Nsg(nsg, etag, rules, HOST_DEFAULTS, settled=settled, timed=True), document)


def _fitting(nsg: str, rules: tuple[Rule, ...], plan: Plan) -> tuple[Rule, ...]:
    """The rules, if a server can have them. Raises Rejected, naming a rule without which it can."""
    made = [change.rule for change in plan.changes if change.kind is not Kind.DELETE]
    for rule in made:
        if issues := fits((rule,)):
            raise Rejected(f"{nsg}: {issues[0].message}", rule.name)
    if issues := fits(widened(rules)):
        opened = [rule.name for rule in made if rule.access is Access.ALLOW] or [rule.name for rule in made]
        raise Rejected(f"{nsg}: {issues[0].message}", opened[-1] if opened else "")
    return rules


def _changed(rules: tuple[Rule, ...], plan: Plan) -> Iterator[Rule]:
    """The rules as they are to be."""
    changes = {change.rule.name.lower(): change for change in plan.changes}
    yield from (rule for rule in rules if rule.name.lower() not in changes)
    yield from (change.rule for change in changes.values() if change.kind is not Kind.DELETE)


def _is_ended(document: Json) -> bool:
    return str(_view(document).get("executionState") or "").lower() in _ENDED


def _view(document: Json) -> Json:
    view: Json = document.get("properties", {}).get("instanceView") or {}
    return view


def _parameters(document: Json) -> Mapping[str, str]:
    return {one["name"]: one["value"] for one in document["properties"].get("parameters") or ()}


def _serial(document: Json) -> int:
    text = _parameters(document).get("POSTERN_SERIAL", "") if document else ""
    return int(text) if text.isdecimal() else 0


def _trouble(gate: Gate, document: Json) -> str:
    said = gate.detail or str(_view(document).get("error") or "").strip()[-200:]
    return f"{gate.trouble}{': ' if said else ''}{said}"


def _system(document: Json) -> System | None:
    return _SYSTEMS.get(str(document["properties"].get("osType") or "").lower())


def _addresses(properties: Json) -> list[str]:
    interfaces = (properties.get("networkProfile") or {}).get("networkInterfaces") or ()
    every = [str(one["address"]) for nic in interfaces for one in nic.get("ipAddresses") or () if one.get("address")]
    return list(guarded_addresses(every))


@cache
def _script(system: System) -> str:
    return (_FOLDER / _SCRIPTS[system]).read_text("utf-8")
