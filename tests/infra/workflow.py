"""A reader of workflow definitions, and a hand that fills in their expressions.

Knows the parts of the language that our workflows use: nested actions, `@{...}` in texts, and paths such as
`body('Ask')?['data']`. It evaluates no function: a test says what one gives.
Source: "Schema reference for the Workflow Definition Language in Azure Logic Apps".
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

type Json = dict[str, Any]

FOLDER: Final = Path(__file__).parents[2] / "infra" / "workflows"
_INSIDE: Final = re.compile(r"@\{([^{}]*)\}")
_STEP: Final = re.compile(r"\?\[(?:'(\w+)'|(\d+))\]")


@dataclass(frozen=True, slots=True)
class Action:
    """An action, those beside it, and the types of what it lies in."""

    name: str
    body: Json
    beside: Json
    within: tuple[str, ...]


def read(name: str = "approvals") -> Json:
    """A definition."""
    found: Json = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def actions(holder: Json, within: tuple[str, ...] = ()) -> Iterator[Action]:
    """Every action, however deep it lies."""
    for name, body in holder.get("actions", {}).items():
        yield Action(name, body, holder["actions"], within)
        yield from actions(body, (*within, body["type"]))
        yield from actions(body.get("else", {}), (*within, body["type"]))


def texts(part: object) -> Iterator[str]:
    """Every text in a part of a definition."""
    if isinstance(part, str):
        yield part
    for one in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from texts(one)


def expressions(part: object) -> Iterator[str]:
    """Every expression in a part of a definition."""
    for text in texts(part):
        yield from _INSIDE.findall(text)
        if text.startswith("@") and not text.startswith("@{"):
            yield text[1:]


def follow(expression: str, document: object) -> Any:  # noqa: ANN401 - any JSON.
    """What a path leads to from a document; None where it leads nowhere, as in the language."""
    here: Any = document
    for name, index in _STEP.findall(expression):
        here = here[int(index)] if index and isinstance(here, list) else here.get(name) if here else None
    return here


def fill(part: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON.
    """A part with each expression replaced by what it gives. Raises KeyError for one that nobody gave."""
    match part:
        case str() if part.startswith("@") and not part.startswith("@{"):
            return values[part[1:]]
        case str():
            return _INSIDE.sub(lambda found: values[found[1]], part)
        case dict():
            return {name: fill(one, values) for name, one in part.items()}
        case list():
            return [fill(one, values) for one in part]
    return part
