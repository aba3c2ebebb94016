"""Both descriptions of the API held against the running app: all is answered as they say, never by a 5xx."""

import asyncio
import os
from functools import cache
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from emulator.environment import SUBSCRIPTION
from shared.triggers.openapi import describe
from shared.triggers.swagger import describe_for_connectors
from tests.journeys.client import Postern, machine, read, wish

DOCUMENTS: Final = {"openapi": describe(), "swagger": describe_for_connectors("localhost")}
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# DESCRIBED=long takes its time.
EXAMPLES: Final = 100 if os.environ.get("DESCRIBED") == "long" else 6
USERS: Final = ("requestor", "approver", "administrator", "auditor", "relay", "outsider")
APPROVER: Final = "00000000-0000-0000-0000-000000000002"


@cache
def operations(document: str) -> dict[str, Any]:
    """The calls of one description, by method and path."""
    schema = schemathesis.openapi.from_dict(DOCUMENTS[document])
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return {f"{one.method.upper()} {one.path}": one for one in found}


def every_call() -> list[tuple[str, str]]:
    return [(document, name) for document in DOCUMENTS for name in operations(document)]


@pytest.fixture
async def known(postern: Postern) -> dict[str, list[str]]:
    """A world with something of everything: what the ids of its things are."""
    approval = {"required": True, "approvers": [APPROVER]}
    await postern.enable("web-01")
    await postern.enable("app-01", approval=approval)
    active = await postern.ask(wish("web-01"))
    pending = read(await postern.call("requestor", "POST", "/api/grants", wish("app-01")), 202)
    callback = {"callbackUrl": f"{postern.box.site.emulator}/_hooks/described"}
    told = read(await postern.call("approver", "POST", "/api/subscriptions", callback), 201)
    for user in USERS:
        await postern.token(user)
    return {
        "grants": [active["id"], pending["id"]],
        "machines": [machine("web-01"), machine("app-01"), machine("bare-01")],
        "subscriptions": [told["id"]],
    }


@pytest.mark.parametrize(("document", "name"), every_call(), ids=map(" ".join, every_call()))
async def test_whatever_is_described_is_answered_as_described(
    postern: Postern, known: dict[str, list[str]], document: str, name: str
) -> None:
    tokens = {user: await postern.token(user) for user in USERS}
    operation = operations(document)[name]

    @settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), user=st.sampled_from(USERS), data=st.data())
    def answers(case: Case[Any], user: str, data: st.DataObject) -> None:
        _make_real(case, known, data)
        case.call_and_validate(
            base_url=postern.box.site.postern,
            headers={"Authorization": f"Bearer {tokens[user]}", "Prefer": "wait=2"},
            checks=CHECKS,
            timeout=60,
        )

    await asyncio.to_thread(answers)


def _make_real(case: Case[Any], known: dict[str, list[str]], data: st.DataObject) -> None:
    """What was made up names nothing that is there; let it name something now and then."""
    places = case.path_parameters or {}
    if "id" in places and data.draw(st.integers(0, 2)):
        kind = next((one for one in ("grants", "subscriptions") if f"api/{one}/" in case.path), "machines")
        places["id"] = data.draw(st.sampled_from(known[kind])).strip("/")
    if "subscription" in places and data.draw(st.integers(0, 2)):
        real = {"subscription": SUBSCRIPTION, "group": "demo", "location": "westeurope", "name": "default"}
        places.update({name: value for name, value in real.items() if name in places})
    for one in _named(case.body):
        if data.draw(st.integers(0, 2)):
            one["machine" if "machine" in one else "id"] = data.draw(st.sampled_from(known["machines"]))


def _named(body: object) -> list[dict[str, Any]]:
    """The objects of a body that name a machine."""
    if not isinstance(body, dict):
        return []
    inner = body.get("properties", body)
    machines = inner.get("virtualMachines", []) if isinstance(inner, dict) else []
    several = [one for one in machines if isinstance(one, dict)] if isinstance(machines, list) else []
    return [*several, *([body] if "machine" in body else [])]
