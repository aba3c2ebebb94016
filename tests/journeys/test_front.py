"""Nobody gets past the front without a good token; and without a front the app itself lets nobody in."""

import asyncio
import base64
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from emulator.box import PATIENCE, Box, Site
from emulator.ports import Ports
from tests.journeys.client import Json, Postern

PRINCIPAL = {
    "auth_typ": "aad",
    "name_typ": "name",
    "role_typ": "roles",
    "claims": [
        {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier",
         "val": "00000000-0000-0000-0000-000000000003"},
        *({"typ": "roles", "val": f"Postern.{role}"} for role in ("Reader", "Requestor", "Approver", "Administrator",
                                                                   "Auditor")),
    ],
}  # fmt: skip
FORGED = {
    "X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(PRINCIPAL).encode()).decode(),
    "X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-0000-0000-000000000003",
    "X-MS-CLIENT-PRINCIPAL-NAME": "administrator@postern.example",
    "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
}


FOR_EVERYBODY = {"api/health", "{ignored:maxlength(0)?}", "portal/{*path}"}


def unsigned() -> str:
    """A token that nobody signed, for everything."""
    parts = ({"alg": "none", "typ": "JWT"}, {"oid": "x", "aud": "api://postern", "roles": ["Postern.Administrator"]})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def code(answer: httpx.Response) -> str:
    """The code of an error, in the form of the path that was called."""
    document: Json = answer.json()
    return str(document["error"]["code"] if "error" in document else document["code"])


async def routes(box: Box) -> list[tuple[str, str]]:
    """Every method and path but those for everybody, as the host knows them, with something in each place."""
    functions = (await box.client.get(f"{box.site.postern}/admin/functions")).json()
    triggers: list[Json] = [b for f in functions for b in f["config"]["bindings"] if b["type"] == "httpTrigger"]
    found = [(method, f"/{re.sub(r'{[^{}]*}', 'x', trigger['route'])}") for trigger in triggers
             for method in trigger["methods"] if trigger["route"] not in FOR_EVERYBODY]  # fmt: skip
    assert len(found) >= 7
    return found


@pytest.fixture(scope="module")
async def bare_host(box: Box, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postern]:
    """The app in a second host, before which there is no App Service Authentication."""
    directory = tmp_path_factory.mktemp("bare")
    for name in ("cert.pem", "key.pem"):
        shutil.copy(Path(box.site.directory) / name, directory)
    shared, port = box.site.ports, Ports.find(start=box.site.ports.azurite + 11).postern
    ports = Ports(postern=port, emulator=shared.emulator, azurite=shared.azurite)
    second = Box(Site(ports, directory, machine=box.site.machine, settings={"WEBSITE_AUTH_ENABLED": "False"}))
    await second.host.start(PATIENCE)
    yield Postern(second)
    await second.stop()


@pytest.mark.parametrize("headers", [{}, FORGED, {name.lower(): value for name, value in FORGED.items()}],
                         ids=["nothing", "forged", "forged in lower case"])  # fmt: skip
async def test_nobody_gets_past_the_front_without_a_token(box: Box, headers: dict[str, str]) -> None:
    found = {(m, p): await Postern(box).send(m, p, None, headers=headers) for m, p in await routes(box)}
    assert dict.fromkeys(found, 401) == {route: answer.status_code for route, answer in found.items()}


@pytest.mark.parametrize("kind", ["garbage", "unsigned", "cut short", "for ARM"])
async def test_nobody_gets_past_the_front_with_a_token_that_is_wrong(box: Box, kind: str) -> None:
    good = await Postern(box).token("administrator")
    arm = await box.post(f"{box.site.emulator}/_box/token", {"audience": "https://management.azure.com"})
    tokens = {"garbage": "x.y.z", "unsigned": unsigned(), "cut short": good[:-9], "for ARM": arm.json()["access_token"]}
    found = [await Postern(box).send(m, p, tokens[kind], headers=FORGED) for m, p in await routes(box)]
    assert {401} == {answer.status_code for answer in found}


async def test_a_forged_principal_beside_a_good_token_is_not_believed(box: Box) -> None:
    await box.reset()
    answer = await Postern(box).call("outsider", "GET", "/api/grants", None, **FORGED)
    assert 403 == answer.status_code


async def test_all_who_call_a_host_that_has_just_started_at_once_are_known(box: Box) -> None:
    await box.restart_host()
    token = await Postern(box).token("requestor")
    # The first round only opens connections, so that those of the second arrive at the same moment.
    for path in ("/api/health", "/api/grants"):
        answers = await asyncio.gather(*(Postern(box).send("GET", path, token) for _ in range(8)))
    assert [200] * 8 == [answer.status_code for answer in answers]


async def test_the_portal_is_given_to_whoever_is_not_signed_in_yet(box: Box) -> None:
    for path, media in (("/", "text/html"), ("/portal/app.js", "text/javascript")):
        answer = await Postern(box).send("GET", path, None)
        assert (200, media) == (answer.status_code, answer.headers["content-type"].partition(";")[0])


async def test_health_asks_nobody_who_he_is(box: Box) -> None:
    answer = await Postern(box).send("GET", "/api/health", None)
    document = answer.json()
    assert {"closings", "events"} == set(document.pop("poison"))
    assert (200, {"status": "healthy", "problems": []}) == (answer.status_code, document)


async def test_without_authentication_in_front_the_app_believes_no_principal(box: Box, bare_host: Postern) -> None:
    found = [await bare_host.send(m, p, None, headers=FORGED) for m, p in await routes(box)]
    assert {(401, "unauthenticated"), (401, "AuthenticationFailed")} == {(a.status_code, code(a)) for a in found}


async def test_without_authentication_in_front_the_app_believes_no_token(box: Box, bare_host: Postern) -> None:
    token = await Postern(box).token("administrator")
    found = [await bare_host.send(m, p, token) for m, p in await routes(box)]
    assert {(401, "unauthenticated"), (401, "AuthenticationFailed")} == {(a.status_code, code(a)) for a in found}


async def test_without_authentication_in_front_health_says_that_every_call_is_refused(bare_host: Postern) -> None:
    answer = await bare_host.send("GET", "/api/health", None)
    assert (503, "unhealthy") == (answer.status_code, answer.json()["status"])
    assert "every call is refused" in answer.json()["problems"][0]
