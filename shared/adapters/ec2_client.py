"""Calls of Amazon EC2, as a role that Postern takes with the token of its own identity: nobody keeps a key of AWS.

The SDK blocks, so each call has a thread, and only so many run at once. The SDK's own retries are off: where EC2 asks
for a little patience it is had here, and whoever needs longer than a moment is told when to come again.

Source: boto3; AWS documentation, "Request throttling for the Amazon EC2 API", "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from shared.aws_settings import AwsSettings, Place
from shared.ports import Clock, Conflict, NotFound, Unavailable

type Json = Mapping[str, Any]

_AT_ONCE: Final = 8
_TRIES: Final = 3
_PAGE: Final = 1000
_SMALLER_PAGES: Final = {"GetManagedPrefixListEntries": 100}
_FORBIDDEN_FOR: Final = timedelta(minutes=5)
_PAUSE: Final = timedelta(seconds=2)
_SERVER_ERRORS: Final = 500
_GONE: Final = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
_BUSY: Final = frozenset({"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"})
_FORBIDDEN: Final = frozenset(
    {"UnauthorizedOperation", "AccessDenied", "AuthFailure", "InvalidIdentityToken", "ExpiredTokenException"}
)
_FULL: Final = frozenset({"RulesPerSecurityGroupLimitExceeded", "SecurityGroupLimitExceeded", "TagLimitExceeded"})


class Refusal(Conflict):
    """EC2 will not do this as things now stand; `code` says why, in EC2's words."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Full(Unavailable):
    """A limit of AWS does not allow it."""


class Forbidden(Unavailable):
    """The role may not do it."""


class Calls(Protocol):
    """EC2, as the rest of the adapter calls it."""

    async def call(self, place: Place, operation: str, /, **parameters: object) -> Json:
        """One call by its name in the API. Raises NotFound, Refusal, Unavailable."""
        ...

    async def every(self, place: Place, operation: str, key: str, /, **parameters: object) -> list[Json]:
        """What stands under `key` on all pages of a list. Raises as `call` does."""
        ...


class Ec2:
    """EC2 in the accounts and regions that Postern was told of."""

    def __init__(self, settings: AwsSettings, token: Callable[[], str], clock: Clock) -> None:
        self._settings, self._token, self._clock = settings, token, clock
        self._threads = ThreadPoolExecutor(_AT_ONCE, "ec2")
        self._clients: dict[Place, Any] = {}
        self._making = threading.Lock()

    async def call(self, place: Place, operation: str, /, **parameters: object) -> Json:
        """One call. Raises NotFound, Refusal, Unavailable."""
        found: Json = await self._ask(operation, lambda: self._method(place, operation)(**parameters))
        return found

    async def every(self, place: Place, operation: str, key: str, /, **parameters: object) -> list[Json]:
        """What stands under a key on all pages of a list."""

        def read() -> list[Json]:
            list_, found, more = self._method(place, operation), [], dict(parameters)
            while True:
                page = list_(MaxResults=_SMALLER_PAGES.get(operation, _PAGE), **more)
                found += page[key]
                if not page.get("NextToken"):
                    return found
                more["NextToken"] = page["NextToken"]

        every: list[Json] = await self._ask(operation, read)
        return every

    async def _ask(self, operation: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is called.
        for tries_left in reversed(range(_TRIES)):
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, partial(_translated, operation, call)
                )
            except Unavailable as error:
                if isinstance(error, Forbidden | Full) or not tries_left:
                    raise
                await self._clock.sleep(error.retry_after)
        raise AssertionError("the last try returns or raises")

    def _method(self, place: Place, operation: str) -> Callable[..., Any]:
        from botocore import xform_name

        # Making clients is the one thing that the SDK does not do safely in several threads.
        with self._making:
            if place not in self._clients:
                self._clients[place] = self._client(place)
        method: Callable[..., Any] = getattr(self._clients[place], xform_name(operation))
        return method

    def _client(self, place: Place) -> Any:  # noqa: ANN401 - the SDK has no types.
        import boto3
        import botocore.session
        from botocore.config import Config
        from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher, DeferredRefreshableCredentials

        patience = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
        where = {"region_name": place.region, "endpoint_url": self._settings.endpoint or None}
        core = botocore.session.Session()
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            lambda service, config: core.create_client(service, config=config.merge(patience), **where),
            self._token,
            place.role_arn,
            extra_args={"RoleSessionName": "postern"},
        )
        how = "assume-role-with-web-identity"
        core.register_component(
            "credential_provider", _Role(DeferredRefreshableCredentials(fetcher.fetch_credentials, how))
        )
        return boto3.Session(botocore_session=core).client("ec2", config=patience, **where)


class _Role:
    """The one source of credentials: what this machine may otherwise know of AWS is not asked."""

    def __init__(self, credentials: object) -> None:
        self._credentials = credentials

    def load_credentials(self) -> object:
        return self._credentials


def _translated(operation: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is called.
    from azure.core.exceptions import AzureError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        raise _told(operation, error.response) from error
    except (BotoCoreError, AzureError) as error:
        raise Unavailable(f"{operation}: AWS could not be asked: {error}", _PAUSE) from error


def _told(operation: str, answer: Json) -> Exception:
    code = str(answer["Error"]["Code"])
    text = f"{operation}: {code}: {answer['Error'].get('Message', '')}"
    if code in _GONE:
        return NotFound(text)
    if code in _FORBIDDEN:
        return Forbidden(text, _FORBIDDEN_FOR)
    if code in _FULL:
        return Full(text, _FORBIDDEN_FOR)
    if code in _BUSY or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERRORS:
        return Unavailable(text, _PAUSE)
    return Refusal(text, code)
