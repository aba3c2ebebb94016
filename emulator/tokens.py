"""The tokens of the box: signed by a key made at start, for the box's own tenant.

It knows how to sign and verify (RS256) and how Entra ID names issuers: `sts.windows.net` for resources of Azure, the
v2.0 address of the tenant for the app's own users. It refuses to know who may have a token.
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

TENANT = "22222222-2222-2222-2222-222222222222"
LIFETIME_SECONDS = 3600
ISSUER = f"https://sts.windows.net/{TENANT}/"
KEY_ID = "box"
_ALGORITHM = "RS256"
_BITS = 2048


class TokenError(Exception):
    """A token that the box did not sign, or that is over, or that names another audience."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and verifies. `now` gives epoch seconds."""

    key: rsa.RSAPrivateKey
    now: Callable[[], float] = time.time

    def sign(self, claims: Mapping[str, Any], *, audience: str, issuer: str = ISSUER) -> str:
        """A token for an audience, with the times, tenant and issuer filled in."""
        now = int(self.now())
        times = {"iat": now, "nbf": now - 60, "exp": now + LIFETIME_SECONDS}
        body = {"aud": audience, "iss": issuer, "tid": TENANT, **times, **claims}
        return jwt.encode(body, self.key, _ALGORITHM, {"kid": KEY_ID})

    def verify(self, token: str, *, audiences: tuple[str, ...]) -> dict[str, Any]:
        """The claims of a token that this signer made for one of these audiences."""
        try:
            return jwt.decode(
                token,
                self.key.public_key(),
                [_ALGORITHM],
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
                audience=audiences,
            ) | self._checked(token)
        except jwt.InvalidTokenError as error:
            raise TokenError(str(error)) from error

    def _checked(self, token: str) -> dict[str, Any]:
        """Times are judged by our own clock, so that a test can turn it."""
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        if not claims["nbf"] <= self.now() < claims["exp"]:
            raise jwt.ExpiredSignatureError("The token is not valid at this time.")
        return claims

    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set."""
        numbers = self.key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "kid": KEY_ID,
            "alg": _ALGORITHM,
            "n": _encode(numbers.n),
            "e": _encode(numbers.e),
        }
        return {"keys": [key]}


def make_key() -> rsa.RSAPrivateKey:
    """A fresh key; costs about a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_BITS)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """The public half, as tests and other verifiers read it."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _encode(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
