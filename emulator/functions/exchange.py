"""One HTTP request on its way into a function, and the response on its way out.

Knows what the Functions host does to a request before the worker sees it: header names in lower case, several values of
one name joined by a comma, empty query values dropped, a body only where Content-Length says there is one. Refuses to
know sockets, routes and callers. Source: the host's `GrpcMessageConversionExtensions`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, quote


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as a function gets it. `url` is complete; `params` are the values of the route."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response as a function gave it. Headers are pairs, since cookies come several at a time."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name. Bytes are UTF-8, as Kestrel reads them, else Latin-1."""
    return _join((name.decode("latin-1").lower(), _decode(value)) for name, value in pairs)


def read_query(text: str) -> dict[str, str]:
    """Query values by name; a name in two spellings is one name, as ASP.NET Core has it."""
    spelling: dict[str, str] = {}
    pairs = parse_qsl(text, keep_blank_values=True)
    joined = _join((spelling.setdefault(name.lower(), name), value) for name, value in pairs)
    return {name: value for name, value in joined.items() if value}


def write_request(request: Request, messages: SimpleNamespace) -> object:
    """The worker's message for a request."""
    http = messages.RpcHttp(
        method=request.method,
        url=request.url,
        headers=request.headers,
        query=request.query,
        params=request.params,
    )
    if request.body:
        http.body.bytes = request.body
    return http


def read_response(value: Any) -> Response:  # noqa: ANN401 - The messages' classes are made at run time.
    """The response in what a function returned; text alone is a 200 of `text/plain`."""
    if value.WhichOneof("data") != "http":
        body = _read_body(value)
        return Response(200, (("content-type", "text/plain; charset=utf-8"),), body)
    http = value.http
    # The length is the host's to say: it counts what it really sends.
    headers = [(name.lower(), text) for name, text in http.headers.items() if name.lower() != "content-length"]
    cookies = [("set-cookie", _write_cookie(cookie)) for cookie in http.cookies]
    return Response(int(http.status_code), (*headers, *cookies), _read_body(http.body))


def _read_body(value: Any) -> bytes:  # noqa: ANN401 - As above.
    kind = value.WhichOneof("data")
    body = getattr(value, kind) if kind else b""
    return body if isinstance(body, bytes) else str(body).encode()


def _write_cookie(cookie: Any) -> str:  # noqa: ANN401 - As above.
    """A Set-Cookie value in the spelling of ASP.NET Core, which escapes the value and defaults the path to "/"."""
    parts = [f"{quote(cookie.name, safe='')}={quote(cookie.value, safe='')}"]
    if cookie.HasField("expires"):
        expires = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={format_datetime(expires, usegmt=True)}")
    if cookie.HasField("max_age"):
        parts.append(f"max-age={int(cookie.max_age.value)}")
    if cookie.domain.value:
        parts.append(f"domain={cookie.domain.value}")
    parts.append(f"path={cookie.path.value or '/'}")
    if cookie.secure.value:
        parts.append("secure")
    same_site = cookie.SameSite.Name(cookie.same_site)
    if same_site != "None":
        parts.append(f"samesite={same_site.removeprefix('Explicit').lower()}")
    if cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)


def _join(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _decode(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
