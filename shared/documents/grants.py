"""A request for access as callers send it, and a grant as they get it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from shared.documents.answers.grants import (
    AccessAnswer,
    ConnectAnswer,
    DecisionAnswer,
    ExtensionAnswer,
    GrantAnswer,
)
from shared.documents.fields import (
    Duration,
    MachineName,
    ObjectId,
    Port,
    Prefix,
    ProtocolName,
    Time,
    write_duration,
    write_person,
    write_sessions,
    write_span,
    write_time,
)
from shared.documents.reading import PREFIX_FIELDS, Document, at_most_one, exactly_one, objects, read
from shared.domain.approvals import Decision, Extension
from shared.domain.decisions import AskedPort, Wish
from shared.domain.grants import Grant
from shared.domain.issues import Invalid, Issue
from shared.domain.lifecycle import State
from shared.domain.machines import Machine
from shared.domain.sessions import Sessions

_MOST_PORTS, _MOST_SOURCES, _LONGEST_TEXT, _LONGEST_TICKET = 20, 50, 1000, 100
_LONGEST_NAME = 80
_MOST_SOURCES_IN_ALL = 100
_SSH, _RDP = 22, 3389
_UNDECIDED = frozenset({State.PENDING, State.DENIED, State.CANCELLED, State.LAPSED})


def _as_object(value: object) -> object:
    """A bare port number is short for an object with that number."""
    return {"number": value} if isinstance(value, int | str) and not isinstance(value, bool) else value


class _OrBare:
    """Described as an object, or as what is short for it."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "integer"}, {"type": "string"}, handler(core)]}


def _readable(text: str) -> str:
    if any(not character.isprintable() and character not in "\n\r\t" for character in text):
        raise PydanticCustomError("invalidText", "{text}", {"text": "A text holds no control characters."})
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("invalidText", "{text}", {"text": "This is one line without control characters."})
    return text.strip()


Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_readable)]


class AskedPortDocument(Document):
    """A port that is asked for."""

    number: Port
    protocol: ProtocolName | None = None
    allowed_source_address_prefix: Prefix | None = None
    allowed_source_address_prefixes: Annotated[list[Prefix], Field(min_length=1, max_length=_MOST_SOURCES)] | None = (
        None
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, however they were given."""
        one = (self.allowed_source_address_prefix,) if self.allowed_source_address_prefix else ()
        return (*one, *(self.allowed_source_address_prefixes or ()))


AskedPortOrNumber = Annotated[AskedPortDocument, BeforeValidator(_as_object), _OrBare()]


class GrantRequest(Document):
    """A request for access."""

    machine: MachineName
    ports: Annotated[list[AskedPortOrNumber], Field(min_length=1, max_length=_MOST_PORTS)]
    duration: Duration | None = None
    end_time_utc: Time | None = None
    start_time_utc: Time | None = None
    justification: Text = ""
    ticket: Annotated[str, Field(max_length=_LONGEST_TICKET), AfterValidator(_one_line)] = ""
    break_glass: bool = False

    @property
    def wish(self) -> Wish:
        """What is asked for, as the domain knows it."""
        ports = tuple(AskedPort(port.number, port.protocol, port.sources) for port in self.ports)
        return Wish(
            ports,
            self.duration,
            self.end_time_utc,
            self.justification,
            self.ticket,
            self.start_time_utc,
            self.break_glass,
        )


class LongerDocument(Document):
    """For how long an active grant shall go on."""

    duration: Duration | None = None
    end_time_utc: Time | None = None
    justification: Text = ""


class CommentDocument(Document):
    """What somebody has to say about a decision."""

    comment: Text = ""


class PersonDocument(Document):
    """Somebody, as Entra ID knows them."""

    id: ObjectId
    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_one_line)]


class DecisionDocument(CommentDocument):
    """An approval or a denial. `onBehalfOf` is for identities that bring the answers of others, and for them only."""

    on_behalf_of: PersonDocument | None = None


def read_comment(body: bytes) -> str | Invalid:
    """Read what somebody has to say, which may be nothing, or tell everything that is wrong with it."""
    document = read(CommentDocument, body or b"{}", lambda _: ())
    return document if isinstance(document, Invalid) else document.comment


def read_decision(body: bytes) -> DecisionDocument | Invalid:
    """Read an approval or a denial, or tell everything that is wrong with it."""
    return read(DecisionDocument, body or b"{}", lambda _: ())


def read_extension(body: bytes) -> LongerDocument | Invalid:
    """Read a wish for more time, or tell everything that is wrong with it."""
    return read(LongerDocument, body, lambda document: exactly_one(document, "", "duration", "endTimeUtc"))


def read_grant_request(body: bytes) -> GrantRequest | Invalid:
    """Read a request for access, or tell everything that is wrong with it."""
    return read(GrantRequest, body, _across)


def _across(document: Mapping[str, Any]) -> Iterator[Issue]:
    yield from exactly_one(document, "", "duration", "endTimeUtc")
    sources = 0
    for path, port in objects(document, "ports"):
        yield from at_most_one(port, path, *PREFIX_FIELDS)
        several = port.get("allowedSourceAddressPrefixes")
        sources += len(several) if isinstance(several, list) else 1
    if sources > _MOST_SOURCES_IN_ALL:
        yield Issue("tooMany", "ports", f"A request names at most {_MOST_SOURCES_IN_ALL} sources in all.")


def write_grant(grant: Grant, machine: Machine | None = None, sessions: Sessions | None = None) -> GrantAnswer:
    """A grant as callers get it; with the machine, also how to connect; with `sessions`, what becomes of open ones."""
    return {
        "id": grant.id,
        "state": str(grant.state),
        "reason": str(grant.reason) if grant.reason else None,
        "detail": grant.detail or None,
        **write_access(grant, sessions),
        "decisions": [_write_decision(decision) for decision in grant.decisions],
        "extension": _write_extension(grant.extension) if grant.extension else None,
        "rules": [{"nsg": rule.nsg, "name": rule.name, "priority": rule.priority} for rule in grant.rules],
        "connect": _connect(grant, machine) if machine else None,
    }


def write_access(grant: Grant, sessions: Sessions | None) -> AccessAnswer:
    """What was asked for and filled in."""
    return {
        "machine": str(grant.machine),
        "requestor": write_person(grant.requestor),
        "ports": [
            {"number": write_span(port.span), "protocol": str(port.protocol).upper(), "sources": list(port.sources)}
            for port in grant.ports
        ],
        "requestedAt": write_time(grant.requested_at),
        "duration": write_duration(grant.duration) if grant.duration else None,
        "startTimeUtc": _write_time(grant.started_at or grant.starts_at),
        # How long somebody takes to approve does not eat the duration, so that the end is not known before.
        "endTimeUtc": None if grant.duration and grant.state in _UNDECIDED else write_time(grant.ends_at),
        "lapsesAt": _write_time(grant.lapses_at if grant.state is State.PENDING else None),
        "justification": grant.justification,
        "ticket": grant.ticket,
        "breakGlass": grant.break_glass,
        "sessions": write_sessions(sessions) if sessions else None,
    }


def _write_time(time: datetime | None) -> str | None:
    return write_time(time) if time else None


def _write_decision(decision: Decision) -> DecisionAnswer:
    return {
        "by": write_person(decision.by),
        "verdict": str(decision.verdict),
        "about": str(decision.about),
        "at": write_time(decision.at),
        "via": decision.by.via,
        "comment": decision.comment,
    }


def _write_extension(extension: Extension) -> ExtensionAnswer:
    return {
        "requestedAt": write_time(extension.asked_at),
        "duration": write_duration(extension.duration) if extension.duration else None,
        "endTimeUtc": _write_time(extension.ends_at),
        "lapsesAt": write_time(extension.lapses_at),
        "justification": extension.justification,
    }


def _connect(grant: Grant, machine: Machine) -> ConnectAnswer:
    """The address to connect to, and the command for it where the port says which it is."""
    hosts = [*machine.public_addresses, *(endpoint.address for endpoint in machine.endpoints)]
    told = ConnectAnswer(host=hosts[0] if hosts else "")
    if any(_within(_SSH, port.span) for port in grant.ports):
        told["ssh"] = f"ssh {told['host']}"
    if any(_within(_RDP, port.span) for port in grant.ports):
        told["rdp"] = f"mstsc /v:{told['host']}"
    return told


def _within(number: int, span: tuple[int, int]) -> bool:
    return span[0] <= number <= span[1]
