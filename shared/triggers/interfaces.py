"""The description of the API, for tools and for custom connectors."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

from shared.bootstrap import Postern
from shared.triggers.http import Answer, Call, reply
from shared.triggers.openapi import describe
from shared.triggers.swagger import describe_for_connectors


async def openapi(_app: Postern, _call: Call) -> Answer:
    """The whole API as OpenAPI 3.1."""
    return reply(HTTPStatus.OK, describe())


async def swagger(_app: Postern, call: Call) -> Answer:
    """The whole API as Swagger 2.0, which names the host that was asked."""
    return reply(HTTPStatus.OK, describe_for_connectors(urlsplit(call.request.url).netloc))
