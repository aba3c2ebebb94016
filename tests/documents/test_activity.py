"""The activity as callers get it: a sentence for every kind of entry, and all that is known about it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.activity import machine_of, write_attack, write_entry, write_looking_back, write_summary
from shared.documents.sentences import sentence
from shared.domain.activity import Entry, Kind, Matter
from shared.domain.attacks import Attack, Became
from shared.domain.evidence import Alert, Counts, Evidence, Gap, Hour, Lack, Target, TriedName, TriedPort
from shared.domain.findings import What
from shared.domain.lifecycle import Event, State
from shared.domain.people import Person
from shared.domain.records import POLICY_REMOVED, POLICY_SET, grant_kind, stays
from shared.domain.summaries import Grants, Summary
from shared.domain.usage import Usage
from shared.domain.visits import Visit
from tests.domain.past import (
    about_lock,
    about_policy,
    alerted,
    edited,
    folded,
    life,
    logged_as,
    minute,
    record,
    signed_in,
)
from tests.domain.values import GRANT, GROUP, OFFICE, STRANGER, machine_id

MACHINE = str(machine_id())
SSH = "22/TCP on web-01"
# What a change of a grant is called where its state alone does not tell it.
TOLD = (Event.APPROVED, Event.EXTENSION_ASKED, Event.EXTENSION_DENIED, Event.EXTENSION_CANCELLED, Event.EXTENDED)
GRANTS = {
    "grantPending": f"Ann asked for {SSH}; it waits for approval.",
    "grantScheduled": f"Ann has {SSH} scheduled.",
    "grantOpening": f"Ann has {SSH} opened.",
    "grantActive": f"{SSH} is open.",
    "grantClosing": f"{SSH} is being closed.",
    "grantExpired": f"{SSH} was closed, its time being up.",
    "grantRevoked": f"{SSH} was closed early.",
    "grantDenied": f"Ann denied {SSH}.",
    "grantCancelled": f"Ann no longer wants {SSH}.",
    "grantLapsed": f"Nobody answered the request for {SSH}.",
    "grantFailed": f"{SSH} could not be opened.",
    "grantApproved": f"Ann approved {SSH}.",
    "grantExtensionAsked": "Ann asked for a longer stay on web-01.",
    "grantExtensionDenied": "Ann denied a longer stay on web-01.",
    "grantExtensionCancelled": "A longer stay on web-01 is no longer wanted.",
    "grantExtended": f"Ann extended {SSH}.",
}


def test_every_kind_of_record_about_a_grant_is_looked_at() -> None:
    assert {grant_kind(word) for word in (*State, *TOLD)} == set(GRANTS)


@pytest.mark.parametrize("kind", GRANTS)
def test_every_kind_of_record_about_a_grant_has_a_sentence_of_its_own(kind: str) -> None:
    assert GRANTS[kind] == sentence(record(kind, 0))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(POLICY_SET, "Bob set the policy of web-01."), (POLICY_REMOVED, "Bob took the policy of web-01 away.")],
)
def test_a_change_of_a_policy_has_a_sentence(kind: str, expected: str) -> None:
    assert expected == sentence(about_policy(0, kind))


@pytest.mark.parametrize("what", What)
def test_a_finding_says_where_and_what(what: What) -> None:
    assert "Found at web-nsg: It was gone." == sentence(about_lock(0, what))


DETAILS = [
    ("grantPending", {"justification": "Release 7."}, "it waits for approval. Release 7."),
    ("grantOpening", {"justification": "Release 7"}, "opened. Release 7."),
    ("grantActive", {"justification": "Release 7"}, "is open."),
    ("grantExtended", {"detail": "until 14:00"}, "extended 22/TCP on web-01. until 14:00."),
    ("grantFailed", {"detail": "blocked by allow."}, "could not be opened. blocked by allow."),
    ("grantRevoked", {"by": None}, "22/TCP on web-01 was closed early."),
    ("grantApproved", {"by": None}, "Postern approved 22/TCP on web-01."),
    ("grantOpening", {"justification": "{by} {0} %s"}, "opened. {by} {0} %s."),
    ("grantOpening", {"by": Person("eve", "{name}")}, "{name} has 22/TCP on web-01 opened."),
]


@pytest.mark.parametrize(("kind", "known", "ending"), DETAILS)
def test_a_sentence_tells_why_and_what_else_there_is(kind: str, known: dict[str, Any], ending: str) -> None:
    assert sentence(record(kind, 0, **known)).endswith(ending)


PORTS = [
    ("22-22/Tcp 203.0.113.7", "22/TCP"),
    ("22-22/Tcp 203.0.113.7, 5000-5010/Udp *", "22/TCP, 5000-5010/UDP"),
    ("0-65535/* 203.0.113.7 2001:db8::/32", "0-65535/*"),
    ("", "access"),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_ports_are_written_as_people_write_them(ports: str, expected: str) -> None:
    assert f"{expected} on web-01 is open." == sentence(record("grantActive", 0, ports=ports))


def attack(became: Became = Became.DENIED, **changes: Any) -> Attack:  # noqa: ANN401  # As the fields'.
    known = Attack(STRANGER, became, Counts(300, 1, 2), 12, minute(0), minute(60), machines=(logged_as(),), ports=(22,))
    return replace(known, **changes)


TRIED = f"{STRANGER} tried web-01 on 22 312 times: "
FATES = {
    Became.DENIED: f"{TRIED}denied throughout.",
    Became.ELSEWHERE: f"{TRIED}denied there, and let in to other ports.",
    Became.GRANTED: f"{TRIED}turned away, and let in by a grant at another time.",
    Became.REACHED: f"{TRIED}GOT THROUGH by allow-ssh.",
    Became.SIGNED_IN: f"{TRIED}SIGNED IN, by no grant for this address.",
}


@pytest.mark.parametrize("became", Became)
def test_every_fate_of_an_attack_has_a_sentence_of_its_own(became: Became) -> None:
    assert FATES[became] == sentence(attack(became, rules=("allow-ssh",)))


FIVE = f"{STRANGER} tried web-01 on 1, 2, 3, 4, 5"
ATTACKS = [
    ({"country": "nl"}, f"{STRANGER} (nl) tried web-01 on 22 312 times: denied throughout."),
    ({"counts": Counts(1), "failures": 0}, f"{STRANGER} tried web-01 on 22 once: denied throughout."),
    ({"ports": ()}, f"{STRANGER} tried web-01 312 times: denied throughout."),
    ({"ports": (1, 2, 3, 4, 5)}, f"{FIVE} 312 times: denied throughout."),
    ({"ports": (1, 2, 3, 4, 5, 6)}, f"{FIVE} and others 312 times: denied throughout."),
    ({"machines": tuple(map(logged_as, "abcde"))},
     f"{STRANGER} tried a, b, c and 2 more on 22 312 times: denied throughout."),
    ({"became": Became.REACHED}, f"{TRIED}GOT THROUGH by a rule that is not known."),
]  # fmt: skip


@pytest.mark.parametrize(("known", "expected"), ATTACKS)
def test_an_attack_says_whence_where_and_how_often(known: dict[str, Any], expected: str) -> None:
    assert expected == sentence(attack(**known))


STAY = stays(life(0, 60))[GRANT]
OTHERS: list[tuple[Matter, str]] = [
    (Visit(signed_in(OFFICE, 5), STAY), f"azureuser signed in to web-01 from {OFFICE}, by the grant of Ann."),
    (
        Visit(signed_in(OFFICE, 5), replace(STAY, requestor=Person("ann", ""))),
        f"azureuser signed in to web-01 from {OFFICE}, by the grant of ann.",
    ),
    (Visit(signed_in(STRANGER, 5), None), f"azureuser signed in to web-01 from {STRANGER}, OUTSIDE of any grant."),
    (edited(0), "eve changed hole in web-nsg."),
    (replace(edited(0), operation="MICROSOFT.NETWORK/X/DELETE"), "eve deleted hole in web-nsg."),
    (alerted(0), "Defender for Cloud, High: Brute force on web-01."),
]


@pytest.mark.parametrize(("matter", "expected"), OTHERS)
def test_everything_else_has_a_sentence_too(matter: Matter, expected: str) -> None:
    assert expected == sentence(matter)


USED = Usage(frozenset({"203.0.113.8", OFFICE}), 7, 1, minute(5), minute(50), used=True)


def entry(matter: Matter, kind: Kind = Kind.GRANT) -> Entry:
    return Entry("r-1", minute(5), kind, matter)


def test_a_record_of_a_grant_tells_who_did_it_from_where_and_how_the_grant_was_used() -> None:
    line = record(
        "grantOpening", 5, by=Person("ann", "Ann", OFFICE), ticket="INC7", break_glass=True, reason="deadline"
    )
    usage = {
        "used": True, "addresses": [OFFICE, "203.0.113.8"], "connections": 7, "signIns": 1,
        "first": "2026-11-22T12:05:00Z", "last": "2026-11-22T12:50:00Z",
    }  # fmt: skip
    told = {
        "what": "grantOpening", "ports": f"22-22/Tcp {OFFICE}", "justification": None, "ticket": "INC7",
        "breakGlass": True, "reason": "deadline", "detail": None, "usage": usage,
    }  # fmt: skip
    assert {
        "id": "r-1", "at": "2026-11-22T12:05:00Z", "kind": "grant", "machines": [MACHINE],
        "text": "Ann has 22/TCP on web-01 opened.", "by": {"id": "ann", "name": "Ann"}, "source": OFFICE,
        "grant": GRANT, "record": told, "attack": None, "signIn": None, "ruleEdit": None, "alert": None,
    } == write_entry(entry(line), {}, {GRANT: USED})  # fmt: skip


def test_a_record_of_postern_itself_is_by_nobody_and_one_about_a_group_about_no_machine() -> None:
    told = write_entry(entry(about_lock(0), Kind.FINDING), {}, {})
    assert (None, None, [], None) == (told["by"], told["source"], told["machines"], told["grant"])
    assert told["record"]
    assert (None, None) == (told["record"]["usage"], told["record"]["ports"])


def test_a_sign_in_names_the_grant_and_whoever_asked_for_it() -> None:
    told = write_entry(entry(Visit(signed_in(OFFICE, 5), STAY), Kind.SIGN_IN), {}, {GRANT: USED})
    assert {"user": "azureuser", "requestor": {"id": "ann", "name": "Ann"}} == told["signIn"]
    assert (GRANT, OFFICE, None, None) == (told["grant"], told["source"], told["record"], told["attack"])


def test_a_sign_in_outside_of_any_grant_names_none() -> None:
    told = write_entry(entry(Visit(signed_in(STRANGER, 5), None), Kind.SIGN_IN), {}, {GRANT: USED})
    assert ({"user": "azureuser", "requestor": None}, None) == (told["signIn"], told["grant"])


def test_an_edit_and_an_alert_tell_what_azure_tells() -> None:
    edit, alert = write_entry(entry(edited(0), Kind.RULE_EDIT), {}, {}), write_entry(entry(alerted(0)), {}, {})
    resource = f"{GROUP}/securityrules/hole"
    expected = {"resource": resource, "nsg": GROUP, "operation": "securityRules/write", "caller": "eve"}
    assert (expected, "192.0.2.1", []) == (edit["ruleEdit"], edit["source"], edit["machines"])
    assert {"name": "Brute force", "severity": "High", "text": "Somebody tries many names."} == alert["alert"]
    assert (None, [MACHINE]) == (alert["source"], alert["machines"])


def test_an_edit_from_no_known_address_has_no_source() -> None:
    assert write_entry(entry(replace(edited(0), address="")), {}, {})["source"] is None


def test_an_attack_is_told_with_all_its_numbers() -> None:
    known = attack(Became.SIGNED_IN, country="nl", users=("root",), rules=("r",), first_in=minute(7), sign_ins=2)
    assert {
        "became": "signedIn", "attempts": 312, "flows": {"denied": 300, "granted": 1, "allowed": 2},
        "failedSignIns": 12, "signIns": 2, "country": "nl", "ports": [22], "users": ["root"], "rules": ["r"],
        "first": "2026-11-22T12:00:00Z", "last": "2026-11-22T13:00:00Z", "firstIn": "2026-11-22T12:07:00Z",
    } == write_attack(known)  # fmt: skip
    plain = write_attack(attack())
    assert (None, None) == (plain["country"], plain["firstIn"])


def test_a_machine_is_named_as_it_is_known_and_else_as_its_name_in_logs_tells() -> None:
    known = {logged_as("web-01"): MACHINE.replace("web-01", "Web-01")}
    assert MACHINE.replace("web-01", "Web-01") == machine_of(logged_as("web-01"), known)
    assert str(machine_id("web-02")) == machine_of(logged_as("web-02"), known)
    assert MACHINE == machine_of(MACHINE, known)


def test_looking_back_tells_the_time_the_newest_records_and_all_that_is_missing() -> None:
    evidence = Evidence(
        newest={"Syslog": minute(1), "NTANetAnalytics": minute(2)}, gaps=(Gap(Lack.PARTIAL, "ports", "Not whole."),)
    )
    assert {
        "since": "2026-11-22T12:00:00Z", "until": "2026-11-22T13:00:00Z",
        "newest": {"NTANetAnalytics": "2026-11-22T12:02:00Z", "Syslog": "2026-11-22T12:01:00Z"},
        "gaps": [{"code": "partial", "subject": "ports", "message": "Not whole."},
                 {"code": "stale", "subject": "flows", "message": "Old."}],
    } == write_looking_back(minute(0), minute(60), evidence, [Gap(Lack.STALE, "flows", "Old.")])  # fmt: skip


NUMBERS = Summary(
    Counts(3, 1, 0), 12, [Hour(minute(0), Counts(3, 1, 0))], [Target(logged_as(), Counts(3, 1, 0), 2, minute(9))],
    [attack()], [TriedPort(22, "TCP", Counts(3, 1, 0), 2)], [TriedName("root", 12, 1)],
    {one: number for number, one in enumerate(Became)}, Grants(3, 1, (GRANT,), 1),
)  # fmt: skip


def test_the_numbers_are_told_with_the_ids_of_machines() -> None:
    flows = {"denied": 3, "granted": 1, "allowed": 0}
    told = write_summary(NUMBERS, {}, write_looking_back(minute(0), minute(60), Evidence(), []))
    assert (flows, 0.75, 12) == (told["flows"], told["deniedShare"], told["failedSignIns"])
    assert [{"at": "2026-11-22T12:00:00Z", "flows": flows}] == told["hours"]
    assert [{"machine": MACHINE, "flows": flows, "sources": 2, "last": "2026-11-22T12:09:00Z"}] == told["machines"]
    assert [{"port": 22, "protocol": "TCP", "flows": flows, "sources": 2}] == told["ports"]
    assert [{"user": "root", "failedSignIns": 12, "sources": 1}] == told["users"]
    assert [(STRANGER, [MACHINE], 312)] == [
        (s["source"], s["machines"], s["attack"]["attempts"]) for s in told["sources"]
    ]
    assert {"open": 3, "used": 1, "neverUsed": [GRANT], "unknown": 1} == told["grants"]


def test_every_fate_is_counted_under_its_name() -> None:
    told = write_summary(NUMBERS, {}, write_looking_back(minute(0), minute(60), Evidence(), []))
    assert {"signedIn": 0, "reached": 1, "granted": 2, "elsewhere": 3, "denied": 4} == told["outcomes"]


@given(st.builds(Alert, st.text(), st.just(minute(0)), st.just(logged_as()), *[st.text()] * 3))
def test_whatever_an_alert_says_it_is_one_entry_with_its_own_words(alert: Alert) -> None:
    [found] = folded([], Evidence(alerts=(alert,)), minute(0))
    told = write_entry(found, {}, {})["alert"]
    assert {"name": alert.name, "severity": alert.severity, "text": alert.text} == told


def test_a_use_is_told_of_its_own_grant_only() -> None:
    line = record("grantActive", 0, "2" * 24)
    told = write_entry(entry(line), {}, {GRANT: USED})["record"]
    assert told
    assert told["usage"] is None
