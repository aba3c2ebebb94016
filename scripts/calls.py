"""Calls of an HTTP API as somebody who is signed in: of Azure Resource Manager, and of Postern itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from azure.core import AsyncPipelineClient
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy, AsyncRetryPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest

type Json = dict[str, Any]

_BUSY: Final = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_LOOKS: Final = 60
_PAUSE: Final = 1.0  # seconds
_HERE: Final = frozenset({"127.0.0.1", "localhost"})


class CallError(Exception):
    """An API refused what was asked, or did not get done with it; the message says what and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    status: int
    document: Json
    etag: str

    @property
    def ok(self) -> bool:
        """Whether the call did what it was to do."""
        return self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def code(self) -> str:
        """The code of an error of Azure's."""
        return str((self.document.get("error") or {}).get("code", ""))

    @property
    def reasons(self) -> list[str]:
        """Why it did not, everything at once, in the form of Postern's problems or that of Azure's errors."""
        issues = [str(one["message"]) for one in self.document.get("issues") or ()]
        error = self.document.get("error") or {}
        return issues or [str(self.document.get("detail") or error.get("message") or f"status {self.status}")]


class Api:
    """One API at one address. Its token goes there and nowhere else, and over TLS unless that is this machine."""

    def __init__(self, base: str, credential: AsyncTokenCredential, scope: str) -> None:
        self.base = base.rstrip("/")
        self._plain = urlsplit(self.base).hostname in _HERE
        login = AsyncBearerTokenCredentialPolicy(credential, scope)
        policies = [UserAgentPolicy("postern"), AsyncRetryPolicy(), login]
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse]
        self._client = AsyncPipelineClient(base_url=self.base, policies=policies)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def call(
        self, method: str, path: str, body: Json | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call, whatever comes of it. Raises AzureError when nothing does."""
        request = HttpRequest(method, f"{self.base}{path}", json=body, headers=dict(headers or {}))
        # Only the box is called without TLS.
        response = await self._client.send_request(request, enforce_https=not self._plain)
        try:
            document = response.json() if response.content else {}
        except ValueError:
            document = {}
        return Answer(
            response.status_code, document if isinstance(document, dict) else {}, response.headers.get("ETag", "")
        )

    async def pages(self, path: str, version: str) -> list[Json]:
        """Everything in a list of ARM's. Raises CallError, also for a next page that is somewhere else."""
        found: list[Json] = []
        next_: str = f"{path}?api-version={version}"
        while next_:
            answer = await self.call("GET", next_)
            if not answer.ok:
                raise CallError(f"{path} cannot be listed: {'; '.join(answer.reasons)}")
            found += answer.document["value"]
            link = str(answer.document.get("nextLink") or "")
            if link and not link.startswith(f"{self.base}/"):
                raise CallError(f"{path}: the next page is said to be at another host")
            next_ = link.removeprefix(self.base)
        return found

    async def delete(self, path: str, version: str) -> None:
        """Delete something of ARM's, and return when it is gone. Raises CallError."""
        address = f"{path}?api-version={version}"
        for _ in range(_LOOKS):
            answer = await self.call("DELETE", address)
            if answer.ok:
                break
            if answer.status not in _BUSY:
                raise CallError(f"{path} cannot be deleted: {'; '.join(answer.reasons)}")
            await asyncio.sleep(_PAUSE)
        for _ in range(_LOOKS):
            if (await self.call("GET", address)).status == HTTPStatus.NOT_FOUND:
                return
            await asyncio.sleep(_PAUSE)
        raise CallError(f"{path} is still there")
