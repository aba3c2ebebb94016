"""The activity over HTTP, in the town: what may be asked, by whom, and what is told when something is wrong with it."""

import base64
import csv
import io
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bootstrap import Postern
from shared.domain.evidence import Evidence
from shared.domain.issues import Invalid
from shared.domain.people import Person
from shared.services.world import World
from shared.triggers.activity import _Token, _token
from shared.triggers.callers import Caller
from shared.triggers.endpoints import ENDPOINTS
from shared.triggers.http import Call, _trigger
from tests.domain.past import heard, logged_as, minute, signed_in, tried
from tests.domain.values import NOW, OFFICE, STRANGER
from tests.services.town import HOUR, WEB_01, WEB_02, Town

BEHIND_EASY_AUTH = {"WEBSITE_AUTH_ENABLED": "True", "POSTERN_TRUST_EASY_AUTH": "true"}
LIST, EXPORT, SUMMARY = "listActivity", "exportActivity", "summarizeActivity"


class InTown(Postern):
    """The app whose world is a town, in a process of its own for each call."""

    def __init__(self, town: Town) -> None:
        super().__init__(BEHIND_EASY_AUTH)
        self.town = town

    def world(self) -> World:
        """The ports of a process."""
        return self.town.world()


@dataclass(slots=True)
class Front:
    """The endpoints of the activity as HTTP reaches them."""

    town: Town = field(default_factory=Town)

    async def call(
        self, name: str = LIST, role: str = "Auditor", who: str = "carol", **params: str
    ) -> func.HttpResponse:
        """One call. `from` is written with an underscore at its end here."""
        [endpoint] = [one for one in ENDPOINTS if one.name == name]
        claims = [{"typ": "oid", "val": who}, {"typ": "roles", "val": f"Postern.{role}"}]
        header = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
        query = {name.rstrip("_"): value for name, value in params.items()}
        request = func.HttpRequest(
            "GET", f"/{endpoint.route}", headers={"x-ms-client-principal": header}, params=query, body=b""
        )
        return await _trigger(InTown(self.town), endpoint)(request)

    async def read(self, name: str = LIST, role: str = "Auditor", **params: str) -> dict[str, Any]:
        """The document of a call that must succeed."""
        answer = await self.call(name, role, **params)
        assert 200 == answer.status_code, answer.get_body()
        document: dict[str, Any] = json.loads(answer.get_body())
        return document

    async def refused(self, name: str = LIST, **params: str) -> tuple[int, list[tuple[str, str]]]:
        """The status and the issues with which a call is refused."""
        answer = await self.call(name, **params)
        document = json.loads(answer.get_body())
        return answer.status_code, [(issue["code"], issue["path"]) for issue in document.get("issues", ())]


async def opened() -> Front:
    """web-01 with a policy and a grant of Ann's, and logs with an attack and two sign-ins."""
    front = Front()
    await front.town.enable()
    await front.town.ask()
    front.town.clock.advance(HOUR)
    signs = (signed_in(OFFICE, 10, user="=cmd"), signed_in(STRANGER, 12))
    front.town.logs.evidence = Evidence(sources=(tried(STRANGER, 40, span=(3, 20)),), sign_ins=signs, beats=(heard(),))
    return front


async def test_a_page_has_entries_the_time_that_was_asked_about_and_what_is_missing() -> None:
    found = await (await opened()).read()
    assert ("2026-11-21T13:01:00Z", "2026-11-22T13:01:00Z") == (found["since"], found["until"])
    assert ["attack", "signIn", "signIn", "grant", "grant", "policy"] == [one["kind"] for one in found["value"]]
    assert ({"noFlowLog"}, None) == ({gap["code"] for gap in found["gaps"]}, found["nextPageToken"])


async def test_pages_put_together_are_the_list_also_when_time_goes_on() -> None:
    front = await opened()
    every = (await front.read())["value"]
    pages = [await front.read(pageSize="2")]
    while token := pages[-1]["nextPageToken"]:
        front.town.clock.advance(HOUR)
        pages.append(await front.read(pageSize="2", pageToken=token))
    assert every == [entry for one in pages for entry in one["value"]]
    assert ["2026-11-22T13:01:00Z"] * 3 == [one["until"] for one in pages]


async def test_what_is_asked_reaches_the_logs() -> None:
    front = await opened()
    await front.read(from_="2026-11-20T00:00:00+01:00", to="2026-11-22T12:30:00Z", machine=f"{WEB_01},{WEB_02}")
    [(scope, _)] = front.town.logs.asked
    assert (minute(30), NOW - timedelta(days=2, hours=13)) == (scope.until, scope.since)
    assert frozenset({WEB_01, WEB_02}) == (scope.machines or frozenset())


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"kind": "attack,policy"}, ["attack", "policy"]),
        ({"kind": " attack , "}, ["attack"]),
        ({"kind": ""}, ["attack", "signIn", "signIn", "grant", "grant", "policy"]),
        ({"q": " AzureUser "}, ["signIn"]),
        ({"q": STRANGER, "kind": "signIn"}, ["signIn"]),
        ({"machine": str(WEB_02), "kind": "policy"}, []),
        ({"machine": ""}, []),
    ],
)
async def test_kinds_texts_and_machines_can_be_asked_for(params: dict[str, str], expected: list[str]) -> None:
    assert expected == [one["kind"] for one in (await (await opened()).read(**params))["value"]]


GOOD = [(NOW - HOUR).isoformat(), NOW.isoformat(), NOW.isoformat(), "r-1"]


def encoded(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode()


TIMES = ("invalidTimes", "from")
WRONG = {
    "a time without its zone": ({"from_": "2026-11-22T12:00:00"}, "invalidTime", "from"),
    "a time that is none": ({"to": "yesterday"}, "invalidTime", "to"),
    "an empty time": ({"to": ""}, "invalidTime", "to"),
    "the first of all times": ({"to": "0001-01-01T00:00:00Z"}, "invalidTime", "to"),
    "a time before all grants": ({"from_": "1999-12-31T23:59:59Z"}, "invalidTime", "from"),
    "the last of all times": ({"to": "9999-12-31T23:59:59Z"}, "invalidTime", "to"),
    "a time that runs backwards": ({"from_": "2026-11-22T12:00:00Z", "to": "2026-11-22T11:00:00Z"}, *TIMES),
    "no time at all": ({"from_": "2026-11-22T12:00:00Z", "to": "2026-11-22T12:00:00Z"}, *TIMES),
    "too long a time": ({"from_": "2026-08-24T12:59:59Z", "to": "2026-11-22T13:00:00Z"}, *TIMES),
    "an unknown kind": ({"kind": "grant,Attack"}, "unknownValue", "kind"),
    "no machine's id": ({"machine": "web-01"}, "invalidMachine", "machine"),
    "a text too long": ({"q": "x" * 201}, "tooLong", "q"),
    "a token that is none": ({"pageToken": "x"}, "invalidPageToken", "pageToken"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_told_with_the_parameter_s_name(name: str) -> None:
    params, code, path = WRONG[name]
    assert (400, [(code, path)]) == await Front().refused(**params)


async def test_ninety_days_are_not_too_long() -> None:
    await Front().read(from_="2026-08-24T13:00:00Z", to="2026-11-22T13:00:00Z", q="x" * 200)


async def test_more_than_fifty_machines_are_too_many() -> None:
    every = [str(WEB_01).replace("web-01", f"web-{number}") for number in range(51)]
    assert (400, [("tooMany", "machine")]) == await Front().refused(machine=",".join(every))
    await Front().read(machine=",".join([*every[:50], every[0]]))


ALL_WRONG = {"from_": "x", "to": "y", "kind": "z,a", "machine": "m,n", "q": "x" * 201, "pageToken": "t"}
EXPECTED = [
    ("invalidTime", "to"), ("invalidTime", "from"), ("unknownValue", "kind"), ("unknownValue", "kind"),
    ("invalidMachine", "machine"), ("invalidMachine", "machine"), ("tooLong", "q"),
]  # fmt: skip


@pytest.mark.parametrize("name", [EXPORT, SUMMARY])
async def test_everything_that_is_wrong_is_told_at_once(name: str) -> None:
    assert (400, EXPECTED) == await Front().refused(name, **ALL_WRONG)


async def test_everything_that_is_wrong_with_a_list_is_told_at_once_with_its_page_token() -> None:
    assert (400, [*EXPECTED, ("invalidPageToken", "pageToken")]) == await Front().refused(**ALL_WRONG)


@pytest.mark.parametrize("size", ["0", "201", "-1", "many"])
async def test_a_page_of_an_impossible_size_is_refused(size: str) -> None:
    answer = await Front().call(pageSize=size)
    assert (400, "invalidPageSize") == (answer.status_code, json.loads(answer.get_body())["code"])


TOKENS = [
    *("", "x", "%%%", "[]", "\u00e9", encoded(GOOD)[:-3], encoded(GOOD) + "!"),
    *map(encoded, ("", "{", "null", "5", '"abcd"', "[]", "{}", "NaN", "[" * 100_000, "9" * 5000)),
    *map(encoded, (GOOD[:3], [*GOOD, "x"], [GOOD], dict.fromkeys("abcd", 1), [None, *GOOD[1:]])),
    *map(encoded, (["2026-11-22T12:00:00", *GOOD[1:]], ["2026-11-22T12:00:00+01:00", *GOOD[1:]])),
    encoded(["0001-01-01T00:00:00+00:00", "0001-01-01T01:00:00+00:00", *GOOD[2:]]),
    encoded(["9999-12-31T00:00:00+00:00", "9999-12-31T23:00:00+00:00", *GOOD[2:]]),
    base64.urlsafe_b64encode(b"\xff\xfe[").decode(),
]


@pytest.mark.parametrize("token", TOKENS, ids=lambda text: repr(text[:20]))
async def test_what_is_no_page_token_is_refused_as_such(token: str) -> None:
    assert (400, [("invalidPageToken", "pageToken")]) == await Front().refused(pageToken=token)


async def test_a_token_of_a_time_too_long_is_refused() -> None:
    long = encoded(["2026-01-01T00:00:00+00:00", *GOOD[1:]])
    assert 400 == (await Front().refused(pageToken=long))[0]


def token_of(text: str) -> _Token | Invalid | None:
    request = func.HttpRequest("GET", "/api/activity", params={"pageToken": text}, body=b"")
    return _token(Call(request, Caller(Person("ann", "Ann"), frozenset())))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(NOW.isoformat()),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(JSON.map(encoded) | st.text() | st.binary().map(lambda body: base64.urlsafe_b64encode(body).decode()))
def test_whatever_a_token_holds_it_is_a_place_or_refused(token: str) -> None:
    assert isinstance(token_of(token), Invalid | _Token)


@given(st.text())
def test_a_page_token_survives_a_round_trip_and_can_stand_in_an_address(id_: str) -> None:
    token = _Token(NOW - HOUR, NOW, (minute(5), id_))
    assert token == token_of(str(token))
    assert str(token) == quote(str(token), safe="=")


def test_a_page_token_of_today_is_read_by_later_versions() -> None:
    text = (
        "WyIyMDI2LTExLTIyVDExOjAwOjAwKzAwOjAwIiwiMjAyNi0xMS0yMlQxMjowMDowMCswMDowMCIsIjIwMjYtMTEtMjJUMTI6MDA6MDArMDA6MDAi"
        "LCJyLTEiXQ=="
    )
    assert _Token(NOW - HOUR, NOW, (NOW, "r-1")) == token_of(text)


ROLES = [
    *((name, role, 403) for name in (LIST, EXPORT, SUMMARY) for role in ("Reader", "Approver", "Relay", "None")),
    *((name, role, 200) for name in (LIST, EXPORT, SUMMARY) for role in ("Auditor", "Administrator")),
    *((LIST, "Requestor", 200), (EXPORT, "Requestor", 200), (SUMMARY, "Requestor", 403)),
]


@pytest.mark.parametrize(("name", "role", "expected"), ROLES)
async def test_only_these_roles_may_look_back(name: str, role: str, expected: int) -> None:
    assert expected == (await Front().call(name, role)).status_code


async def test_without_an_identity_nobody_looks_back() -> None:
    [endpoint] = [one for one in ENDPOINTS if one.name == LIST]
    request = func.HttpRequest("GET", "/api/activity", body=b"")
    assert 401 == (await _trigger(InTown(Town()), endpoint)(request)).status_code


@pytest.mark.parametrize(("who", "expected"), [("ann", ["signIn", "grant", "grant"]), ("bob", [])])
async def test_a_requestor_sees_what_is_about_own_grants_in_the_list_and_in_the_table(
    who: str, expected: list[str]
) -> None:
    front = await opened()
    listed = json.loads((await front.call(LIST, "Requestor", who)).get_body())["value"]
    table = (await front.call(EXPORT, "Requestor", who)).get_body().decode("utf-8-sig")
    assert expected == [one["kind"] for one in listed]
    assert expected == [row["kind"] for row in csv.DictReader(io.StringIO(table, newline=""))]


async def test_the_table_is_a_file_of_csv_with_a_mark_of_its_encoding() -> None:
    answer = await (await opened()).call(EXPORT)
    assert ("text/csv", "utf-8") == (answer.mimetype, answer.charset)
    assert 'attachment; filename="activity-2026-11-22.csv"' == answer.headers["Content-Disposition"]
    assert answer.get_body().startswith(b'\xef\xbb\xbf"at","kind"')


async def test_the_table_holds_every_entry_and_every_gap_and_no_formula() -> None:
    text = (await (await opened()).call(EXPORT)).get_body().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert ["attack", "signIn", "signIn", "grant", "grant", "policy"] == [row["kind"] for row in rows][:6]
    assert {"gap"} == {row["kind"] for row in rows[6:]}
    assert "'=cmd" in {row["users"] for row in rows}


async def test_the_numbers_are_told_with_the_time() -> None:
    found = await (await opened()).read(SUMMARY, from_="2026-11-22T11:00:00Z")
    assert ("2026-11-22T11:00:00Z", "2026-11-22T13:01:00Z") == (found["since"], found["until"])
    assert [(STRANGER, [str(WEB_01)], 40)] == [
        (one["source"], one["machines"], one["attack"]["attempts"]) for one in found["sources"]
    ]
    assert 1 == found["grants"]["open"]
    assert logged_as() not in json.dumps(found)
