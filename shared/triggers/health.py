"""Whether Postern is alive and ready."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func

from shared.bootstrap import Postern
from shared.settings import SettingsError
from shared.triggers.http import reply


def blueprint(app: Postern) -> func.Blueprint:
    """The functions of this module."""
    health = func.Blueprint()

    @health.function_name("health")
    @health.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    async def get(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the trigger's form.
        problems = _problems(app)
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return reply(status, {"status": "unhealthy" if problems else "healthy", "problems": problems})

    return health


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
