"""What callers of Defender's API get: exactly the published fields, whatever Postern knows besides."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.collections import STATUS, write_collection, write_request
from shared.domain.collections import Collection
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.guarding import Guarded
from shared.domain.lifecycle import UNFINISHED, Reason, State
from shared.domain.machines import Machine
from shared.domain.people import Person
from shared.domain.policies import Policy, PolicyPort
from tests.domain.values import GRANT, GROUP, LATER, NOW, OFFICE, SUBSCRIPTION, TCP, UDP, endpoint, machine_id

ANN = Person("ann", "ann@contoso.example")
HOUR = timedelta(hours=1)
SECURITY = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Security"
ID = f"{SECURITY}/locations/westeurope/jitNetworkAccessPolicies/Team-B"
PORTS = (
    PolicyPort((22, 22), TCP, ("*",), HOUR * 3),
    PolicyPort((53, 53), UDP, (OFFICE, "10.0.0.0/8"), HOUR * 24),
    PolicyPort((5000, 5010), TCP, ("*",), HOUR),
)


def guarded() -> Guarded:
    machine = Machine(machine_id(), "West Europe", "Linux", (endpoint("10.0.0.4", GROUP, None),))
    return Guarded(machine, Policy(PORTS), 0, NOW, ANN, collection="Team-B")


def grant(*ports: GrantPort, **changes: Any) -> Grant:  # noqa: ANN401 - any field of a grant.
    first = Occurrence(0, State.OPENING, NOW, ANN)
    asked = ports or (GrantPort((22, 22), TCP, (OFFICE,)),)
    return replace(Grant(GRANT, machine_id(), State.OPENING, ANN, asked, NOW, LATER, first), **changes)


def test_a_policy_has_these_fields_and_no_span_of_ports() -> None:
    assert {
        "id": ID,
        "name": "Team-B",
        "type": "Microsoft.Security/locations/jitNetworkAccessPolicies",
        "kind": "Basic",
        "location": "westeurope",
        "properties": {
            "virtualMachines": [
                {
                    "id": str(machine_id()),
                    "ports": [
                        {
                            "number": 22,
                            "protocol": "TCP",
                            "allowedSourceAddressPrefix": "*",
                            "maxRequestAccessDuration": "PT3H",
                        },
                        {
                            "number": 53,
                            "protocol": "UDP",
                            "allowedSourceAddressPrefixes": [OFFICE, "10.0.0.0/8"],
                            "maxRequestAccessDuration": "PT24H",
                        },
                    ],
                }
            ],
            "requests": [],
            "provisioningState": "Succeeded",
        },
    } == write_collection(Collection((guarded(),)))


def test_a_request_has_these_fields() -> None:
    assert {
        "virtualMachines": [
            {
                "id": str(machine_id()),
                "ports": [
                    {
                        "number": 22,
                        "allowedSourceAddressPrefix": OFFICE,
                        "endTimeUtc": "2026-11-22T13:00:00Z",
                        "status": "Initiated",
                        "statusReason": "UserRequested",
                    }
                ],
            }
        ],
        "startTimeUtc": "2026-11-22T12:00:00Z",
        "requestor": "ann@contoso.example",
        "justification": "a look",
    } == write_request([grant(justification="a look")])


def test_a_request_without_a_justification_has_no_such_field() -> None:
    assert {"virtualMachines", "startTimeUtc", "requestor"} == set(write_request([grant()]))


def test_a_port_that_was_granted_over_two_protocols_is_shown_once() -> None:
    both = write_request([grant(*(GrantPort((53, 53), protocol, (OFFICE,)) for protocol in (TCP, UDP)))])
    assert [53] == [port["number"] for port in both["virtualMachines"][0]["ports"]]


def test_grants_of_one_machine_stand_together_each_with_its_end() -> None:
    later = grant(GrantPort((3389, 3389), TCP, (OFFICE,)), ends_at=LATER + HOUR)
    [machine] = write_request([grant(), later])["virtualMachines"]
    assert [(22, "2026-11-22T13:00:00Z"), (3389, "2026-11-22T14:00:00Z")] == [
        (port["number"], port["endTimeUtc"]) for port in machine["ports"]
    ]


def test_a_grant_of_nothing_but_spans_is_not_shown() -> None:
    span = grant(GrantPort((5000, 5010), TCP, (OFFICE,)))
    shown = write_collection(Collection((guarded(),), (span, grant())))["properties"]["requests"]
    assert [[22]] == [[port["number"] for port in one["virtualMachines"][0]["ports"]] for one in shown]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.DEADLINE, ("Revoked", "Expired")),
        (Reason.REVOKED, ("Revoked", "UserRequested")),
        (Reason.POLICY_REMOVED, ("Revoked", "UserRequested")),
        (Reason.BLOCKED, ("Revoked", "Expired")),
    ],
)
def test_an_end_has_a_status_and_a_reason_once_its_rules_are_gone(reason: Reason, expected: tuple[str, str]) -> None:
    closing = grant().ended(LATER, reason)
    [before], [after] = ([*_ports(one)] for one in (closing, closing.gone(LATER)))
    assert ("Initiated", expected) == (before["status"], (after["status"], after["statusReason"]))


def _ports(one: Grant) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = write_request([one])["virtualMachines"][0]["ports"]
    return found


def test_every_state_has_a_status_that_defender_knows() -> None:
    assert set(State) == set(STATUS)
    assert {"Initiated", "Revoked"} == {status for status, _ in STATUS.values()}
    assert {"UserRequested", "Expired"} == {reason for _, reason in STATUS.values()}


def test_what_is_not_over_is_initiated_and_nothing_else_is() -> None:
    assert set(UNFINISHED) == {state for state, told in STATUS.items() if told[0] == "Initiated"}
