"""The emulator as a process, met by clients that know nothing of it: Microsoft's SDK and DefaultAzureCredential."""

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.network.models import SecurityRule
from cryptography import x509

from emulator import certificate, world
from tests.emulator.conftest import GROUPS, Served, rule

# What a stranger writes: nothing in it says that Azure is not Azure, but the address.
SCRIPT = """
import asyncio, sys
from azure.identity.aio import DefaultAzureCredential
from azure.mgmt.network.aio import NetworkManagementClient

async def main(base, subscription):
    async with DefaultAzureCredential() as credential:
        async with NetworkManagementClient(credential, subscription, base_url=base) as client:
            print((await client.network_security_groups.get("demo", "web-01-nsg")).security_rules[0].name)

asyncio.run(main(*sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Credential:
    """A token that was fetched before."""

    token: str

    async def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, 4_000_000_000)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self.close()


@pytest.fixture(scope="session")
async def sdk(served: Served) -> AsyncIterator[NetworkManagementClient]:
    """Microsoft's client, against the process."""
    token = (await served.client.post("/_box/token", json={})).json()["access_token"]
    options: dict[str, Any] = {"connection_verify": str(served.cert), "polling_interval": 0.05, "retry_total": 0}
    options["use_env_settings"] = False  # A proxy of the machine has no business here.
    client = NetworkManagementClient(Credential(token), world.SUBSCRIPTION, served.base, **options)
    async with client:
        yield client


def mine(**changes: object) -> SecurityRule:
    return SecurityRule(rule(**changes))


async def test_the_sdk_writes_reads_and_deletes_a_rule(sdk: NetworkManagementClient) -> None:
    poller = await sdk.security_rules.begin_create_or_update("demo", "edge-01-nsg", "r", mine())
    assert (await poller.result()).provisioning_state == "Succeeded"
    assert (await sdk.security_rules.get("demo", "edge-01-nsg", "r")).priority == 200
    await (await sdk.security_rules.begin_delete("demo", "edge-01-nsg", "r")).result()
    assert [one.name async for one in sdk.security_rules.list("demo", "edge-01-nsg")] == ["allow-ssh-first"]


async def test_the_sdk_writes_a_whole_group_under_if_match(sdk: NetworkManagementClient) -> None:
    groups = sdk.network_security_groups
    group = await groups.get("demo", "spare-nsg")
    group.tags = {"seen": "yes"}
    headers = {"If-Match": str(group.etag)}
    poller = await groups.begin_create_or_update("demo", "spare-nsg", group, headers=headers)
    assert (await poller.result()).tags == {"seen": "yes"}
    with pytest.raises(HttpResponseError) as caught:
        await groups.begin_create_or_update("demo", "spare-nsg", group, headers=headers)
    assert found(caught.value) == (412, "PreconditionFailed")


def found(error: HttpResponseError) -> tuple[int | None, str | None]:
    return error.status_code, error.error.code if error.error else None


async def test_the_sdk_meets_a_conflict_at_once_and_late(served: Served, sdk: NetworkManagementClient) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await sdk.security_rules.begin_create_or_update("demo", "web-01-nsg", "r", mine(priority=310))
    assert found(caught.value) == (400, "SecurityRuleConflict")
    await served.client.post("/_box/faults", json={"match": {"path": "late$"}, "kind": "failed-operation"})
    poller = await sdk.security_rules.begin_create_or_update("demo", "web-01-nsg", "late", mine())
    with pytest.raises(HttpResponseError) as caught:
        await poller.result()
    assert found(caught.value)[1] == "SecurityRuleConflict"


async def test_the_sdk_loses_an_answer_though_the_rule_stands(served: Served, sdk: NetworkManagementClient) -> None:
    # NB. aiohttp itself repeats an idempotent request once where a connection that it used before breaks.
    await served.client.post("/_box/faults", json={"match": {"path": "lost$"}, "kind": "lost-answer", "times": 2})
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await sdk.security_rules.begin_create_or_update("demo", "web-nsg", "lost", mine())
    await served.client.delete("/_box/faults")
    assert (await sdk.security_rules.get("demo", "web-nsg", "lost")).priority == 200


async def test_the_sdk_lists_across_groups_and_walks_a_path(sdk: NetworkManagementClient) -> None:
    names = [one.name async for one in sdk.network_security_groups.list_all()]
    interface = await sdk.network_interfaces.get("demo", "web-01-nic")
    assert {"web-01-nsg", "partner-nsg"} < set(names)
    assert (interface.ip_configurations or [])[0].private_ip_address == "10.0.0.4"


async def test_default_azure_credential_works_unmodified(served: Served) -> None:
    trust = {"SSL_CERT_FILE": str(served.cert), "REQUESTS_CA_BUNDLE": str(served.cert)}
    identity = {"IDENTITY_ENDPOINT": f"{served.base}/msi/token", "IDENTITY_HEADER": "box"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT, served.base, world.SUBSCRIPTION),
        env={**os.environ, **trust, **identity},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.strip() == b"allow-rdp"


async def test_nothing_but_this_machine_can_reach_it(served: Served) -> None:
    port = int(served.base.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.2", port)


async def test_it_stops_cleanly_when_told(free_server: Served) -> None:
    assert (await free_server.client.get(f"{GROUPS}?api-version=1")).status_code == 401
    free_server.process.send_signal(signal.SIGTERM)
    assert await free_server.process.wait() == 0


def test_a_certificate_is_kept_as_long_as_it_is_good(tmp_path: Path) -> None:
    first = certificate.ensure(tmp_path).cert.read_bytes()
    assert first == certificate.ensure(tmp_path).cert.read_bytes()
    (tmp_path / "key.pem").write_bytes(b"broken")
    assert first != certificate.ensure(tmp_path).cert.read_bytes()


def test_the_certificate_is_its_own_trust_root_and_names_this_machine(tmp_path: Path) -> None:
    pair = certificate.ensure(tmp_path)
    ssl.create_default_context(cafile=str(pair.cert))
    parsed = x509.load_pem_x509_certificate(pair.cert.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert pair.key.stat().st_mode & 0o777 == 0o600


async def test_a_stranger_who_does_not_trust_the_certificate_is_not_served(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.base, trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get("/_box/ready")
