"""App Service's front end: what a request looks like once it has passed it.

Knows the headers it adds and how paths are read behind it. Refuses to know who calls. Source for the scheme:
"Configure a Linux Python app for Azure App Service", detect HTTPS session. That an address comes with its port, and
stands behind what the caller sent, is what deployed apps see rather than what a page says.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.functions.routes import decode

_SET_HERE = (b"x-forwarded-for", b"x-forwarded-proto", b"x-original-url", b"disguised-host")


class Front:
    """Stands before everything."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope["headers"])
        address, port = scope["client"]
        so_far = [value for key, value in scope["headers"] if key == b"x-forwarded-for"]
        scope["path"] = decode(scope["raw_path"])
        url = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        scope["headers"] = [
            *((key, value) for key, value in scope["headers"] if key not in _SET_HERE),
            (b"x-forwarded-for", b", ".join((*so_far, f"{address}:{port}".encode()))),
            (b"x-forwarded-proto", scope["scheme"].encode()),
            (b"x-original-url", url),
            (b"disguised-host", sent.get(b"host", b"")),
        ]
        await self._app(scope, receive, send)
