"""Tokens of the OpenID provider: verified, and fetched for demo accounts.

Knows the provider's published configuration and keys, and what makes an access token valid: RS256, a published key,
issuer, audience, time. Refuses to know HTTP requests and what a caller may do. Sources: "Microsoft identity platform
access tokens", validation; OpenID Connect Discovery 1.0.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt

from emulator.functions.settings import SignIn

_REFETCH_AFTER = 10.0
"""Seconds that an unknown key must wait before the keys are fetched again."""

type Claims = Mapping[str, Any]


class TokenError(Exception):
    """The token is not valid; says why."""


class ProviderError(Exception):
    """The provider cannot be asked, or its answer is of no use."""


class AccountError(Exception):
    """The provider knows no such account."""


class Provider:
    """One OpenID provider. `clock` counts seconds and never runs backwards."""

    def __init__(self, sign_in: SignIn, client: httpx.AsyncClient, clock: Callable[[], float]) -> None:
        self._sign_in, self._client, self._clock = sign_in, client, clock
        self._configuration: Mapping[str, Any] = {}
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    async def verify(self, token: str) -> Claims:
        """The claims of a valid access token; raises TokenError or ProviderError."""
        key = await self._find_key(token)
        try:
            claims: Claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._sign_in.audience,
                issuer=self._sign_in.issuer,
                options={"require": ["exp", "nbf", "iss", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise TokenError(str(error)) from error
        return claims

    async def fetch(self, user: str) -> Mapping[str, Any]:
        """The token endpoint's answer for a demo account; raises AccountError or ProviderError."""
        form = {
            "grant_type": "password",
            "client_id": self._sign_in.audience,
            "username": user,
            "scope": f"{self._sign_in.audience}/.default",
        }
        try:
            endpoint = (await self._configure())["token_endpoint"]
            answer = await self._client.post(endpoint, data=form)
        except (httpx.HTTPError, KeyError) as error:
            raise ProviderError(f"no token from {self._sign_in.issuer}: {error!r}") from error
        if answer.is_client_error:
            raise AccountError(f"there is no account {user!r}")
        return _read(answer)

    async def _find_key(self, token: str) -> jwt.PyJWK:
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError as error:
            raise TokenError(str(error)) from error
        # Checked before a key is looked for, so that "none" and HMAC never reach the library's choice.
        if header.get("alg") != "RS256":
            raise TokenError(f"the algorithm is {header.get('alg')!r}, not RS256")
        name = str(header.get("kid"))
        if name not in self._keys:
            # Whoever comes while the keys are on their way waits for them, and does not fetch them again.
            async with self._fetching:
                if name not in self._keys and self._clock() - self._fetched >= _REFETCH_AFTER:
                    await self._fetch_keys()
        if name not in self._keys:
            raise TokenError(f"there is no key {name!r}")
        return self._keys[name]

    async def _fetch_keys(self) -> None:
        self._fetched = self._clock()
        try:
            address = (await self._configure())["jwks_uri"]
            document = _read(await self._client.get(address))
            keys = jwt.PyJWKSet.from_dict(dict(document)).keys
        except (httpx.HTTPError, KeyError, jwt.PyJWTError) as error:
            # Not having asked in vain, but the answer, is what the next ten seconds rest on.
            self._fetched = float("-inf")
            raise ProviderError(f"no keys from {self._sign_in.issuer}: {error!r}") from error
        self._keys = {key.key_id: key for key in keys if key.key_id}

    async def _configure(self) -> Mapping[str, Any]:
        if not self._configuration:
            issuer = self._sign_in.issuer
            document = _read(await self._client.get(f"{issuer}/.well-known/openid-configuration"))
            if document.get("issuer") != issuer:
                raise ProviderError(f"{issuer} says it is {document.get('issuer')!r}")
            self._configuration = document
        return self._configuration


def _read(answer: httpx.Response) -> Mapping[str, Any]:
    """The JSON object of a good answer; raises ProviderError."""
    if not answer.is_success:
        raise ProviderError(f"{answer.url} answered {answer.status_code}")
    try:
        document = answer.json()
    except ValueError as error:
        raise ProviderError(f"{answer.url} did not answer with JSON") from error
    if not isinstance(document, dict):
        raise ProviderError(f"{answer.url} did not answer with an object")
    return document
