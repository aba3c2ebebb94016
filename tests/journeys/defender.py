"""The app as scripts written for Defender see it: the same paths and bodies, on another host.

Knows the bodies that Az.Security's cmdlets, the Azure portal and REST clients send. Refuses to know Postern's own API.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from emulator.environment import SUBSCRIPTION
from tests.journeys.client import USER, Json, Postern, machine

SECURITY: Final = "providers/Microsoft.Security"
GROUP: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/{SECURITY}/locations/westeurope"
DEFAULT: Final = f"{GROUP}/jitNetworkAccessPolicies/default"
VERSION: Final = "?api-version=2020-01-01"


def rule(number: object = 22, **more: object) -> Json:
    """A port of a policy as in the documentation of Set-AzJitNetworkAccessPolicy."""
    usual = {"protocol": "*", "allowedSourceAddressPrefix": "*", "maxRequestAccessDuration": "PT3H"}
    return {"number": number, **usual, **more}


def policy(*names: str, ports: tuple[Json, ...] = (rule(22), rule(3389))) -> Json:
    """What Set-AzJitNetworkAccessPolicy sends."""
    machines = [{"id": machine(name), "ports": list(ports)} for name in names]
    return {"kind": "Basic", "properties": {"virtualMachines": machines}}


def until(seconds: float) -> str:
    """A time so far from now as .NET writes it, with seven digits of a second."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.%f}8Z"


def start(*names: str, number: object = 22, seconds: float = 600, source: object = USER) -> Json:
    """What Start-AzJitNetworkAccessPolicy sends; it has no justification."""
    port = {"number": number, "allowedSourceAddressPrefix": source, "endTimeUtc": until(seconds)}
    return {"virtualMachines": [{"id": machine(name), "ports": [port]} for name in names]}


@dataclass(frozen=True, slots=True)
class Scripts:
    """Scripts that were written for Defender, run by somebody."""

    postern: Postern

    async def call(self, user: str, method: str, path: str, body: object = None) -> httpx.Response:
        """One call with the version that the scripts know."""
        return await self.postern.call(user, method, f"{path}{VERSION}", body)

    async def set(self, body: Json, path: str = DEFAULT) -> httpx.Response:
        """Set-AzJitNetworkAccessPolicy."""
        return await self.call("administrator", "PUT", path, body)

    async def start(self, body: Json, path: str = DEFAULT, user: str = "requestor") -> httpx.Response:
        """Start-AzJitNetworkAccessPolicy."""
        return await self.call(user, "POST", f"{path}/initiate", body)

    async def get(self, path: str = DEFAULT, user: str = "auditor") -> httpx.Response:
        """Get-AzJitNetworkAccessPolicy."""
        return await self.call(user, "GET", path)

    async def remove(self, path: str = DEFAULT) -> httpx.Response:
        """Remove-AzJitNetworkAccessPolicy."""
        return await self.call("administrator", "DELETE", path)


def error(answer: httpx.Response) -> tuple[int, str, list[tuple[str, str]]]:
    """The status of an error, its code, and the code and target of each detail; it has ARM's form."""
    document = answer.json()
    assert {"error"} == set(document)
    assert {"code", "message"} <= set(document["error"]) <= {"code", "message", "details"}
    details = [(one["code"], one["target"]) for one in document["error"].get("details", [])]
    return answer.status_code, document["error"]["code"], details
