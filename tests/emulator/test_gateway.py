"""Who may call ARM at all, and what the front door says to the others."""

import pytest

from tests.emulator.conftest import NETWORK, SUBSCRIPTION, WEB, Box
from tests.emulator.test_groups import code


async def test_a_call_without_a_token_is_refused(box: Box) -> None:
    answer = await box.client.get(f"{WEB}?api-version=1")
    assert code(answer) == (401, "AuthenticationFailed")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("audience", ["https://storage.azure.com", "api://postern"])
async def test_a_token_for_somebody_else_is_refused(box: Box, audience: str) -> None:
    token = (await box.control("token", {"audience": audience}))["access_token"]
    answer = await box.call("GET", WEB, Authorization=f"Bearer {token}")
    assert code(answer) == (401, "InvalidAuthenticationToken")


async def test_a_forged_or_expired_token_is_refused(box: Box) -> None:
    assert (await box.call("GET", WEB, Authorization=f"Bearer {box.token[:-8]}AAAAAAAA")).status_code == 401
    box.clock.advance(3601)
    assert (await box.call("GET", WEB)).status_code == 401


@pytest.mark.parametrize("audience", ["https://management.azure.com", "https://management.azure.com/"])
async def test_both_spellings_of_arms_audience_pass(box: Box, audience: str) -> None:
    token = (await box.control("token", {"audience": audience}))["access_token"]
    assert (await box.call("GET", WEB, Authorization=f"Bearer {token}")).status_code == 200


async def test_the_version_is_required(box: Box) -> None:
    answer = await box.client.get(WEB, headers={"Authorization": f"Bearer {box.token}"})
    assert code(answer) == (400, "MissingApiVersionParameter")


UNKNOWN = [
    (f"{NETWORK}/firewalls/a", 404, "InvalidResourceType"),
    (f"{NETWORK}/networkSecurityGroups/web-01-nsg/subnets/a", 404, "InvalidResourceType"),
    ("/somewhere/else", 404, "NotFound"),
    ("/subscriptions/none/providers/Microsoft.Network/networkSecurityGroups", 404, "SubscriptionNotFound"),
    (f"{NETWORK}/locations/westeurope/operations/none", 405, "MethodNotAllowed"),
]


@pytest.mark.parametrize(("path", "status", "expected"), UNKNOWN)
async def test_what_arm_does_not_know_is_refused(box: Box, path: str, status: int, expected: str) -> None:
    method = "DELETE" if "operations" in path else "GET"
    assert (status, expected) == code(await box.call(method, path))


async def test_what_the_command_line_asks_when_it_signs_in_is_answered(box: Box) -> None:
    subscriptions = (await box.call("GET", "/subscriptions")).json()["value"]
    tenants = (await box.call("GET", "/tenants")).json()["value"]
    groups = (await box.call("GET", f"{SUBSCRIPTION}/resourcegroups")).json()["value"]
    assert [one["subscriptionId"] for one in subscriptions] == ["11111111-1111-1111-1111-111111111111"]
    assert [one["tenantId"] for one in tenants] == ["22222222-2222-2222-2222-222222222222"]
    assert [one["name"] for one in groups] == ["demo", "onpremises", "partner"]
    assert dict is type((await box.client.get("/metadata/endpoints")).json())
