"""Entra ID and the managed-identity endpoint of the box.

It knows the demo accounts, which token each may have, and the three dialects in which clients ask: App Service's
identity endpoint (App Service page "Use managed identities", REST endpoint reference), OpenID Connect discovery, and
what the az CLI asks when it signs in. It refuses to check passwords: whoever can reach 127.0.0.1 may be anybody here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator import tokens
from emulator.environment import APP_OBJECT, OWNER_OBJECT
from emulator.tokens import LIFETIME_SECONDS, TENANT, Signer

APP_AUDIENCE = "api://postern"
OPERATOR = "operator"  # Whoever looks behind the app, or changes something behind its back.


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in: a person, or a pipeline's application."""

    id: str
    user: str
    name: str
    roles: tuple[str, ...] = ()

    @property
    def principal_name(self) -> str:
        """As in `preferred_username`."""
        return f"{self.user}@postern.example"


def _person(number: int, user: str, name: str, *roles: str) -> Account:
    return Account(f"00000000-0000-0000-0000-{number:012d}", user, name, tuple(f"Postern.{role}" for role in roles))


PEOPLE = (
    _person(1, "requestor", "Rika Requestor", "Reader", "Requestor"),
    _person(2, "approver", "Arthur Approver", "Reader", "Approver"),
    _person(3, "administrator", "Ada Administrator", "Reader", "Administrator"),
    _person(4, "auditor", "Otto Auditor", "Reader", "Auditor"),
    _person(5, "outsider", "Olga Outsider"),
)
# Applications with app roles: a pipeline that asks for access, and a Logic App that brings the answers of people.
# Every other client id is a stranger.
APPLICATIONS = (
    Account("00000000-0000-0000-0000-000000000101", "pipeline", "Pipeline", ("Postern.Reader", "Postern.Requestor")),
    Account("00000000-0000-0000-0000-000000000102", "relay", "Relay", ("Postern.Relay",)),
)


class IdentityError(Exception):
    """A token request that is refused, with OAuth's error code."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Identity:
    """Hands out tokens.

    `base` is the emulator's own address, `header` the secret that App Service shares with the app.
    """

    signer: Signer
    base: str
    header: str

    @property
    def issuer(self) -> str:
        """The tenant's v2.0 issuer, for tokens of the app's own users."""
        return f"{self.base}/{TENANT}/v2.0"

    def for_person(self, user: str) -> str:
        """A token of the app's audience for a demo account."""
        account = next((one for one in PEOPLE if user in (one.user, one.principal_name)), None)
        if account is None:
            raise IdentityError(
                "invalid_grant", f"There is no account {user!r}; there are {', '.join(one.user for one in PEOPLE)}."
            )
        claims = {
            "oid": account.id,
            "sub": account.id,
            "name": account.name,
            "preferred_username": account.principal_name,
            "roles": list(account.roles),
            "ver": "2.0",
        }
        return self.signer.sign(claims, audience=APP_AUDIENCE, issuer=self.issuer)

    def for_client(self, client: str, audience: str) -> str:
        """A token for an application: of the app's audience, or of one of Azure's."""
        stranger = Account(OWNER_OBJECT, client, client)
        account = next((one for one in APPLICATIONS if client == one.user), stranger)
        claims = {
            "oid": account.id,
            "sub": account.id,
            "appid": client,
            "azp": client,
            "idtyp": "app",
            "roles": list(account.roles),
        }
        issuer = self.issuer if audience == APP_AUDIENCE else tokens.ISSUER
        return self.signer.sign(claims, audience=audience, issuer=issuer)

    def for_app(self, audience: str) -> str:
        """A token for the app's own managed identity."""
        claims = {"oid": APP_OBJECT, "sub": APP_OBJECT, "appid": APP_OBJECT, "idtyp": "app"}
        return self.signer.sign(claims, audience=audience)

    def routes(self) -> list[Route]:
        """What this module answers over HTTP."""
        tenant = "/{tenant}"
        return [
            Route("/msi/token", self._managed),
            Route(f"{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
            Route(f"{tenant}/discovery/v2.0/keys", self._keys),
            Route(f"{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/metadata/endpoints", self._endpoints),
        ]

    async def _managed(self, request: Request) -> Response:
        resource = request.query_params.get("resource")
        if request.headers.get("x-identity-header") != self.header:
            return _refusal(HTTPStatus.UNAUTHORIZED, "unauthorized", "The X-IDENTITY-HEADER is not the app's.")
        if not resource or request.query_params.get("api-version") != "2019-08-01":
            return _refusal(
                HTTPStatus.BAD_REQUEST, "invalid_request", "resource and api-version=2019-08-01 are required."
            )
        expires = str(int(self.signer.now()) + LIFETIME_SECONDS)
        body = {
            "access_token": self.for_app(resource),
            "expires_on": expires,
            "resource": resource,
            "token_type": "Bearer",
        }
        return JSONResponse({**body, "client_id": APP_OBJECT})

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        try:
            token = self._grant(form)
        except IdentityError as error:
            return _refusal(HTTPStatus.BAD_REQUEST, error.code, error.description)
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": form.get("scope", ""),
        }
        return JSONResponse({**body, "ext_expires_in": LIFETIME_SECONDS})

    def _grant(self, form: Mapping[str, str]) -> str:
        audience = _audience(form)
        match form.get("grant_type"):
            case "password" if audience == APP_AUDIENCE:
                return self.for_person(form.get("username", ""))
            case "client_credentials":
                return self.for_client(form.get("client_id", ""), audience)
            case "password":
                raise IdentityError("invalid_scope", f"People sign in to {APP_AUDIENCE} only, not to {audience}.")
            case other:
                raise IdentityError("unsupported_grant_type", f"The grant type {other!r} is not supported.")

    async def _discovery(self, _request: Request) -> Response:
        authority = f"{self.base}/{TENANT}"
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{authority}/oauth2/v2.0/logout",
                "jwks_uri": f"{authority}/discovery/v2.0/keys",
                "response_types_supported": ["token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "profile"],
                "grant_types_supported": ["password", "client_credentials"],
            }
        )

    async def _keys(self, _request: Request) -> Response:
        return JSONResponse(self.signer.keys())

    async def _endpoints(self, _request: Request) -> Response:
        """The cloud's endpoints as the az CLI reads them: an object, a list breaks it."""
        login: dict[str, Any] = {
            "loginEndpoint": self.base,
            "audiences": ["https://management.azure.com/"],
            "tenant": TENANT,
        }
        login["identityProvider"] = "AAD"
        body = {"name": "Box", "authentication": login, "resourceManager": f"{self.base}/", "graph": f"{self.base}/"}
        body |= {"portal": self.base, "suffixes": {}, "logAnalyticsResourceId": self.base}
        return JSONResponse(body)


def _audience(form: Mapping[str, str]) -> str:
    """The audience that a scope (v2.0) or a resource (v1.0) asks for."""
    scopes = form.get("scope", form.get("resource", "")).split()
    wanted = next((one for one in scopes if one not in ("openid", "profile", "offline_access")), "")
    if not wanted:
        raise IdentityError("invalid_scope", "scope is missing.")
    return wanted.removesuffix("/.default").removesuffix("/user_impersonation")


def _refusal(status: HTTPStatus, code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)
