"""An OpenID provider small enough for tests: it signs what it is told to, and answers as a program behind httpx."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://login.example/tenant/v2.0"
AUDIENCE = "api://postern"
OID = "00000000-0000-0000-0000-000000000001"


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """Keys by name, and how often they were fetched."""

    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=lambda: {"first": make_key()})
    fetched: int = 0
    away: bool = False

    def sign(self, name: str = "first", key: rsa.RSAPrivateKey | None = None, **claims: Any) -> str:  # noqa: ANN401 - A claim may be anything.
        now = int(time.time())
        times = {"iat": now, "nbf": now - 60, "exp": now + 3600}
        standard = {"iss": ISSUER, "aud": AUDIENCE, "oid": OID, "tid": "tenant", "preferred_username": "rika@example"}
        body = {**standard, **times, "name": "Rika", "roles": ["Reader", "Requestor"], **claims}
        return jwt.encode(body, key or self.keys[name], "RS256", {"kid": name})

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("nobody there")
        match request.url.path.rpartition("/")[2]:
            case "openid-configuration":
                base = ISSUER.removesuffix("/v2.0")
                document = {"issuer": ISSUER, "jwks_uri": f"{base}/keys", "token_endpoint": f"{base}/token"}
                return httpx.Response(200, json=document)
            case "keys":
                self.fetched += 1
                return httpx.Response(200, json={"keys": [self._publish(name) for name in self.keys]})
            case _:
                return self._give_token(parse_qs(request.content.decode()))

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    def _publish(self, name: str) -> dict[str, Any]:
        return {**json.loads(RSAAlgorithm.to_jwk(self.keys[name].public_key())), "kid": name, "use": "sig"}

    def _give_token(self, form: dict[str, list[str]]) -> httpx.Response:
        if form["username"] != ["requestor"] or form["scope"] != [f"{AUDIENCE}/.default"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        return httpx.Response(200, json={"access_token": self.sign(), "token_type": "Bearer", "expires_in": 3600})
