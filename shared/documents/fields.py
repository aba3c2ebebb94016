"""The small pieces of a document: ports, protocols, prefixes, durations, times.

Each is read by one function that raises `PydanticCustomError` with a stable code and a sentence that says what
would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NoReturn

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.documents.answers import PersonAnswer, SessionsAnswer
from shared.domain.addresses import canonical_prefix
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.domain.ranges import Span
from shared.domain.rules import Protocol
from shared.domain.sessions import Sessions

_LAST_PORT: Final = 65535
_PORTS: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
# Days to seconds; years and months have no fixed length, and weeks stand alone in ISO 8601.
_DURATION: Final = re.compile(
    r"P(?=.)(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8}(?:\.\d{1,6})?)S)?)?", re.ASCII
)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_PROTOCOLS: Final = {"tcp": Protocol.TCP, "udp": Protocol.UDP, "*": Protocol.ANY}


def _wrong(code: str, message: str) -> NoReturn:
    raise PydanticCustomError(code, "{text}", {"text": message})


def read_span(value: object) -> Span:
    """A port as a number or text, or a span of ports such as "5000-5010"."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        _wrong("invalidPort", 'A port is a number from 0 to 65535, or a range such as "5000-5010".')
    match = _PORTS.fullmatch(str(value).strip())
    if match is None:
        _wrong("invalidPort", f'{value} is not a port: use a number from 0 to 65535, or a range such as "5000-5010".')
    low, high = int(match[1]), int(match[2] or match[1])
    if high > _LAST_PORT:
        _wrong("invalidPort", f"{value} is not a port: the last one is {_LAST_PORT}.")
    if low > high:
        _wrong("invalidPort", f"{value} runs backwards.")
    return low, high


def read_single(value: object) -> Span:
    """One port, as a number or text, as a span of nothing but itself."""
    span = read_span(value)
    if span[0] != span[1]:
        _wrong("invalidPort", f"{value} is not a port: use a number from 0 to 65535.")
    return span


def read_protocol(value: object) -> Protocol:
    """A protocol's name in any case: those that have ports, or `*`."""
    protocol = _PROTOCOLS.get(value.lower()) if isinstance(value, str) else None
    if protocol is None:
        _wrong("invalidProtocol", f'{value} is not a protocol here: use "TCP", "UDP" or "*".')
    return protocol


def read_prefix(value: object) -> str:
    """An address, a CIDR prefix, or `*`, in its one spelling."""
    try:
        if isinstance(value, str):
            return canonical_prefix(value.strip())
    except ValueError as error:
        _wrong("invalidPrefix", f"{value} is not an address or a prefix such as 203.0.113.0/24: {error}.")
    _wrong("invalidPrefix", 'A source is an address, a prefix such as "203.0.113.0/24", or "*".')


def read_duration(value: object) -> timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        _wrong("invalidDuration", f"{value} is not an ISO 8601 duration such as PT3H or PT30M.")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def read_time(value: object) -> datetime:
    """An RFC 3339 time with its offset; up to nine digits of a second are taken, six are kept."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        if match:
            return datetime.fromisoformat(f"{match[1]}{(match[2] or '')[:7]}{match[3]}".upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        _wrong("invalidTime", f"{value} is not a time: {error}.")
    _wrong("invalidTime", f"{value} is not an RFC 3339 time such as 2026-11-22T14:00:00Z.")


def read_machine(value: object) -> MachineId:
    """A machine's ARM resource id."""
    try:
        if isinstance(value, str):
            return MachineId.parse(value)
    except ValueError:
        pass
    form = "/subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachines/…"
    raise PydanticCustomError("invalidMachine", "{text}", {"text": f"A machine is named by its resource id: {form}"})


def write_duration(duration: timedelta) -> str:
    """The ISO 8601 form of a duration, as short as Azure writes it."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = f"{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}{f'{seconds}S' if seconds else ''}"
    return f"PT{parts or '0S'}"


def write_time(time: datetime) -> str:
    """The RFC 3339 form of a time in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_person(person: Person) -> PersonAnswer:
    """Somebody, or a pipeline."""
    return {"id": person.id, "name": person.name}


def write_span(span: Span) -> int | str:
    """A port as a number, or a span as "low-high"."""
    low, high = span
    return low if low == high else f"{low}-{high}"


def write_sessions(sessions: Sessions) -> SessionsAnswer:
    """What becomes of sessions that are open when a grant ends, with a sentence about it."""
    return {"state": str(sessions.fate), "note": sessions.note}


def _one[T](read: Callable[[object], T]) -> PlainValidator:
    return PlainValidator(read)


def _told(text: str, **schema: object) -> WithJsonSchema:
    """How a field is described to callers."""
    return WithJsonSchema({"description": text, **schema})


_PORT: Final = _told(
    'A port from 0 to 65535, or a range such as "5000-5010".',
    anyOf=[
        {"type": "integer", "minimum": 0, "maximum": _LAST_PORT},
        {"type": "string", "pattern": r"^\d{1,5}(-\d{1,5})?$"},
    ],
)
_NUMBER: Final = _told("A port from 0 to 65535.", type="integer", minimum=0, maximum=_LAST_PORT)
_PROTOCOL: Final = _told("The protocol; `*` is any.", type="string", enum=["TCP", "UDP", "*"])
_PREFIX: Final = _told('An address, a prefix such as "203.0.113.0/24", or "*".', type="string")
_SPAN: Final = _told("An ISO 8601 duration such as PT3H.", type="string", format="duration")
_POINT: Final = _told("An RFC 3339 time with its offset.", type="string", format="date-time")
_MACHINE: Final = _told("A machine's ARM resource id.", type="string")

Port = Annotated[Span, _one(read_span), _PORT]
Number = Annotated[Span, _one(read_single), _NUMBER]
ProtocolName = Annotated[Protocol, _one(read_protocol), _PROTOCOL]
Prefix = Annotated[str, BeforeValidator(read_prefix), _PREFIX]
Duration = Annotated[timedelta, _one(read_duration), _SPAN]
Time = Annotated[datetime, _one(read_time), _POINT]
ObjectId = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
MachineName = Annotated[MachineId, _one(read_machine), _MACHINE]
