"""Inline constraints of routes: what `{id:int:min(1)}` lets through.

Knows the constraints of ASP.NET Core that Azure Functions documents ("Routing in ASP.NET Core", route constraint
reference), each as a test of one text. Refuses to know segments and routes.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

type Test = Callable[[str], bool]

_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_FLOAT = re.compile(r"\s*[+-]?([0-9][0-9,]*\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?\s*", re.ASCII | re.IGNORECASE)
_DASHED = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_GUID = re.compile(rf"{_DASHED}|\({_DASHED}\)|\{{{_DASHED}\}}|[0-9a-f]{{32}}", re.IGNORECASE)


class ConstraintError(ValueError):
    """A constraint that does not exist, or whose arguments cannot be read."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint as it was written, and what it tests."""

    text: str
    test: Test


def read(name: str, arguments: str | None) -> Constraint:
    """The constraint `name(arguments)`; raises ConstraintError."""
    maker = _MAKERS.get(name.lower())
    if maker is None:
        raise ConstraintError(f"there is no route constraint {name!r}")
    text = name.lower() if arguments is None else f"{name.lower()}({arguments})"
    try:
        return Constraint(text, maker(*_split(name, arguments)))
    except (TypeError, ValueError, re.error) as error:
        raise ConstraintError(f"route constraint {text!r} has the wrong arguments") from error


def _split(name: str, arguments: str | None) -> list[str]:
    if arguments is None:
        return []
    # A regular expression is one argument, commas and all.
    return [arguments] if name.lower() == "regex" else [part.strip() for part in arguments.split(",")]


def _whole(text: str, within: range) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) and int(text) in within else None


def _is_int() -> Test:
    return lambda text: _whole(text, _INT32) is not None


def _is_long() -> Test:
    return lambda text: _whole(text, _INT64) is not None


def _is_number() -> Test:
    return lambda text: bool(_FLOAT.fullmatch(text)) and math.isfinite(float(text.replace(",", "")))


def _is_bool() -> Test:
    return lambda text: text.strip().lower() in {"true", "false"}


def _is_guid() -> Test:
    return lambda text: bool(_GUID.fullmatch(text))


def _is_alpha() -> Test:
    return lambda text: bool(re.fullmatch(r"[a-z]*", text, re.IGNORECASE | re.ASCII))


def _is_required() -> Test:
    return lambda text: text != ""


def _has_length(least: str, most: str | None = None) -> Test:
    allowed = range(int(least), int(most or least) + 1)
    return lambda text: len(text) in allowed


def _has_minimum_length(least: str) -> Test:
    shortest = int(least)
    return lambda text: len(text) >= shortest


def _has_maximum_length(most: str) -> Test:
    longest = int(most)
    return lambda text: len(text) <= longest


def _is_between(least: str, most: str) -> Test:
    return _is_in(range(int(least), int(most) + 1))


def _is_at_least(least: str) -> Test:
    return _is_in(range(int(least), _INT64.stop))


def _is_at_most(most: str) -> Test:
    return _is_in(range(_INT64.start, int(most) + 1))


def _is_in(allowed: range) -> Test:
    return lambda text: _whole(text, allowed) is not None


def _matches(pattern: str) -> Test:
    expression = re.compile(pattern, re.IGNORECASE)
    return lambda text: bool(expression.search(text))


_MAKERS: Mapping[str, Callable[..., Test]] = MappingProxyType(
    {
        "int": _is_int,
        "long": _is_long,
        "float": _is_number,
        "double": _is_number,
        "decimal": _is_number,
        "bool": _is_bool,
        "guid": _is_guid,
        "alpha": _is_alpha,
        "required": _is_required,
        "length": _has_length,
        "minlength": _has_minimum_length,
        "maxlength": _has_maximum_length,
        "range": _is_between,
        "min": _is_at_least,
        "max": _is_at_most,
        "regex": _matches,
    }
)
