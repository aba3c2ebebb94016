"""Policies as administrators send them: what is taken, and everything that is wrong with the others at once."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.guarded import write_guarded, write_lock
from shared.documents.policies import read_many, read_policy, write_policy
from shared.domain.approvals import Approval
from shared.domain.exposure import Leak
from shared.domain.guarding import Guarded
from shared.domain.issues import Invalid
from shared.domain.machines import Machine
from shared.domain.people import Person
from shared.domain.policies import Lock, Origin, Policy, PolicyPort, Scope, default_ports
from shared.domain.sessions import ENDING
from tests.domain.values import ANY, NOW, TCP, UDP, endpoint, machine_id

SHORTEST = timedelta(minutes=5)
SOMEBODY = "33333333-3333-3333-3333-333333333333"


def read(document: object) -> Policy | Invalid:
    return read_policy(json.dumps(document).encode(), SHORTEST)


def issues(document: object) -> list[tuple[str, str]]:
    found = read(document)
    return [(issue.code, issue.path) for issue in found.issues] if isinstance(found, Invalid) else []


def port(**changes: object) -> dict[str, Any]:
    return {"ports": [{"number": 22, **changes}]}


def test_an_empty_document_guards_everything_and_offers_the_management_ports() -> None:
    assert Policy(default_ports()) == read({})


def test_a_whole_document_is_read() -> None:
    document = {
        "ports": [
            {"number": 22},
            {
                "number": "5000-5010",
                "protocol": "UDP",
                "allowedSourceAddressPrefixes": ["203.0.113.0/24", "10.0.0.1/32"],
                "maxRequestAccessDuration": "PT1H",
            },
        ],
        "lock": {"scope": "all", "keepOpen": [80, "443-444"], "from": "Internet"},
        "justification": {"required": True, "ticketPattern": "INC[0-9]+"},
        "requestors": [SOMEBODY.upper()],
        "approval": {"required": True, "approvers": [SOMEBODY], "count": 2, "pendingFor": "PT8H"},
        "breakGlass": True,
        "endSessions": True,
    }
    ssh = PolicyPort((22, 22), TCP, ("*",), timedelta(hours=3))
    voice = PolicyPort((5000, 5010), UDP, ("203.0.113.0/24", "10.0.0.1"), timedelta(hours=1))
    lock = Lock(Scope.ALL, Origin.INTERNET, ((80, 80), (443, 444)))
    approval = Approval(required=True, approvers=(SOMEBODY,), count=2, pending_for=timedelta(hours=8))
    expected = Policy((ssh, voice), lock, True, (SOMEBODY,), approval, "INC[0-9]+", True, True)  # noqa: FBT003 - as stored.
    assert expected == read(document)


WRONG = [
    ({"prots": []}, "unknownField", "prots"),
    ({"ports": []}, "tooFew", "ports"),
    ({"ports": {}}, "wrongType", "ports"),
    ({"ports": [22]}, "wrongType", "ports[0]"),
    ({"ports": [{}]}, "required", "ports[0].number"),
    ({"ports": [{"number": n} for n in range(101)]}, "tooMany", "ports"),
    (port(number=70000), "invalidPort", "ports[0].number"),
    (port(number="22 80"), "invalidPort", "ports[0].number"),
    (port(number=None), "invalidPort", "ports[0].number"),
    (port(protocol="ICMP"), "invalidProtocol", "ports[0].protocol"),
    (port(allowedSourceAddressPrefix="Internet"), "invalidPrefix", "ports[0].allowedSourceAddressPrefix"),
    (port(allowedSourceAddressPrefixes=["*", "x"]), "invalidPrefix", "ports[0].allowedSourceAddressPrefixes[1]"),
    (port(allowedSourceAddressPrefixes=[]), "tooFew", "ports[0].allowedSourceAddressPrefixes"),
    (port(allowedSourceAddressPrefixes="*"), "wrongType", "ports[0].allowedSourceAddressPrefixes"),
    (
        port(allowedSourceAddressPrefix="*", allowedSourceAddressPrefixes=["*"]),
        "atMostOne",
        "ports[0].allowedSourceAddressPrefix",
    ),
    (port(maxRequestAccessDuration="3 hours"), "invalidDuration", "ports[0].maxRequestAccessDuration"),
    (port(maxRequestAccessDuration="PT4M59S"), "durationOutOfRange", "ports[0].maxRequestAccessDuration"),
    (port(maxRequestAccessDuration="PT24H1S"), "durationOutOfRange", "ports[0].maxRequestAccessDuration"),
    (port(maxRequestDuration="PT3H"), "unknownField", "ports[0].maxRequestDuration"),
    (port(Number=22), "unknownField", "ports[0].Number"),
    ({"ports": [{"number": 22}, {"number": "20-30"}]}, "overlappingPorts", "ports[1].number"),
    ({"ports": [{"number": 22, "protocol": "*"}, {"number": 22}]}, "overlappingPorts", "ports[1].number"),
    ({"lock": "all"}, "wrongType", "lock"),
    ({"lock": {"scope": "everything"}}, "unknownValue", "lock.scope"),
    ({"lock": {"from": "internet"}}, "unknownValue", "lock.from"),
    ({"lock": {"keepOpen": ["x"]}}, "invalidPort", "lock.keepOpen[0]"),
    ({"lock": {"keepOpen": [80, 22]}}, "keepOpenIsGuarded", "lock.keepOpen[1]"),
    ({"lock": {"scope": "ports", "keepOpen": [80]}}, "keepOpenNeedsScopeAll", "lock.keepOpen"),
    ({"lock": {"from_": "*"}}, "unknownField", "lock.from_"),
    ({"justification": {"required": "yes"}}, "wrongType", "justification.required"),
    ({"justification": True}, "wrongType", "justification"),
    ({"justification": {"ticketPattern": "("}}, "invalidPattern", "justification.ticketPattern"),
    ({"justification": {"ticketPattern": "x" * 201}}, "tooLong", "justification.ticketPattern"),
    ({"approval": True}, "wrongType", "approval"),
    ({"approval": {"count": 0}}, "outOfRange", "approval.count"),
    ({"approval": {"count": 11}}, "outOfRange", "approval.count"),
    ({"approval": {"count": "2"}}, "wrongType", "approval.count"),
    ({"approval": {"approvers": ["ann"]}}, "invalidId", "approval.approvers[0]"),
    ({"approval": {"pendingFor": "PT4M"}}, "durationOutOfRange", "approval.pendingFor"),
    ({"approval": {"pendingFor": "P8D"}}, "durationOutOfRange", "approval.pendingFor"),
    ({"breakGlass": True}, "breakGlassNeedsApproval", "breakGlass"),
    ({"requestors": "ann"}, "wrongType", "requestors"),
    ({"endSessions": "yes"}, "wrongType", "endSessions"),
]


@pytest.mark.parametrize(("document", "code", "path"), WRONG)
def test_what_is_wrong_has_a_code_and_a_place(document: object, code: str, path: str) -> None:
    assert [(code, path)] == issues(document)


def test_a_requestor_is_named_by_an_object_id() -> None:
    assert ["requestors[0]"] == [path for _, path in issues({"requestors": ["ann@example.com"]})]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformedJson"),
        (b"{", "malformedJson"),
        (b"\xff", "malformedJson"),
        (b'{"ports": null, "ports": null}', "malformedJson"),
        (b"[" * 100_000, "malformedJson"),
        (b"[]", "wrongType"),
        (b"null", "wrongType"),
        (b'"x"', "wrongType"),
    ],
)
def test_what_is_no_json_object_is_told_so(body: bytes, code: str) -> None:
    found = read_policy(body, SHORTEST)
    assert isinstance(found, Invalid)
    assert [(code, "")] == [(issue.code, issue.path) for issue in found.issues]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    document = {"ports": [{"number": "x", "protocol": "y"}, {}], "lock": {"scope": "z"}, "more": 1}
    assert {
        ("invalidPort", "ports[0].number"),
        ("invalidProtocol", "ports[0].protocol"),
        ("required", "ports[1].number"),
        ("unknownValue", "lock.scope"),
        ("unknownField", "more"),
    } == set(issues(document))


PORTS = st.builds(
    PolicyPort,
    st.sampled_from([(22, 22), (5000, 5010)]),
    st.sampled_from([TCP, UDP, ANY]),
    st.sampled_from([("*",), ("203.0.113.0/24", "10.0.0.1")]),
    st.integers(300, 86400).map(lambda seconds: timedelta(seconds=seconds)),
)
POLICIES = st.builds(
    Policy,
    st.lists(PORTS, min_size=1, max_size=2, unique_by=lambda one: one.span).map(tuple),
    st.sampled_from([Lock(), Lock(Scope.PORTS, Origin.INTERNET), Lock(keep_open=((80, 80), (443, 444)))]),
    st.booleans(),
    st.sampled_from([(), (SOMEBODY,)]),
    end_sessions=st.booleans(),
)


@given(POLICIES)
def test_a_policy_survives_being_written_and_sent_back(policy: Policy) -> None:
    assert policy == read(write_policy(policy))


def test_a_guarded_machine_is_written_with_the_truth_about_its_lock() -> None:
    machine = Machine(machine_id(), "westeurope", "Linux", (endpoint(),))
    document = write_guarded(Guarded(machine, Policy(default_ports()), 0, NOW, Person("bob", "Bob")), ())
    assert {"state": "holds", "because": []} == dict(document["lock"])
    assert ("2026-11-22T12:00:00Z", {"id": "bob", "name": "Bob"}) == (document["changedAt"], document["changedBy"])


def test_what_becomes_of_sessions_is_written_as_far_as_it_was_looked_at() -> None:
    machine = Machine(machine_id(), "westeurope", "Linux", (endpoint(),))
    one = Guarded(machine, Policy(default_ports()), 0, NOW, None)
    asking = replace(one, policy=replace(one.policy, end_sessions=True))
    states = [write_guarded(*given)["sessions"]["state"] for given in ((one, ()), (asking, ()), (asking, (), ENDING))]
    assert ["continue", "unknown", "end"] == states


def test_a_lock_is_exposed_unknown_or_holds() -> None:
    leak = Leak("10.0.0.4", "nsg", "allow-ssh", 100)
    assert ["exposed", "unknown", "holds"] == [write_lock(leaks)["state"] for leaks in ((leak,), None, ())]
    assert [{"address": "10.0.0.4", "nsg": "nsg", "rule": "allow-ssh", "priority": 100}] == write_lock((leak,))[
        "because"
    ]


WEB_01, WEB_02 = str(machine_id("web-01")), str(machine_id("web-02"))
MANY = [str(machine_id(f"web-{number}")) for number in range(201)]


def read_all(**document: object) -> object:
    return read_many(json.dumps(document).encode(), SHORTEST)


def issues_of_many(**document: object) -> list[tuple[str, str]]:
    found = read_all(**document)
    return [(issue.code, issue.path) for issue in found.issues] if isinstance(found, Invalid) else []


def test_a_policy_for_many_machines_is_read_and_the_machines_keep_their_order() -> None:
    ssh = PolicyPort((22, 22), TCP, ("*",), timedelta(hours=3))
    expected = ([machine_id("web-02"), machine_id("web-01")], Policy((ssh,)))
    assert expected == read_all(machines=[WEB_02, WEB_01[1:]], policy={"ports": [{"number": 22}]})


def test_without_a_policy_many_machines_get_the_usual_one() -> None:
    assert ([machine_id()], Policy(default_ports())) == read_all(machines=[WEB_01])


def test_two_hundred_machines_are_the_most() -> None:
    assert [] == issues_of_many(machines=MANY[:200])
    assert [("tooMany", "machines")] == issues_of_many(machines=MANY)


WRONG_OF_MANY = [
    ({}, "required", "machines"),
    ({"machines": []}, "tooFew", "machines"),
    ({"machines": WEB_01}, "wrongType", "machines"),
    ({"machines": None}, "wrongType", "machines"),
    ({"machines": [WEB_01, "web-02"]}, "invalidMachine", "machines[1]"),
    ({"machines": [WEB_01, 5]}, "invalidMachine", "machines[1]"),
    ({"machines": [WEB_01, {"id": WEB_02}]}, "invalidMachine", "machines[1]"),
    ({"machines": [WEB_01, WEB_01]}, "duplicate", "machines[1]"),
    ({"machines": [WEB_01, WEB_02, WEB_01.upper()]}, "duplicate", "machines[2]"),
    ({"machines": [WEB_01, f"{WEB_01[1:]}/"]}, "duplicate", "machines[1]"),
    ({"machines": [WEB_01], "policies": {}}, "unknownField", "policies"),
    ({"machines": [WEB_01], "ports": []}, "unknownField", "ports"),
    ({"machines": [WEB_01], "policy": None}, "wrongType", "policy"),
    ({"machines": [WEB_01], "policy": [1]}, "wrongType", "policy"),
    ({"machines": [WEB_01], "policy": "all"}, "wrongType", "policy"),
    ({"machines": [WEB_01], "policy": {"prots": []}}, "unknownField", "policy.prots"),
    ({"machines": [WEB_01], "policy": port(number="x")}, "invalidPort", "policy.ports[0].number"),
    ({"machines": [WEB_01], "policy": {"lock": {"scope": "z"}}}, "unknownValue", "policy.lock.scope"),
    (
        {"machines": [WEB_01], "policy": port(allowedSourceAddressPrefix="*", allowedSourceAddressPrefixes=["*"])},
        "atMostOne",
        "policy.ports[0].allowedSourceAddressPrefix",
    ),
    (
        {"machines": [WEB_01], "policy": port(maxRequestAccessDuration="PT4M")},
        "durationOutOfRange",
        "policy.ports[0].maxRequestAccessDuration",
    ),
    (
        {"machines": [WEB_01], "policy": {"ports": [{"number": 22}, {"number": "20-30"}]}},
        "overlappingPorts",
        "policy.ports[1].number",
    ),
    ({"machines": [WEB_01], "policy": {"lock": {"keepOpen": [22]}}}, "keepOpenIsGuarded", "policy.lock.keepOpen[0]"),
]


@pytest.mark.parametrize(("document", "code", "path"), WRONG_OF_MANY)
def test_what_is_wrong_with_many_has_a_code_and_a_place(document: dict[str, object], code: str, path: str) -> None:
    assert [(code, path)] == issues_of_many(**document)


def test_everything_that_is_wrong_with_many_is_told_at_once() -> None:
    both = {"number": "x", "allowedSourceAddressPrefix": "*", "allowedSourceAddressPrefixes": ["*"]}
    assert {
        ("invalidMachine", "machines[0]"),
        ("duplicate", "machines[2]"),
        ("invalidPort", "policy.ports[0].number"),
        ("atMostOne", "policy.ports[0].allowedSourceAddressPrefix"),
        ("unknownField", "more"),
    } == set(issues_of_many(machines=["x", WEB_01, WEB_01], policy={"ports": [both]}, more=1))
