"""Federated identity credentials: whose tokens an application accepts instead of a secret.

Source: the pages of the resource type federatedIdentityCredential and of its calls.
"""

import re
from typing import Any

from emulator.entra import errors
from emulator.entra.directory import Scene
from emulator.entra.errors import Json

MOST = 20
_LONGEST = 600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}")
_REQUIRED = ("issuer", "subject", "audiences")
_KNOWN = {"name", "description", *_REQUIRED}


def create(scene: Scene, application: str, body: Json) -> Json:
    """Trust somebody; raises GraphError. `application` is an object id."""
    standing = scene.now.credentials.setdefault(application, [])
    if any(one["name"] == body.get("name") for one in standing):
        raise errors.credential_exists(str(body.get("name")))
    if len(standing) >= MOST:
        raise errors.bad(f"An application has at most {MOST} federated identity credentials.")
    if missing := [name for name in ("name", *_REQUIRED) if not body.get(name)]:
        raise errors.bad(f"A value is required for property '{missing[0]}' of resource 'FederatedIdentityCredential'.")
    made: Json = {"id": scene.new_id(), "description": None}
    standing.append(made)
    _put(standing, made, body)
    return made


def change(scene: Scene, application: str, seen: Json, body: Json) -> None:
    """Change what is in the body; the name stays."""
    if body.get("name", seen["name"]) != seen["name"]:
        raise errors.bad("Property 'name' is read-only and cannot be set.")
    standing = scene.now.credentials[application]
    _put(standing, next(one for one in standing if one["id"] == seen["id"]), body)


def _put(standing: list[Json], credential: Json, body: Json) -> None:
    for name, value in body.items():
        if name not in _KNOWN or not _is_right(name, value):
            message = f"Invalid value specified for property '{name}' of resource 'FederatedIdentityCredential'."
            raise errors.bad(message, "InvalidFederatedIdentityCredentialValue")
    credential.update(body)
    pair = (credential["issuer"], credential["subject"])
    if [(one["issuer"], one["subject"]) for one in standing].count(pair) > 1:
        raise errors.pair_exists(*pair)


def _is_right(name: str, value: Any) -> bool:  # noqa: ANN401  # JSON.
    match name:
        case "name":
            return isinstance(value, str) and bool(_NAME.fullmatch(value))
        case "audiences":
            return isinstance(value, list) and len(value) == 1 and 0 < len(value[0]) <= _LONGEST
        case "issuer":
            return isinstance(value, str) and value.startswith("https://") and len(value) <= _LONGEST
        case _:
            return isinstance(value, str) and len(value) <= _LONGEST
