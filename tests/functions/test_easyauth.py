"""Nobody passes without a valid token, and nobody brings a principal along."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from emulator.functions import principal
from emulator.functions.accounts import Accounts
from emulator.functions.easyauth import EasyAuth
from emulator.functions.settings import SignIn
from emulator.functions.tokens import Provider
from tests.functions.providers import AUDIENCE, ISSUER, OID, Issuer, make_key

SIGN_IN = SignIn(
    issuer=ISSUER,
    audience=AUDIENCE,
    excluded=frozenset({"/api/health", "/open/*"}),
    unauthenticated="RedirectToLoginPage",
    certificate=None,
)


async def tell_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """The app behind Easy Auth."""
    await JSONResponse(dict(Request(scope).headers))(scope, receive, send)


class Rig:
    """Easy Auth before an app, with a provider and a clock in the test's hands."""

    def __init__(self, issuer: Issuer, outside: httpx.AsyncClient) -> None:
        self.issuer, self.now = issuer, 100.0
        provider = Provider(SIGN_IN, outside, lambda: self.now)
        app = EasyAuth(tell_headers, Accounts(provider).app(), provider, SIGN_IN)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box")

    async def get(self, path: str = "/api/x", **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    async def bear(self, token: str) -> httpx.Response:
        return await self.get(authorization=f"Bearer {token}")


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def rig(issuer: Issuer) -> AsyncIterator[Rig]:
    issuer.away, issuer.fetched = False, 0
    async with issuer.client() as outside:
        rig = Rig(issuer, outside)
        yield rig
        await rig.client.aclose()


def sign_with_nothing(_: Issuer) -> str:
    return jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "exp": 9999999999, "nbf": 0}, "", "none", {"kid": "first"})


def sign_with_public_key(issuer: Issuer) -> str:
    """The trick of using the published key as a shared secret; made by hand, since the library refuses to."""
    public = issuer.keys["first"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"first","typ":"JWT"}').rstrip(b"=")
    body = issuer.sign().split(".")[1].encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(header + b"." + body, pem)
    return (header + b"." + body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.parametrize(
    "make",
    [
        lambda _: "",
        lambda _: "nonsense",
        lambda issuer: issuer.sign(exp=int(time.time()) - 10),
        lambda issuer: issuer.sign(nbf=int(time.time()) + 600),
        lambda issuer: issuer.sign(aud="https://management.azure.com"),
        lambda issuer: issuer.sign(aud=f"{AUDIENCE}/"),
        lambda issuer: issuer.sign(iss="https://login.example/other/v2.0"),
        lambda issuer: issuer.sign(key=make_key()),
        lambda issuer: issuer.sign()[:-8] + "AAAAAAAA",
        sign_with_nothing,
        sign_with_public_key,
    ],
)
async def test_a_token_that_is_not_valid_is_refused(rig: Rig, make: Callable[[Issuer], str]) -> None:
    answer = await rig.bear(make(rig.issuer))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_without_a_token_the_answer_is_401(rig: Rig) -> None:
    answer = await rig.get()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="box"'


async def test_a_browser_is_sent_to_the_sign_in_page_and_back(rig: Rig) -> None:
    answer = await rig.get("/?x=1", accept="text/html,*/*")
    assert answer.status_code == 302
    assert answer.headers["location"] == "/.auth/login/aad?post_login_redirect_uri=%2F%3Fx%3D1"


async def test_a_valid_token_becomes_a_principal(rig: Rig) -> None:
    headers = (await rig.bear(rig.issuer.sign())).json()
    assert headers["x-ms-client-principal-id"] == OID
    assert headers["x-ms-client-principal-name"] == "rika@example"
    assert headers["x-ms-client-principal-idp"] == "aad"
    told = json.loads(base64.b64decode(headers["x-ms-client-principal"]))
    assert told["auth_typ"] == "aad"
    assert [claim["val"] for claim in told["claims"] if claim["typ"] == "roles"] == ["Reader", "Requestor"]
    types = {claim["typ"]: claim["val"] for claim in told["claims"]}
    assert types["http://schemas.microsoft.com/identity/claims/objectidentifier"] == OID
    assert types["http://schemas.microsoft.com/identity/claims/tenantid"] == "tenant"


@pytest.mark.parametrize("name", ["X-MS-CLIENT-PRINCIPAL", "x-ms-client-principal-id", "X-Ms-Token-Aad-Id-Token"])
@pytest.mark.parametrize("path", ["/api/health", "/admin/host/status", "/open/x"])
async def test_a_forged_principal_never_arrives(rig: Rig, name: str, path: str) -> None:
    answer = await rig.client.get(path, headers={name: "forged"})
    assert answer.status_code == 200
    assert "forged" not in answer.text


async def test_a_forged_principal_does_not_outlive_a_valid_token(rig: Rig) -> None:
    headers = {"authorization": f"Bearer {rig.issuer.sign()}", "x-ms-client-principal-id": "forged"}
    assert (await rig.client.get("/api/x", headers=headers)).json()["x-ms-client-principal-id"] == OID


@pytest.mark.parametrize("path", ["/api/health/x", "/api/healthy", "/open", "/api", "/adminx"])
async def test_only_excluded_paths_are_open(rig: Rig, path: str) -> None:
    assert (await rig.get(path)).status_code == 401


async def test_a_cookie_signs_in_as_well_until_the_logout(rig: Rig) -> None:
    login = await rig.client.post("/.auth/local/login", json={"user": "requestor"})
    assert login.status_code == 204
    assert {"HttpOnly", "SameSite=lax"} <= set(login.headers["set-cookie"].split("; "))
    assert (await rig.get()).json()["x-ms-client-principal-id"] == OID
    assert (await rig.get("/.auth/logout")).status_code == 302
    assert (await rig.get()).status_code == 401


async def test_a_bad_cookie_is_no_entry(rig: Rig) -> None:
    assert (await rig.get(cookie="AppServiceAuthSession=x.y.z")).status_code == 401


async def test_a_bad_bearer_is_not_saved_by_a_good_cookie(rig: Rig) -> None:
    answer = await rig.get(authorization="Bearer x", cookie=f"AppServiceAuthSession={rig.issuer.sign()}")
    assert answer.status_code == 401


async def test_a_new_key_is_fetched_but_not_more_often_than_every_ten_seconds(rig: Rig) -> None:
    assert (await rig.bear(rig.issuer.sign())).status_code == 200
    rig.issuer.keys["second"] = make_key()
    assert (await rig.bear(rig.issuer.sign("second"))).status_code == 401
    rig.now += 10
    assert (await rig.bear(rig.issuer.sign("second"))).status_code == 200
    assert rig.issuer.fetched == 2


async def test_a_provider_that_is_away_is_503_and_asked_again(rig: Rig) -> None:
    rig.issuer.away = True
    assert (await rig.bear(rig.issuer.sign())).status_code == 503
    rig.issuer.away = False
    assert (await rig.bear(rig.issuer.sign())).status_code == 200


async def test_a_token_is_handed_out_for_a_demo_account(rig: Rig) -> None:
    answer = await rig.client.post("/.auth/local/token", json={"user": "requestor"})
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    assert (await rig.bear(answer.json()["access_token"])).status_code == 200


async def test_curl_may_call_json_a_form(rig: Rig) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await rig.client.post("/.auth/local/token", content='{"user": "requestor"}', headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("body", ['{"user": "nobody"}', "{}", "[]", "nonsense", '{"user": 1}'])
async def test_whoever_is_no_account_gets_a_problem(rig: Rig, body: str) -> None:
    answer = await rig.client.post("/.auth/local/token", content=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_me_tells_who_is_signed_in(rig: Rig) -> None:
    assert (await rig.get("/.auth/me")).status_code == 401
    (told,) = (await rig.get("/.auth/me", authorization=f"Bearer {rig.issuer.sign()}")).json()
    assert (told["provider_name"], told["user_id"]) == ("aad", "rika@example")
    assert {"typ": "name", "val": "Rika"} in told["user_claims"]


@pytest.mark.parametrize(
    ("back", "expected"),
    [("/x?y=1", "/x?y=1"), ("//evil.example", "/"), ("https://evil.example", "/"), (r"/\evil", "/")],
)
async def test_signing_in_by_form_leads_back_to_this_site_only(rig: Rig, back: str, expected: str) -> None:
    form = {"user": "requestor", "post_login_redirect_uri": back}
    answer = await rig.client.post("/.auth/local/login", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == expected


async def test_the_sign_in_page_offers_every_account(rig: Rig) -> None:
    page = (await rig.get("/.auth/login/aad?post_login_redirect_uri=/%22%3E")).text
    assert page.count("<button") == 5
    assert "&quot;&gt;" in page


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"roles": ["a", "b"]}, [("roles", "a"), ("roles", "b")]),
        ({"exp": 12}, [("exp", "12")]),
        ({"email_verified": True}, [("email_verified", "true")]),
        ({"roles": []}, []),
    ],
)
def test_claims_are_listed_as_text(claims: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert expected == [(claim["typ"], claim["val"]) for claim in principal.list_claims(claims)]


def test_an_app_has_no_name() -> None:
    assert "x-ms-client-principal-name" not in {key.decode() for key, _ in principal.write({"oid": OID})}
