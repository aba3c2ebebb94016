"""Service principals: an application as it is at home in the tenant, and who has its roles.

Source: the pages of the resource types servicePrincipal and appRoleAssignment and of their calls.
"""

from emulator.entra import applications, errors
from emulator.entra.directory import Scene, State
from emulator.entra.errors import Json
from emulator.tokens import TENANT

_WRITABLE = {"appRoleAssignmentRequired": bool, "accountEnabled": bool, "tags": list, "notes": str}
_ASSIGNMENT = {"principalId", "resourceId", "appRoleId"}
_MEMBERS = {"User": "User", "Group": "User", "ServicePrincipal": "Application"}


def create(scene: Scene, app_id: str, body: Json) -> Json:
    """Bring an application home; raises GraphError."""
    if not any(one["appId"] == app_id for one in scene.seen.applications.values()):
        raise errors.unbacked(app_id)
    if any(one["appId"] == app_id for one in scene.now.services.values()):
        raise errors.name_in_use(app_id)
    made: Json = {
        "id": scene.new_id(),
        "appId": app_id,
        "accountEnabled": True,
        "appOwnerOrganizationId": TENANT,
        "appRoleAssignmentRequired": False,
        "notes": None,
        "tags": [],
    }
    scene.now.services[made["id"]] = made
    change(scene, made, body)
    return made


def change(scene: Scene, seen: Json, body: Json) -> None:
    """Change what is in the body."""
    for name, value in body.items():
        if not isinstance(value, _WRITABLE.get(name, type(None))):
            raise errors.bad(f"Invalid value specified for property '{name}' of resource 'ServicePrincipal'.")
        scene.now.services[seen["id"]][name] = value


def show(state: State, service: Json) -> Json:
    """A service principal with what it has from its application."""
    application = applications.show(state.application("appId", service["appId"]))
    return {
        **service,
        "displayName": application["displayName"],
        "appDisplayName": application["displayName"],
        "servicePrincipalNames": [service["appId"], *application["identifierUris"]],
        "appRoles": application["appRoles"],
        "oauth2PermissionScopes": application["api"]["oauth2PermissionScopes"],
    }


def assign(scene: Scene, service: Json, body: Json) -> Json:
    """Give somebody a role; raises GraphError. All three ids are required, as the page says."""
    if set(body) != _ASSIGNMENT:
        raise errors.bad(f"An appRoleAssignment has {', '.join(sorted(_ASSIGNMENT))}.")
    if body["resourceId"] != service["id"]:
        raise errors.bad("Not a valid reference update.")
    principal = scene.seen.principals.get(body["principalId"])
    if principal is None:
        raise errors.missing(body["principalId"])
    roles = {one["id"]: one for one in show(scene.seen, service)["appRoles"] if one["isEnabled"]}
    role = roles.get(body["appRoleId"])
    if role is None or _MEMBERS[principal.kind] not in role["allowedMemberTypes"]:
        raise errors.role_missing(service["appId"])
    if any(all(one[name] == body[name] for name in _ASSIGNMENT) for one in scene.now.assignments):
        raise errors.assigned()
    made = {
        "id": scene.new_id(),
        "createdDateTime": scene.date,
        "principalType": principal.kind,
        "principalDisplayName": principal.name,
        **body,
    }
    scene.now.assignments.append(made)
    return made


def assignments(state: State, service: Json) -> list[Json]:
    """Who has a role of this service."""
    return [one for one in state.assignments if one["resourceId"] == service["id"]]


def withdraw(scene: Scene, service: Json, number: str) -> None:
    """Take a role away again. Source of the words: msgraph-sdk-dotnet#968."""
    kept = [one for one in scene.now.assignments if one["id"] != number or one["resourceId"] != service["id"]]
    if len(kept) == len(scene.now.assignments):
        raise errors.bad("EntitlementGrant being updated or deleted is not found.")
    scene.now.assignments = kept
