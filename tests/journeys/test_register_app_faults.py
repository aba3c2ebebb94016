"""The app registration when things go wrong: the script is killed, Graph is behind, or somebody may not."""

import re
from dataclasses import dataclass, field
from typing import Final

import pytest
from azure.core.rest import HttpRequest
from azure.identity.aio import DefaultAzureCredential

from scripts.graph import PAUSES, Graph, Json, Right
from scripts.register_app import parse, register
from tests.journeys.tenant import ALL, HOLDERS, NOBODY, PERSON, Tenant

CALLS: Final = 15  # that the script makes where nothing stands yet


class KilledError(BaseException):
    """The script's process is gone."""


@dataclass(frozen=True, slots=True)
class Dying(Graph):
    """Graph, until the process dies in place of one of its calls; calls are counted from 1."""

    dies_at: int = 0
    calls: list[str] = field(default_factory=list)

    async def send(self, request: HttpRequest, right: Right) -> Json:
        """Count, and die."""
        self.calls.append(request.method)
        if len(self.calls) == self.dies_at:
            raise KilledError
        return await Graph.send(self, request, right)


async def run_until(tenant: Tenant, call: int) -> int:
    """Run the script with all options until it dies at a call (0: never); how many calls it made."""
    given = parse(["--graph", tenant.box.site.emulator, *ALL])
    async with DefaultAzureCredential() as identity, Graph.at(given.graph, identity, _at_once) as graph:
        dying = Dying(graph.address, graph.client, graph.pause, call)
        await register(dying, given)
    return len(dying.calls)


async def _at_once(_seconds: float) -> None:
    """No time to lose."""


async def test_these_are_all_the_calls_that_a_kill_can_come_between(tenant: Tenant) -> None:
    assert CALLS == await run_until(tenant, 0)


@pytest.mark.parametrize("call", range(1, CALLS + 1))
async def test_a_run_that_was_killed_left_nothing_open_and_the_next_one_ends_as_if_it_had_not_been(
    registered: Tenant, call: int
) -> None:
    whole = await registered.standing()
    await registered.box.reset("empty", storage=False)
    with pytest.raises(KilledError):
        await run_until(registered, call)
    open_to_all = [one for one in await registered.every("/applications") if one["signInAudience"] != "AzureADMyOrg"]
    careless = [one for one in await registered.every("/servicePrincipals") if not one["appRoleAssignmentRequired"]]
    assert ([], []) == (open_to_all, careless)
    assert 0 == await registered.register(*ALL)
    assert whole == await registered.standing()


LAGS: Final = (
    ("PATCH", "/applications/[^/]*$"),
    ("PATCH", "/servicePrincipals"),
    ("GET", "/federatedIdentityCredentials"),
    ("PATCH", "/federatedIdentityCredentials"),
    ("GET", "/appRoleAssignedTo"),
    ("POST", "/appRoleAssignedTo"),
)


@pytest.mark.parametrize(("method", "path"), LAGS)
async def test_a_replica_that_is_behind_is_waited_for(registered: Tenant, method: str, path: str) -> None:
    whole = await registered.standing()
    await registered.box.reset("empty", storage=False)
    await registered.azure.fault("stale", method, path, times=2)
    assert 0 == await registered.register(*ALL)
    await registered.azure.disarm()
    assert whole == await registered.standing()


async def test_it_is_asked_again_after_growing_pauses(tenant: Tenant) -> None:
    await tenant.azure.fault("stale", "PATCH", "/applications/[^/]*$", times=3)
    assert 0 == await tenant.register()
    assert [1, 2, 4] == tenant.pauses


async def test_a_registration_that_is_not_seen_yet_is_not_made_twice(tenant: Tenant) -> None:
    await tenant.call("POST", "/applications", {"displayName": "Postern", "uniqueName": "postern"})
    await tenant.azure.fault("stale", "", "/applications", times=4)
    assert 0 == await tenant.register()
    assert 1 == len(await tenant.every("/applications"))


async def test_patience_ends_with_the_reason(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    await tenant.register()
    assert 1 == await tenant.register("--assign", f"Reader={NOBODY}", "--assign", f"Auditor={PERSON}")
    assert list(PAUSES) == tenant.pauses
    assert f"NOT given: Postern.Reader to {NOBODY}" in capsys.readouterr().err
    assert {("Postern.Auditor", "Rika Requestor")} == await tenant.holders()


async def test_a_person_cannot_be_the_relay(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == await tenant.register("--assign", f"Relay={PERSON}")
    assert "Postern.Relay is for applications only." in capsys.readouterr().err
    assert set() == await tenant.holders()


@pytest.mark.parametrize(
    ("call", "status", "right"),
    [
        (("GET", "/applications"), 2, "Application.ReadWrite.All"),
        (("PATCH", "/applications"), 2, "Cloud Application Administrator"),
        (("PATCH", "/servicePrincipals"), 2, "Application.ReadWrite.All"),
        (("POST", "/appRoleAssignedTo"), 1, "AppRoleAssignment.ReadWrite.All"),
    ],
)
async def test_who_may_not_is_told_which_right_is_missing(
    tenant: Tenant, capsys: pytest.CaptureFixture[str], call: tuple[str, str], status: int, right: str
) -> None:
    await tenant.azure.fault("403", *call, times=9)
    assert status == await tenant.register("--assign", f"Reader={PERSON}")
    assert re.search(f"Graph does not let you do this .* It needs .*{right}", capsys.readouterr().err)


async def test_a_lost_answer_is_made_good_by_the_next_run(tenant: Tenant) -> None:
    await tenant.azure.fault("lost-answer", "POST", "/appRoleAssignedTo", times=1)
    await tenant.register("--assign", f"Reader={PERSON}")
    assert 0 == await tenant.register("--assign", f"Reader={PERSON}")
    assert {("Postern.Reader", "Rika Requestor")} == await tenant.holders()


async def test_a_role_that_somebody_else_gives_meanwhile_is_no_failure(registered: Tenant) -> None:
    await registered.azure.fault("stale", "GET", "/appRoleAssignedTo", times=9)
    assert 0 == await registered.register(*ALL)
    await registered.azure.disarm()
    assert HOLDERS == await registered.holders()
