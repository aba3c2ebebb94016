"""Events as others get them: CloudEvents by their rules, cards by the schema of their makers, and nothing secret."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from shared.documents.cards import NEVER_OPEN, TITLES, plain, write_card, write_standing
from shared.documents.events import Telling, write_event
from shared.domain.approvals import Extension
from shared.domain.events import EndingSoon, Matter, kinds_of
from shared.domain.findings import Found, What
from shared.domain.grants import GrantPort, Occurrence
from shared.domain.lifecycle import Event, State
from shared.domain.people import Person
from shared.domain.subscriptions import Kind
from tests.domain.test_events import grant
from tests.domain.values import GRANT, LATER, NOW, OFFICE, TCP, machine_id

ADDRESS = "https://postern.example.com"
EXPOSED = Found(What.EXPOSED, str(machine_id()), NOW, "through 310")
EXTENSION = Extension(NOW, LATER, timedelta(hours=2), justification="not done yet")
MATTERS: list[Matter] = [
    grant(State.PENDING, duration=timedelta(hours=1), lapses_at=LATER),
    grant(State.PENDING, 1, Event.APPROVED),
    grant(State.ACTIVE, 2, Event.EXTENSION_ASKED, extension=EXTENSION),
    grant(State.ACTIVE, 1),
    grant(State.REVOKED, 3),
    grant(State.OPENING, break_glass=True),
    EndingSoon(grant(State.ACTIVE, 1), LATER),
    EXPOSED,
    replace(EXPOSED, what=What.LOCK_MISSING),
]
TELLINGS = [Telling(matter, kind, ADDRESS, ("carol",)) for matter in MATTERS for kind in kinds_of(matter)]
NASTY = "[click](https://evil.com) **bold** # head\n- list <at>all</at> {{DATE(2026)}} ${x} www.evil.com \u202e"


def event(telling: Telling) -> dict[str, Any]:
    kind, body = write_event(telling)
    assert "application/cloudevents+json" == kind
    document: dict[str, Any] = json.loads(body)
    return document


def card(telling: Telling) -> dict[str, Any]:
    kind, body = write_card(telling)
    document = json.loads(body)
    [attachment] = document["attachments"]
    assert ("application/json", "message") == (kind, document["type"])
    assert "application/vnd.microsoft.card.adaptive" == attachment["contentType"]
    content: dict[str, Any] = attachment["content"]
    return content


def objects(document: object) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(document, dict):
        yield document
    for one in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects(one)


def schema() -> dict[str, Any]:
    """The schema of Adaptive Cards 1.5, as its makers publish it, from a package that ships it."""
    spec = find_spec("adaptive_cards")
    assert spec is not None
    assert spec.origin is not None
    found: dict[str, Any] = json.loads((Path(spec.origin).parent / "schemas" / "schema-1.5.json").read_text("utf-8"))
    assert "http://adaptivecards.io/schemas/adaptive-card.json" == found.pop("id")
    return found


def test_every_kind_is_told_here() -> None:
    assert set(Kind) == {telling.kind for telling in TELLINGS}


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: str(telling.kind.word))
def test_an_event_keeps_to_the_rules_of_cloudevents(telling: Telling) -> None:
    """Required attributes, their types, and names of attributes in lower case letters and digits."""
    document = event(telling)
    assert "1.0" == document["specversion"]
    assert all(isinstance(document[name], str) and document[name] for name in ("id", "source", "type", "subject"))
    assert [] == [name for name in document if not re.fullmatch(r"[a-z0-9]{1,20}", name)]
    assert datetime.fromisoformat(document["time"]).tzinfo is not None
    assert ("application/json", dict) == (document["datacontenttype"], type(document["data"]))


@pytest.mark.parametrize("telling", TELLINGS, ids=lambda telling: str(telling.kind.word))
def test_a_card_is_valid_against_the_schema_of_its_makers(telling: Telling) -> None:
    assert [] == [error.message for error in Draft7Validator(schema()).iter_errors(card(telling))]


def test_the_schema_refuses_what_is_no_card() -> None:
    wrong = {**card(TELLINGS[0]), "body": [{"type": "TextBlock"}]}
    assert [*Draft7Validator(schema()).iter_errors(wrong)]


def test_an_event_about_a_grant_says_who_what_and_where_to_look() -> None:
    document = event(Telling(grant(State.ACTIVE, 1), Kind.OPENED, ADDRESS))
    assert (f"{GRANT}-1-opened", ADDRESS, f"grants/{GRANT}") == (
        document["id"], document["source"], document["subject"]
    )  # fmt: skip
    told = document["data"]["grant"]
    assert ("ann", "because", "2026-11-22T13:00:00Z") == (
        told["requestor"]["id"], told["justification"], told["endTimeUtc"]
    )  # fmt: skip
    assert {"page": f"{ADDRESS}/#/grants/{GRANT}", "grant": f"{ADDRESS}/api/grants/{GRANT}"} == document["data"][
        "links"
    ]


def test_an_event_leads_to_what_can_be_done_about_it() -> None:
    ending, waiting = (event(one)["data"]["links"] for one in (TELLINGS[-3], TELLINGS[0]))
    assert f"{ADDRESS}/api/grants/{GRANT}/extend" == ending["extend"]
    assert {"approve", "deny"} <= set(waiting)


def test_without_an_address_there_are_no_links_and_a_source_all_the_same() -> None:
    document = event(Telling(grant(State.ACTIVE, 1), Kind.OPENED))
    assert ("urn:postern", {}) == (document["source"], document["data"]["links"])


def test_a_card_that_asks_for_approval_has_buttons_that_name_the_grant_and_the_verdict() -> None:
    submits = [one for one in card(TELLINGS[0])["actions"] if one["type"] == "Action.Submit"]
    assert [{"grant": GRANT, "verdict": verdict} for verdict in ("approve", "deny")] == [one["data"] for one in submits]


def test_no_other_card_can_decide_anything() -> None:
    others = [one for one in TELLINGS if one.kind is not Kind.APPROVAL_NEEDED]
    assert {"Action.OpenUrl"} == {action["type"] for one in others for action in card(one)["actions"]}


@pytest.mark.parametrize(
    ("state", "waits", "title"),
    [
        (State.PENDING, True, TITLES[Kind.APPROVAL_NEEDED]),
        (State.PENDING, False, NEVER_OPEN),
        (State.DENIED, False, NEVER_OPEN),
        (State.OPENING, False, TITLES[Kind.DECIDED]),
        (State.ACTIVE, False, TITLES[Kind.OPENED]),
    ],
)
def test_a_grant_is_shown_as_it_stands_with_buttons_only_while_it_waits(
    state: State, title: str, *, waits: bool
) -> None:
    shown = write_standing(grant(state), ADDRESS, waits=waits)
    assert [title] == [one["text"] for one in objects(shown["card"]) if one.get("type") == "TextBlock"]
    assert (GRANT, waits, waits) == (shown["grant"], shown["waits"], "Action.Submit" in str(shown["card"]))


def test_what_people_wrote_stands_only_where_no_markdown_is_read() -> None:
    last = Occurrence(0, State.PENDING, NOW, Person("ann", NASTY), detail=NASTY)
    asked = grant(State.PENDING, justification=NASTY, ticket=NASTY, requestor=Person("ann", NASTY), occurrence=last)
    body = card(Telling(asked, Kind.APPROVAL_NEEDED, ADDRESS))["body"]
    texts = [(one["type"], one["text"]) for one in objects(body) if "text" in one]
    runs = [text for kind, text in texts if kind == "TextRun"]
    assert [("TextBlock", TITLES[Kind.APPROVAL_NEEDED])] == [one for one in texts if one[0] != "TextRun"]
    assert [] == [text for text in runs for mark in ("://", "www.", "{{", "${", "\n", "\u202e") if mark in text]


def test_what_people_wrote_can_still_be_read() -> None:
    assert "why not, #42 [see] INC7" == plain("why not,\n #42 [see] INC7")


def test_a_card_stays_small_however_much_was_written() -> None:
    wall = '\U0001f600"\\' * 1000
    ports = tuple(GrantPort((number, number + 9), TCP, (OFFICE,) * 50) for number in range(0, 200, 10))
    last = Occurrence(0, State.PENDING, NOW, Person("bob", wall[:80]), detail=wall)
    asked = grant(State.PENDING, ports=ports, justification=wall, ticket=wall[:100], occurrence=last)
    assert 28 * 1024 > len(write_card(Telling(asked, Kind.APPROVAL_NEEDED, ADDRESS))[1])


def test_a_finding_names_the_resource() -> None:
    document = event(TELLINGS[-2])
    assert str(machine_id()) == document["subject"]
    assert {"what": "exposed", "resource": str(machine_id()), "detail": "through 310"} == document["data"]
