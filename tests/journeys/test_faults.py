"""Whatever ARM answers: nothing stays open too long, nothing is lost, and the caller is told plainly how it stands."""

import asyncio
from dataclasses import dataclass

import pytest

from tests.journeys.azure import WELL_KNOWN, Azure
from tests.journeys.client import ENDS, USER, Postern, wish

RULE = "securityRules/postern-open-"
GROUP = "networkSecurityGroups/web-01-nsg$"
SOON = 10  # seconds


@dataclass(frozen=True, slots=True)
class Trouble:
    """What ARM does to one call, or to all of them: to reads of the group, or to writes of a grant's rule."""

    kind: str
    reads: bool = False

    def __str__(self) -> str:
        return f"{self.kind} on {'reading' if self.reads else 'writing'}"

    async def begin(self, azure: Azure, method: str, times: int = 1) -> None:
        if self.reads:
            await azure.fault(self.kind, "GET", GROUP, times=times)
        else:
            await azure.fault(self.kind, method, RULE, times=times)


ONCE = (
    *(Trouble(kind, reads=True) for kind in ("429", "500", "503", "lost-answer")),
    *(Trouble(kind) for kind in ("429", "retryable", "409", "412", "500", "503")),
    *(Trouble(kind) for kind in ("conflict", "failed-operation", "lost-answer")),
)
LASTING = (Trouble("503", reads=True), Trouble("429"), Trouble("403"))
STUBBORN = tuple(Trouble(kind) for kind in ("409", "500", "conflict", "failed-operation"))


@pytest.mark.parametrize("trouble", ONCE, ids=str)
async def test_an_opening_that_meets_a_fault_opens_all_the_same(
    postern: Postern, azure: Azure, trouble: Trouble
) -> None:
    await postern.enable("web-01")
    await trouble.begin(azure, "PUT")
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"))
    assert answer.status_code in {201, 202}
    assert "active" == (await postern.insist(answer.json()["id"], "active", *ENDS))["state"]
    assert {USER: {22}} == await azure.open_to("web-01", WELL_KNOWN)
    assert 1 == len(await azure.ours("web-01-nsg", "postern-open-"))


@pytest.mark.parametrize("trouble", ONCE, ids=str)
async def test_a_closing_that_meets_a_fault_closes_all_the_same(
    postern: Postern, azure: Azure, trouble: Trouble
) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    await trouble.begin(azure, "DELETE")
    answer = await postern.revoke(grant["id"])
    assert (answer.status_code, answer.json()["state"]) in {(200, "revoked"), (202, "closing")}
    await postern.run("sweep")
    assert "revoked" == (await postern.until(grant["id"], *ENDS))["state"]
    assert ({}, []) == (await azure.open_to("web-01"), await azure.ours("web-01-nsg", "postern-open-"))


@pytest.mark.parametrize("trouble", LASTING, ids=str)
async def test_while_azure_refuses_a_grant_is_opening_and_opens_once_it_can(
    postern: Postern, azure: Azure, trouble: Trouble
) -> None:
    await postern.enable("web-01")
    await trouble.begin(azure, "PUT", times=1000)
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"), Prefer="wait=1")
    assert (202, "opening") == (answer.status_code, answer.json()["state"])
    assert (f"/api/grants/{answer.json()['id']}", True) == (
        answer.headers["location"], int(answer.headers["retry-after"]) > 0
    )  # fmt: skip
    assert {} == await azure.open_to("web-01")
    await azure.disarm()
    assert "active" == (await postern.insist(answer.json()["id"], "active", *ENDS))["state"]


@pytest.mark.parametrize("trouble", LASTING, ids=str)
async def test_while_azure_refuses_a_grant_is_closing_and_a_sweep_closes_it_once_it_can(
    postern: Postern, azure: Azure, trouble: Trouble
) -> None:
    await postern.enable("web-01")
    grant = await postern.ask(wish("web-01"))
    await trouble.begin(azure, "DELETE", times=1000)
    answer = await postern.revoke(grant["id"])
    assert (202, "closing") == (answer.status_code, answer.json()["state"])
    await azure.disarm()
    await postern.run("sweep")
    assert "revoked" == (await postern.until(grant["id"], *ENDS))["state"]
    assert {} == await azure.open_to("web-01")


@pytest.mark.parametrize("trouble", STUBBORN, ids=str)
async def test_a_caller_who_waits_a_second_is_answered_soon_even_while_the_group_keeps_changing(
    postern: Postern, azure: Azure, trouble: Trouble
) -> None:
    await postern.enable("web-01")
    await trouble.begin(azure, "PUT", times=1000)
    async with asyncio.timeout(SOON):
        answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"), Prefer="wait=1")
    assert (202, "opening", {}) == (answer.status_code, answer.json()["state"], await azure.open_to("web-01"))
    await azure.disarm()
    assert "active" == (await postern.insist(answer.json()["id"], "active", *ENDS))["state"]


async def test_a_grant_that_cannot_be_opened_at_all_failed_and_says_why(postern: Postern, azure: Azure) -> None:
    """At priority 100 a rule of somebody else denies everything, and nothing can stand above it."""
    await azure.put_rule("web-01-nsg", "deny-all", {
        "priority": 100, "direction": "Inbound", "access": "Deny", "protocol": "*", "sourcePortRange": "*",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
    })  # fmt: skip
    await postern.enable("web-01")
    answer = await postern.call("requestor", "POST", "/api/grants", wish("web-01"))
    assert (409, "blocked") == (answer.status_code, answer.json()["code"])
    assert "deny-all" in answer.json()["detail"]
    assert "failed" == answer.json()["grant"]["state"]
    assert ({}, []) == (await azure.open_to("web-01"), await azure.ours("web-01-nsg", "postern-open-"))


async def test_enabling_while_azure_is_away_says_so_and_succeeds_when_it_is_back(
    postern: Postern, azure: Azure
) -> None:
    await azure.fault("503", "", "networkSecurityGroups", times=1000)
    path = f"/api/policies{wish('web-01')['machine']}"
    answer = await postern.call("administrator", "PUT", path, {})
    assert (503, "unavailable", True) == (
        answer.status_code, answer.json()["code"], int(answer.headers["retry-after"]) > 0
    )  # fmt: skip
    await azure.disarm()
    assert "holds" == (await postern.enable("web-01"))["lock"]["state"]
