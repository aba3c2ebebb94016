"""Route templates as ASP.NET Core reads them and Azure Functions uses them.

Knows the grammar (`api/{name}`, `{name?}`, `{id:int}`, `{*rest}`, `{name=value}`, `v{major}.{minor}`) and refuses what
ASP.NET Core refuses. Refuses to know methods, functions and requests. Source: "Routing in ASP.NET Core", templates.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from emulator.functions.constraints import Constraint, ConstraintError, read

_NAME = re.compile(r"[^{}/*?:=]+")
_CONSTRAINT = re.compile(r":(?P<name>[^:(=?]+)(?:\((?P<arguments>.*?)\)(?=[:=?]|$))?")


class TemplateError(ValueError):
    """A text that is not a route template; says why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A segment that must be there as written, in any case."""

    text: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named part. A catch-all takes the whole rest of the path, slashes too; what is optional may be absent."""

    name: str
    constraints: tuple[Constraint, ...] = ()
    optional: bool = False
    rest: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Mixture:
    """A segment of several parts, as in `v{major}.{minor}`."""

    parts: tuple[Literal | Parameter, ...]


type Segment = Literal | Parameter | Mixture


@dataclass(frozen=True, slots=True)
class Template:
    """A whole route, as written and in its segments."""

    text: str
    segments: tuple[Segment, ...]


def parse(text: str) -> Template:
    """The template in a text; raises TemplateError."""
    if "?" in re.sub(r"\{[^/]*\}", "", text):
        raise TemplateError("a route has no question mark outside of its parameters")
    segments = tuple(_read_segment(part) for part in _split(text)) if text else ()
    _check(segments)
    return Template(text, segments)


def parameters(segment: Segment) -> tuple[Parameter, ...]:
    """The parameters of one segment."""
    match segment:
        case Literal():
            return ()
        case Parameter():
            return (segment,)
        case Mixture(parts):
            return tuple(part for part in parts if isinstance(part, Parameter))


def _check(segments: tuple[Segment, ...]) -> None:
    names = [parameter.name.lower() for segment in segments for parameter in parameters(segment)]
    if len(set(names)) < len(names):
        raise TemplateError("a parameter's name appears twice")
    for segment, following in zip(segments, (*segments[1:], None), strict=True):
        match segment:
            case Parameter(rest=True) if following:
                raise TemplateError("a catch-all parameter stands only at the end")
            case Parameter(optional=True) if following and not _may_be_absent(following):
                raise TemplateError("an optional parameter is followed by nothing that must be there")
            case Mixture(parts) if any(p.rest or p.optional for p in parts if isinstance(p, Parameter)):
                raise TemplateError("a catch-all or optional parameter has a segment of its own")
            case _:
                pass


def _may_be_absent(segment: Segment) -> bool:
    return isinstance(segment, Parameter) and (segment.optional or segment.rest or segment.default is not None)


def _split(text: str) -> Iterator[str]:
    """The segments of a route; a slash inside braces does not divide."""
    start = depth = 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def _read_segment(text: str) -> Segment:
    if not text:
        raise TemplateError("a route neither begins nor ends with a slash, nor has two in a row")
    parts = tuple(_read_parts(text))
    if any(isinstance(first, Parameter) and isinstance(second, Parameter) for first, second in pairwise(parts)):
        raise TemplateError("two parameters need something between them")
    return parts[0] if len(parts) == 1 else Mixture(parts)


def _read_parts(text: str) -> Iterator[Literal | Parameter]:
    position, literal = 0, ""
    while position < len(text):
        character = text[position]
        if text[position : position + 2] in {"{{", "}}"}:
            literal, position = literal + character, position + 2
        elif character == "{":
            if literal:
                yield Literal(literal)
            literal, end = "", _find_end(text, position + 1)
            yield _read_parameter(text[position + 1 : end].replace("{{", "{").replace("}}", "}"))
            position = end + 1
        elif character == "}":
            raise TemplateError("a brace is closed that was not opened")
        else:
            literal, position = literal + character, position + 1
    if literal:
        yield Literal(literal)


def _find_end(text: str, start: int) -> int:
    """Where the parameter's brace closes; doubled braces belong to a regular expression."""
    position = start
    while position < len(text):
        if text[position : position + 2] in {"{{", "}}"}:
            position += 2
        elif text[position] == "}":
            return position
        else:
            position += 1
    raise TemplateError("a brace is opened that is not closed")


def _read_parameter(text: str) -> Parameter:
    rest = text.startswith("*")
    text = text.removeprefix("*").removeprefix("*")
    name = _NAME.match(text)
    if name is None:
        raise TemplateError("a parameter has no name")
    position, constraints = name.end(), []
    while match := _CONSTRAINT.match(text, position):
        constraints.append(_read_constraint(match))
        position = match.end()
    tail = text[position:]
    if tail not in {"", "?"} and not tail.startswith("="):
        raise TemplateError(f"a parameter cannot be read: {text!r}")
    if rest and tail == "?":
        raise TemplateError("a catch-all parameter cannot be optional: it may always be empty")
    default = tail[1:] if tail.startswith("=") else None
    return Parameter(name[0], tuple(constraints), optional=tail == "?", rest=rest, default=default)


def _read_constraint(match: re.Match[str]) -> Constraint:
    try:
        return read(match["name"], match["arguments"])
    except ConstraintError as error:
        raise TemplateError(str(error)) from error
