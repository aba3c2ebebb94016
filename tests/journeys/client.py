"""The app as its callers see it: over HTTP, each with a token of its own.

Knows paths, bodies and how to wait for a state. Refuses to know what the app does inside, and imports nothing of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import httpx

from emulator.box import Box
from emulator.environment import AUDIENCE, SUBSCRIPTION, TENANT

type Json = dict[str, Any]

RESOURCE_GROUPS: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
USER: Final = "203.0.113.7"
STRANGER: Final = "203.0.113.8"
LOOK_AGAIN: Final = 0.15  # seconds
ENDS: Final = frozenset({"expired", "revoked", "denied", "cancelled", "lapsed", "failed"})


def machine(name: str, group: str = "demo") -> str:
    """The resource id of a machine, by its resource group."""
    return f"{RESOURCE_GROUPS}/{group}/providers/Microsoft.Compute/virtualMachines/{name}"


def wish(name: str, port: int = 22, source: str = USER, **more: Any) -> Json:  # noqa: ANN401 - any JSON.
    """The body of a request for access."""
    ports = [{"number": port, "allowedSourceAddressPrefix": source}]
    lasting = {} if "endTimeUtc" in more else {"duration": "PT10M"}
    return {"machine": machine(name), "ports": ports, **lasting, **more}


@dataclass(slots=True)
class Postern:
    """The running app of a box."""

    box: Box
    _tokens: dict[str, str] = field(default_factory=dict)

    async def call(self, user: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """One call as `user`, whatever comes of it. Header names are written with underscores here."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send(method, path, await self.token(user), json=body, headers=sent)

    async def send(self, method: str, path: str, token: str | None, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own options.
        """One call with a token that may be wrong or none, and any form of body."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **options.pop("headers", {})}
        url = f"{self.box.site.postern}{path}"
        # The app may wait for half a minute by itself, and for a killed host's lease besides.
        return await self.box.client.request(method, url, headers=headers, timeout=100, **options)

    async def token(self, user: str) -> str:
        """A bearer token; `pipeline` and `relay` are applications, everybody else a demo account."""
        if user not in self._tokens:
            known = self._application(user) if user in {"pipeline", "relay"} else self.box.sign_in(user)
            self._tokens[user] = await known
        return self._tokens[user]

    async def _application(self, client: str) -> str:
        form = {"grant_type": "client_credentials", "client_id": client, "scope": f"{AUDIENCE}/.default"}
        url = f"{self.box.site.emulator}/{TENANT}/oauth2/v2.0/token"
        answer = (await self.box.client.post(url, data=form)).raise_for_status()
        return str(answer.json()["access_token"])

    async def enable(self, name: str, **policy: object) -> Json:
        """Put a machine under a policy; what the app says about it."""
        answer = await self.call("administrator", "PUT", f"/api/policies{machine(name)}", policy)
        return read(answer, 200, 201)

    async def disable(self, name: str) -> Json:
        """Take the policy away; what the app says is open afterwards."""
        return read(await self.call("administrator", "DELETE", f"/api/policies{machine(name)}"), 200)

    async def ask(self, body: Json, user: str = "requestor", **headers: str) -> Json:
        """Ask for access, which must be given at once; the grant."""
        return read(await self.call(user, "POST", "/api/grants", body, **headers), 201)

    async def grant(self, id_: str) -> Json:
        """A grant as it stands."""
        return read(await self.call("requestor", "GET", f"/api/grants/{id_}"), 200)

    async def grants(self) -> list[Json]:
        """All grants of the requestor."""
        found: list[Json] = read(await self.call("requestor", "GET", "/api/grants"), 200)["value"]
        return found

    async def revoke(self, id_: str, user: str = "requestor") -> httpx.Response:
        """End a grant before its time."""
        return await self.call(user, "POST", f"/api/grants/{id_}/revoke")

    async def until(self, id_: str, *states: str, patience: float = 10) -> Json:
        """The grant as soon as it is in one of these states, or as it is after `patience` seconds.

        It is looked up in the list: asking for one grant goes on with its opening, and this only looks.
        """
        return await watch(lambda: self._listed(id_), lambda grant: grant["state"] in states, patience)

    async def _listed(self, id_: str) -> Json:
        return next(grant for grant in await self.grants() if grant["id"] == id_)

    async def insist(self, id_: str, *states: str, patience: float = 20) -> Json:
        """As `until`, by a caller who asks for the grant itself again and again."""
        return await watch(lambda: self.grant(id_), lambda grant: grant["state"] in states, patience)

    async def machines(self, user: str = "auditor", **wanted: str) -> Json:
        """A page of the list of machines; `wanted` are its filters."""
        query = "&".join(f"{name}={quote(value)}" for name, value in wanted.items())
        return read(await self.call(user, "GET", f"/api/machines?{query}"), 200)

    async def row(self, name: str) -> Json:
        """One machine of the list."""
        found = (await self.machines(q=name, pageSize="200"))["value"]
        return next(one for one in found if one["name"] == name)

    async def run(self, function: str) -> None:
        """Begin a run of a timer's function now; its end is not waited for."""
        await self.box.post(f"{self.box.site.postern}/admin/functions/{function}", {})


async def watch[T](look: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool], patience: float) -> T:
    """What is seen as soon as it is enough, or as it is after `patience` seconds."""
    late = time.monotonic() + patience
    while not is_enough(seen := await look()) and time.monotonic() < late:  # noqa: ASYNC110 - other processes set no event.
        await asyncio.sleep(LOOK_AGAIN)
    return seen


def read(answer: httpx.Response, *expected: int) -> Json:
    """The document of an answer that has one of the expected statuses."""
    assert answer.status_code in expected, f"{answer.status_code}: {answer.text}"
    document: Json = answer.json()
    return document


def time_of(text: str) -> datetime:
    """A time in a document."""
    return datetime.fromisoformat(text)


def seconds_past(text: str) -> float:
    """How long ago a time in a document was, in seconds."""
    return (datetime.now(UTC) - time_of(text)).total_seconds()


async def wait_past(text: str, seconds: float = 0.0) -> None:
    """Return `seconds` after a time in a document: the running app has no clock to turn."""
    await asyncio.sleep(max(0.0, seconds - seconds_past(text)))
