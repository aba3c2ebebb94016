"""Moving from Defender: what becomes of each machine, and that none is ever less guarded than it was."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken

from emulator.environment import AUDIENCE, SUBSCRIPTION
from scripts.import_defender import move_all, parser
from tests.journeys.azure import ATTACKER, GROUPS, Azure
from tests.journeys.client import Json, Postern, machine, read
from tests.journeys.defender import DEFAULT, GROUP, policy, rule

DENY = "SecurityCenter-JITRule_-1105480617_9EF6964FE766478B9EC568B32FB82045"
ALLOW = "SecurityCenter-JITRule-1170687618-8C18BF8921F041989344B4F1E3A0C370"
SSH = {"number": 22, "protocol": "*", "allowedSourceAddressPrefix": "*", "maxRequestAccessDuration": "PT3H"}


class Signed:
    """A sign-in whose token is known."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - the SDK's options.
        """The token."""
        return AccessToken(self._token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held open."""


class Operator:
    """Whoever moves: runs the script, and keeps what it said."""

    def __init__(self, postern: Postern, azure: Azure, heard: Callable[[], str]) -> None:
        self._postern, self._azure, self._heard = postern, azure, heard
        self.said = ""

    async def moves(self, *options: str) -> int:
        """Run the script with these options; its exit status."""
        box = self._azure.box
        owner = await self._azure.control("POST", "token", {"audience": "https://management.azure.com"})
        signed = (Signed(owner["access_token"]), Signed(await self._postern.token("administrator")))
        self._heard()
        status = await move_all(
            parser().parse_args([
                "--subscription", SUBSCRIPTION, "--app", box.site.postern, "--audience", AUDIENCE,
                "--endpoint", box.site.emulator, *options,
            ]),
            signed,
        )  # fmt: skip
        self.said = self._heard()
        return status


@pytest.fixture
def operator(postern: Postern, azure: Azure, capsys: pytest.CaptureFixture[str]) -> Operator:
    return Operator(postern, azure, lambda: "".join(capsys.readouterr()))


async def guard(azure: Azure, *names: str, path: str = DEFAULT, **more: object) -> None:
    """Defender guards machines: a policy of its own."""
    body = policy(*names, ports=(rule(22),))
    await azure.arm("PUT", path, {**body, "properties": {**body["properties"], **more}})


async def write(azure: Azure, nsg: str, name: str, priority: int, address: str) -> None:
    """A rule as Defender writes it."""
    allows = name == ALLOW
    await azure.put_rule(nsg, name, {
        "protocol": "*", "sourcePortRange": "*", "destinationPortRange": "22", "direction": "Inbound",
        "sourceAddressPrefix": ATTACKER if allows else "*", "destinationAddressPrefix": address,
        "access": "Allow" if allows else "Deny", "priority": priority,
    })  # fmt: skip


async def address_of(postern: Postern, name: str) -> str:
    return str((await postern.row(name))["privateAddresses"][0])


@pytest.fixture
async def guarded(postern: Postern, azure: Azure) -> Azure:
    """Defender guards web-01: its deny rule stands above what lets SSH in."""
    await guard(azure, "web-01")
    await write(azure, "web-01-nsg", DENY, 250, await address_of(postern, "web-01"))
    assert not await azure.passes("web-01", ATTACKER, 22)
    return azure


async def defenders(azure: Azure, nsg: str = "web-01-nsg") -> list[str]:
    return await azure.ours(nsg, "SecurityCenter-")


async def left(azure: Azure) -> list[str]:
    """The names of Defender's policies."""
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/jitNetworkAccessPolicies"
    return [str(one["name"]) for one in (await azure.arm("GET", path))["value"]]


async def kept(postern: Postern, name: str) -> Json:
    found: Json = read(await postern.call("auditor", "GET", f"/api/policies{machine(name)}"), 200)["policy"]
    return found


async def test_the_plan_names_every_machine_and_changes_nothing(guarded: Azure, operator: Operator) -> None:
    before = await guarded.rules("web-01-nsg")
    status = await operator.moves()
    assert (0, True) == (status, "web-01 can be carried over: 22/*; its lock holds" in operator.said)
    assert (before, ["default"]) == (await guarded.rules("web-01-nsg"), await left(guarded))


async def test_a_machine_gets_defenders_ports_sources_and_times_locked_on_these_ports(
    azure: Azure, postern: Postern, operator: Operator
) -> None:
    ports = (
        rule("3389", protocol="TCP", allowedSourceAddressPrefix=["203.0.113.0/24"], maxRequestAccessDuration="PT1H"),
    )
    await azure.arm("PUT", DEFAULT, policy("web-01", ports=ports))
    assert 0 == await operator.moves("--apply")
    found = await kept(postern, "web-01")
    assert ("ports", [], "*") == tuple(found["lock"].values())
    assert [
        {
            "number": 3389, "protocol": "TCP", "allowedSourceAddressPrefixes": ["203.0.113.0/24"],
            "maxRequestAccessDuration": "PT1H",
        }
    ] == found["ports"]  # fmt: skip


async def test_everything_that_cannot_be_carried_over_is_told_at_once(azure: Azure, operator: Operator) -> None:
    bad = {"number": 22, "protocol": "ICMP", "maxRequestAccessDuration": "P9D"}
    both = {**SSH, "allowedSourceAddressPrefixes": ["192.0.2.1"]}
    gone, classic = machine("gone-01"), machine("old").replace("Compute", "ClassicCompute")
    listed = [{"id": machine("web-01"), "ports": [bad]}, {"id": gone, "ports": [SSH]}, {"id": classic, "ports": [both]}]
    await azure.arm("PUT", DEFAULT, {"properties": {"virtualMachines": listed}})
    status = await operator.moves()
    told = ("ICMP is not a protocol", "carried over: gone-01", "no virtual machine of Azure", "port 22 has both")
    assert (1, 3) == (status, operator.said.count("NOT carried over"))
    assert [] == [text for text in told if text not in operator.said]


async def test_what_does_not_come_along_is_told(azure: Azure, operator: Operator) -> None:
    end = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S.0000000Z}"
    port = {"number": 22, "endTimeUtc": end, "status": "Initiated", "statusReason": "UserRequested"}
    machines = [{"id": machine("web-01"), "ports": [SSH], "publicIpAddress": "192.0.2.9"}]
    requests = [{"virtualMachines": [{"id": machine("web-01"), "ports": [port]}]}]
    path = f"{GROUP}/jitNetworkAccessPolicies/night"
    await azure.arm("PUT", path, {"properties": {"virtualMachines": machines, "requests": requests}})
    assert 0 == await operator.moves()
    told = ("no longer in 'night'", "Azure Firewall", f"open until {end[:19]}Z")
    assert [] == [text for text in told if text not in operator.said]


async def test_a_policy_that_is_there_stays_as_it_is(azure: Azure, postern: Postern, operator: Operator) -> None:
    await guard(azure, "web-01")
    await postern.enable("web-01", ports=[{"number": 3389}], approval={"required": True})
    before = await kept(postern, "web-01")
    assert (0, before) == (await operator.moves("--apply"), await kept(postern, "web-01"))


async def test_replacing_puts_defenders_ports_in_and_keeps_the_rest(
    guarded: Azure, postern: Postern, operator: Operator
) -> None:
    old = {"number": 22, "protocol": "*", "maxRequestAccessDuration": "PT1H"}
    await postern.enable("web-01", ports=[old, {"number": 3389}], approval={"required": True}, lock={"scope": "ports"})
    before = await kept(postern, "web-01")
    assert 0 == await operator.moves("--apply", "--replace")
    after = await kept(postern, "web-01")
    assert {**before, "ports": []} == {**after, "ports": []}
    told = [(one["number"], one["maxRequestAccessDuration"]) for one in after["ports"]]
    assert ([(22, "PT3H"), (3389, "PT3H")], False) == (told, await guarded.passes("web-01", ATTACKER, 3389))


async def test_defenders_policy_goes_once_posterns_lock_holds(guarded: Azure, operator: Operator) -> None:
    assert (0, []) == (await operator.moves("--apply", "--remove-defender"), await left(guarded))
    assert ([DENY], True) == (await defenders(guarded), f"still denies: demo/web-01-nsg   250  {DENY}" in operator.said)


async def test_a_policy_stays_while_one_of_its_machines_is_not_guarded(
    guarded: Azure, postern: Postern, operator: Operator
) -> None:
    await guard(guarded, "web-01", "app-01")
    await postern.enable("web-01")
    assert (1, ["default"]) == (await operator.moves("--remove-defender"), await left(guarded))
    assert "app-01 has no policy of Postern" in operator.said


async def test_a_policy_stays_where_postern_guards_fewer_ports(
    guarded: Azure, postern: Postern, operator: Operator
) -> None:
    await postern.enable("web-01", ports=[{"number": 3389}], lock={"scope": "ports"})
    assert (1, ["default"]) == (await operator.moves("--remove-defender"), await left(guarded))
    assert "guarded by Defender alone on 22/*" in operator.said


async def test_a_policy_stays_while_the_lock_does_not_hold(azure: Azure, operator: Operator) -> None:
    await guard(azure, "edge-01")
    assert (1, ["default"]) == (await operator.moves("--apply", "--remove-defender"), await left(azure))
    assert "the lock is exposed by allow-ssh-first" in operator.said


async def test_a_machine_that_is_gone_keeps_no_policy_alive(
    guarded: Azure, postern: Postern, operator: Operator
) -> None:
    await guard(guarded, "web-01", "gone-01")
    await postern.enable("web-01")
    await operator.moves("--remove-defender")
    assert [] == await left(guarded)


async def test_a_machine_that_is_none_of_azures_keeps_its_policy(guarded: Azure, operator: Operator) -> None:
    elsewhere = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/securityConnectors/aws/instances/i-1"
    hidden = machine("web-01").replace(SUBSCRIPTION, "99999999-9999-9999-9999-999999999999")
    for id_ in (elsewhere, hidden):
        await guarded.arm("PUT", DEFAULT, {"properties": {"virtualMachines": [{"id": id_, "ports": [SSH]}]}})
        assert (1, ["default"]) == (await operator.moves("--remove-defender"), await left(guarded))


async def test_rules_go_when_they_are_asked_for_and_the_machine_stays_closed(
    guarded: Azure, operator: Operator
) -> None:
    assert 0 == await operator.moves("--apply", "--remove-defender", "--remove-rules")
    assert ([], False) == (await defenders(guarded), await guarded.passes("web-01", ATTACKER, 22))


async def test_a_rule_that_still_lets_somebody_in_goes_first(
    guarded: Azure, postern: Postern, operator: Operator
) -> None:
    await write(guarded, "web-01-nsg", ALLOW, 100, await address_of(postern, "web-01"))
    assert (1, ["default"]) == (await operator.moves("--apply", "--remove-defender"), await left(guarded))
    assert 0 == await operator.moves("--remove-defender", "--remove-rules")
    assert ([], False) == (await defenders(guarded), await guarded.passes("web-01", ATTACKER, 22))


async def test_rules_stay_while_a_policy_of_defender_names_the_machine(guarded: Azure, operator: Operator) -> None:
    assert (1, [DENY]) == (await operator.moves("--apply", "--remove-rules"), await defenders(guarded))
    assert "a policy of Defender's still names the machine" in operator.said


async def test_a_rule_of_a_machine_that_postern_does_not_guard_stays(
    azure: Azure, postern: Postern, operator: Operator
) -> None:
    await write(azure, "app-nsg", DENY, 150, await address_of(postern, "app-01"))
    assert (1, [DENY]) == (await operator.moves("--remove-rules"), await defenders(azure, "app-nsg"))
    assert "no machine that Postern guards" in operator.said


async def test_a_deny_that_the_lock_leans_on_stays(azure: Azure, postern: Postern, operator: Operator) -> None:
    # There is no free number above allow-ssh-first but the one that Defender's rule has.
    address = await address_of(postern, "edge-01")
    first = await azure.arm("GET", f"{GROUPS}/edge-01-nsg/securityRules/allow-ssh-first")
    await azure.delete_rule("edge-01-nsg", "allow-ssh-first")
    await write(azure, "edge-01-nsg", DENY, 100, address)
    await azure.put_rule("edge-01-nsg", "allow-ssh-first", {**first["properties"], "priority": 101})
    await postern.enable("edge-01")
    assert (1, [DENY]) == (await operator.moves("--remove-rules"), await defenders(azure, "edge-01-nsg"))
    assert "allow-ssh-first stands above Postern's lock" in operator.said


async def test_a_busy_azure_is_waited_for_and_one_that_refuses_is_no_success(
    guarded: Azure, operator: Operator
) -> None:
    await guarded.fault("409", "DELETE", "jitNetworkAccessPolicies", times=1)
    await guarded.fault("403", "DELETE", "securityRules/SecurityCenter", times=1)
    status = await operator.moves("--apply", "--remove-defender", "--remove-rules")
    await guarded.disarm()
    assert (1, [], True) == (status, await left(guarded), "Broken off, to be run again" in operator.said)
