"""What several lists read of the query string: values to choose, a text to look for, and where a page begins."""

from __future__ import annotations

import base64
import binascii
import json
from enum import StrEnum
from typing import Final

from shared.domain.issues import Invalid, Issue
from shared.domain.selecting import Place
from shared.triggers.http import Call

_LONGEST_TEXT: Final = 200


def chosen[T: StrEnum](call: Call, name: str, kind: type[T], issues: list[Issue]) -> frozenset[T]:
    """The values that a parameter lists; what is none of them becomes an issue."""
    named, known = parts(call, name), frozenset(map(str, kind))
    text = f"is none of {', '.join(kind)}."
    issues += [Issue("unknownValue", name, f"{one} {text}") for one in sorted(named - known)]
    return frozenset(map(kind, named & known))


def parts(call: Call, name: str) -> frozenset[str]:
    """What a parameter lists, separated by commas."""
    return frozenset(part.strip() for part in call.request.params.get(name, "").split(",") if part.strip())


def search_text(call: Call, issues: list[Issue]) -> str:
    """The text to look for, in lower case; one that is too long becomes an issue."""
    text = str(call.request.params.get("q", "")).strip().lower()
    if len(text) > _LONGEST_TEXT:
        issues.append(Issue("tooLong", "q", f"A search text has at most {_LONGEST_TEXT} characters."))
    return text


def write_place(place: Place) -> str:
    """The token of the page that begins behind a place."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


def read_place(call: Call, shape: tuple[type, ...]) -> Place | Invalid | None:
    """Behind which place the page begins; its parts are of these types."""
    token = call.request.params.get("pageToken")
    if token is None:
        return None
    try:
        place = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if isinstance(place, list) and tuple(map(type, place)) == shape:
            return tuple(place)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    return Invalid((Issue("invalidPageToken", "pageToken", "This is no page token of this list."),))
