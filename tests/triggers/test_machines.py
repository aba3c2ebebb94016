"""The list of machines as it is asked for: page tokens, filters, flags, and page sizes. Nothing here calls anybody."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bootstrap import Postern
from shared.domain.inventory import State
from shared.domain.issues import Invalid
from shared.domain.listing import Condition, Urgency
from shared.domain.people import Person
from shared.domain.selecting import By, Filter, Order, Place
from shared.ports import NotFound
from shared.triggers.callers import Caller
from shared.triggers.http import Call, flag, machine_of, page_size
from shared.triggers.lists import read_place
from shared.triggers.lists import write_place as _token
from shared.triggers.machines import _filter, _order, list_
from shared.triggers.problems import Wrong, of_answer
from tests.domain.values import machine_id


def _place(asked: Call) -> Place | Invalid | None:
    return read_place(asked, Order().shape)


SOMEBODY = Caller(Person("ann", "Ann"), frozenset({"Postern.Reader"}))


def call(id_: str = "", **params: str) -> Call:
    request = func.HttpRequest("GET", "/api/machines", params=params, route_params={"id": id_}, body=b"")
    return Call(request, SOMEBODY)


async def refused(**params: str) -> tuple[int, list[tuple[str, str]]]:
    """The status and the issues with which the list answers; the app has no settings, so that it can call nobody."""
    answer = await list_(Postern({}), call(**params))
    assert isinstance(answer, Invalid)
    response = of_answer(answer)
    document: dict[str, Any] = json.loads(response.get_body())
    return response.status_code, [(issue["code"], issue["path"]) for issue in document["issues"]]


def encoded(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode()


PLACES = st.tuples(st.integers(0, 4), st.integers(-300, 0), st.text(max_size=90), st.text(max_size=200))


@given(PLACES)
def test_a_page_token_survives_a_round_trip(place: Place) -> None:
    assert place == _place(call(pageToken=_token(place)))


@given(PLACES)
def test_a_page_token_can_stand_in_an_address(place: Place) -> None:
    assert _token(place).rstrip("=").replace("-", "").replace("_", "").isalnum()


def test_a_page_token_of_today_is_read_by_later_versions() -> None:
    assert (2, -3, "web-01", "/a") == _place(call(pageToken="WzIsLTMsIndlYi0wMSIsIi9hIl0="))


def test_without_a_page_token_the_list_begins_at_its_beginning() -> None:
    assert _place(call()) is None


GOOD = [0, -1, "web-01", "/subscriptions/x"]
TOKENS = [
    *("", "x", "%%%", "[]", "\u00e9", "Wz A=", encoded(GOOD)[:-3], encoded(GOOD) + "!"),
    *map(encoded, ("", "{", "null", "5", '"abcd"', "[]", "{}", "NaN", "[" * 100_000, "[0,-1,", "9" * 5000)),
    *map(encoded, (GOOD[:3], [*GOOD, 1], [GOOD], dict.fromkeys("abcd", 1))),
    *map(encoded, ([None, *GOOD[1:]], [True, *GOOD[1:]], [0.0, *GOOD[1:]], ["0", *GOOD[1:]])),
    *map(encoded, ([0, None, *GOOD[2:]], [0, -1, 5, "x"], [0, -1, "x", None], [0, -1, ["x"], "x"])),
    base64.urlsafe_b64encode(b"\xff\xfe[").decode(),
    base64.urlsafe_b64encode(b'[0,0,"\xff","x"]').decode(),
]


@pytest.mark.parametrize("token", TOKENS, ids=lambda text: repr(text[:20]))
async def test_what_is_no_page_token_is_refused_as_such(token: str) -> None:
    assert (400, [("invalidPageToken", "pageToken")]) == await refused(pageToken=token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(JSON.map(encoded) | st.text() | st.binary().map(lambda body: base64.urlsafe_b64encode(body).decode()))
def test_whatever_a_token_holds_it_is_a_place_or_refused(token: str) -> None:
    found = _place(call(pageToken=token))
    assert isinstance(found, Invalid) or [int, int, str, str] == [type(part) for part in found or ()]


async def test_everything_that_is_wrong_with_the_question_is_told_at_once() -> None:
    issues = [("unknownValue", "state"), ("unknownValue", "state"), ("tooLong", "q"), ("invalidPageToken", "pageToken")]
    assert (400, issues) == await refused(state="open,configured,shut", q="x" * 201, pageToken="x")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, Filter()),
        ({"state": ""}, Filter()),
        ({"state": "configured"}, Filter(frozenset({State.CONFIGURED}))),
        ({"state": "unsupported,,notConfigured,"}, Filter(frozenset({State.UNSUPPORTED, State.NOT_CONFIGURED}))),
        ({"q": "  Web-01 "}, Filter(text="web-01")),
        ({"q": "x" * 200}, Filter(text="x" * 200)),
        ({"q": f" {'x' * 200} "}, Filter(text="x" * 200)),
        ({"subscription": " AAAA "}, Filter(subscription="aaaa")),
        ({"subscription": " "}, Filter()),
        ({"os": "Linux, windows"}, Filter(systems=frozenset({"linux", "windows"}))),
        ({"urgency": "critical"}, Filter(urgencies=frozenset({Urgency.CRITICAL}))),
        ({"condition": "open,exposed"}, Filter(conditions=frozenset({Condition.OPEN, Condition.EXPOSED}))),
    ],
)
def test_a_filter_is_read_from_the_query(params: Mapping[str, str], expected: Filter) -> None:
    assert expected == _filter(call(**params))


@pytest.mark.parametrize("state", ["Configured", "open", "configured;unsupported"])
async def test_a_tab_that_is_none_is_refused(state: str) -> None:
    assert (400, [("unknownValue", "state")]) == await refused(state=state)


@pytest.mark.parametrize("name", ["urgency", "condition", "orderBy"])
async def test_a_value_that_a_parameter_does_not_know_is_refused(name: str) -> None:
    assert (400, [("unknownValue", name)]) == await refused(**{name: "worst"})


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, Order()),
        ({"orderBy": "name"}, Order(By.NAME)),
        ({"orderBy": "location", "descending": "true"}, Order(By.LOCATION, descending=True)),
    ],
)
def test_an_order_is_read_from_the_query(params: Mapping[str, str], expected: Order) -> None:
    assert expected == _order(call(**params))


async def test_a_place_in_one_order_is_none_in_another() -> None:
    token = _token(("web-01", "/a"))
    assert (400, [("invalidPageToken", "pageToken")]) == await refused(pageToken=token)
    assert ("web-01", "/a") == read_place(call(pageToken=token), Order(By.NAME).shape)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("TRUE", True), ("True", True), ("false", False), ("FALSE", False)]
)
def test_a_flag_is_true_or_false_in_any_case(text: str, expected: bool) -> None:  # noqa: FBT001 - a case.
    assert expected is flag(call(preview=text), "preview")


def test_a_flag_that_is_not_there_is_false() -> None:
    assert flag(call(), "preview") is False


def code_of(act: Callable[[], object]) -> tuple[int, str]:
    """The status and the code with which somebody is refused."""
    with pytest.raises(Wrong) as caught:
        act()
    return caught.value.status, caught.value.code


@pytest.mark.parametrize("text", ["", "1", "0", "yes", "no", " true", "true,false", "tru\u00e9", "null"])
def test_what_is_neither_true_nor_false_is_refused(text: str) -> None:
    assert (400, "invalidFlag") == code_of(lambda: flag(call(preview=text), "preview"))


@pytest.mark.parametrize(("params", "size"), [({}, 50), ({"pageSize": "1"}, 1), ({"pageSize": "200"}, 200)])
def test_a_page_has_from_1_to_200_entries_and_50_when_nobody_says(params: Mapping[str, str], size: int) -> None:
    assert size == page_size(call(**params))


@pytest.mark.parametrize(
    "text",
    ["", "0", "201", "-1", "1.5", "x", " 5", "0x10", "\u00b2", "9" * 20, "9" * 5000],
    ids=lambda text: repr(text[:20]),
)
def test_another_page_size_is_refused(text: str) -> None:
    assert (400, "invalidPageSize") == code_of(lambda: page_size(call(pageSize=text)))


def test_a_machine_is_named_by_the_path_with_or_without_its_leading_slash() -> None:
    assert machine_id() == machine_of(call(str(machine_id()).lstrip("/")))


@pytest.mark.parametrize("id_", ["", "web-01", "subscriptions/x", f"{machine_id()}/x", f"{machine_id()}?x"])
def test_what_is_no_machine_s_id_is_not_there(id_: str) -> None:
    with pytest.raises(NotFound, match="no such machine"):
        machine_of(call(id_))
