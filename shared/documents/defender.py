"""What callers of Microsoft.Security/locations/jitNetworkAccessPolicies 2020-01-01 send, read leniently.

What real scripts send is taken: names in any case, ports as text, one thing instead of a list of one (as PowerShell
makes it), times without an offset, unknown fields. What they get back is in `collections`.

Source: Azure REST API reference, "Jit Network Access Policies".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from shared.documents.fields import (
    Duration,
    MachineName,
    Number,
    Prefix,
    ProtocolName,
    Time,
)
from shared.documents.grants import Text
from shared.documents.policies import durations
from shared.documents.reading import PREFIX_FIELDS, Document, exactly_one, objects, read
from shared.domain.collections import AskedEntry, Portion, portions
from shared.domain.decisions import AskedPort
from shared.domain.issues import Invalid, Issue
from shared.domain.machines import MachineId
from shared.domain.policies import Policy, PolicyPort, contradictions

_MOST_MACHINES, _MOST_PORTS, _MOST_SOURCES = 500, 100, 50
_MOST_ASKED_MACHINES, _MOST_ASKED_PORTS, _MOST_ASKED_SOURCES = 20, 20, 100
_MOST_PORTIONS: Final = 50
_WITHOUT_OFFSET: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII)
_NAMES: Final = {
    name.lower(): name
    for name in (
        "properties", "virtualMachines", "id", "ports", "number", "protocol", *PREFIX_FIELDS,
        "maxRequestAccessDuration", "endTimeUtc", "duration", "justification",
    )
}  # fmt: skip


def _as_list(value: object) -> object:
    """PowerShell makes no list of one thing; and what is null or empty is not there."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def _as_utc(value: object) -> object:
    """A time without an offset is in UTC, as its name says."""
    return f"{value}Z" if isinstance(value, str) and _WITHOUT_OFFSET.fullmatch(value) else value


def _as_text(value: object) -> object:
    return "" if value is None else value


_SOURCES = Field(max_length=_MOST_SOURCES)
_LISTED = BeforeValidator(_as_list)
_ONE_PREFIX = WithJsonSchema({"type": "string", "description": "An address, a prefix, or *."})


class Lenient(Document):
    """A part of a body of which only the known fields count."""

    model_config = ConfigDict(extra="ignore")


class Sourced(Lenient):
    """A port with its sources, under one of two names."""

    number: Number
    allowed_source_address_prefix: Annotated[list[Prefix], _SOURCES, _LISTED, _ONE_PREFIX] = Field(default_factory=list)
    allowed_source_address_prefixes: Annotated[list[Prefix], _SOURCES, _LISTED] = Field(default=[])

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, however they were given."""
        return (*self.allowed_source_address_prefix, *self.allowed_source_address_prefixes)


class PortRule(Sourced):
    """A port that may be asked for."""

    protocol: ProtocolName
    max_request_access_duration: Duration

    @property
    def value(self) -> PolicyPort:
        """The port as the domain knows it."""
        return PolicyPort(self.number, self.protocol, self.sources or ("*",), self.max_request_access_duration)


class GuardedMachine(Lenient):
    """A machine of a policy; one whose policy has only spans of ports is shown, and may come back, without any."""

    id: MachineName
    ports: Annotated[list[PortRule], _LISTED, Field(max_length=_MOST_PORTS)]


class Properties(Lenient):
    """The machines of a policy. Requests may be sent with them, and are not looked at."""

    virtual_machines: Annotated[list[GuardedMachine], _LISTED, Field(min_length=1, max_length=_MOST_MACHINES)]


class PolicyBody(Lenient):
    """A policy as it is put."""

    properties: Properties


class AskedPortBody(Sourced):
    """A port that is asked for."""

    end_time_utc: Annotated[Time | None, BeforeValidator(_as_utc)] = None
    duration: Duration | None = None


class AskedMachine(Lenient):
    """A machine that is asked for."""

    id: MachineName
    ports: Annotated[list[AskedPortBody], _LISTED, Field(min_length=1, max_length=_MOST_ASKED_PORTS)]


class InitiateBody(Lenient):
    """A request for access."""

    virtual_machines: Annotated[list[AskedMachine], _LISTED, Field(min_length=1, max_length=_MOST_ASKED_MACHINES)]
    justification: Annotated[Text, BeforeValidator(_as_text)] = ""


def read_collection(body: bytes, shortest: timedelta) -> dict[MachineId, tuple[PolicyPort, ...]] | Invalid:
    """The ports of each machine of a policy, or everything that is wrong with the body."""
    document = read(PolicyBody, body, _across_policy, _NAMES)
    if isinstance(document, Invalid):
        return document
    machines = document.properties.virtual_machines
    found = {one.id: tuple(port.value for port in one.ports) for one in machines}
    issues = [issue for index, one in enumerate(machines) for issue in _wrong(index, found[one.id], shortest)]
    return Invalid(tuple(issues)) if issues else found


def _wrong(index: int, ports: tuple[PolicyPort, ...], shortest: timedelta) -> Iterator[Issue]:
    policy = Policy(ports)
    for issue in (*durations(policy, shortest), *contradictions(policy)):
        yield replace(issue, path=f"properties.virtualMachines[{index}].{issue.path}")


def read_initiation(body: bytes) -> list[Portion] | Invalid:
    """A request in the portions that become grants, or everything that is wrong with the body."""
    document = read(InitiateBody, body, _across_initiation, _NAMES)
    if isinstance(document, Invalid):
        return document
    entries = [
        AskedEntry(machine.id, _asked(port), port.duration, port.end_time_utc, f"virtualMachines[{m}].ports[{p}]")
        for m, machine in enumerate(document.virtual_machines)
        for p, port in enumerate(machine.ports)
    ]
    found = portions(entries, document.justification)
    if len(found) > _MOST_PORTIONS:
        text = f"At most {_MOST_PORTIONS} different ends are asked for at once, counted for each machine."
        return Invalid((Issue("tooMany", "virtualMachines", text),))
    issues = [
        Issue("tooMany", one.paths[0], f"At most {_MOST_ASKED_SOURCES} sources are named for what ends together.")
        for one in found
        if sum(len(port.sources) for port in one.wish.ports) > _MOST_ASKED_SOURCES
    ]
    return Invalid(tuple(issues)) if issues else found


def _asked(port: AskedPortBody) -> AskedPort:
    return AskedPort(port.number, sources=port.sources)


def _across_policy(document: Mapping[str, Any]) -> Iterator[Issue]:
    properties = document.get("properties")
    seen: set[str] = set()
    for path, machine in _machines(properties if isinstance(properties, dict) else {}):
        key = str(machine.get("id")).strip("/").lower()
        if key in seen:
            yield Issue("duplicate", f"properties.{path}.id", f"{machine.get('id')} is named twice.")
        seen.add(key)
        for place, port in _ports(machine):
            yield from _one_name(port, f"properties.{path}.{place}")


def _across_initiation(document: Mapping[str, Any]) -> Iterator[Issue]:
    for path, machine in _machines(document):
        for place, port in _ports(machine):
            yield from _one_name(port, f"{path}.{place}")
            yield from exactly_one(port, f"{path}.{place}", "endTimeUtc", "duration")


def _machines(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return objects({"virtualMachines": _as_list(document.get("virtualMachines"))}, "virtualMachines")


def _ports(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return objects({"ports": _as_list(machine.get("ports"))}, "ports")


def _one_name(port: Mapping[str, Any], path: str) -> Iterator[Issue]:
    if all(_as_list(port.get(name)) for name in PREFIX_FIELDS):
        yield Issue("atMostOne", f"{path}.{PREFIX_FIELDS[0]}", f"Give only one of {' and '.join(PREFIX_FIELDS)}.")
