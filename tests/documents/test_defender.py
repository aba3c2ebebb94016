"""What callers of Defender's API send: whatever real scripts do is understood, and nothing else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.documents.defender import read_collection, read_initiation
from shared.domain.collections import Portion
from shared.domain.decisions import AskedPort, Wish
from shared.domain.issues import Invalid
from shared.domain.machines import MachineId
from shared.domain.policies import PolicyPort
from tests.domain.values import ANY, OFFICE, TCP, UDP, machine_id

WEB, APP = machine_id("web-01"), machine_id("app-01")
SHORTEST = timedelta(minutes=5)
HOUR = timedelta(hours=1)
RULE: dict[str, Any] = {
    "number": 22, "protocol": "*", "allowedSourceAddressPrefix": "*", "maxRequestAccessDuration": "PT3H",
}  # fmt: skip
ASKED: dict[str, Any] = {
    "number": 22,
    "allowedSourceAddressPrefix": OFFICE,
    "endTimeUtc": "2026-11-22T13:00:00.1234567Z",
}
END = datetime(2026, 11, 22, 13, 0, 0, 123456, UTC)


def changed(base: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def policy(*ports: object, **more: object) -> dict[str, Any]:
    machine = {"id": str(WEB), "ports": list(ports) or [RULE]}
    return {"kind": "Basic", "properties": {"virtualMachines": [machine], **more}}


def request(*ports: object, **more: object) -> dict[str, Any]:
    return {"virtualMachines": [{"id": str(WEB), "ports": list(ports) or [ASKED]}], **more}


def collection(document: object) -> dict[MachineId, tuple[PolicyPort, ...]]:
    found = read_collection(json.dumps(document).encode(), SHORTEST)
    assert not isinstance(found, Invalid), found
    return found


def initiation(document: object) -> list[Portion]:
    found = read_initiation(json.dumps(document).encode())
    assert not isinstance(found, Invalid), found
    return found


def issues(found: object) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in found.issues] if isinstance(found, Invalid) else []


def test_a_policy_has_ports_for_each_machine() -> None:
    ports = (PolicyPort((22, 22), ANY, ("*",), HOUR * 3),)
    assert {WEB: ports} == collection(policy())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"number": "22"}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
        ({"protocol": "tcp"}, PolicyPort((22, 22), TCP, ("*",), HOUR * 3)),
        ({"protocol": "UDP"}, PolicyPort((22, 22), UDP, ("*",), HOUR * 3)),
        ({"maxRequestAccessDuration": "P1D"}, PolicyPort((22, 22), ANY, ("*",), HOUR * 24)),
        ({"maxRequestAccessDuration": "PT5M"}, PolicyPort((22, 22), ANY, ("*",), SHORTEST)),
        ({"allowedSourceAddressPrefix": ["*"]}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
        ({"allowedSourceAddressPrefix": ...}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
        ({"allowedSourceAddressPrefix": ""}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
        (
            {"allowedSourceAddressPrefix": None, "allowedSourceAddressPrefixes": [OFFICE, "10.0.0.0/8"]},
            PolicyPort((22, 22), ANY, (OFFICE, "10.0.0.0/8"), HOUR * 3),
        ),
        ({"allowedSourceAddressPrefixes": []}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
        ({"mappedPort": 7, "anything": {"at": "all"}}, PolicyPort((22, 22), ANY, ("*",), HOUR * 3)),
    ],
)
def test_a_port_is_taken_in_every_form_that_scripts_send(changes: dict[str, object], expected: PolicyPort) -> None:
    assert {WEB: (expected,)} == collection(policy(changed(RULE, **changes)))


def test_names_and_ids_are_taken_in_any_case() -> None:
    rule = {name.upper(): value for name, value in RULE.items()}
    machine = {"Id": str(WEB).upper(), "PORTS": rule}
    assert [WEB] == list(collection({"PROPERTIES": {"virtualmachines": machine}}))


def test_requests_that_are_sent_with_a_policy_are_not_looked_at() -> None:
    assert collection(policy()) == collection(policy(requests=[{"virtualMachines": 7, "requestor": {}}], name=5))


WRONG_POLICY = [
    ({}, ("required", "properties")),
    ({"properties": {}}, ("required", "properties.virtualMachines")),
    ({"properties": {"virtualMachines": []}}, ("tooFew", "properties.virtualMachines")),
    (policy(changed(RULE, number=...)), ("required", "{port}.number")),
    (policy(changed(RULE, number="5000-5010")), ("invalidPort", "{port}.number")),
    (policy(changed(RULE, number=65536)), ("invalidPort", "{port}.number")),
    (policy(changed(RULE, number="*")), ("invalidPort", "{port}.number")),
    (policy(changed(RULE, protocol="ICMP")), ("invalidProtocol", "{port}.protocol")),
    (policy(changed(RULE, protocol=...)), ("required", "{port}.protocol")),
    (policy(changed(RULE, maxRequestAccessDuration=...)), ("required", "{port}.maxRequestAccessDuration")),
    (policy(changed(RULE, maxRequestAccessDuration="PT4M")), ("durationOutOfRange", "{port}.maxRequestAccessDuration")),
    (policy(changed(RULE, maxRequestAccessDuration="P2D")), ("durationOutOfRange", "{port}.maxRequestAccessDuration")),
    (policy(changed(RULE, allowedSourceAddressPrefixes=["*"])), ("atMostOne", "{port}.allowedSourceAddressPrefix")),
    (
        policy(RULE, changed(RULE, protocol="TCP")),
        ("overlappingPorts", "properties.virtualMachines[0].ports[1].number"),
    ),
]


@pytest.mark.parametrize(("document", "expected"), WRONG_POLICY)
def test_what_is_wrong_with_a_policy_is_told(document: object, expected: tuple[str, str]) -> None:
    code, path = expected
    found = read_collection(json.dumps(document).encode(), SHORTEST)
    assert [(code, path.replace("{port}", "properties.virtualMachines[0].ports[0]"))] == issues(found)


def test_a_machine_stands_in_a_policy_once() -> None:
    twice = {
        "properties": {"virtualMachines": [{"id": name, "ports": [RULE]} for name in (str(WEB), str(WEB).upper())]}
    }
    found = read_collection(json.dumps(twice).encode(), SHORTEST)
    assert [("duplicate", "properties.virtualMachines[1].id")] == issues(found)


def test_a_name_in_two_cases_is_given_twice() -> None:
    found = read_collection(b'{"properties": {}, "Properties": {}}', SHORTEST)
    assert [("malformedJson", "")] == issues(found)


def test_a_request_has_an_end_with_seven_digits_of_a_second() -> None:
    wish = Wish((AskedPort((22, 22), None, (OFFICE,)),), ends_at=END, justification="why")
    assert [Portion(WEB, wish, ("virtualMachines[0].ports[0]",))] == initiation(request(justification="why"))


def test_a_request_may_last_for_a_duration_instead() -> None:
    [portion] = initiation(request(changed(ASKED, endTimeUtc=None, duration="PT10H"), justification=None))
    assert (HOUR * 10, None, "") == (portion.wish.duration, portion.wish.ends_at, portion.wish.justification)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2026-11-22T13:00:00Z", datetime(2026, 11, 22, 13, tzinfo=UTC)),
        ("2026-11-22T13:00:00", datetime(2026, 11, 22, 13, tzinfo=UTC)),
        ("2026-11-22T13:00:00.0000000", datetime(2026, 11, 22, 13, tzinfo=UTC)),
        ("2026-11-22T15:00:00+02:00", datetime(2026, 11, 22, 13, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_in_utc_and_one_with_it_says_so(end: str, expected: datetime) -> None:
    assert expected == initiation(request(changed(ASKED, endTimeUtc=end)))[0].wish.ends_at


def test_a_request_falls_into_fifty_grants_at_most() -> None:
    ports = [changed(ASKED, endTimeUtc=..., duration=f"PT{5 + minute}M") for minute in range(17)]
    document = {"virtualMachines": [{"id": str(machine_id(f"m-{n}")), "ports": ports} for n in range(3)]}
    assert [("tooMany", "virtualMachines")] == issues(read_initiation(json.dumps(document).encode()))
    document["virtualMachines"][0]["ports"] = ports[1:]
    assert 50 == len(initiation(document))


def test_what_ends_together_on_a_machine_is_one_portion() -> None:
    ports = [ASKED, changed(ASKED, number=3389), changed(ASKED, number="5986", endTimeUtc=..., duration="PT1H")]
    document = request(*ports)
    document["virtualMachines"].append({"id": str(APP), "ports": ASKED})
    assert [
        (WEB, [22, 3389], ("virtualMachines[0].ports[0]", "virtualMachines[0].ports[1]")),
        (WEB, [5986], ("virtualMachines[0].ports[2]",)),
        (APP, [22], ("virtualMachines[1].ports[0]",)),
    ] == [(one.machine, [port.span[0] for port in one.wish.ports], one.paths) for one in initiation(document)]


@pytest.mark.parametrize("source", [..., None, "", []])
def test_a_source_that_is_left_out_is_nobodys_yet(source: object) -> None:
    assert () == initiation(request(changed(ASKED, allowedSourceAddressPrefix=source)))[0].wish.ports[0].sources


@pytest.mark.parametrize("source", ["*", ["*"]])
def test_any_source_may_be_asked_for(source: object) -> None:
    assert ("*",) == initiation(request(changed(ASKED, allowedSourceAddressPrefix=source)))[0].wish.ports[0].sources


WRONG_REQUEST = [
    ({}, ("required", "virtualMachines")),
    ({"virtualMachines": []}, ("tooFew", "virtualMachines")),
    ({"virtualMachines": [{"id": str(WEB), "ports": []}]}, ("tooFew", "virtualMachines[0].ports")),
    ({"virtualMachines": [{"id": "web-01", "ports": [ASKED]}]}, ("invalidMachine", "virtualMachines[0].id")),
    (request(changed(ASKED, endTimeUtc=...)), ("exactlyOne", "virtualMachines[0].ports[0].endTimeUtc")),
    (request(changed(ASKED, duration="PT1H")), ("exactlyOne", "virtualMachines[0].ports[0].endTimeUtc")),
    (request(changed(ASKED, endTimeUtc="soon")), ("invalidTime", "virtualMachines[0].ports[0].endTimeUtc")),
    (request(changed(ASKED, endTimeUtc=7)), ("invalidTime", "virtualMachines[0].ports[0].endTimeUtc")),
    (request(justification="x" * 1001), ("tooLong", "justification")),
    (request(justification="\x07"), ("invalidText", "justification")),
    (
        request(*(changed(ASKED, number=n, allowedSourceAddressPrefix=[f"10.0.{n}.{m}" for m in range(50)])
                  for n in range(1, 4))),
        ("tooMany", "virtualMachines[0].ports[0]"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), WRONG_REQUEST)
def test_what_is_wrong_with_a_request_is_told(document: object, expected: tuple[str, str]) -> None:
    assert [expected] == issues(read_initiation(json.dumps(document).encode()))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = request({"number": "ssh", "allowedSourceAddressPrefix": "office"}, {"duration": "1h"})
    codes = [code for code, _ in issues(read_initiation(json.dumps(wrong).encode()))]
    assert ["invalidPort", "invalidPrefix", "required", "invalidDuration", "exactlyOne"] == codes
