"""The headers in which App Service Authentication tells an app who calls.

Knows their names, the JSON in `X-MS-CLIENT-PRINCIPAL` and the claim types that Entra's short names are turned into.
Refuses to know how the claims were verified. Source: "Work with user identities in Azure App Service authentication".
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

FORBIDDEN = ("x-ms-client-principal", "x-ms-token-")
"""What the headers begin with that only the platform may set."""

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "oid": f"{_MICROSOFT}/objectidentifier",
        "tid": f"{_MICROSOFT}/tenantid",
        "scp": f"{_MICROSOFT}/scope",
        "idp": f"{_MICROSOFT}/identityprovider",
        "sub": f"{_CLAIMS}/nameidentifier",
        "email": f"{_CLAIMS}/emailaddress",
        "upn": f"{_CLAIMS}/upn",
        "given_name": f"{_CLAIMS}/givenname",
        "family_name": f"{_CLAIMS}/surname",
    }
)


def list_claims(claims: Mapping[str, Any]) -> list[dict[str, str]]:
    """Claims as App Service lists them: types renamed, a claim of several values repeated."""
    return [{"typ": _TYPES.get(name, name), "val": text} for name, value in claims.items() for text in _spread(value)]


def write(claims: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """The headers for a caller. An app's token has no user name, so that header is then missing."""
    principal = {
        "auth_typ": "aad",
        "claims": list_claims(claims),
        "name_typ": f"{_CLAIMS}/emailaddress",
        "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
    }
    headers = {
        "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
        "x-ms-client-principal-id": str(claims.get("oid") or claims.get("sub") or ""),
        "x-ms-client-principal-name": name(claims),
        "x-ms-client-principal-idp": "aad",
    }
    return [(key.encode(), value.encode()) for key, value in headers.items() if value]


def name(claims: Mapping[str, Any]) -> str:
    """The user's sign-in name, or nothing."""
    return str(claims.get("preferred_username") or claims.get("upn") or claims.get("email") or "")


def strip(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers without those that a caller has forged."""
    return [(key, value) for key, value in headers if not key.decode("latin-1").lower().startswith(FORBIDDEN)]


def _spread(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for one in value:
                yield from _spread(one)
        case _:
            yield json.dumps(value)
