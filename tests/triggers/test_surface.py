"""What the app offers: names, routes, methods, levels and schedules. A change of it is a change of the API."""

import json
from typing import Any, Final

import azure.functions as func
from croniter import croniter

from tests.triggers.fresh import ROOT, functions

SUBSCRIPTION, GROUP = "subscriptions/{subscription}", "resourceGroups/{group}"
SECURITY, LOCATION, JIT = "providers/Microsoft.Security", "locations/{location}", "jitNetworkAccessPolicies"
HTTP: Final = {
    "health": ("api/health", {"GET"}),
    "getMe": ("api/me", {"GET"}),
    "listMachines": ("api/machines", {"GET"}),
    "getMachine": ("api/machines/{*id}", {"GET"}),
    "listPolicies": ("api/policies", {"GET"}),
    "putPolicies": ("api/policies", {"POST"}),
    "putPolicy": ("api/policies/{*id}", {"PUT"}),
    "getPolicy": ("api/policies/{*id}", {"GET"}),
    "deletePolicy": ("api/policies/{*id}", {"DELETE"}),
    "askForAccess": ("api/grants", {"POST"}),
    "listGrants": ("api/grants", {"GET"}),
    "getGrant": ("api/grants/{id}", {"GET"}),
    "showGrant": ("api/grants/{id}/card", {"GET"}),
    "listActivity": ("api/activity", {"GET"}),
    "exportActivity": ("api/activity.csv", {"GET"}),
    "summarizeActivity": ("api/activity/summary", {"GET"}),
    "listComputers": ("api/computers", {"GET"}),
    "exportComputers": ("api/computers.csv", {"GET"}),
    "getOnboarding": ("api/computers/onboarding", {"GET"}),
    "getCosts": ("api/costs", {"GET"}),
    "exportCosts": ("api/costs.csv", {"GET"}),
    "portal": ("{ignored:maxlength(0)?}", {"GET"}),
    "portalParts": ("portal/{*path}", {"GET"}),
    "getOpenApi": ("api/openapi.json", {"GET"}),
    "getSwagger": ("api/swagger.json", {"GET"}),
    "extendGrant": ("api/grants/{id}/extend", {"POST"}),
    "approveGrant": ("api/grants/{id}/approve", {"POST"}),
    "denyGrant": ("api/grants/{id}/deny", {"POST"}),
    "cancelGrant": ("api/grants/{id}/cancel", {"POST"}),
    "revokeGrant": ("api/grants/{id}/revoke", {"POST"}),
    "subscribe": ("api/subscriptions", {"POST"}),
    "listSubscriptions": ("api/subscriptions", {"GET"}),
    "unsubscribe": ("api/subscriptions/{id}", {"DELETE"}),
    "jitList": (f"{SUBSCRIPTION}/{SECURITY}/{JIT}", {"GET"}),
    "jitListByRegion": (f"{SUBSCRIPTION}/{SECURITY}/{LOCATION}/{JIT}", {"GET"}),
    "jitListByGroup": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{JIT}", {"GET"}),
    "jitListByGroupAndRegion": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{LOCATION}/{JIT}", {"GET"}),
    "jitGet": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{LOCATION}/{JIT}/{{name}}", {"GET"}),
    "jitPut": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{LOCATION}/{JIT}/{{name}}", {"PUT"}),
    "jitDelete": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{LOCATION}/{JIT}/{{name}}", {"DELETE"}),
    "jitInitiate": (f"{SUBSCRIPTION}/{GROUP}/{SECURITY}/{LOCATION}/{JIT}/{{name}}/initiate", {"POST"}),
}
TIMERS: Final = {"sweep": "0 * * * * *", "starts": "0 * * * * *", "repair": "30 */10 * * * *",
                 "watch": "15 */10 * * * *"}  # fmt: skip
QUEUES: Final = {name: (name, "AzureWebJobsStorage") for name in ("closings", "events")}


def trigger_of(function: func.Function) -> dict[str, Any]:
    """The binding that starts a function; each has exactly one."""
    trigger = function.get_trigger()
    assert trigger is not None
    return dict(trigger.get_dict_repr())


def triggers(kind: str) -> dict[str, dict[str, Any]]:
    """The bindings of all functions with a trigger of this kind."""
    bindings = {name: trigger_of(function) for name, function in functions().items()}
    return {name: binding for name, binding in bindings.items() if binding["type"] == kind}


def test_these_are_the_routes_and_their_methods() -> None:
    assert HTTP == {
        name: (trigger["route"], {str(method).removeprefix("HttpMethod.") for method in trigger["methods"]})
        for name, trigger in triggers("httpTrigger").items()
    }


def test_every_route_leaves_authentication_to_the_front() -> None:
    levels = {str(trigger["authLevel"]).rsplit(".", 1)[-1].upper() for trigger in triggers("httpTrigger").values()}
    assert {"ANONYMOUS"} == levels


def test_these_are_the_schedules() -> None:
    assert TIMERS == {name: trigger["schedule"] for name, trigger in triggers("timerTrigger").items()}


def test_every_schedule_has_six_fields_that_can_be_read() -> None:
    assert [True] * len(TIMERS) == [
        croniter.is_valid(schedule, second_at_beginning=True) and len(schedule.split()) == 6
        for schedule in (trigger["schedule"] for trigger in triggers("timerTrigger").values())
    ]


def test_no_timer_runs_whenever_an_instance_starts() -> None:
    assert {False} == {bool(trigger.get("runOnStartup")) for trigger in triggers("timerTrigger").values()}


def test_these_are_the_queues() -> None:
    assert QUEUES == {name: (t["queueName"], t["connection"]) for name, t in triggers("queueTrigger").items()}


def test_nothing_else_starts_a_function() -> None:
    assert set(functions()) == {*HTTP, *TIMERS, *QUEUES}


def test_no_function_takes_a_path_that_belongs_to_the_platform() -> None:
    routes = [trigger["route"].lower() for trigger in triggers("httpTrigger").values()]
    assert [] == [route for route in routes if route.split("/")[0] in {"admin", "runtime", ".auth"}]


def test_a_catch_all_stands_only_at_the_end_of_a_route() -> None:
    routes = [trigger["route"] for trigger in triggers("httpTrigger").values()]
    assert [] == [route for route in routes if "{*" in route and not route.endswith("}")]


def test_routes_begin_at_the_root_and_messages_are_polled_every_few_seconds() -> None:
    host = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]
    assert ("", "00:00:02") == (host["http"]["routePrefix"], host["queues"]["maxPollingInterval"])
