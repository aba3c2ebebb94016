"""Requests for access as callers send them, and grants as they get them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.documents.grants import GrantRequest, read_comment, read_grant_request, write_grant
from shared.domain.approvals import Decision, Extension, Question, Verdict
from shared.domain.decisions import AskedPort
from shared.domain.grants import Grant, GrantPort, Occurrence, PlacedRule
from shared.domain.issues import Invalid
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import Machine
from shared.domain.people import Person
from shared.domain.sessions import CONTINUING, ENDING
from tests.domain.values import GRANT, GROUP, LATER, NOW, OFFICE, TCP, UDP, endpoint, machine_id

MACHINE = str(machine_id())
GOOD: dict[str, Any] = {"machine": MACHINE, "ports": [22], "duration": "PT1H"}


def read(document: object) -> GrantRequest:
    found = read_grant_request(json.dumps(document).encode())
    assert isinstance(found, GrantRequest), found
    return found


def issues(document: object) -> list[tuple[str, str]]:
    found = read_grant_request(json.dumps(document).encode())
    return [(issue.code, issue.path) for issue in found.issues] if isinstance(found, Invalid) else []


def good(**changes: object) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}


def test_a_bare_number_is_a_port() -> None:
    wish = read(good(ports=[22, "5000-5010"])).wish
    assert (AskedPort((22, 22)), AskedPort((5000, 5010))) == wish.ports
    assert timedelta(hours=1) == wish.duration


def test_a_port_may_name_its_protocol_and_sources() -> None:
    asked = {"number": 53, "protocol": "udp", "allowedSourceAddressPrefixes": ["203.0.113.0/24", "10.0.0.1/32"]}
    assert (AskedPort((53, 53), UDP, ("203.0.113.0/24", "10.0.0.1")),) == read(good(ports=[asked])).wish.ports


def test_an_end_may_have_seven_digits_of_a_second() -> None:
    wish = read(good(duration=..., endTimeUtc="2026-11-22T12:00:00.1234567Z")).wish
    assert datetime(2026, 11, 22, 12, 0, 0, 123456, UTC) == wish.ends_at


@pytest.mark.parametrize("text", [MACHINE, MACHINE[1:], MACHINE.lower(), f"{MACHINE}/"])
def test_a_machine_is_named_by_its_id_in_any_case(text: str) -> None:
    assert machine_id() == read(good(machine=text)).machine


WRONG = [
    (good(machine=...), "required", "machine"),
    (good(machine="web-01"), "invalidMachine", "machine"),
    (good(machine=7), "invalidMachine", "machine"),
    (good(machine=f"{MACHINE}/extensions/x"), "invalidMachine", "machine"),
    (good(ports=...), "required", "ports"),
    (good(ports=[]), "tooFew", "ports"),
    (good(ports=list(range(21))), "tooMany", "ports"),
    (good(ports=22), "wrongType", "ports"),
    (good(ports=[{}]), "required", "ports[0].number"),
    (good(ports=["ssh"]), "invalidPort", "ports[0].number"),
    (good(ports=[70000]), "invalidPort", "ports[0].number"),
    (good(ports=[{"number": 22, "protocol": "icmp"}]), "invalidProtocol", "ports[0].protocol"),
    (good(ports=[{"number": 22, "from": "*"}]), "unknownField", "ports[0].from"),
    (
        good(ports=[{"number": 22, "allowedSourceAddressPrefix": "office"}]),
        "invalidPrefix",
        "ports[0].allowedSourceAddressPrefix",
    ),
    (
        good(ports=[{"number": 22, "allowedSourceAddressPrefix": "*", "allowedSourceAddressPrefixes": ["*"]}]),
        "atMostOne",
        "ports[0].allowedSourceAddressPrefix",
    ),
    (good(duration=...), "exactlyOne", "duration"),
    (good(endTimeUtc="2026-11-22T12:00:00Z"), "exactlyOne", "duration"),
    (good(duration="1h"), "invalidDuration", "duration"),
    (good(duration=3600), "invalidDuration", "duration"),
    (good(duration=..., endTimeUtc="tomorrow"), "invalidTime", "endTimeUtc"),
    (good(duration=..., endTimeUtc="2026-11-22T12:00:00"), "invalidTime", "endTimeUtc"),
    (good(justification=5), "wrongType", "justification"),
    (good(justification="x" * 1001), "tooLong", "justification"),
    (good(ticket="x" * 101), "tooLong", "ticket"),
    (good(ticket="INC1\nINC2"), "invalidText", "ticket"),
    (good(startTimeUtc="soon"), "invalidTime", "startTimeUtc"),
    (good(breakGlass="yes"), "wrongType", "breakGlass"),
    (good(justificaton="typo"), "unknownField", "justificaton"),
]


@pytest.mark.parametrize(("document", "code", "path"), WRONG)
def test_what_is_wrong_has_a_code_and_a_place(document: object, code: str, path: str) -> None:
    assert [(code, path)] == issues(document)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = issues({"machine": "x", "ports": ["ssh"], "duration": "1h", "endTimeUtc": "now", "more": 1})
    expected = {"invalidMachine", "invalidPort", "invalidDuration", "invalidTime", "unknownField", "exactlyOne"}
    assert expected == {code for code, _ in found}


def test_a_request_may_name_its_start_its_ticket_and_that_it_breaks_the_glass() -> None:
    wish = read(good(startTimeUtc="2026-11-22T14:00:00Z", ticket=" INC7 ", breakGlass=True)).wish
    expected = (datetime(2026, 11, 22, 14, tzinfo=UTC), "INC7", True)
    assert expected == (wish.starts_at, wish.ticket, wish.break_glass)


@pytest.mark.parametrize(("body", "expected"), [(b"", ""), (b"{}", ""), (b'{"comment": "go"}', "go")])
def test_a_comment_may_be_left_out(body: bytes, expected: str) -> None:
    assert expected == read_comment(body)


@pytest.mark.parametrize(("body", "code"), [(b'{"coment": "go"}', "unknownField"), (b"no", "malformedJson")])
def test_a_comment_that_cannot_be_read_is_refused(body: bytes, code: str) -> None:
    found = read_comment(body)
    assert isinstance(found, Invalid)
    assert [code] == [issue.code for issue in found.issues]


def grant(port: int = 22) -> Grant:
    asked = (GrantPort((port, port), TCP, (OFFICE,)),)
    first = Occurrence(0, State.OPENING, NOW, Person("ann", "Ann"))
    return Grant(GRANT, machine_id(), State.OPENING, Person("ann", "Ann"), asked, NOW, LATER, first, justification="x")


def test_a_grant_is_written_as_the_api_promises() -> None:
    rules = (PlacedRule(GROUP, f"postern-open-{GRANT}-1", 298),)
    assert {
        "id": GRANT,
        "machine": MACHINE,
        "state": "active",
        "requestor": {"id": "ann", "name": "Ann"},
        "ports": [{"number": 22, "protocol": "TCP", "sources": [OFFICE]}],
        "requestedAt": "2026-11-22T12:00:00Z",
        "startTimeUtc": "2026-11-22T12:00:00Z",
        "endTimeUtc": "2026-11-22T13:00:00Z",
        "justification": "x",
        "rules": [{"nsg": GROUP, "name": f"postern-open-{GRANT}-1", "priority": 298}],
    }.items() <= write_grant(grant().opened(NOW, rules)).items()


def test_a_grant_that_has_ended_says_why() -> None:
    ended = replace(grant().opened(NOW, ()), detail="").ended(LATER, Reason.DEADLINE).gone(LATER)
    document = write_grant(ended)
    assert ("expired", "deadline") == (document["state"], document["reason"])


def test_a_grant_that_waits_tells_for_how_long_and_has_no_end_yet() -> None:
    waiting = replace(grant(), state=State.PENDING, duration=timedelta(hours=1), lapses_at=LATER, ticket="INC7")
    document = write_grant(waiting)
    expected = ("PT1H", None, "2026-11-22T13:00:00Z", "INC7")
    assert expected == tuple(document[name] for name in ("duration", "endTimeUtc", "lapsesAt", "ticket"))


def test_a_grant_tells_who_decided_what_and_which_longer_stay_waits() -> None:
    carol, opened = Person("carol", "Carol"), grant().opened(NOW, ())
    asked = opened.extension_asked(Extension(NOW, LATER, timedelta(hours=2), justification="still down"), carol)
    decided = asked.approved(Decision(carol, Verdict.APPROVED, NOW, "fine", Question.EXTENSION))
    document = write_grant(decided)
    by = {"id": "carol", "name": "Carol"}
    at, comment = "2026-11-22T12:00:00Z", "fine"
    assert [
        {"by": by, "verdict": "approved", "about": "extension", "at": at, "via": None, "comment": comment}
    ] == document["decisions"]
    longer = {"duration": "PT2H", "endTimeUtc": None, "lapsesAt": "2026-11-22T13:00:00Z", "justification": "still down"}
    assert {"requestedAt": at, **longer} == document["extension"]


@pytest.mark.parametrize(
    ("port", "word", "line"), [(22, "ssh", "ssh 198.51.100.4"), (3389, "rdp", "mstsc /v:198.51.100.4")]
)
def test_a_grant_tells_how_to_connect(port: int, word: str, line: str) -> None:
    machine = Machine(machine_id(), "westeurope", "Linux", (endpoint(),), ("198.51.100.4",))
    assert {"host": "198.51.100.4", word: line} == write_grant(grant(port), machine)["connect"]


def test_without_a_public_address_one_connects_to_the_private_one() -> None:
    machine = Machine(machine_id(), "westeurope", "Linux", (endpoint(),))
    assert "10.0.0.4" == dict(write_grant(grant(), machine)["connect"] or {})["host"]


def test_a_grant_tells_what_becomes_of_open_sessions_where_that_is_known() -> None:
    assert {"state": "end", "note": ENDING.note} == write_grant(grant(), sessions=ENDING)["sessions"]
    assert {"state": "continue", "note": CONTINUING.note} == write_grant(grant(), sessions=CONTINUING)["sessions"]
    assert write_grant(grant())["sessions"] is None
