"""Calls of Azure Resource Manager, and how long a call is retried.

Reading goes through a pipeline of the SDK's core; writing through the SDK of Microsoft.Network, one client for each
subscription, which takes half a second to load and is loaded with the first write. The SDK's own retries are off:
whoever needs longer than a moment is told when to come again.

Source: azure-mgmt-network; ARM documentation, "Throttling Resource Manager requests".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from azure.core import AzureClouds
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import ContentDecodePolicy, HeadersPolicy, RequestIdPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.core.tools import get_arm_endpoints

from shared.adapters.arm_errors import Forbidden, translated
from shared.adapters.connections import DIRECTLY
from shared.ports import Clock, Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from azure.mgmt.network.aio import NetworkManagementClient

COMPUTE_VERSION = "2024-07-01"
NETWORK_VERSION = "2024-05-01"
GROUP_VERSION = "2026-03-01"
"""What groups are read and written with: the same for both, so that a write holds everything that the group has."""
_TRIES = 3
_POLLS = (0.4, *([0.6] * 5), *([1.0] * 20), *([2.0] * 20))
_PARTS = 9
_PATIENCE = timedelta(seconds=5)


class Arm:
    """ARM, for everything that reads and writes there."""

    def __init__(self, credential: AsyncTokenCredential, endpoint: str, clock: Clock) -> None:
        self.credential = credential
        self.endpoint = endpoint
        self.scope = scope_of(endpoint)
        self.clock = clock
        self._clients: dict[str, NetworkManagementClient] = {}
        self._reader: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] | None = None

    async def close(self) -> None:
        """Close the connections."""
        closing = [client.close() for client in self._clients.values()]
        await asyncio.gather(*closing, *([self._reader.close()] if self._reader else []))

    def client(self, id_: str) -> NetworkManagementClient:
        """The client of the subscription that a resource id is in."""
        from azure.mgmt.network.aio import NetworkManagementClient

        subscription = id_.split("/")[2].lower()
        if subscription not in self._clients:
            self._clients[subscription] = NetworkManagementClient(
                self.credential,
                subscription,
                self.endpoint,
                credential_scopes=[self.scope],
                # The SDK would sleep for as long as ARM says; `ask` retries instead, and gives up in time.
                retry_total=0,
                connection_timeout=10,
                read_timeout=30,
                **DIRECTLY,
            )
        return self._clients[subscription]

    @property
    def _reading(self) -> AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse]:
        if self._reader is None:
            login = AsyncARMChallengeAuthenticationPolicy(self.credential, self.scope)
            policies = [RequestIdPolicy(), HeadersPolicy(), UserAgentPolicy("postern"), login, ContentDecodePolicy()]
            self._reader = AsyncARMPipelineClient(base_url=self.endpoint, policies=policies, **DIRECTLY)
        return self._reader

    async def get(self, path: str, version: str = COMPUTE_VERSION) -> Mapping[str, Any]:
        """The JSON that stands at a path. Raises NotFound, Unavailable."""
        return await self._read(path, HttpRequest("GET", f"{self.endpoint}{path}", params={"api-version": version}))

    async def pages(self, path: str, version: str) -> AsyncIterator[list[Mapping[str, Any]]]:
        """The pages of a list. Raises Unavailable: a list that is not there cannot be looked at, and is not empty."""
        try:
            document = await self.get(path, version)
        except (NotFound, Conflict) as error:
            raise Unavailable(f"{path} cannot be listed: {error}") from error
        yield list(document["value"])
        while link := document.get("nextLink"):
            if not str(link).startswith(f"{self.endpoint}/"):
                # Our token goes to ARM and nowhere else, wherever an answer points.
                raise Unavailable(f"{path}: the next page is said to be at another host")
            document = await self._read(path, HttpRequest("GET", str(link)))
            yield list(document["value"])

    async def put(self, path: str, document: Mapping[str, Any], version: str) -> None:
        """Write what is to stand at a path; that it is accepted does not mean that it is done. Raises as `ask` does."""
        await self._write(HttpRequest("PUT", f"{self.endpoint}{path}", params={"api-version": version}, json=document))

    async def delete(self, path: str, version: str) -> None:
        """Take away what stands at a path; what is gone is no error. Raises as `ask` does."""
        with suppress(NotFound):
            await self._write(HttpRequest("DELETE", f"{self.endpoint}{path}", params={"api-version": version}))

    async def _write(self, request: HttpRequest) -> None:
        async def write() -> None:
            response = await self._reading.send_request(request, connection_timeout=10, read_timeout=30)
            response.raise_for_status()

        await self.ask(write, f"{request.method} {request.url.partition('?')[0]}", writes=True)

    async def _read(self, path: str, request: HttpRequest) -> Mapping[str, Any]:
        async def read() -> Mapping[str, Any]:
            response = await self._reading.send_request(request, connection_timeout=10, read_timeout=30)
            response.raise_for_status()
            return dict(response.json())

        return await self.ask(read, f"reading {path}")

    async def until[T](self, is_settled: Callable[[T], bool], look: Callable[[], Awaitable[T]], what: str) -> T:
        """Look at something again and again until ARM is done with it. Raises what looking raises, Unavailable."""
        next_look = self.clock.now()
        for seconds in _POLLS:
            # How long a look takes is no reason to come later for the next.
            next_look = max(next_look + timedelta(seconds=seconds), self.clock.now())
            seen = await look()
            if is_settled(seen):
                return seen
            await self.clock.sleep(next_look - self.clock.now())
        raise Unavailable(f"{what} is being updated for too long")

    async def ask[T](self, call: Callable[[], Awaitable[T]], what: str, *, writes: bool = False) -> T:
        """Call ARM; where it asks for a little patience, have it, and where it asks for much, raise."""
        for _ in range(_TRIES - 1):
            try:
                with translated(what, writes=writes):
                    return await call()
            except Unavailable as error:
                if isinstance(error, Forbidden) or error.retry_after > _PATIENCE:
                    raise
                await self.clock.sleep(error.retry_after)
        with translated(what, writes=writes):
            return await call()


@cache
def scope_of(endpoint: str) -> str:
    """What a token for ARM is asked for: as the SDK does in each of Azure's clouds, elsewhere the endpoint itself."""
    known = (get_arm_endpoints(cloud) for cloud in AzureClouds)
    scopes = {str(one["resource_manager"]).rstrip("/"): str(one["credential_scopes"][0]) for one in known}
    return scopes.get(endpoint, f"{endpoint}/.default")


def place_of(id_: str, kind: str) -> tuple[str, str]:
    """The resource group and the name in a resource id of one kind. Raises Conflict: ARM, which gave it, has moved."""
    parts = id_.split("/")
    if len(parts) != _PARTS or parts[7].lower() != kind.lower():
        raise Conflict(f"not the resource id of one of {kind}: {id_}")
    return parts[4], parts[8]
