"""The API as a table: every call, who may make it, and where its answer is. Nothing else is loaded with it."""

from __future__ import annotations

from typing import Final

from shared.triggers.callers import EVERYBODY, WHO_SEE_ALL, Role
from shared.triggers.http import Endpoint

_ADMINISTRATOR: Final = (Role.ADMINISTRATOR,)
_WHO_SEE: Final = (Role.REQUESTOR, *WHO_SEE_ALL)
_WHO_END: Final = (Role.REQUESTOR, Role.APPROVER, Role.ADMINISTRATOR)
_POLICY: Final = "api/policies/{*id}"
_POLICIES, _GRANTS = "shared.triggers.policies", "shared.triggers.grants"

ENDPOINTS: Final = (
    Endpoint("putPolicy", "PUT", _POLICY, _ADMINISTRATOR, f"{_POLICIES}:put"),
    Endpoint("getPolicy", "GET", _POLICY, EVERYBODY, f"{_POLICIES}:get"),
    Endpoint("deletePolicy", "DELETE", _POLICY, _ADMINISTRATOR, f"{_POLICIES}:delete"),
    Endpoint("askForAccess", "POST", "api/grants", (Role.REQUESTOR,), f"{_GRANTS}:ask"),
    Endpoint("listGrants", "GET", "api/grants", _WHO_SEE, f"{_GRANTS}:list_"),
    Endpoint("getGrant", "GET", "api/grants/{id}", _WHO_SEE, f"{_GRANTS}:get"),
    Endpoint("revokeGrant", "POST", "api/grants/{id}/revoke", _WHO_END, f"{_GRANTS}:revoke"),
)
