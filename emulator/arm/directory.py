"""What lies above resources: tenants, subscriptions, resource groups and resource providers.

It knows as much as the az CLI asks when it signs in. Everything here is read-only.
"""

from http import HTTPStatus

from emulator import tokens
from emulator.arm import kinds, paths
from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError, Json
from emulator.arm.exchange import Answer, Call


def answer(cloud: Cloud, call: Call) -> Answer:
    """GET of something above resources, or 404."""
    body = _find(cloud, [part for part in call.path.split("/") if part]) if call.method == "GET" else None
    if body is None:
        raise ArmError(HTTPStatus.NOT_FOUND, "NotFound", f"Nothing answers {call.method} {call.path}.")
    return Answer(HTTPStatus.OK, body)


def _find(cloud: Cloud, parts: list[str]) -> Json | None:
    found: list[Json] = []
    match [part.lower() for part in parts]:
        case ["tenants"]:
            found = [{"id": f"/tenants/{tokens.TENANT}", "tenantId": tokens.TENANT, "displayName": "Postern's box"}]
        case ["subscriptions"]:
            found = [_subscription(cloud, one) for one in sorted(cloud.store.subscriptions)]
        case ["subscriptions", one] if one in cloud.store.subscriptions:
            return _subscription(cloud, one)
        case ["subscriptions", one, "resourcegroups"]:
            scope = paths.key(f"/subscriptions/{one}") + "/"
            found = [group for key, group in sorted(cloud.store.groups.items()) if key.startswith(scope)]
        case ["subscriptions", one, "resourcegroups", group]:
            return cloud.store.groups.get(paths.key(paths.group_id(one, group)))
        case ["subscriptions", _, "providers"]:
            found = [_provider(name) for name in sorted({kind.namespace for kind in kinds.KINDS})]
        case _:
            return None
    return {"value": found}


def _subscription(cloud: Cloud, subscription: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription}",
        "subscriptionId": subscription,
        "tenantId": tokens.TENANT,
        "displayName": cloud.store.subscriptions[subscription],
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Internal_2014-09-01", "spendingLimit": "Off"},
        "managedByTenants": [],
        "authorizationSource": "RoleBased",
    }


def _provider(name: str) -> Json:
    return {"namespace": name, "registrationState": "Registered", "registrationPolicy": "RegistrationRequired"}
