"""Tokens: for the app's identity, for people, for pipelines."""

from typing import Any

import jwt
import pytest

from tests.emulator.conftest import Box

TENANT = "22222222-2222-2222-2222-222222222222"


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


async def token_of(box: Box, **form: str) -> Any:  # noqa: ANN401  # JSON.
    return (await box.client.post(f"/{TENANT}/oauth2/v2.0/token", data=form)).json()


async def test_the_identity_endpoint_speaks_as_app_service_does(box: Box) -> None:
    url = "/msi/token?api-version=2019-08-01&resource=https://storage.azure.com"
    body = (await box.client.get(url, headers={"X-IDENTITY-HEADER": "box"})).json()
    found = claims(body["access_token"])
    assert (body["token_type"], body["resource"]) == ("Bearer", "https://storage.azure.com")
    assert ("https://storage.azure.com", f"https://sts.windows.net/{TENANT}/") == (found["aud"], found["iss"])
    assert int(body["expires_on"]) == found["exp"]


async def test_the_identity_endpoint_wants_its_header(box: Box) -> None:
    url = "/msi/token?api-version=2019-08-01&resource=https://storage.azure.com"
    assert (await box.client.get(url)).status_code == 401
    assert (await box.client.get("/msi/token", headers={"X-IDENTITY-HEADER": "box"})).status_code == 400


PEOPLE = [
    ("requestor", 1, ["Postern.Reader", "Postern.Requestor"]),
    ("approver", 2, ["Postern.Reader", "Postern.Approver"]),
    ("administrator", 3, ["Postern.Reader", "Postern.Administrator"]),
    ("auditor", 4, ["Postern.Reader", "Postern.Auditor"]),
    ("outsider", 5, []),
]


@pytest.mark.parametrize(("user", "number", "roles"), PEOPLE)
async def test_a_demo_account_has_its_roles(box: Box, user: str, number: int, roles: list[str]) -> None:
    body = await token_of(box, grant_type="password", username=user, scope="api://postern/.default")
    found = claims(body["access_token"])
    assert (f"00000000-0000-0000-0000-00000000000{number}", roles) == (found["oid"], found["roles"])
    assert ("api://postern", f"https://127.0.0.1:7443/{TENANT}/v2.0", TENANT) == (
        found["aud"],
        found["iss"],
        found["tid"],
    )
    assert found["iat"] + 3600 == found["exp"]


async def test_a_person_who_is_not_there_has_no_token(box: Box) -> None:
    body = await token_of(box, grant_type="password", username="nobody", scope="api://postern/.default")
    assert body["error"] == "invalid_grant"


async def test_people_have_no_token_for_arm(box: Box) -> None:
    body = await token_of(
        box, grant_type="password", username="requestor", scope="https://management.azure.com/.default"
    )
    assert body["error"] == "invalid_scope"


async def test_a_client_has_a_token_for_what_it_asks(box: Box) -> None:
    form = {"grant_type": "client_credentials", "client_id": "any", "scope": "https://management.azure.com//.default"}
    found = claims((await token_of(box, **form))["access_token"])
    assert (found["aud"], found["roles"]) == ("https://management.azure.com/", [])


async def test_tokens_verify_with_the_published_key(box: Box) -> None:
    discovery = (await box.client.get(f"/{TENANT}/v2.0/.well-known/openid-configuration")).json()
    keys = jwt.PyJWKSet.from_dict((await box.client.get(discovery["jwks_uri"])).json())
    body = await token_of(box, grant_type="password", username="requestor", scope="api://postern/.default")
    token = body["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    found = jwt.decode(token, key, ["RS256"], options, audience="api://postern", issuer=discovery["issuer"])
    assert found["name"] == "Rika Requestor"
