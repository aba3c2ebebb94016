"""What Postern's app registration has to be, and what is to be changed where it is something else.

Nothing here calls anybody. Each change is a body for `PATCH /applications/{id}` of Microsoft Graph. A part such as
`web` or `api` is sent whole, with what others put into it; of roles, those of others are sent back as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

type Json = dict[str, Any]

ROLES: Final = Path(__file__).parents[1] / "infra" / "app-roles.json"
AZURE_CLI: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
"""The client id of the Azure CLI, the same in every tenant."""
CALLBACK: Final = "/.auth/login/aad/callback"
"""Where App Service Authentication waits for whoever has signed in."""
CREDENTIAL: Final = "postern-sign-in"
"""The name of the federated identity credential."""

_TENANT_ONLY: Final = "AzureADMyOrg"
_SCOPE: Final = {
    "id": "252c7654-d7dc-4ce3-900f-019dff5d7463",
    "value": "user_impersonation",
    "type": "Admin",
    "adminConsentDisplayName": "Use Postern as the person who is signed in",
    "adminConsentDescription": "The application may do in Postern whatever the person who is signed in may do.",
    "isEnabled": True,
}
_WEB: Final = ("redirectUris", "homePageUrl", "logoutUrl", "implicitGrantSettings")
_API: Final = ("acceptMappedClaims", "knownClientApplications", "oauth2PermissionScopes", "preAuthorizedApplications",
               "requestedAccessTokenVersion")  # fmt: skip
_EXCHANGE: Final = "api://AzureADTokenExchange"
_EXCHANGES: Final[Mapping[str, str]] = {
    "https://login.microsoftonline.us": f"{_EXCHANGE}USGov",
    "https://login.chinacloudapi.cn": f"{_EXCHANGE}China",
}


class RefusedError(Exception):
    """What stands in the tenant cannot be made what it has to be without harm to somebody; says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the registration has to be. `roles` are app roles of Graph; one with `isEnabled` false is to go.

    `address` is the app's own, `groups` the value of groupMembershipClaims; None leaves them as they are.
    """

    name: str
    roles: tuple[Json, ...]
    address: str | None = None
    groups: str | None = None
    azure_cli: bool = False


def read_roles(path: Path) -> tuple[Json, ...]:
    """The app roles in a file such as infra/app-roles.json."""
    return tuple(json.loads(path.read_text("utf-8")))


def blank(wanted: Wanted) -> Json:
    """An application that nobody has made yet."""
    return {"id": None, "appId": "<client id>", "displayName": wanted.name, "signInAudience": _TENANT_ONLY}


def first(wanted: Wanted) -> Json:
    """The body that makes the application: nobody of another tenant can sign in to it for a moment."""
    return {"displayName": wanted.name, "signInAudience": _TENANT_ONLY}


def changes(application: Json, wanted: Wanted) -> Iterator[tuple[str, Json]]:
    """What is to be changed, in words and as bodies, one call after the other. Raises RefusedError.

    Graph lets an enabled role be disabled and nothing else, and authorizes clients only for scopes that stood before.
    """
    _check(application, wanted)
    for part in (_basics, _disabled, _roles, _authorized):
        if body := part(application, wanted):
            yield "; ".join(_tell(application, body)), body
            application = {**application, **body}


def credential(tenant: str, authority: str, identity: str) -> Json:
    """The federated identity credential that lets a managed identity stand for the application."""
    address = authority.rstrip("/")
    return {
        "issuer": f"{address}/{tenant}/v2.0",
        "subject": identity,
        "audiences": [_EXCHANGES.get(address, _EXCHANGE)],
        "description": "App Service Authentication signs people in with this identity instead of a secret.",
    }


def role_id(roles: tuple[Json, ...], value: str) -> str:
    """The id of a role, such as `Postern.Reader`. Raises KeyError."""
    return str({role["value"]: role["id"] for role in roles}[value])


def _check(application: Json, wanted: Wanted) -> None:
    ours = {role["value"]: role["id"] for role in wanted.roles}
    for role in application.get("appRoles", ()):
        if ours.get(role["value"], role["id"]) != role["id"]:
            raise RefusedError(
                f"The application has a role {role['value']} of its own, with the id {role['id']}. Whoever has it "
                "would lose it: disable and delete that role yourself, then run again."
            )


def _basics(application: Json, wanted: Wanted) -> Json:
    audience = f"api://{application['appId']}"
    uris = application.get("identifierUris") or []
    standing = {
        "signInAudience": application.get("signInAudience"),
        "identifierUris": uris,
        "groupMembershipClaims": application.get("groupMembershipClaims"),
        "web": _part(application, "web", _WEB),
        "api": _part(application, "api", _API),
    }
    right = {
        "signInAudience": _TENANT_ONLY,
        "identifierUris": uris if audience in uris else [*uris, audience],
        "groupMembershipClaims": _groups(application, wanted),
        "web": _web(application, wanted),
        "api": _api(application),
    }
    return {name: value for name, value in right.items() if value != standing[name]}


def _part(application: Json, name: str, members: tuple[str, ...]) -> Json:
    """What of a part may be written; the rest is Graph's own."""
    part: Json = application.get(name) or {}
    return {member: part[member] for member in members if member in part}


def _groups(application: Json, wanted: Wanted) -> object:
    """Only groups that are assigned to the application: there are never too many of them for a token."""
    chosen = application.get("groupMembershipClaims")
    return wanted.groups or (chosen if chosen not in (None, "None") else "ApplicationGroup")


def _web(application: Json, wanted: Wanted) -> Json:
    """App Service Authentication signs people in by a code and an ID token."""
    web = _part(application, "web", _WEB)
    uris = web.get("redirectUris") or []
    callback = f"{wanted.address}{CALLBACK}" if wanted.address else None
    granted = {**(web.get("implicitGrantSettings") or {}), "enableIdTokenIssuance": True}
    missing = [callback] if callback and callback not in uris else []
    return {**web, "redirectUris": [*uris, *missing], "implicitGrantSettings": granted}


def _api(application: Json) -> Json:
    api = _part(application, "api", _API)
    scopes = api.get("oauth2PermissionScopes") or []
    missing = [] if _scope(scopes) else [_SCOPE]
    return {**api, "oauth2PermissionScopes": [*scopes, *missing], "requestedAccessTokenVersion": 2}


def _scope(scopes: list[Json]) -> Json | None:
    return next((one for one in scopes if one["value"] == _SCOPE["value"]), None)


def _standing(application: Json) -> list[Json]:
    """The roles as they may be sent: Graph says where a role comes from and does not want to hear it."""
    return [{k: v for k, v in role.items() if k != "origin"} for role in application.get("appRoles") or ()]


def _is(role: Json, right: Json) -> bool:
    """Whether a role is as it has to be; Graph may turn its list of members around, and add to it."""
    members = "allowedMemberTypes"
    told = {name: role.get(name) for name in right} | {members: sorted(role[members])}
    return told == {**right, members: sorted(right[members])}


def _disabled(application: Json, wanted: Wanted) -> Json:
    ours = {role["id"]: role for role in wanted.roles}
    standing = _standing(application)
    right = [
        {**role, "isEnabled": False} if role["isEnabled"] and not _is(role, ours.get(role["id"], role)) else role
        for role in standing
    ]
    return {"appRoles": right} if right != standing else {}


def _roles(application: Json, wanted: Wanted) -> Json:
    """Ours as they have to be, without those that are to go; others' as they are."""
    ours = {role["id"]: role for role in wanted.roles}
    standing = _standing(application)
    known = {role["id"] for role in standing}
    kept = [role if _is(role, ours.get(role["id"], role)) else ours[role["id"]] for role in standing]
    new = [role for role in wanted.roles if role["id"] not in known]
    right = [role for role in (*kept, *new) if role["isEnabled"] or role["id"] not in ours]
    return {"appRoles": right} if right != standing else {}


def _authorized(application: Json, wanted: Wanted) -> Json:
    api = _part(application, "api", _API)
    scope = _scope(api.get("oauth2PermissionScopes") or [])
    clients = api.get("preAuthorizedApplications") or []
    if not wanted.azure_cli or not scope:
        return {}
    standing = next((one for one in clients if one["appId"] == AZURE_CLI), None)
    allowed = standing["delegatedPermissionIds"] if standing else []
    if scope["id"] in allowed:
        return {}
    others = [one for one in clients if one is not standing]
    right = {"appId": AZURE_CLI, "delegatedPermissionIds": [*allowed, scope["id"]]}
    return {"api": {**api, "preAuthorizedApplications": [*others, right]}}


def _tell(application: Json, body: Json) -> Iterator[str]:
    """A change in words."""
    for name, value in body.items():
        match name:
            case "signInAudience":
                yield "only for people of this tenant"
            case "identifierUris":
                yield f"the audience {value[-1]}"
            case "groupMembershipClaims":
                yield f"groups in tokens: {value}"
            case "web":
                yield "the way back from signing in"
            case "api" if _new(application, "api", value, "preAuthorizedApplications"):
                yield "the Azure CLI without consent"
            case "api":
                yield "access tokens of version 2.0 and the scope user_impersonation"
            case _:
                yield from _tell_roles(_standing(application), value)


def _new(application: Json, part: str, value: Json, member: str) -> bool:
    return bool(value.get(member, []) != (application.get(part) or {}).get(member, []))


def _tell_roles(standing: list[Json], right: list[Json]) -> Iterator[str]:
    before, after = ({role["id"]: role for role in roles} for roles in (standing, right))
    for number, role in {**before, **after}.items():
        if number not in after:
            yield f"without the role {role['value']}"
        elif number not in before:
            yield f"the role {role['value']}"
        elif before[number] != role:
            yield f"the role {role['value']} {'reworded' if role['isEnabled'] else 'disabled'}"
