"""Graph as the tests call it, and an application that is right."""

from dataclasses import dataclass
from typing import Any, Final

import httpx

from emulator.environment import APP_OBJECT, TENANT
from tests.emulator.conftest import Box

GRAPH: Final = "https://graph.microsoft.com"
PERSON, LOGIC_APP, NOBODY = (
    f"00000000-0000-0000-0000-{number}" for number in ("000000000001", "000000000102", "0" * 12)
)
READER, RELAY, SCOPE = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "123")
CLI: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
UPSERT: Final = {"Prefer": "create-if-missing"}
TRUSTED: Final = {
    "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "subject": APP_OBJECT,
    "audiences": ["api://AzureADTokenExchange"],
}


@dataclass(slots=True)
class Client:
    """Graph with a good token."""

    box: Box
    token: str

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One call."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        return await self.box.client.request(method, f"/v1.0{path}", json=body, headers=given)

    async def made(self, path: str, body: object) -> Any:  # noqa: ANN401  # JSON.
        """What was made."""
        answer = await self.call("POST", path, body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, str]:
        """Status, code and message of a refusal."""
        answer = await self.call(method, path, body, **headers)
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]

    async def application(self, **properties: object) -> str:
        """The path of a new application with two roles and a scope."""
        body = {"displayName": "Mine", "appRoles": [role(), relay()], "api": {"oauth2PermissionScopes": [scope()]}}
        return f"/applications/{(await self.made('/applications', {**body, **properties}))['id']}"

    async def service(self) -> str:
        """The path of the service principal of a new application."""
        app_id = (await self.call("GET", await self.application())).json()["appId"]
        return f"/servicePrincipals/{(await self.made('/servicePrincipals', {'appId': app_id}))['id']}"


def role(**changes: object) -> dict[str, object]:
    """A role that is right, with changes."""
    both = ["User", "Application"]
    return {"id": READER, "value": "My.Reader", "displayName": "Reader", "description": "Reads.",
            "allowedMemberTypes": both, "isEnabled": True, **changes}  # fmt: skip


def relay() -> dict[str, object]:
    """A role for applications only."""
    return role(id=RELAY, value="My.Relay", allowedMemberTypes=["Application"])


def scope(**changes: object) -> dict[str, object]:
    """A scope that is right, with changes."""
    return {"id": SCOPE, "value": "user_impersonation", "type": "Admin", "isEnabled": True,
            "adminConsentDisplayName": "Use", "adminConsentDescription": "Use it.", **changes}  # fmt: skip


def giving(service: str, principal: str, number: str = READER) -> dict[str, str]:
    """The body of an assignment."""
    return {"principalId": principal, "resourceId": service.rsplit("/", 1)[1], "appRoleId": number}


async def sign_in(box: Box) -> Client:
    """Graph in a tenant without applications."""
    return Client(box, (await box.control("token", {"audience": GRAPH}))["access_token"])
