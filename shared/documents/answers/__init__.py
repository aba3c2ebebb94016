"""What callers get, field by field.

The writers of documents give these types, and the description of the API is made from them: that the two agree is not
tested but typed.
"""

from __future__ import annotations

from typing import Annotated, TypedDict

from pydantic import GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from shared.domain.rules import Access, Protocol
from shared.domain.sessions import Fate


def one_of(*names: str) -> WithJsonSchema:
    """A text out of a closed set."""
    return WithJsonSchema({"type": "string", "enum": [str(name) for name in names]})


class As:
    """Described as another type is."""

    def __init__(self, type_: type) -> None:
        self._type = type_

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self._type)


type Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
type Duration = Annotated[str, WithJsonSchema({"type": "string", "format": "duration"})]
type Ports = int | str
"""A port, or a range of ports such as "5000-5010"."""


class Answer(TypedDict):
    """The base of all answers. They hold nothing that is not described."""


class PersonAnswer(Answer):
    """Somebody, or a pipeline: object id and display name."""

    id: str
    name: str


class LeakAnswer(Answer):
    """A rule that lets guarded traffic through: at which address, in which group; no rule where there is no group."""

    address: str
    nsg: str | None
    rule: str | None
    priority: int | None


class LockAnswer(Answer):
    """Whether a lock holds, as it was measured, and what lets traffic through when it does not."""

    state: Annotated[str, one_of("holds", "exposed", "unknown")]
    because: list[LeakAnswer]


class SessionsAnswer(Answer):
    """What becomes of sessions that are open when a grant ends, with a sentence about it."""

    state: Annotated[str, one_of(*Fate)]
    note: str


class RuleAnswer(Answer):
    """A security rule, briefly."""

    name: str
    priority: int
    access: Annotated[str, one_of(*Access)]
    protocol: Annotated[str, one_of(*Protocol)]
    sources: list[str]
    destinations: list[str]
    ports: list[Ports]
