"""From JSON to a document's model, with everything that is wrong at once.

Pydantic says what is wrong with each field; checks across fields look at the raw JSON, so that they speak even
where a field is wrong. Codes are ours and stable, whatever Pydantic calls its errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.domain.issues import Invalid, Issue

_CODES: Final = {
    "missing": "required",
    "extra_forbidden": "unknownField",
    "too_short": "tooFew",
    "too_long": "tooMany",
    "string_too_long": "tooLong",
    "string_pattern_mismatch": "invalidId",
    "greater_than_equal": "outOfRange",
    "less_than_equal": "outOfRange",
    "enum": "unknownValue",
    "literal_error": "unknownValue",
}
_MESSAGES: Final = {"required": "This field is required.", "unknownField": "There is no field of this name here."}


PREFIX_FIELDS: Final = ("allowedSourceAddressPrefix", "allowedSourceAddressPrefixes")


class Document(BaseModel):
    """The base of what callers send: camel case, nothing unknown, nothing coerced."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=False,
        validate_default=False,
    )


type Check = Callable[[Mapping[str, Any]], Iterable[Issue]]


def read[D: Document](model: type[D], body: bytes, check: Check, names: Mapping[str, str] | None = None) -> D | Invalid:
    """Read a document, or tell everything that is wrong with it; `check` looks across the fields of the raw JSON.

    With `names`, the right spelling by the lower case, fields may be named in any case.
    """
    spelling = names or {}

    def take(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return _once([(spelling.get(name.lower(), name), value) for name, value in pairs])

    try:
        raw = json.loads(body, object_pairs_hook=take)
        json.dumps(raw, ensure_ascii=False).encode()  # Refuses half characters, which nothing later could write.
    except (ValueError, RecursionError) as error:
        return Invalid((Issue("malformedJson", "", f"The body is not JSON: {error}"),))
    if not isinstance(raw, dict):
        return Invalid((Issue("wrongType", "", "The body is a JSON object."),))
    across = tuple(check(raw))
    try:
        document = model.model_validate(raw)
    except ValidationError as error:
        lines = error.errors(include_url=False, include_context=False)
        return Invalid((*(_issue(line) for line in lines), *across))
    return Invalid(across) if across else document


def objects(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects in a list of the raw JSON, each with its path; whatever is not an object is passed over."""
    items = document.get(name)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield f"{name}[{index}]", item


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are given once; JSON leaves it open which of two would count."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} is given twice")
    return found


def _issue(line: Mapping[str, Any]) -> Issue:
    kind = str(line["type"])
    # Our own codes are in camel case, Pydantic's have underscores or are single words of its own.
    code = _CODES.get(kind) or ("wrongType" if kind.endswith(("_type", "_parsing")) else to_camel(kind))
    return Issue(code, path_of(line["loc"]), _MESSAGES.get(code) or str(line["msg"]))


def path_of(location: tuple[int | str, ...]) -> str:
    """A place in a document, as a person would write it: `ports[0].number`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def exactly_one(document: Mapping[str, Any], path: str, *names: str) -> Iterator[Issue]:
    """Exactly one of several fields has to be given."""
    given = [name for name in names if document.get(name) is not None]
    if len(given) != 1:
        place = f"{path}.{names[0]}".removeprefix(".")
        yield Issue("exactlyOne", place, f"Give exactly one of {' and '.join(names)}.")


def at_most_one(document: Mapping[str, Any], path: str, *names: str) -> Iterator[Issue]:
    """At most one of several fields may be given."""
    if sum(document.get(name) is not None for name in names) > 1:
        yield Issue("atMostOne", f"{path}.{names[0]}".removeprefix("."), f"Give only one of {' and '.join(names)}.")
