"""The portal: a page and its parts, as they lie in `shared/portal`.

They hold no secret and are given to everybody: who is signed in shows by what the API answers. The page loads nothing
from elsewhere and runs no script that does not stand in a file here; browsers are told to hold it to that.

Source: "Content Security Policy Level 3"; RFC 9110, conditional requests.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Final

import azure.functions as func

_FOLDER: Final = Path(__file__).parents[1] / "portal"
_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SOURCES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_GUARDS: Final = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _SOURCES.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Vary": "Accept-Encoding",
    # Kept, but asked about each time: a deployment shows at once, and what has not changed is not sent again.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the portal, ready to be sent."""

    media: str
    etag: str
    body: bytes
    packed: bytes


def blueprint() -> func.Blueprint:
    """The functions of this module."""
    portal = func.Blueprint()

    @portal.function_name("portal")
    @portal.route("{ignored:maxlength(0)?}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def page(req: func.HttpRequest) -> func.HttpResponse:
        return answer(req, "index.html")

    @portal.function_name("portalParts")
    @portal.route("portal/{*path}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def parts(req: func.HttpRequest) -> func.HttpResponse:
        return answer(req, str(req.route_params.get("path", "")))

    return portal


def answer(req: func.HttpRequest, name: str) -> func.HttpResponse:
    """A part by its name; 304 where the browser has it, 404 where there is none."""
    part = parts().get(name)
    if part is None:
        return func.HttpResponse("There is no such page.", status_code=HTTPStatus.NOT_FOUND, headers=_GUARDS)
    headers = {**_GUARDS, "ETag": part.etag, "Content-Type": part.media}
    if part.etag in [one.strip().removeprefix("W/") for one in req.headers.get("if-none-match", "").split(",")]:
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if "gzip" in req.headers.get("accept-encoding", ""):
        return func.HttpResponse(part.packed, headers={**headers, "Content-Encoding": "gzip"})
    return func.HttpResponse(part.body, headers=headers)


@cache
def parts() -> dict[str, Part]:
    """Every part by its name; nothing outside the folder has one."""
    files = (one for one in sorted(_FOLDER.rglob("*")) if one.suffix in _MEDIA)
    return {one.relative_to(_FOLDER).as_posix(): _read(one) for one in files}


def _read(file: Path) -> Part:
    body = file.read_bytes()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Part(_MEDIA[file.suffix], etag, body, gzip.compress(body, mtime=0))
