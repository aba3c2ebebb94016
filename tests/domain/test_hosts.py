"""Servers outside Azure as machines: their gate, and what keeps them from being guarded."""

import pytest

from shared.domain.computers import ArcServer
from shared.domain.hosts import endpoint, hurdles, misfits, sight
from shared.domain.inventory import MachineKind
from shared.domain.machines import Machine, MachineId, machine_behind
from shared.domain.policies import Lock, Origin, Policy
from tests.domain.values import GROUP, NOW, RESOURCES, machine_id

ID = f"{RESOURCES}/Microsoft.HybridCompute/machines/Files-01"
INSTANCE = f"{RESOURCES}/Amazon.EC2/instances/i-0123456789abcdef0"


def server(status: str = "Connected", agent: str = "1.58.1.2") -> ArcServer:
    return ArcServer(ID, "westeurope", status, agent=agent, system="Linux", addresses=("10.0.0.4",))


@pytest.mark.parametrize("text", [ID, ID.upper(), INSTANCE])
def test_a_machine_outside_azure_has_a_gate_that_leads_back_to_it(text: str) -> None:
    id_ = MachineId.parse(text)
    assert id_ == machine_behind(id_.gate) == machine_behind(id_.gate.upper())


@pytest.mark.parametrize("nsg", [GROUP, machine_id().gate, f"{ID}/runCommands/other", ID, ""])
def test_what_is_no_gate_leads_to_no_machine(nsg: str) -> None:
    assert machine_behind(nsg) is None


def test_the_kinds_of_machines_are_told_apart() -> None:
    ids = [machine_id(), MachineId.parse(ID), MachineId.parse(INSTANCE)]
    assert [(False, False), (True, False), (False, True)] == [(id_.is_host, id_.is_instance) for id_ in ids]


def test_a_server_is_sighted_with_its_addresses_behind_itself() -> None:
    seen = sight(server(), NOW)
    assert (MachineKind.HOST, "Files-01", "connected", ()) == (seen.kind, seen.name, seen.power, seen.hurdles)
    assert [("10.0.0.4", ID)] == [(place.address, place.nic) for place in seen.places]


@pytest.mark.parametrize(
    ("status", "agent", "codes"),
    [
        ("Connected", "1.58.1.2", []),
        ("Disconnected", "1.58.1.2", ["disconnected"]),
        ("Expired", "1.58.1.2", ["expired"]),
        ("", "1.58.1.2", ["disconnected"]),
        ("Connected", "1.32.0", ["needsAgentUpdate"]),
        ("Expired", "1.12.0", ["expired", "needsAgentUpdate"]),
    ],
)
def test_what_keeps_a_server_from_being_guarded_is_told_by_a_code(status: str, agent: str, codes: list[str]) -> None:
    assert codes == [one.code for one in hurdles(server(status, agent), NOW)]


POLICY = Policy(())


@pytest.mark.parametrize(
    ("system", "policy", "codes"),
    [
        ("Linux", POLICY, []),
        ("Windows", POLICY, []),
        ("", POLICY, ["systemUnknown"]),
        ("Linux", Policy((), Lock(origin=Origin.INTERNET)), ["originNotSupported"]),
        ("Linux", Policy((), end_sessions=True), ["endSessionsNotSupported"]),
    ],
)
def test_what_a_server_s_firewall_cannot_do_is_told_by_a_code(system: str, policy: Policy, codes: list[str]) -> None:
    id_ = MachineId.parse(ID)
    host = Machine(id_, "westeurope", system, (endpoint(id_, "10.0.0.4"),))
    assert codes == [issue.code for issue in misfits(host, policy)]


def test_a_virtual_machine_can_do_all_of_it() -> None:
    asked = Policy((), Lock(origin=Origin.INTERNET), end_sessions=True)
    assert [] == list(misfits(Machine(machine_id(), "westeurope", "", ()), asked))
