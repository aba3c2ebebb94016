"""Microsoft Graph v1.0, as the scripts call it.

Graph answers from replicas: what was made a moment ago may be missing in the next answer ("Eventual consistency"). So a
call that depends on something that is known to stand is repeated, with pauses that grow, for about a minute in all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest

type Json = dict[str, Any]
type Pause = Callable[[float], Awaitable[None]]

PAUSES: Final = (1, 2, 4, 8, 8, 8, 8, 8, 8)
"""Seconds between the tries of a call for which Graph may not be ready yet."""

TAKEN: Final = "Another object with the same value for property uniqueName already exists."
_LAGS: Final = (
    "does not reference a valid application object",
    "the backing application of the service principal being created must in the local tenant",
    "Permission being assigned was not found on application",
    "cannot be deleted or updated unless disabled first",
    "cannot be found in the AppPermissions sets",
    TAKEN,
)
"""What Graph also says, besides 404, where it has not yet heard of a change that it has made."""


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody needs in order to call: a permission of Graph, or a role in Entra that is as good for a person."""

    permission: str
    role: str

    def __str__(self) -> str:
        return f"{self.permission}; a person needs the role {self.role} instead"


class GraphError(Exception):
    """Graph refused: status, code, its message, and what the call needs."""

    def __init__(self, status: int, code: str, message: str, right: Right) -> None:
        super().__init__(_explain(status, code, message, right))
        self.status = status
        self.message = message

    @property
    def may_be_lag(self) -> bool:
        """Whether the same call may go through in a moment."""
        late = self.status in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
        return late or any(text in self.message for text in _LAGS)


def _explain(status: int, code: str, message: str, right: Right) -> str:
    if status == HTTPStatus.FORBIDDEN:
        return f"Graph does not let you do this ({message}) It needs {right}."
    return f"Graph answered {status} {code}: {message}"


@dataclass(frozen=True, slots=True)
class Graph:
    """Graph at one endpoint. `pause` waits seconds. Calls raise GraphError, or AzureError where no answer came."""

    address: str
    client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse]
    pause: Pause

    @classmethod
    def at(cls, endpoint: str, credential: AsyncTokenCredential, pause: Pause) -> Self:
        """Graph with somebody's sign-in."""
        address = endpoint.rstrip("/")
        policies = [
            UserAgentPolicy("postern"),
            AsyncRetryPolicy(),
            AsyncBearerTokenCredentialPolicy(credential, f"{address}/.default"),
        ]
        return cls(f"{address}/v1.0", AsyncPipelineClient(address, policies=policies), pause)

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.__aexit__(kind, error, trace)

    async def find(self, path: str, right: Right) -> Json | None:
        """One object; None where there is none."""
        try:
            return await self.send(self._request("GET", path), right)
        except GraphError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def get(self, path: str, right: Right) -> Json:
        """One object that is known to stand."""
        return await self._insist(self._request("GET", path), right)

    async def every(self, path: str, right: Right) -> list[Json]:
        """All objects of a list, page by page; of something that is known to stand."""
        page = await self._insist(self._request("GET", path), right)
        found: list[Json] = [*page["value"]]
        while following := page.get("@odata.nextLink"):
            page = await self.send(HttpRequest("GET", following), right)
            found += page["value"]
        return found

    async def change(self, path: str, body: Json, right: Right) -> None:
        """Change properties of something that is known to stand."""
        await self._insist(self._request("PATCH", path, body), right)

    async def upsert(self, path: str, body: Json, right: Right) -> Json | None:
        """Make what this path names by an alternate key; None where it stood, and was changed instead."""
        request = self._request("PATCH", path, body)
        request.headers["Prefer"] = "create-if-missing"
        return await self._insist(request, right) or None

    async def create(self, path: str, body: Json, right: Right) -> Json:
        """Make an object in a list."""
        return await self._insist(self._request("POST", path, body), right)

    def _request(self, method: str, path: str, body: Json | None = None) -> HttpRequest:
        return HttpRequest(method, f"{self.address}{path}", json=body)

    async def _insist(self, request: HttpRequest, right: Right) -> Json:
        for seconds in PAUSES:
            try:
                return await self.send(request, right)
            except GraphError as error:
                if not error.may_be_lag:
                    raise
            await self.pause(seconds)
        return await self.send(request, right)

    async def send(self, request: HttpRequest, right: Right) -> Json:
        """One call; an answer without content is an empty object."""
        response = await self.client.send_request(request)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(response, right)
        return dict(response.json()) if response.status_code != HTTPStatus.NO_CONTENT else {}


def _refusal(response: AsyncHttpResponse, right: Right) -> GraphError:
    try:
        error: Mapping[str, Any] = response.json()["error"]
        return GraphError(response.status_code, str(error["code"]), str(error["message"]), right)
    except (ValueError, KeyError, TypeError):
        return GraphError(response.status_code, str(response.reason), "It said no more.", right)


def quoted(text: str) -> str:
    """Text as it stands between quotes in an address of Graph."""
    return quote(text.replace("'", "''"), safe="")
