"""Microsoft Graph of the box: lists and pages, replicas that are behind, and programmed faults."""

import httpx
import pytest

from emulator.line import LostAnswerError
from tests.emulator.conftest import Box
from tests.emulator.entra import PERSON, Client, giving, role, sign_in


@pytest.fixture
async def graph(box: Box) -> Client:
    """Graph in a tenant without applications."""
    return await sign_in(box)


async def names(graph: Client, query: str = "") -> list[str]:
    """The names of one page of applications."""
    return [one["displayName"] for one in (await graph.call("GET", f"/applications{query}")).json()["value"]]


async def test_a_list_is_read_page_by_page(graph: Client) -> None:
    for number in range(5):
        await graph.application(displayName=f"App {number}")
    page = (await graph.call("GET", "/applications")).json()
    following = page["@odata.nextLink"].partition("/v1.0")[2]
    last = (await graph.call("GET", following)).json()
    found = [one["displayName"] for one in (*page["value"], *last["value"])]
    assert ([f"App {number}" for number in range(5)], False) == (found, "@odata.nextLink" in last)


async def test_a_list_is_filtered_by_a_name_whatever_its_case(graph: Client) -> None:
    for name in ("Postern", "postern", "Postern's", "Other"):
        await graph.application(displayName=name)
    assert ["Postern", "postern"] == await names(graph, "?$filter=displayName eq 'Postern'")
    assert ["Postern's"] == await names(graph, "?$filter=displayName eq 'Postern''s'")


@pytest.mark.parametrize(
    "query",
    ["?$filter=uniqueName eq 'a'", "?$filter=displayName ne 'a'", "?$orderby=displayName", "?$top=0", "?$top=1000"],
)
async def test_a_query_that_graph_may_not_answer_is_refused(graph: Client, query: str) -> None:
    assert 400 == (await graph.refused("GET", f"/applications{query}"))[0]


async def test_only_what_is_selected_is_answered(graph: Client) -> None:
    path = await graph.application()
    assert {"displayName": "Mine"} == (await graph.call("GET", f"{path}?$select=displayName")).json()


async def test_what_graph_does_not_have_is_told(graph: Client) -> None:
    assert (400, "BadRequest") == (await graph.refused("GET", "/aplications"))[:2]
    assert 405 == (await graph.refused("PUT", await graph.application(), {}))[0]


async def test_a_body_that_is_none_is_refused(graph: Client) -> None:
    headers = {"Authorization": f"Bearer {graph.token}", "Content-Type": "application/json"}
    for content in (b"", b"{", b"[]"):
        answer = await graph.box.client.post("/v1.0/applications", content=content, headers=headers)
        assert 400 == answer.status_code


async def test_a_replica_that_is_behind_has_not_heard_of_the_last_change(graph: Client) -> None:
    path = await graph.application()
    await graph.box.fault("stale", "/v1.0/applications", times=2)
    assert 404 == (await graph.call("GET", path)).status_code
    assert 404 == (await graph.call("PATCH", path, {"displayName": "Other"})).status_code
    assert "Mine" == (await graph.call("GET", path)).json()["displayName"]


async def test_a_replica_that_is_behind_still_takes_a_role_for_enabled(graph: Client) -> None:
    path = await graph.application(appRoles=[role()])
    await graph.call("PATCH", path, {"appRoles": [role(isEnabled=False)]})
    await graph.box.fault("stale", "/v1.0/applications")
    statuses = [(await graph.call("PATCH", path, {"appRoles": []})).status_code for _ in range(2)]
    assert [400, 204] == statuses


async def test_a_replica_that_is_behind_has_no_application_for_a_service_principal(graph: Client) -> None:
    app_id = (await graph.call("GET", await graph.application())).json()["appId"]
    await graph.box.fault("stale", "/v1.0/servicePrincipals")
    refused = await graph.refused("POST", "/servicePrincipals", {"appId": app_id})
    assert (400, f"The appId '{app_id}' of the service principal does not reference a valid application object.") == (
        refused[0],
        refused[2],
    )


FAULTS = [
    ("400", 400, "Request_BadRequest"),
    ("403", 403, "Authorization_RequestDenied"),
    ("429", 429, "TooManyRequests"),
    ("500", 500, "InternalServerError"),
    ("503", 503, "serviceNotAvailable"),
]


@pytest.mark.parametrize(("kind", "status", "code"), FAULTS)
async def test_a_refusing_fault_answers_and_changes_nothing(graph: Client, kind: str, status: int, code: str) -> None:
    path = await graph.application()
    await graph.box.fault(kind, "/v1.0/applications")
    assert (status, code) == (await graph.refused("PATCH", path, {"displayName": "Other"}))[:2]
    assert "Mine" == (await graph.call("GET", path)).json()["displayName"]


async def test_a_lost_answer_is_of_a_change_that_was_made(graph: Client) -> None:
    service = await graph.service()
    await graph.box.fault("lost-answer", "appRoleAssignedTo")
    with pytest.raises(LostAnswerError):
        await graph.call("POST", f"{service}/appRoleAssignedTo", giving(service, PERSON))
    assert 1 == len((await graph.call("GET", f"{service}/appRoleAssignedTo")).json()["value"])


async def test_a_reset_forgets_every_application_and_the_calls_are_on_record(graph: Client) -> None:
    await graph.application()
    calls = (await graph.box.control("calls", method="GET"))["calls"]
    assert ("POST", "/v1.0/applications", httpx.codes.CREATED) == (
        calls[-1]["method"],
        calls[-1]["path"],
        calls[-1]["status"],
    )
    await graph.box.control("reset", {"seed": "demo", "storage": False})
    assert [] == await names(graph)
