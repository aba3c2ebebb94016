"""The API as a table: every call, who may make it, and where its answer is. Nothing else is loaded with it."""

from __future__ import annotations

from typing import Final

from shared.triggers.callers import EVERYBODY, WHO_AUDIT, WHO_SEE_ALL, Role
from shared.triggers.http import Endpoint
from shared.triggers.problems import Form

_ADMINISTRATOR: Final = (Role.ADMINISTRATOR,)
_WHO_SEE: Final = (Role.REQUESTOR, *WHO_SEE_ALL)
_WHO_LOOK_BACK: Final = (Role.REQUESTOR, *WHO_AUDIT)
_WHO_END: Final = (Role.REQUESTOR, Role.APPROVER, Role.ADMINISTRATOR)
_WHO_DECIDE: Final = (Role.APPROVER, Role.RELAY)
_WHO_SUBSCRIBE: Final = (Role.APPROVER, Role.ADMINISTRATOR, Role.RELAY)
_POLICY: Final = "api/policies/{*id}"
_POLICIES, _GRANTS, _MACHINES = "shared.triggers.policies", "shared.triggers.grants", "shared.triggers.machines"
_INTERFACES: Final = "shared.triggers.interfaces"
_ACTIVITY: Final = "shared.triggers.activity"
_COMPUTERS, _COSTS = "shared.triggers.computers", "shared.triggers.costs"
_TOLD: Final = "shared.triggers.subscriptions"
_DEFENDER: Final = "shared.triggers.defender"
_SUBSCRIPTION: Final = "subscriptions/{subscription}"
_IN_GROUP: Final = f"{_SUBSCRIPTION}/resourceGroups/{{group}}"
_EVERYWHERE: Final = "providers/Microsoft.Security/jitNetworkAccessPolicies"
_IN_LOCATION: Final = "providers/Microsoft.Security/locations/{location}/jitNetworkAccessPolicies"
_COLLECTION: Final = f"{_IN_GROUP}/{_IN_LOCATION}/{{name}}"


def _like_defender(name: str, method: str, route: str, roles: tuple[Role, ...], function: str) -> Endpoint:
    return Endpoint(name, method, route, roles, f"{_DEFENDER}:{function}", Form.ARM)


ENDPOINTS: Final = (
    Endpoint("getMe", "GET", "api/me", tuple(Role), "shared.triggers.me:show"),
    Endpoint("listMachines", "GET", "api/machines", EVERYBODY, f"{_MACHINES}:list_"),
    Endpoint("getMachine", "GET", "api/machines/{*id}", EVERYBODY, f"{_MACHINES}:get"),
    Endpoint("listPolicies", "GET", "api/policies", EVERYBODY, f"{_POLICIES}:list_"),
    Endpoint("putPolicies", "POST", "api/policies", _ADMINISTRATOR, f"{_POLICIES}:put_many"),
    Endpoint("putPolicy", "PUT", _POLICY, _ADMINISTRATOR, f"{_POLICIES}:put"),
    Endpoint("getPolicy", "GET", _POLICY, EVERYBODY, f"{_POLICIES}:get"),
    Endpoint("deletePolicy", "DELETE", _POLICY, _ADMINISTRATOR, f"{_POLICIES}:delete"),
    Endpoint("askForAccess", "POST", "api/grants", (Role.REQUESTOR,), f"{_GRANTS}:ask"),
    Endpoint("listGrants", "GET", "api/grants", _WHO_SEE, f"{_GRANTS}:list_"),
    Endpoint("getGrant", "GET", "api/grants/{id}", _WHO_SEE, f"{_GRANTS}:get"),
    Endpoint("showGrant", "GET", "api/grants/{id}/card", _WHO_DECIDE, f"{_GRANTS}:show"),
    Endpoint("extendGrant", "POST", "api/grants/{id}/extend", (Role.REQUESTOR,), f"{_GRANTS}:extend"),
    Endpoint("approveGrant", "POST", "api/grants/{id}/approve", _WHO_DECIDE, f"{_GRANTS}:approve"),
    Endpoint("denyGrant", "POST", "api/grants/{id}/deny", _WHO_DECIDE, f"{_GRANTS}:deny"),
    Endpoint("cancelGrant", "POST", "api/grants/{id}/cancel", (Role.REQUESTOR,), f"{_GRANTS}:cancel"),
    Endpoint("revokeGrant", "POST", "api/grants/{id}/revoke", _WHO_END, f"{_GRANTS}:revoke"),
    Endpoint("subscribe", "POST", "api/subscriptions", _WHO_SUBSCRIBE, f"{_TOLD}:subscribe"),
    Endpoint("listSubscriptions", "GET", "api/subscriptions", _ADMINISTRATOR, f"{_TOLD}:list_"),
    Endpoint("unsubscribe", "DELETE", "api/subscriptions/{id}", _WHO_SUBSCRIBE, f"{_TOLD}:unsubscribe"),
    Endpoint("listActivity", "GET", "api/activity", _WHO_LOOK_BACK, f"{_ACTIVITY}:list_"),
    Endpoint("exportActivity", "GET", "api/activity.csv", _WHO_LOOK_BACK, f"{_ACTIVITY}:export"),
    Endpoint("summarizeActivity", "GET", "api/activity/summary", WHO_AUDIT, f"{_ACTIVITY}:summary"),
    Endpoint("listComputers", "GET", "api/computers", EVERYBODY, f"{_COMPUTERS}:list_"),
    Endpoint("exportComputers", "GET", "api/computers.csv", EVERYBODY, f"{_COMPUTERS}:export"),
    Endpoint("getOnboarding", "GET", "api/computers/onboarding", _ADMINISTRATOR, f"{_COMPUTERS}:onboarding"),
    Endpoint("getCosts", "GET", "api/costs", WHO_AUDIT, f"{_COSTS}:show"),
    Endpoint("exportCosts", "GET", "api/costs.csv", WHO_AUDIT, f"{_COSTS}:export"),
    Endpoint("getOpenApi", "GET", "api/openapi.json", tuple(Role), f"{_INTERFACES}:openapi"),
    Endpoint("getSwagger", "GET", "api/swagger.json", tuple(Role), f"{_INTERFACES}:swagger"),
    _like_defender("jitList", "GET", f"{_SUBSCRIPTION}/{_EVERYWHERE}", EVERYBODY, "list_"),
    _like_defender("jitListByRegion", "GET", f"{_SUBSCRIPTION}/{_IN_LOCATION}", EVERYBODY, "list_"),
    _like_defender("jitListByGroup", "GET", f"{_IN_GROUP}/{_EVERYWHERE}", EVERYBODY, "list_"),
    _like_defender("jitListByGroupAndRegion", "GET", f"{_IN_GROUP}/{_IN_LOCATION}", EVERYBODY, "list_"),
    _like_defender("jitGet", "GET", _COLLECTION, EVERYBODY, "get"),
    _like_defender("jitPut", "PUT", _COLLECTION, _ADMINISTRATOR, "put"),
    _like_defender("jitDelete", "DELETE", _COLLECTION, _ADMINISTRATOR, "delete"),
    _like_defender("jitInitiate", "POST", f"{_COLLECTION}/initiate", (Role.REQUESTOR,), "initiate"),
)
