"""Rows of Log Analytics as values: one function for each query."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.addresses import is_address, spelled
from shared.domain.evidence import (
    Alert,
    Beat,
    Counts,
    Edit,
    Failures,
    Hour,
    LetIn,
    Part,
    Passed,
    Reporter,
    SignIn,
    Source,
    Target,
    TriedName,
    TriedPort,
)
from shared.domain.keys import short_hash

type Row = Mapping[str, Any]

_ID_LENGTH: Final = 16


def source(row: Row) -> Source:
    """An address that was denied."""
    return Source(
        address=address_of(row),
        counts=_counts(row),
        first=time_of(row["First"]),
        last=time_of(row["Last"]),
        country=str(row["Country"] or ""),
        ports=tuple(sorted(int(str(port)) for port in _listed(row["Ports"]) if port is not None)),
        machines=_texts(row["Machines"]),
    )


def hour(row: Row) -> Hour:
    """What came in one hour."""
    return Hour(time_of(row["Hour"]), _counts(row))


def target(row: Row) -> Target:
    """What came to one machine."""
    return Target(str(row["Vm"]), _counts(row), int(row["Sources"]), time_of(row["Last"]))


def port(row: Row) -> TriedPort:
    """What came to one port."""
    return TriedPort(int(row["Port"] or 0), _protocol(row["Protocol"]), _counts(row), int(row["Sources"]))


def name(row: Row) -> TriedName:
    """A name with which somebody could not sign in."""
    return TriedName(str(row["User"]), int(row["Failures"]), int(row["Sources"]))


def use(row: Row) -> Passed:
    """What came through a rule."""
    first, last = time_of(row["First"]), time_of(row["Last"])
    return Passed(str(row["Vm"]), str(row["Rule"]), address_of(row), int(row["Connections"]), first, last)


def let_in(row: Row) -> LetIn:
    """What was let in to a port."""
    return LetIn(use(row), int(row["Port"] or 0), _protocol(row["Protocol"]))


def failures(row: Row) -> Failures:
    """Who could not sign in."""
    first, last = time_of(row["First"]), time_of(row["Last"])
    users = _texts(row["Users"])
    return Failures(str(row["Vm"]), address_of(row), int(row["Failures"]), first, last, users)


def sign_in(row: Row) -> SignIn:
    """Somebody signed in."""
    return SignIn(time_of(row["At"]), str(row["Vm"]), address_of(row), str(row["User"]))


def alert(row: Row) -> Alert:
    """What Defender for Cloud says."""
    id_, at, machine = str(row["SystemAlertId"]), time_of(row["TimeGenerated"]), str(row["Vm"])
    return Alert(id_, at, machine, str(row["AlertName"]), str(row["AlertSeverity"]), str(row["Description"]))


def edit(row: Row) -> Edit:
    """A change by somebody else. Several may belong to one deployment, so that its id alone does not name one."""
    at, resource, operation = time_of(row["At"]), str(row["Resource"]), str(row["Operation"])
    id_ = short_hash(f"{row['CorrelationId']}|{resource}|{operation.lower()}|{at.isoformat()}", _ID_LENGTH)
    return Edit(id_, at, resource, str(row["Nsg"]), operation, str(row["Caller"]), str(row["Address"]))


def beat(row: Row) -> Beat:
    """When an agent last reported."""
    texts = (str(row[name]) for name in ("Vm", "Computer", "ComputerEnvironment", "OSType"))
    machine, computer, environment, system = texts
    return Beat(machine, computer, environment, system, time_of(row["Last"]))


def reporter(row: Row) -> Reporter:
    """When an agent outside Azure last reported."""
    computer, system, address = (str(row[name] or "") for name in ("Computer", "OSType", "Address"))
    resource, uuid, agent = (str(row[name] or "").lower() for name in ("Id", "Uuid", "Agent"))
    return Reporter(computer, resource, uuid, agent, system, address, time_of(row["Last"]))


READERS: Final[Mapping[Part, Callable[[Row], object]]] = {
    Part.SOURCES: source,
    Part.HOURS: hour,
    Part.TARGETS: target,
    Part.PORTS: port,
    Part.NAMES: name,
    Part.USES: use,
    Part.LET_IN: let_in,
    Part.REACHED: let_in,
    Part.FAILURES: failures,
    Part.SIGN_INS: sign_in,
    Part.ALERTS: alert,
    Part.EDITS: edit,
    Part.BEATS: beat,
    Part.REPORTERS: reporter,
}
"""What reads the rows of each part."""


def address_of(row: Row) -> str:
    """The address that a row is about, in its one spelling: logs write those of IPv6 as they like."""
    text = str(row["Source"])
    return spelled(text) if is_address(text) else text


def _counts(row: Row) -> Counts:
    return Counts(int(row["Denied"] or 0), int(row["Granted"] or 0), int(row["Allowed"] or 0))


def _protocol(text: object) -> str:
    return {"T": "TCP", "U": "UDP"}.get(str(text).upper(), str(text).upper())


def _listed(value: object) -> list[object]:
    """A dynamic value, which comes as the text of JSON."""
    found = json.loads(value) if isinstance(value, str) else value
    return list(found) if isinstance(found, Iterable) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(sorted(str(one) for one in _listed(value) if one))


def time_of(value: datetime | str) -> datetime:
    """A time, which comes as such or as its text."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)
