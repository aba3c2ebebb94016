"""Connections that can be cut: how an answer gets lost between a server that did the work and a client that waits.

It knows uvicorn's HTTP/1.1 protocol and hands its transport to the app in the scope's state. It refuses to know why an
answer shall get lost.
"""

import asyncio
from typing import override

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class LostAnswerError(Exception):
    """The request was carried out and its answer got lost, where there is no connection to cut."""


class Line(H11Protocol):
    """A connection whose transport the app can reach, and which does not linger at the end."""

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As uvicorn has it.
        """Note the transport for the requests to come."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)

    @override
    def shutdown(self) -> None:
        """End an idle connection at once: over TLS, a polite end would wait for clients that are not listening."""
        idle = getattr(self.cycle, "response_complete", True)
        super().shutdown()
        if idle:
            self.transport.abort()


class LostAnswer(Response):
    """Instead of answering, cuts the connection."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut, and wait until the server has noticed."""
        transport = scope.get("state", {}).get("transport")
        if transport is None:
            raise LostAnswerError
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            continue
