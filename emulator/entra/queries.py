"""Lists: `$filter`, `$select`, `$top` and pages. Source: "Use query parameters to customize Microsoft Graph queries".

A page holds fewer than was asked for, as Graph may at any time, so that whoever does not follow the next link fails.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from emulator.entra import errors
from emulator.entra.errors import Json

PAGE = 3
MOST = 999
_EQUALS = re.compile(r"(\w+) eq '((?:[^']|'')*)'")
_OPTIONS = {"$filter", "$select", "$top", "$skiptoken"}


def answer(rows: Iterable[Json], query: Mapping[str, str], address: str, filters: tuple[str, ...]) -> Json:
    """One page of a list; raises GraphError. `address` is the list's own, `filters` what can be filtered by."""
    _check(query, _OPTIONS)
    wanted = _condition(query.get("$filter", ""), filters)
    found = [one for one in rows if wanted is None or _text(one.get(wanted[0])) == wanted[1]]
    start = int(query.get("$skiptoken", "0"))
    top = query.get("$top", str(MOST))
    if not top.isdecimal() or not 0 < int(top) <= MOST:
        raise errors.bad(f"Invalid page size specified: '{top}'. Must be between 1 and {MOST} inclusive.")
    end = start + min(PAGE, int(top))
    following = {"@odata.nextLink": f"{address}?{urlencode({**query, '$skiptoken': end})}"} if end < len(found) else {}
    return {**following, "value": [_select(one, query) for one in found[start:end]]}


def one(row: Json, query: Mapping[str, str]) -> Json:
    """One object; raises GraphError."""
    _check(query, {"$select"})
    return _select(row, query)


def _check(query: Mapping[str, str], known: set[str]) -> None:
    if odd := set(query) - known:
        raise errors.unsupported(min(odd))


def _condition(text: str, filters: tuple[str, ...]) -> tuple[str, str] | None:
    """The property and the text that it has to be; None for no filter."""
    if not text:
        return None
    found = _EQUALS.fullmatch(text)
    if not found or found[1] not in filters:
        raise errors.unsupported(text)
    return found[1], _text(found[2].replace("''", "'"))


def _text(value: object) -> str:
    """Text is compared without regard to case, as Graph does."""
    return str(value or "").lower()


def _select(row: Json, query: Mapping[str, str]) -> Json:
    names = query.get("$select", "").split(",")
    return {name: row.get(name) for name in names} if names != [""] else dict(row)
