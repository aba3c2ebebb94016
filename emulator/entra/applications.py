"""Applications: how they are made, changed and deleted. Source: the page of the resource type application.

It knows the properties that Postern's registration has. Where the pages leave something open it is the stricter: a part
such as `web` or `api` that is sent replaces the whole part, what is not said in it is gone, and one that is made
without saying for whom is for everybody, as in the pages' examples.
"""

import re
from copy import deepcopy
from typing import Any

from emulator.entra import errors, permissions
from emulator.entra.directory import Scene
from emulator.entra.errors import Json
from emulator.tokens import TENANT

_AUDIENCES = ("AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount")
_GROUPS = {"None", "SecurityGroup", "ApplicationGroup", "DirectoryRole", "All"}
_LOCAL = re.compile(r"http://localhost(:\d+)?(/.*)?")
_WEB: Json = {
    "redirectUris": [],
    "homePageUrl": None,
    "logoutUrl": None,
    "implicitGrantSettings": {"enableIdTokenIssuance": False, "enableAccessTokenIssuance": False},
}
_API: Json = {
    "acceptMappedClaims": None,
    "knownClientApplications": [],
    "oauth2PermissionScopes": [],
    "preAuthorizedApplications": [],
    "requestedAccessTokenVersion": None,
}
_VERSIONS = (None, 1, 2)
_BLANK: Json = {
    "displayName": None,
    "uniqueName": None,
    "signInAudience": "AzureADandPersonalMicrosoftAccount",
    "identifierUris": [],
    "groupMembershipClaims": None,
    "appRoles": [],
    "notes": None,
    "tags": [],
    "web": _WEB,
    "api": _API,
}
_LONGEST_NAME = 256


def create(scene: Scene, body: Json, unique_name: str | None = None) -> Json:
    """Register an application; raises GraphError."""
    named = body if unique_name is None else {**body, "uniqueName": unique_name}
    if not named.get("displayName"):
        raise errors.bad("A value is required for property 'displayName' of resource 'Application'.")
    made = {
        "id": scene.new_id(),
        "appId": scene.new_id(),
        "createdDateTime": scene.date,
        "passwordCredentials": [],
        "keyCredentials": [],
        **deepcopy(_BLANK),
    }
    scene.now.applications[made["id"]] = made
    change(scene, made, named)
    return made


def change(scene: Scene, seen: Json, body: Json) -> None:
    """Change the properties that are in the body; `seen` is the application as the call sees it."""
    application = scene.now.applications[seen["id"]]
    for name, value in body.items():
        if name not in _BLANK:
            raise errors.bad(f"Invalid property '{name}'.")
        match name:
            case "web":
                application[name] = _web(value)
            case "api":
                application[name] = _api(value, seen)
            case "appRoles":
                application[name] = permissions.read_roles(value, seen[name])
            case _:
                _check(scene, application, name, value)
                application[name] = value
    permissions.check_together(application)


def show(application: Json) -> Json:
    """An application as it is answered: its roles say where they come from."""
    return {**application, "appRoles": [{**role, "origin": "Application"} for role in application["appRoles"]]}


def add_password(scene: Scene, seen: Json, body: Json) -> Json:
    """Make a secret, which is told this once; raises GraphError. Source: the page "application: addPassword"."""
    wanted = body.get("passwordCredential") or {}
    if set(body) - {"passwordCredential"} or set(wanted) - {"displayName"}:
        raise errors.bad("Unexpected contents in request body.")
    made = {"keyId": scene.new_id(), "displayName": wanted.get("displayName"), "secretText": None}
    scene.now.applications[seen["id"]]["passwordCredentials"].append(made)
    return {**made, "secretText": scene.new_id()}


def delete(scene: Scene, application: Json) -> None:
    """Delete it, and its service principal with it. Its unique name stays taken."""
    scene.now.deleted[application["id"]] = scene.now.applications.pop(application["id"])
    gone = {key for key, one in scene.now.services.items() if one["appId"] == application["appId"]}
    scene.now.services = {key: one for key, one in scene.now.services.items() if key not in gone}
    scene.now.assignments = [one for one in scene.now.assignments if one["resourceId"] not in gone]


def _check(scene: Scene, application: Json, name: str, value: Any) -> None:  # noqa: ANN401  # JSON.
    """A property that is no object."""
    match name:
        case "displayName":
            right = isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME
        case "signInAudience":
            right = value in _AUDIENCES
        case "groupMembershipClaims":
            right = value is None or set(str(value).split(",")) <= _GROUPS
        case "identifierUris":
            right = isinstance(value, list)
            _check_uris(scene, application, value)
        case "uniqueName":
            _check_name(scene, application, str(value))
            right = bool(value)
        case "tags":
            right = isinstance(value, list)
        case _:
            right = value is None or isinstance(value, str)
    if not right:
        raise errors.bad(f"Invalid value specified for property '{name}' of resource 'Application'.")


def _check_name(scene: Scene, application: Json, value: str) -> None:
    """It can be given once, also later, and then stays: msgraph-bicep-types#196."""
    if application["uniqueName"] not in (None, value):
        raise errors.bad("Property 'uniqueName' is read-only and cannot be set.")
    others = [*scene.now.applications.values(), *scene.now.deleted.values()]
    if any(one["uniqueName"] == value and one["id"] != application["id"] for one in others):
        raise errors.taken("uniqueName")


def _check_uris(scene: Scene, application: Json, value: list[str]) -> None:
    """No domain of this tenant is verified, so an identifier holds the application's id or the tenant's."""
    for uri in value:
        if uri != f"api://{application['appId']}" and not uri.startswith(f"api://{TENANT}/"):
            message = f"Values of identifierUris property must use a verified domain of the organization: '{uri}'"
            raise errors.bad(message, "HostNameNotOnVerifiedDomain")
    others = (one for one in scene.now.applications.values() if one["id"] != application["id"])
    if any(set(value) & set(one["identifierUris"]) for one in others):
        raise errors.taken("identifierUris")


def _web(value: object) -> Json:
    found = _part(value, _WEB, "web")
    found["implicitGrantSettings"] = _part(
        found["implicitGrantSettings"], _WEB["implicitGrantSettings"], "implicitGrantSettings"
    )
    for uri in found["redirectUris"]:
        if not (uri.startswith("https://") or _LOCAL.fullmatch(uri)) or "#" in uri or len(uri) > _LONGEST_NAME:
            raise errors.bad(f"The redirect URI '{uri}' is not valid.", "InvalidValue")
    return found


def _api(value: object, seen: Json) -> Json:
    found = _part(value, _API, "api")
    standing = seen["api"]["oauth2PermissionScopes"]
    found["oauth2PermissionScopes"] = permissions.read_scopes(found["oauth2PermissionScopes"], standing)
    found["preAuthorizedApplications"] = permissions.read_authorizations(found["preAuthorizedApplications"], standing)
    if found["requestedAccessTokenVersion"] not in _VERSIONS:
        raise errors.bad("Invalid value specified for property 'requestedAccessTokenVersion'.")
    return found


def _part(value: object, blank: Json, name: str) -> Json:
    if not isinstance(value, dict) or set(value) - set(blank):
        raise errors.bad(f"Invalid property in '{name}'.")
    return {**deepcopy(blank), **value}
