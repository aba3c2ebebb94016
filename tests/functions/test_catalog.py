"""What only the host can check in an app is checked before it starts."""

from typing import Any

import pytest

from emulator.functions import catalog
from emulator.functions.catalog import CatalogError, Function, HttpTrigger, Level, QueueTrigger, TimerTrigger
from emulator.functions.worker import Indexed

ENVIRON = {
    "AzureWebJobsStorage": "x",
    "Identity__queueServiceUri": "https://x",
    "SCHEDULE": "0 0 * * * *",
    "Q": "named",
}
OUT = {"type": "http", "direction": "OUT", "name": "$return"}


def index(name: str, *bindings: dict[str, Any]) -> Indexed:
    return Indexed(name, name, tuple({"direction": "IN", "name": "it", **one} for one in bindings), None)


def http(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - A binding's field may be anything.
    return {"type": "httpTrigger", "authLevel": "ANONYMOUS", **fields}


def timer(schedule: str) -> dict[str, Any]:
    return {"type": "timerTrigger", "schedule": schedule}


def queue(name: str, connection: str = "AzureWebJobsStorage") -> dict[str, Any]:
    return {"type": "queueTrigger", "queueName": name, "connection": connection}


def read(*indexed: Indexed, prefix: str = "") -> tuple[Function, ...]:
    return catalog.read(indexed, ENVIRON, prefix)


def test_http_functions_have_a_route_methods_and_a_level() -> None:
    (function,) = read(index("one", http(route="x/{id}", methods=["get"]), OUT), prefix="api")
    assert isinstance(function.trigger, HttpTrigger)
    assert function.trigger.template.text == "api/x/{id}"
    assert function.trigger.methods == {"GET"}
    assert function.trigger.level is Level.ANONYMOUS


def test_the_route_is_the_name_where_none_is_given() -> None:
    (function,) = read(index("one", http(), OUT), prefix="api")
    assert isinstance(function.trigger, HttpTrigger)
    assert function.trigger.template.text == "api/one"


def test_the_level_is_function_where_none_is_given() -> None:
    (function,) = read(index("one", {"type": "httpTrigger"}, OUT))
    assert isinstance(function.trigger, HttpTrigger)
    assert function.trigger.level is Level.FUNCTION


def test_settings_are_put_in_place() -> None:
    one, two = read(index("one", timer("%SCHEDULE%")), index("two", queue("%Q%", "Identity")))
    assert isinstance(one.trigger, TimerTrigger)
    assert one.trigger.schedule.text == "0 0 * * * *"
    assert two.trigger == QueueTrigger("named", "Identity")


@pytest.mark.parametrize(
    ("binding", "word"),
    [
        (timer("%NOWHERE%"), "NOWHERE"),
        (timer("0 0 * * * 7"), "weekday"),
        (timer("nonsense"), "fields"),
        (queue("%NOWHERE%"), "NOWHERE"),
        (queue("Capital"), "'Capital'"),
        (queue("a--b"), "'a--b'"),
        (queue("named", "Nowhere"), "Nowhere__queueServiceUri"),
        (http(route="api/{id:nonsense}"), "nonsense"),
        (http(route="admin/x"), "conflicts"),
        (http(route="Runtime/x"), "conflicts"),
        (http(authLevel="USER"), "authLevel"),
        ({"type": "blobTrigger"}, "blobTrigger"),
        ({"type": "http"}, "exactly one trigger"),
    ],
)
def test_what_is_wrong_is_named_with_its_function(binding: dict[str, Any], word: str) -> None:
    with pytest.raises(CatalogError) as caught:
        read(index("culprit", binding))
    (issue,) = caught.value.issues
    assert issue.startswith("culprit: ")
    assert word in issue


@pytest.mark.parametrize("kind", ["queue", "blob", "table"])
def test_outputs_that_this_host_has_not_are_refused_loudly(kind: str) -> None:
    with pytest.raises(CatalogError, match=f"no {kind} output binding"):
        read(index("one", http(), {"type": kind, "direction": "OUT", "name": "out"}))


@pytest.mark.parametrize(
    ("first", "second", "collide"),
    [
        (http(route="x/{a}"), http(route="X/{b}"), True),
        (http(route="x", methods=["GET"]), http(route="x", methods=["POST"]), False),
        (http(route="x", methods=["GET"]), http(route="x"), True),
        (http(route="x/{a:int}"), http(route="x/{a}"), False),
    ],
)
def test_two_functions_for_one_request_are_refused(
    first: dict[str, Any], second: dict[str, Any], *, collide: bool
) -> None:
    apps = index("one", first, OUT), index("two", second, OUT)
    if not collide:
        assert len(read(*apps)) == 2
        return
    with pytest.raises(CatalogError, match=r"two: route .* is also that of one"):
        read(*apps)


def test_all_issues_are_told_at_once() -> None:
    with pytest.raises(CatalogError) as caught:
        read(index("one", timer("x")), index("two", queue("X")), index("three", http(route="/"), OUT))
    assert [issue.partition(":")[0] for issue in caught.value.issues] == ["one", "two", "three"]


def test_an_app_without_functions_is_refused() -> None:
    with pytest.raises(CatalogError, match="no functions"):
        read()
