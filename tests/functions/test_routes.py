"""Paths lead to the functions to which ASP.NET Core would lead them."""

import pytest

from emulator.functions import routes, templates
from emulator.functions.routes import Match, Route, Table
from emulator.functions.templates import TemplateError

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/health", "/api/health", {}),
        ("api/health", "/API/Health", {}),
        ("api/health", "/api/health/", {}),
        ("api/health", "/api/health/more", None),
        ("api/health", "/api", None),
        ("api/activity.csv", "/api/activityxcsv", None),
        ("api/{name}", "/api/one", {"name": "one"}),
        ("api/{name}", "/api/", None),
        ("api/{name}", "/api/one/two", None),
        ("api/{name?}", "/api", {}),
        ("api/{name?}", "/api/one", {"name": "one"}),
        ("api/{name=none}", "/api", {"name": "none"}),
        ("api/{a?}/{b?}", "/api//two", None),
        ("api/{id:int}", "/api/-12", {"id": "-12"}),
        ("api/{id:int}", "/api/2147483648", None),
        ("api/{id:int}", "/api/one", None),
        ("api/{id:long}", "/api/2147483648", {"id": "2147483648"}),
        ("api/{id:guid}", f"/api/{GUID}", {"id": GUID}),
        ("api/{id:guid}", f"/api/{GUID[:-1]}", None),
        ("api/{id:guid}", f"/api/({GUID}", None),
        ("api/{id:bool}", "/api/True", {"id": "True"}),
        ("api/{id:alpha}", "/api/one2", None),
        ("api/{id:alpha}", "/api/one", {"id": "one"}),
        ("api/{id:length(3)}", "/api/four", None),
        ("api/{id:length(3,4)}", "/api/four", {"id": "four"}),
        ("api/{id:minlength(4)}", "/api/one", None),
        ("api/{id:maxlength(3)}", "/api/one", {"id": "one"}),
        ("api/{id:min(18)}", "/api/17", None),
        ("api/{id:max(18)}", "/api/17", {"id": "17"}),
        ("api/{id:range(1,9)}", "/api/10", None),
        ("api/{id:double}", "/api/1.5", {"id": "1.5"}),
        ("api/{id:int:min(1)}", "/api/0", None),
        ("api/{id:int:min(1)?}", "/api", {}),
        (r"api/{id:regex(^\d{{3}}-\d{{2}}$)}", "/api/123-45", {"id": "123-45"}),
        (r"api/{id:regex(^(a|b)$)}", "/api/B", {"id": "B"}),
        (r"api/{id:regex(^(a|b)$)}", "/api/c", None),
        ("{ignored:maxlength(0)?}", "/", {}),
        ("{ignored:maxlength(0)?}", "/one", None),
        ("api/{*rest}", "/api", {}),
        ("api/{*rest}", "/api/a/b/c/", {"rest": "a/b/c/"}),
        ("api/{**rest}", "/api/a/b", {"rest": "a/b"}),
        ("api/v{major}.{minor}", "/api/v1.2", {"major": "1", "minor": "2"}),
        ("api/{file}.{kind}", "/api/a.b.c", {"file": "a.b", "kind": "c"}),
        ("api/{file}.json", "/api/.json", None),
        ("api/{{x}}", "/api/{x}", {}),
    ],
)
def test_a_template_fits_a_path(template: str, path: str, expected: dict[str, str] | None) -> None:
    assert expected == routes.fit(templates.parse(template), path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/machines", "api/machines"),
        ("/api/machines/12", "api/machines/{id:int}"),
        ("/api/machines/one", "api/machines/{id}"),
        ("/api/machines/state", "api/machines/state"),
        ("/api/machines/long/rest", "api/machines/{*rest}"),
        ("/api/machines/1/2", "api/machines/{*numbers:maxlength(3)}"),
        ("/elsewhere", "{*everything}"),
        ("/", "{*everything}"),
    ],
)
def test_the_most_particular_route_wins(path: str, expected: str) -> None:
    texts = [
        "{*everything}",
        "api/machines/{*rest}",
        "api/machines/{*numbers:maxlength(3)}",
        "api/machines/{id}",
        "api/machines/{id:int}",
        "api/machines/state",
        "api/machines",
    ]
    table = Table(Route(templates.parse(text), frozenset({"GET"}), text) for text in texts)
    match = table.find("GET", path)
    assert match is not None
    assert expected == match.target


def test_a_wrong_method_is_no_match_and_leaves_the_path_to_others() -> None:
    table = Table(
        [
            Route(templates.parse("api/one"), frozenset({"GET"}), "literal"),
            Route(templates.parse("api/{*rest}"), frozenset({"PUT"}), "rest"),
        ]
    )
    assert table.find("POST", "/api/one") is None
    assert table.find("put", "/api/one") == Match("rest", {"rest": "one"})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/a%20b", "/a b"),
        (b"/caf%C3%A9", "/café"),
        (b"/a%2Fb", "/a%2Fb"),
        (b"/a%2fb", "/a%2fb"),
        (b"/a/./b", "/a/b"),
        (b"/a/../b", "/b"),
        (b"/a/%2e%2e/b", "/b"),
        (b"/../../b", "/b"),
        (b"/a/..", "/"),
        (b"/a/b/", "/a/b/"),
        (b"/", "/"),
    ],
)
def test_a_path_is_decoded_once_and_has_no_dots_left(raw: bytes, expected: str) -> None:
    assert expected == routes.decode(raw)


@pytest.mark.parametrize(
    "text",
    [
        "/api",
        "api/",
        "api//x",
        "api/{",
        "api/}",
        "api/{}",
        "api/{*rest}/more",
        "api/{a?}/more",
        "api/{a}/{A}",
        "api/{a}{b}",
        "api/{a:nonsense}",
        "api/{a:length(x)}",
        "api/{a:int(3)}",
        "api/{a:regex([)}",
        "api/{*rest?}",
        "api/x{a?}",
        "api?x=1",
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        templates.parse(text)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("api/{id}", "API/{name}", True),
        ("api/{id:int}", "api/{id}", False),
        ("api/{*id}", "api/{id}", False),
        ("api/{id?}", "api/{id}", False),
    ],
)
def test_templates_of_one_shape_are_told(first: str, second: str, *, expected: bool) -> None:
    assert expected is (routes.shape(templates.parse(first)) == routes.shape(templates.parse(second)))
