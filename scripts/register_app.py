"""Make or mend the app registration by which people and pipelines sign in to Postern, in Microsoft Entra ID.

    python -m scripts.register_app --plan                      says what would be done, and changes nothing
    python -m scripts.register_app --address https://postern.example.com --identity <object id>
    python -m scripts.register_app --assign Requestor=<object id> --assign Approver=<object id>

It needs Python 3.13 with `requirements.txt`, and a sign-in to the tenant (`az login`, or what else
DefaultAzureCredential finds) that may write applications: a person with the role Cloud Application Administrator or
Application Administrator, or an identity with the permission Application.ReadWrite.All of Microsoft Graph. To give
roles an identity also needs AppRoleAssignment.ReadWrite.All; a person with one of these roles needs no more.

It may be stopped and started again at any time, and asked for more later: what is right is left alone, and so are the
roles, addresses and settings that others added. It makes no secret and needs none. The exit status is 0 when the
registration is as asked, 1 when some role could not be given, and 2 when it was refused or interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.identity.aio import DefaultAzureCredential

from scripts.graph import TAKEN, Graph, GraphError, Json, Pause, Right, quoted
from scripts.registration import (
    CALLBACK,
    CREDENTIAL,
    ROLES,
    RefusedError,
    Wanted,
    blank,
    changes,
    credential,
    first,
    read_roles,
    role_id,
)

_PERSON: Final = "Cloud Application Administrator or Application Administrator"
WRITE: Final = Right("the permission Application.ReadWrite.All", _PERSON)
GIVE: Final = Right("the permissions AppRoleAssignment.ReadWrite.All and Application.Read.All", _PERSON)
GROUPS: Final = ("ApplicationGroup", "SecurityGroup", "None")
_PREFIX: Final = "Postern."
_ASSIGNED: Final = "Permission being assigned already exists on the object"


@dataclass(frozen=True, slots=True)
class Registration:
    """One run. `client_id` or `unique_name` say which application; `plan`: nothing is changed."""

    graph: Graph
    wanted: Wanted
    unique_name: str
    client_id: str | None
    plan: bool

    def act(self, sentence: str) -> bool:
        """Say what is done, or would be; whether to do it."""
        print(f"{'would ' if self.plan else ''}{sentence}", flush=True)
        return not self.plan

    async def application(self) -> Json:
        """The application as it has to be."""
        application = await self._find() or await self._make()
        for sentence, body in changes(application, self.wanted):
            if self.act(f"set on the application: {sentence}"):
                await self.graph.change(f"/applications/{application['id']}", body, WRITE)
        return application

    async def _find(self) -> Json | None:
        if self.client_id:
            found = await self.graph.find(f"/applications(appId='{self.client_id}')", WRITE)
            if found is None:
                raise RefusedError(f"There is no application with the client id {self.client_id}.")
            return found
        found = await self.graph.find(f"/applications(uniqueName='{quoted(self.unique_name)}')", WRITE)
        return found or await self._namesake()

    async def _namesake(self) -> Json | None:
        """An application of the same name is somebody else's, or ours from before: only people can tell."""
        name = self.wanted.name
        found = await self.graph.every(f"/applications?$filter=displayName%20eq%20'{quoted(name)}'", WRITE)
        ours = next((one for one in found if one.get("uniqueName") == self.unique_name), None)
        if found and not ours:
            ids = ", ".join(one["appId"] for one in found)
            raise RefusedError(
                f"There is an application {name} already (client id {ids}), and nothing tells that it is Postern's. "
                "Say --client-id to have it mended, or another --name."
            )
        return ours

    async def _make(self) -> Json:
        if not self.act(f"make the application {self.wanted.name} (unique name {self.unique_name})"):
            return blank(self.wanted)
        path = f"/applications(uniqueName='{quoted(self.unique_name)}')"
        try:
            made = await self.graph.upsert(path, first(self.wanted), WRITE)
        except GraphError as error:
            if error.message != TAKEN:
                raise
            raise RefusedError(
                f"The unique name {self.unique_name} is that of an application that was deleted and keeps it. Restore "
                "it (Entra admin center, App registrations, Deleted applications), or say another --unique-name."
            ) from error
        # Where it stood already, another run has made it at the same time, or Graph had not heard of it yet.
        return made or await self.graph.get(path, WRITE)

    async def service(self, application: Json) -> Json | None:
        """The service principal, which lets in only those who were given a role; None where it is only planned."""
        key = f"/servicePrincipals(appId='{application['appId']}')"
        found = await self.graph.find(key, WRITE) if application["id"] else None
        required = {"appRoleAssignmentRequired": True}
        if found and found["appRoleAssignmentRequired"]:
            return found
        if found:
            if self.act("set on the service principal: only for those who were given a role"):
                await self.graph.change(f"/servicePrincipals/{found['id']}", required, WRITE)
            return found
        if not self.act("make the service principal, only for those who were given a role"):
            return None
        return await self.graph.upsert(key, required, WRITE) or await self.graph.get(key, WRITE)

    async def trust(self, application: Json, right: Json) -> None:
        """Trust a managed identity, so that App Service Authentication needs no secret."""
        path = f"/applications/{application['id']}/federatedIdentityCredentials"
        standing = await self.graph.every(path, WRITE) if application["id"] else []
        told = ("issuer", "subject", "audiences")
        if any(all(one[name] == right[name] for name in told) for one in standing):
            return
        if self.act(f"trust the identity {right['subject']} instead of a secret"):
            await self.graph.upsert(f"{path}(name='{CREDENTIAL}')", right, WRITE)

    async def assign(self, service: Json | None, wanted: Sequence[tuple[str, str]]) -> list[str]:
        """Give roles; what could not be given, and why. Each pair is a role and an object id."""
        resource = service["id"] if service else ""
        path = f"/servicePrincipals/{resource}/appRoleAssignedTo"
        standing = await self.graph.every(path, GIVE) if service and wanted else []
        held = {(one["appRoleId"], one["principalId"]) for one in standing}
        failed = []
        for role, principal in wanted:
            number = role_id(self.wanted.roles, role)
            if (number, principal) in held or not self.act(f"give the role {role} to {principal}"):
                continue
            body = {"principalId": principal, "resourceId": resource, "appRoleId": number}
            failed += await self._give(path, body, role)
        return failed

    async def _give(self, path: str, body: Json, role: str) -> list[str]:
        try:
            await self.graph.create(path, body, GIVE)
        except GraphError as error:
            if error.message != _ASSIGNED:
                return [f"{role} to {body['principalId']}: {error} {_hint(error)}"]
        return []


def _hint(error: GraphError) -> str:
    """What a refusal mostly means."""
    if "does not exist or one of" in error.message:
        return "Is this the object id (not the client id) of a person, a group or an enterprise application here?"
    if "was not found on application" in error.message:
        return f"{_PREFIX}Relay is for applications only."
    return ""


async def register(graph: Graph, given: argparse.Namespace) -> int:
    """Do all that was asked for, in an order that is safe to interrupt; the exit status."""
    wanted = Wanted(given.name, read_roles(given.roles), given.address, given.groups, given.azure_cli)
    unique_name = given.unique_name or re.sub(r"[^a-z0-9]+", "-", given.name.lower()).strip("-")
    try:
        return await _carry_out(Registration(graph, wanted, unique_name, given.client_id, given.plan), given)
    except RefusedError as error:
        print(error, file=sys.stderr)
    except (GraphError, AzureError) as error:
        print(str(error).partition("\n")[0], "What was done stays: run again to go on.", sep="\n", file=sys.stderr)
    return 2


async def _carry_out(registration: Registration, given: argparse.Namespace) -> int:
    application = await registration.application()
    service = await registration.service(application)
    tenant = service["appOwnerOrganizationId"] if service else "<tenant id>"
    if given.identity:
        await registration.trust(application, credential(tenant, given.authority, given.identity))
    failed = await registration.assign(service, given.assign)
    for line in failed:
        print(f"NOT given: {line}", file=sys.stderr)
    client = application["appId"]
    print(
        f"client id  {client}",
        f"tenant     {tenant}",
        f"audience   api://{client} to ask for a token; the token then names {client}",
        f"issuer     {given.authority.rstrip('/')}/{tenant}/v2.0",
        *_next(application, given),
        sep="\n",
    )
    return int(bool(failed))


def _next(application: Json, given: argparse.Namespace) -> list[str]:
    """What is still to be done by somebody."""
    secrets = len(application.get("passwordCredentials") or ())
    uris = (application.get("web") or {}).get("redirectUris") or []
    told = given.address or any(uri.endswith(CALLBACK) for uri in uris)
    again = "Then run this again with --address and --identity, so that people can sign in to the portal."
    return [
        f"Next: deploy with POSTERN_CLIENT_ID={application['appId']}; docs/sign-in.md tells the rest.",
        *([] if told else [again]),
        *([f"It has client secrets ({secrets}) that Postern does not need: delete them."] if secrets else []),
    ]


def _object_id(text: str) -> str:
    return str(uuid.UUID(text))


def _assignment(text: str) -> tuple[str, str]:
    role, _, principal = text.partition("=")
    return _PREFIX + role.removeprefix(_PREFIX), _object_id(principal)


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(text)
    return f"https://{parts.netloc}"


# What argparse calls these values where they are wrong.
_object_id.__name__, _assignment.__name__, _address.__name__ = "object id", "Role=<object id>", "https address"


_OPTIONS: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    ("--name", {"default": "Postern"}, "what people see; Postern unless told"),
    ("--unique-name", {}, "what the application is found by; made of --name unless told"),
    ("--client-id", {"type": _object_id}, "mend this application, however it was made"),
    ("--address", {"type": _address}, "where the app is reached: there people sign in to the portal"),
    (
        "--identity",
        {"type": _object_id},
        "the object id (principal id) of the app's identity: no secret is needed then",
    ),
    (
        "--groups",
        {"choices": GROUPS},
        "which groups tokens name; ApplicationGroup, those with a role, where none is set",
    ),
    ("--roles", {"type": Path, "default": ROLES}, "the app roles; infra/app-roles.json unless told"),
    ("--graph", {"default": "https://graph.microsoft.com"}, "Graph, such as https://graph.microsoft.us"),
    ("--authority", {"default": "https://login.microsoftonline.com"}, "such as https://login.microsoftonline.us"),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", action="store_true", help="say what would be done, and change nothing")
    for name, how, meaning in _OPTIONS:
        parser.add_argument(name, help=meaning, **how)
    parser.add_argument("--assign", type=_assignment, action="append", default=[], metavar="ROLE=OBJECT-ID",
                        help="give a role to a person, a group or another identity; may be said again")  # fmt: skip
    parser.add_argument("--azure-cli", action="store_true", help="let people get tokens with the Azure CLI, for curl")
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; ends the program where it makes no sense."""
    parser = _parser()
    given = parser.parse_args(arguments)
    known = {role["value"] for role in read_roles(given.roles)}
    if unknown := [role for role, _ in given.assign if role not in known]:
        parser.error(f"there is no role {unknown[0]}; there are {', '.join(sorted(known))}")
    return given


async def _sign_in_and_register(given: argparse.Namespace, pause: Pause) -> int:
    async with (
        DefaultAzureCredential(authority=given.authority) as identity,
        Graph.at(given.graph, identity, pause) as graph,
    ):
        return await register(graph, given)


def main(arguments: Sequence[str], pause: Pause = asyncio.sleep) -> int:
    """Read the command line and run. `pause` waits seconds."""
    return asyncio.run(_sign_in_and_register(parse(arguments), pause))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
