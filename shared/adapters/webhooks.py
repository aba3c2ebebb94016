"""Sending over HTTPS to addresses that others gave us.

The address that is checked is the one that is connected to: the connector's own resolver looks at what a name stands
for, each time. No redirect is followed, no proxy and no cookie is used, and what is answered is not read.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from shared.channels import Receipt, Reception
from shared.domain.receivers import Receivers

_PATIENCE: Final = 10.0  # seconds, from looking the name up to the answer's headers
_MOST_HEADER: Final = 8190


class GuardedResolver(AbstractResolver):
    """Resolves names, and knows only addresses that may be connected to. `inner` is who really looks them up."""

    def __init__(self, receivers: Receivers, inner: AbstractResolver) -> None:
        self._receivers, self._inner = receivers, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name that may be connected to. Raises OSError when there are none."""
        found = await self._inner.resolve(host, port, family)
        admitted = [one for one in found if self._receivers.admits(one["host"])]
        if not admitted:
            raise OSError(f"{host} stands for no public address")
        return admitted

    async def close(self) -> None:
        """Nothing is held open."""
        await self._inner.close()


class HttpWebhooks:
    """The `Webhooks` port."""

    def __init__(
        self, receivers: Receivers, inner: AbstractResolver | None = None, patience: float = _PATIENCE
    ) -> None:
        self._receivers = receivers
        self._inner = inner
        self._timeout = ClientTimeout(total=patience)
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send once. A failure is a receipt like any other, and its text never holds the address."""
        if why := self._receivers.why_not(url):
            return Receipt(Reception.FAILED, why)
        try:
            # The address is as strict as it can be; nobody is to read it in another way.
            async with self._open().post(
                URL(url, encoded=True), data=body, headers=headers, allow_redirects=False, timeout=self._timeout
            ) as answer:
                status = answer.status
                answer.close()
        except (ClientError, TimeoutError, OSError, ValueError) as error:
            return Receipt(Reception.FAILED, type(error).__name__)
        return _receipt(status)

    def _open(self) -> ClientSession:
        if self._session is None:
            resolver = GuardedResolver(self._receivers, self._inner or ThreadedResolver(asyncio.get_running_loop()))
            # Without a cache and without kept connections each sending looks the name up, and is checked, anew.
            connector = TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=50)
            self._session = ClientSession(
                connector=connector,
                cookie_jar=DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={"User-Agent": "Postern"},
                max_line_size=_MOST_HEADER,
                max_field_size=_MOST_HEADER,
            )
        return self._session


def _receipt(status: int) -> Receipt:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Receipt(Reception.TAKEN)
    unwanted = status == HTTPStatus.GONE
    return Receipt(Reception.UNWANTED if unwanted else Reception.FAILED, f"It answered {status}.")
