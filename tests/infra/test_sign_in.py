"""Authentication stands in front of everything but what the code means for everybody, and needs no secret."""

import re

from shared.triggers.endpoints import ENDPOINTS
from tests.infra.bicep import INFRA, read, table, texts
from tests.triggers.fresh import functions

SIGN_IN = read(INFRA / "modules/sign-in.bicep").resources["signIn"].properties
VALIDATION = table(SIGN_IN["globalValidation"])
ENTRA = table(table(SIGN_IN["identityProviders"])["azureActiveDirectory"])


def open_to_everybody() -> set[str]:
    """The paths of HTTP functions that are no endpoints of the API: those ask nobody who they are."""
    routes = {
        one.get_function_name(): binding["route"]
        for one in functions().values()
        for binding in one.get_bindings_dict()["bindings"]
        if binding["type"] == "httpTrigger"
    }
    ours = {one.name for one in ENDPOINTS}
    return {_path(route) for name, route in routes.items() if name not in ours}


def _path(route: str) -> str:
    return "/" + re.sub(r"\{\*\w+\}", "*", re.sub(r"\{[^*][^}]*\?\}", "", route))


def test_only_what_the_code_gives_to_everybody_is_excluded() -> None:
    assert open_to_everybody() == set(texts(VALIDATION["excludedPaths"]))


def test_everything_else_needs_a_sign_in_and_is_told_so_by_a_401() -> None:
    assert (True, "Return401") == (VALIDATION["requireAuthentication"], VALIDATION["unauthenticatedClientAction"])


def test_authentication_is_on_and_speaks_tls_only() -> None:
    assert (True, True) == (table(SIGN_IN["platform"])["enabled"], table(SIGN_IN["httpSettings"])["requireHttps"])


def test_the_identity_stands_in_for_a_secret() -> None:
    registration = table(ENTRA["registration"])
    assert "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID" == registration["clientSecretSettingName"]
    assert {"clientId", "clientSecretSettingName", "openIdIssuer"} == set(registration)


def test_there_is_one_way_to_sign_in() -> None:
    assert {"azureActiveDirectory"} == set(table(SIGN_IN["identityProviders"]))


def test_nothing_is_asked_that_needs_the_store_of_tokens_which_is_off() -> None:
    parts = (INFRA.parent / "shared/portal").rglob("*.js")
    used = {path for part in parts for path in re.findall(r"/\.auth/\w+", part.read_text("utf-8"))}
    assert {"/.auth/login", "/.auth/logout"} == used
    assert {"enabled": False} == table(SIGN_IN["login"])["tokenStore"]
