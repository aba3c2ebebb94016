"""`POST /providers/Microsoft.ResourceGraph/resources`: what may be asked, and how the answer is paged.

It knows the request's and the answer's shape (the REST reference, "Resources - Resources", 2021-03-01) and the rules of
"Working with large Azure resource data sets": a page of 100 rows where nothing is said, of 1,000 at most, and further
pages only of rows that carry their `id`. It refuses to know KQL and DuckDB. Where Azure passes over subscriptions that
the caller cannot see, this refuses them: a slip in a test shall not look like an empty subscription.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from emulator.arm import errors, kinds
from emulator.arm.access import Need
from emulator.arm.cloud import Cloud
from emulator.arm.errors import Detail, Json
from emulator.arm.exchange import Answer, Call
from emulator.graph import language
from emulator.graph.shelf import Token
from emulator.graph.table import Column, Result, is_query_error

PAGE = 100
MOST = 1000
_INVALID = Detail(
    "InvalidQuery",
    "Query is invalid. Please refer to the documentation for the Azure Resource Graph service "
    "and fix the error before retrying.",
)
_KNOWN = ("subscriptions", "query", "options", "facets", "managementGroups")
_OPTIONS = ("$top", "$skip", "$skipToken", "resultFormat", "allowPartialScopes")
_TYPES: Mapping[str, str] = {
    "int": "integer",
    "long": "integer",
    "real": "number",
    "decimal": "number",
    "bool": "boolean",
    "datetime": "datetime",
    "dynamic": "object",
}


class RequestError(Exception):
    """A request that Resource Graph does not take; the code goes into the details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `top` and `skip` are None where nothing was said; `shown` are the subscriptions and types."""

    query: str
    subscriptions: tuple[str, ...]
    top: int | None = None
    skip: int | None = None
    token: Token | None = None
    format: str = "objectArray"
    shown: tuple[tuple[str, str], ...] = ()

    @property
    def question(self) -> str:
        """What a skip token belongs to: the same query, scopes and rights."""
        return json.dumps([self.query, sorted(self.shown)])


def answer(cloud: Cloud, call: Call) -> Answer:
    """The first page of a query's result, or a further one."""
    try:
        asked = _read(call.json(), tuple(cloud.store.subscriptions))
        asked = replace(asked, shown=tuple(_readable(cloud, call, asked)))
        return Answer(HTTPStatus.OK, _continue(cloud, asked) if asked.token else _begin(cloud, asked))
    except RequestError as error:
        raise errors.query_refused(cloud.new_id(), Detail(error.code, str(error))) from error
    except Exception as error:
        if not isinstance(error, language.LanguageError) and not is_query_error(error):
            raise
        raise errors.query_refused(cloud.new_id(), _INVALID, Detail("QueryFailure", str(error))) from error


def _readable(cloud: Cloud, call: Call, asked: Request) -> Iterator[tuple[str, str]]:
    """The types that the caller may read in each subscription: of others it sees nothing, and is told nothing.

    Those that the query names count as needed.
    """
    text = asked.query.lower()
    for subscription in asked.subscriptions:
        for kind in kinds.KINDS:
            need = Need(f"{kind.type}/read", f"/subscriptions/{subscription}")
            named = re.search(rf"{re.escape(kind.type.lower())}\b", text)
            ask = partial(cloud.access.allows, method=call.method) if named else cloud.access.holds
            if ask(call.principal, need):
                yield subscription, kind.type.lower()


def _read(body: Json, known: tuple[str, ...]) -> Request:
    if unknown := sorted({*body} - {*_KNOWN}):
        raise RequestError("InvalidRequest", f"Unknown: {', '.join(unknown)}.")
    if body.get("facets") or body.get("managementGroups"):
        raise RequestError("InvalidRequest", "This box has no facets and no management groups.")
    query, options = body.get("query"), body.get("options") or {}
    if not isinstance(query, str) or not query.strip():
        raise RequestError("InvalidRequest", "query is required.")
    if not isinstance(options, dict) or {*options} - {*_OPTIONS}:
        raise RequestError("InvalidRequest", f"options is an object with {', '.join(_OPTIONS)}.")
    if options.get("resultFormat", "objectArray") not in ("objectArray", "table"):
        raise RequestError("InvalidRequest", "resultFormat is objectArray or table.")
    return Request(
        query,
        _subscriptions(body.get("subscriptions"), known),
        _number(options, "$top", 1, MOST),
        _number(options, "$skip", 0, None),
        _token(options.get("$skipToken")),
        options.get("resultFormat", "objectArray"),
    )


def _subscriptions(given: object, known: tuple[str, ...]) -> tuple[str, ...]:
    """The subscriptions asked for; where none are named, all that the caller sees (language page, "Query scope")."""
    if not given:
        return known
    if not isinstance(given, list) or not all(_is_guid(one) for one in given):
        raise RequestError("InvalidSubscriptionId", "Subscription ids have to be valid GUIDs.")
    wanted = tuple(one.lower() for one in given)
    if strange := [one for one in wanted if one not in known]:
        message = f"There must be at least one subscription that is eligible to contain resources. Given: {strange}."
        raise RequestError("NoValidSubscriptionsInQueryRequest", message)
    return wanted


def _is_guid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _number(options: Json, name: str, least: int, most: int | None) -> int | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most and value > most):
        raise RequestError("InvalidRequest", f"{name} is a number from {least} to {most or 'any'}, not {value!r}.")
    return value


def _token(text: object) -> Token | None:
    if not text:
        return None
    try:
        return Token.read(str(text))
    except ValueError as error:
        raise RequestError("InvalidSkipToken", "The skip token is none that was given out.") from error


def _begin(cloud: Cloud, asked: Request) -> Json:
    """Run the query; keep its result where it is longer than a page and may be paged."""
    question = language.translate(asked.query)
    now = cloud.clock()
    result = cloud.index.table(now, cloud.latency.index).run(question.sql, asked.shown)
    top = asked.top or PAGE
    start = 0 if question.limited else asked.skip or 0
    pages = not question.limited and not question.first_page and any(one.name == "id" for one in result.columns)
    more = start + top < len(result.rows)
    number = cloud.index.shelf.keep(result, asked.question, now) if more and pages else None
    return _page(result, asked, Token(number or 0, start, top))


def _continue(cloud: Cloud, asked: Request) -> Json:
    """A slice of the result that the first page came from; `$top` and `$skip` override what the token says."""
    token = asked.token or Token(0, 0, 0)
    result = cloud.index.shelf.find(token.number, asked.question, cloud.clock())
    if result is None:
        message = "The skip token has expired, or belongs to another query or other subscriptions."
        raise RequestError("InvalidSkipToken", message)
    offset = token.offset if asked.skip is None else asked.skip
    return _page(result, asked, Token(token.number, offset, asked.top or token.top))


def _page(result: Result, asked: Request, at: Token) -> Json:
    """One page. The result counts as truncated where there is more and no token leads to it."""
    rows = result.page(at.offset, at.top)
    following = at.offset + at.top
    more = following < len(result.rows)
    token = {"$skipToken": Token(at.number, following, at.top).text()} if more and at.number else {}
    return {
        "totalRecords": len(result.rows),
        "count": len(rows),
        "data": _table(result.columns, rows) if asked.format == "table" else _objects(result.columns, rows),
        "facets": [],
        "resultTruncated": "true" if more and not token else "false",
        **token,
    }


def _objects(columns: tuple[Column, ...], rows: list[list[Any]]) -> list[Json]:
    names = [one.name for one in columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _table(columns: tuple[Column, ...], rows: list[list[Any]]) -> Json:
    return {"columns": [{"name": one.name, "type": _TYPES.get(one.kusto, "string")} for one in columns], "rows": rows}
