"""Which function answers a method and a path.

Knows ASP.NET Core's order of precedence and how a path falls into segments. Refuses to know requests beyond method and
path. A wrong method is no match, as in the Functions host, which answers 404 and not 405.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from emulator.functions.templates import Literal, Mixture, Parameter, Segment, Template


@dataclass(frozen=True, slots=True)
class Route[T]:
    """A template with the methods it answers (none means all) and what it leads to."""

    template: Template
    methods: frozenset[str]
    target: T


@dataclass(frozen=True, slots=True)
class Match[T]:
    """What a path leads to, with the values of the route's parameters; those absent are not there."""

    target: T
    values: Mapping[str, str]


class Table[T]:
    """Routes, tried in their order of precedence."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: precedence(route.template))

    def find(self, method: str, path: str) -> Match[T] | None:
        """The first route that fits. `path` is decoded (see `decode`) and begins with a slash."""
        for route in self._routes:
            if route.methods and method.upper() not in route.methods:
                continue
            values = fit(route.template, path)
            if values is not None:
                return Match(route.target, values)
        return None


def precedence(template: Template) -> tuple[tuple[int, ...], str]:
    """Less comes first, segment by segment: literal, constrained, plain, constrained rest, rest; then by the text."""
    return tuple(_rank(segment) for segment in template.segments), template.text.lower()


def shape(template: Template) -> tuple[object, ...]:
    """Equal for templates that match the same paths: names of parameters and the case of literals do not count."""
    return tuple(_outline(segment) for segment in template.segments)


def decode(raw: bytes) -> str:
    """A path as Kestrel hands it on: percent signs decoded except `%2F`, dot segments resolved."""
    kept = re.sub(r"%(?=2f)", "%25", raw.decode("latin-1"), flags=re.IGNORECASE)
    segments: list[str] = []
    parts = unquote(kept).split("/")[1:]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "..":
            segments = segments[:-1]
        if part not in {".", ".."}:
            segments.append(part)
        elif last:
            segments.append("")
    return "/" + "/".join(segments)


def fit(template: Template, path: str) -> dict[str, str] | None:
    """The values of a template's parameters in a path, or None where it does not fit."""
    rest = path.removeprefix("/")
    values: dict[str, str] = {}
    for segment in template.segments:
        if isinstance(segment, Parameter) and segment.rest:
            return values if _take(segment, rest, values) else None
        text, _, rest = rest.partition("/")
        # Nothing between two slashes is not the same as something absent at the end.
        if text == "" and rest:
            return None
        if not _fit_segment(segment, text, values):
            return None
    return values if rest == "" else None


def _fit_segment(segment: Segment, text: str, values: dict[str, str]) -> bool:
    match segment:
        case Literal(literal):
            return literal.lower() == text.lower()
        case Parameter():
            return _take(segment, text, values)
        case Mixture(parts):
            found = re.fullmatch("".join(_pattern(part) for part in parts), text, re.IGNORECASE)
            captured = iter(found.groups() if found else ())
            return found is not None and all(
                _take(part, next(captured), values) for part in parts if isinstance(part, Parameter)
            )


def _pattern(part: Literal | Parameter) -> str:
    # Greedy groups read from the left give what ASP.NET Core finds from the right.
    return re.escape(part.text) if isinstance(part, Literal) else "(.+)"


def _take(parameter: Parameter, text: str, values: dict[str, str]) -> bool:
    """Note a parameter's value; an absent one has its default, or none if it may be absent."""
    if text == "":
        if parameter.default is not None:
            values[parameter.name] = parameter.default
        return parameter.optional or parameter.rest or parameter.default is not None
    values[parameter.name] = text
    return all(constraint.test(text) for constraint in parameter.constraints)


def _rank(segment: Segment) -> int:
    match segment:
        case Literal():
            return 1
        case Mixture():
            return 2
        case Parameter(rest=rest, constraints=constraints):
            return (5 if rest else 3) - bool(constraints)


def _outline(segment: Segment) -> object:
    match segment:
        case Literal(text):
            return text.lower()
        case Mixture(parts):
            return tuple(_outline(part) for part in parts)
        case Parameter():
            constraints = tuple(sorted(constraint.text for constraint in segment.constraints))
            return segment.rest, segment.optional or segment.default is not None, constraints
