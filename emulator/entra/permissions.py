"""App roles and scopes, as an application defines them, and who is authorized for scopes beforehand.

Source: the pages of the resource types appRole, permissionScope and preAuthorizedApplication.
"""

import re
import uuid
from collections.abc import Iterable

from emulator.entra import errors
from emulator.entra.errors import Json

_VALUE = re.compile(r"(?!\.)[\w:!#$%&'()*+,\-./;<=>?@\[\]^`{|}~]{1,120}", re.ASCII)
_MEMBERS = ("User", "Application")
_TYPES = ("User", "Admin")
_ROLE = {"id", "value", "displayName", "description", "allowedMemberTypes", "isEnabled"}
_SCOPE_TEXTS = ("adminConsentDisplayName", "adminConsentDescription", "userConsentDisplayName",
                "userConsentDescription")  # fmt: skip
_SCOPE = {"id", "value", "type", "isEnabled", *_SCOPE_TEXTS}


def read_roles(given: object, standing: Iterable[Json]) -> list[Json]:
    """The app roles of a body; raises GraphError. `standing` is what Graph knows of them until now."""
    roles = [_role(one) for one in _objects(given, "appRoles")]
    _check(roles, standing)
    return roles


def read_scopes(given: object, standing: Iterable[Json]) -> list[Json]:
    """The scopes of a body, likewise."""
    scopes = [_scope(one) for one in _objects(given, "api.oauth2PermissionScopes")]
    _check(scopes, standing)
    return scopes


def read_authorizations(given: object, standing: Iterable[Json]) -> list[Json]:
    """The applications that need no consent. Scopes have to stand before the call: microsoft-graph-docs#20177."""
    known = {scope["id"] for scope in standing}
    found = _objects(given, "api.preAuthorizedApplications")
    for one in found:
        if set(one) != {"appId", "delegatedPermissionIds"}:
            raise errors.bad("Unexpected contents in request body.")
        if not set(one["delegatedPermissionIds"]) <= known:
            raise errors.unknown_scope()
    return found


def check_together(application: Json) -> None:
    """Roles and scopes share one set of ids and values."""
    both = [*application["appRoles"], *application["api"]["oauth2PermissionScopes"]]
    for name in ("id", "value"):
        values = [one[name] for one in both]
        if len(set(values)) != len(values):
            raise errors.bad("Request contains a property with duplicate values.")


def _role(given: Json) -> Json:
    """`origin` must not be sent, as the page says."""
    _known(given, _ROLE, "appRoles")
    members = given.get("allowedMemberTypes")
    if not isinstance(members, list) or not members or not set(members) <= set(_MEMBERS):
        raise errors.bad("Invalid value specified for property 'allowedMemberTypes' of resource 'AppRole'.")
    for name in ("displayName", "description"):
        if not given.get(name):
            raise errors.bad(f"A value is required for property '{name}' of resource 'AppRole'.")
    # Graph keeps members as a set: whoever relies on their order fails here.
    return _permission({**given, "allowedMemberTypes": sorted(set(members))})


def _scope(given: Json) -> Json:
    _known(given, _SCOPE, "oauth2PermissionScopes")
    if given.get("type") not in _TYPES:
        raise errors.bad("Invalid value specified for property 'type' of resource 'PermissionScope'.")
    for name in ("adminConsentDisplayName", "adminConsentDescription"):
        if not given.get(name):
            raise errors.bad(f"A value is required for property '{name}' of resource 'PermissionScope'.")
    return _permission(dict.fromkeys(_SCOPE_TEXTS) | given)


def _permission(given: Json) -> Json:
    try:
        number = str(uuid.UUID(given.get("id") or ""))
    except (ValueError, AttributeError, TypeError):
        raise errors.bad(f"Cannot convert the literal '{given.get('id')}' to the expected type 'Edm.Guid'.") from None
    if not _VALUE.fullmatch(str(given.get("value") or "")):
        raise errors.bad(f"Permission value '{given.get('value')}' is not valid.", "InvalidValue")
    if not isinstance(given.get("isEnabled"), bool):
        raise errors.bad("A value is required for property 'isEnabled'.")
    return {**given, "id": number}


def _check(given: list[Json], standing: Iterable[Json]) -> None:
    """What is enabled can be disabled and nothing else: neither taken away nor reworded."""
    new = {one["id"]: one for one in given}
    for old in standing:
        if not old["isEnabled"]:
            continue
        kept = new.get(old["id"])
        if kept is None or {**kept, "isEnabled": True} != old:
            raise errors.enabled()


def _objects(given: object, name: str) -> list[Json]:
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise errors.bad(f"The property '{name}' is a collection of objects.")
    return given


def _known(given: Json, known: set[str], name: str) -> None:
    if odd := set(given) - known:
        raise errors.bad(f"Invalid property '{min(odd)}' in '{name}'.")
