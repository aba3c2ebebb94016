"""The tenant as it really stands behind the script's back, and the script as an operator runs it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.box import Box
from emulator.entra.directory import GROUP
from emulator.environment import APP_OBJECT
from scripts import register_app
from tests.journeys.azure import Azure
from tests.journeys.client import Json

GRAPH: Final = "https://graph.microsoft.com"
PERSON: Final = "00000000-0000-0000-0000-000000000001"
PIPELINE: Final = "00000000-0000-0000-0000-000000000101"
LOGIC_APP: Final = "00000000-0000-0000-0000-000000000102"
NOBODY: Final = "00000000-0000-0000-0000-00000000dead"
ADDRESS: Final = ("--address", "https://postern.example.com")
ALL: Final = (
    *ADDRESS, "--identity", APP_OBJECT, "--azure-cli", "--assign", f"Reader={PERSON}",
    "--assign", f"Postern.Approver={GROUP}", "--assign", f"Requestor={PIPELINE}", "--assign", f"Relay={LOGIC_APP}",
)  # fmt: skip
HOLDERS: Final = {
    ("Postern.Reader", "Rika Requestor"),
    ("Postern.Approver", "On call"),
    ("Postern.Requestor", "Pipeline"),
    ("Postern.Relay", "Relay"),
}


@dataclass(slots=True)
class Tenant:
    """Graph of a box. `pauses` are the seconds that the script would have waited."""

    box: Box
    pauses: list[float] = field(default_factory=list)

    @property
    def azure(self) -> Azure:
        """The control API."""
        return Azure(self.box)

    async def call(self, method: str, path: str, body: object = None) -> Json:
        """A call to Graph by somebody else than the script, which must succeed."""
        token = (await self.azure.control("POST", "token", {"audience": GRAPH}))["access_token"]
        url = f"{self.box.site.emulator}/v1.0{path}"
        answer = await self.box.client.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"})
        document: Json = answer.raise_for_status().json() if answer.content else {}
        return document

    async def every(self, path: str) -> list[Json]:
        """A whole list."""
        page = await self.call("GET", path)
        found: list[Json] = [*page["value"]]
        while following := page.get("@odata.nextLink"):
            page = await self.call("GET", str(following).partition("/v1.0")[2])
            found += page["value"]
        return found

    async def application(self, name: str = "postern") -> Json:
        """The application with this unique name."""
        return await self.call("GET", f"/applications(uniqueName='{name}')")

    async def service(self) -> Json:
        """Postern's service principal."""
        return await self.call("GET", f"/servicePrincipals(appId='{(await self.application())['appId']}')")

    async def holders(self) -> set[tuple[str, str]]:
        """Who has which role."""
        service = await self.service()
        names = {role["id"]: role["value"] for role in service["appRoles"]}
        given = await self.every(f"/servicePrincipals/{service['id']}/appRoleAssignedTo")
        return {(names[one["appRoleId"]], one["principalDisplayName"]) for one in given}

    async def standing(self) -> Json:
        """All that the script makes, without what is another each time: ids and dates."""
        application, service = await self.application(), await self.service()
        trusted = await self.every(f"/applications/{application['id']}/federatedIdentityCredentials")
        told = {
            "application": {k: v for k, v in application.items() if k not in {"id", "appId", "createdDateTime"}},
            "service": service["appRoleAssignmentRequired"],
            "trusted": [{k: v for k, v in one.items() if k != "id"} for one in trusted],
            "holders": sorted(await self.holders()),
        }
        told["application"]["identifierUris"] = [
            uri.replace(application["appId"], "<client id>") for uri in application["identifierUris"]
        ]
        return told

    async def register(self, *options: str) -> int:
        """Run the script; its exit status. Where it would wait, it goes on at once."""

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        return await asyncio.to_thread(register_app.main, self._arguments(options), pause)

    def _arguments(self, options: Sequence[str]) -> list[str]:
        return ["--graph", self.box.site.emulator, *options]

    async def writes(self) -> int:
        """How many calls so far would have changed something."""
        methods = await self.azure.calls("/v1.0/")
        return len(methods) - methods.count("GET")
