"""Storage accounts, as a binding's `connection` names them.

Knows the two ways of Azure Functions to name an account: a connection string in the setting, or
`<name>__queueServiceUri` and the app's own identity. Refuses to know queues' contents. The SDK is imported when the
first account is opened, since an app without queues needs none. Source: "Azure Queue storage trigger", connections.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential
    from azure.storage.queue.aio import QueueClient, QueueServiceClient


class Accounts:
    """The accounts an app is connected to, each opened once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._open: dict[str, QueueServiceClient] = {}
        self._credential: DefaultAzureCredential | None = None

    def queue(self, connection: str, name: str) -> "QueueClient":
        """A client for one queue. Messages are not decoded: that they may not be decodable is the trigger's concern."""
        if connection not in self._open:
            self._open[connection] = self._connect(connection)
        return self._open[connection].get_queue_client(name)

    async def close(self) -> None:
        """Close every connection."""
        for account in self._open.values():
            await account.close()
        if self._credential:
            await self._credential.close()

    def _connect(self, connection: str) -> "QueueServiceClient":
        # Half a second of imports that an app without queues is spared.
        from azure.storage.queue.aio import QueueServiceClient  # noqa: PLC0415 - As said above.

        # The SDK would wait 15 seconds before its first retry, and look for proxies at every call.
        options: dict[str, Any] = {
            "initial_backoff": 1,
            "increment_base": 1,
            "retry_total": 2,
            "use_env_settings": False,
        }
        if text := self._environ.get(connection):
            return QueueServiceClient.from_connection_string(text, **options)
        address = self._environ[f"{connection}__queueServiceUri"]
        return QueueServiceClient(address, credential=self._identify(), **options)

    def _identify(self) -> "DefaultAzureCredential":
        from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415 - As said above.

        self._credential = self._credential or DefaultAzureCredential()
        return self._credential
