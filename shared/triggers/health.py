"""Whether Postern is alive and ready."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from importlib import import_module
from typing import Final

import azure.functions as func

from shared.bootstrap import CLOSINGS, EVENTS, Postern
from shared.settings import SettingsError
from shared.triggers.http import reply

_FRESH_FOR: Final = 10  # seconds
_PATIENCE: Final = 20  # seconds
_UNKNOWN: Final[Mapping[str, int | None]] = {CLOSINGS: None, EVENTS: None}


def blueprint(app: Postern) -> func.Blueprint:
    """The functions of this module."""
    health = func.Blueprint()
    lookout = Lookout(app)

    @health.function_name("health")
    @health.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def get(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger's form.
        problems = _problems(app)
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        document = {"status": "unhealthy" if problems else "healthy", "problems": problems}
        return reply(status, {**document, "poison": dict(_UNKNOWN if problems else lookout.seen())})

    return health


class Lookout:
    """How many messages nobody could deal with, as of the last look.

    Anybody may ask for the health, so asking never waits for a look, and many who ask cause one look.
    """

    def __init__(self, app: Postern) -> None:
        self._app = app
        self._seen: Mapping[str, int | None] = _UNKNOWN
        self._looking: asyncio.Task[None] | None = None

    def seen(self) -> Mapping[str, int | None]:
        """What was last seen, by queue; None where nobody has looked yet or nothing could be seen."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return self._seen

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                # Loading takes a while, and whoever asked is to have the answer first.
                await asyncio.to_thread(import_module, "azure.storage.queue.aio")
                self._seen = await self._app.poison()
        except Exception:  # noqa: BLE001 - that nothing can be seen is what is told.
            self._seen = _UNKNOWN
        await asyncio.sleep(_FRESH_FOR)


def _problems(app: Postern) -> list[str]:
    """What keeps it from working, as far as that can be told without calling anybody."""
    problems = (
        [] if app.trusts_easy_auth else ["App Service Authentication is not on and trusted: every call is refused."]
    )
    try:
        app.check()
    except SettingsError as error:
        problems.append(str(error))
    return problems
