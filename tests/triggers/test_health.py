"""Health and refusals of the app alone, without any Azure: what it can tell it tells without calling anybody."""

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

import azure.functions as func
import pytest

from shared.settings import NAMES
from tests.triggers.fresh import functions

type Ask = Callable[[dict[str, str], str], Awaitable[tuple[int, dict[str, Any]]]]

TRUSTED: Final = {"WEBSITE_AUTH_ENABLED": "True", "POSTERN_TRUST_EASY_AUTH": "true"}
GOOD: Final = {
    **TRUSTED,
    "POSTERN_SUBSCRIPTIONS": "11111111-1111-1111-1111-111111111111",
    "AzureWebJobsStorage__tableServiceUri": "https://x.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://x.queue.core.windows.net",
}


def over_http() -> dict[str, Any]:
    """The app's HTTP functions by name."""
    return {name: one.get_user_function() for name, one in functions().items() if one.is_http_function()}


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Calls one function with a bare request in a given environment: the status and document of its answer."""

    async def call(environ: dict[str, str], name: str) -> tuple[int, dict[str, Any]]:
        for setting in NAMES:
            monkeypatch.delenv(setting, raising=False)
        for setting, value in environ.items():
            monkeypatch.setenv(setting, value)
        response = await over_http()[name](func.HttpRequest("GET", "/", body=b""))
        return response.status_code, json.loads(response.get_body())

    return call


async def test_an_app_with_good_settings_is_healthy(ask: Ask) -> None:
    unknown = {"closings": None, "events": None}
    assert (200, {"status": "healthy", "problems": [], "poison": unknown}) == await ask(GOOD, "health")


async def test_an_app_without_settings_says_everything_that_is_wrong(ask: Ask) -> None:
    status, document = await ask({}, "health")
    text = " ".join(document["problems"])
    assert (503, "unhealthy", 2) == (status, document["status"], len(document["problems"]))
    assert [True] * 3 == [name in text for name in ("Authentication", "POSTERN_SUBSCRIPTIONS", "tableServiceUri")]


@pytest.mark.parametrize("name", TRUSTED)
async def test_an_app_that_trusts_nobody_is_not_healthy(ask: Ask, name: str) -> None:
    status, document = await ask({**GOOD, name: "False"}, "health")
    assert (503, 1) == (status, len(document["problems"]))


async def test_an_app_with_wrong_settings_still_answers(ask: Ask) -> None:
    status, document = await ask({**GOOD, "POSTERN_SUBSCRIPTIONS": "mine"}, "health")
    assert (503, True) == (status, "POSTERN_SUBSCRIPTIONS" in document["problems"][0])


async def test_every_other_function_refuses_a_call_without_an_identity(ask: Ask) -> None:
    names = set(over_http()) - {"health", "portal", "portalParts"}  # These hold nothing of anybody's.
    answers = {name: await ask(GOOD, name) for name in names}
    assert {401} == {status for status, _ in answers.values()}
    # The paths of Azure tell it in Azure's form.
    told = {document["error"]["code"] if "error" in document else document["code"] for _, document in answers.values()}
    assert {"unauthenticated", "AuthenticationFailed"} == told


def test_the_worker_can_bind_every_function() -> None:
    """It binds by the function's own parameters."""
    parameters = {tuple(inspect.signature(handler).parameters) for handler in over_http().values()}
    assert {("req",)} == parameters
