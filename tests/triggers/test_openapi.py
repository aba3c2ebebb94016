"""The two descriptions of the API: valid by their specifications, complete, and made from what they describe."""

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV31SpecValidator

from shared.triggers.activity_operations import ACTIVITY_OPERATIONS
from shared.triggers.computer_operations import COMPUTER_OPERATIONS
from shared.triggers.endpoints import ENDPOINTS
from shared.triggers.jit_operations import JIT_OPERATIONS
from shared.triggers.machine_operations import MACHINE_OPERATIONS
from shared.triggers.openapi import describe
from shared.triggers.operations import OPERATIONS
from shared.triggers.problems import CODES, JIT_CODES
from shared.triggers.swagger import describe_for_connectors

HOST = "postern.example"
SHARED = Path(__file__).parents[2] / "shared"
API, CONNECTOR = describe(), describe_for_connectors(HOST)


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each call."""
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            if not method.startswith("x-"):
                yield method.upper(), path, call


def objects(document: object) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(document, dict):
        yield document
    for one in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects(one)


def test_the_description_is_openapi() -> None:
    OpenAPIV31SpecValidator(API).validate()


def test_the_connectors_description_is_swagger() -> None:
    OpenAPIV2SpecValidator(CONNECTOR).validate()


@pytest.mark.parametrize("document", [API, CONNECTOR], ids=["openapi", "swagger"])
def test_every_call_is_described_and_no_other(document: dict[str, Any]) -> None:
    offered = {(one.method, f"/{one.route.replace('{*', '{')}") for one in ENDPOINTS} | {("GET", "/api/health")}
    assert offered == {(method, path) for method, path, _ in calls(document)}


def test_every_endpoint_has_its_description() -> None:
    described = {
        *OPERATIONS,
        *MACHINE_OPERATIONS,
        *ACTIVITY_OPERATIONS,
        *COMPUTER_OPERATIONS,
        *JIT_OPERATIONS,
    }
    assert {endpoint.name for endpoint in ENDPOINTS} | {"health"} == described


@pytest.mark.parametrize("document", [API, CONNECTOR], ids=["openapi", "swagger"])
def test_every_code_of_a_problem_stands_with_its_status(document: dict[str, Any]) -> None:
    told = {
        (status, code)
        for _, _, call in calls(document)
        for status, answer in call["responses"].items()
        for code in re.findall(r"`(\w+)`", answer["description"])
        if int(status) >= 400
    }
    assert set() == {(str(int(s)), code) for s, codes in CODES.items() for code in codes} - told


def test_every_code_that_the_source_tells_is_in_the_table() -> None:
    # Those of Azure's paths are told in Azure's form, which is not described here.
    own = (path for path in (SHARED / "triggers").glob("*.py") if path.name != "defender.py")
    text = "".join(path.read_text("utf-8") for path in own)
    told = re.findall(r"(?:Wrong|problem)\(\s*HTTPStatus\.(\w+),\s*\"(\w+)\"", text)
    assert len(told) > 8
    assert [] == [(status, code) for status, code in told if code not in known(HTTPStatus[status])]


def known(status: HTTPStatus) -> tuple[str, ...]:
    return (*CODES[status], *JIT_CODES.get(status, ()))


def test_whoever_needs_a_role_is_told_which() -> None:
    silent = [one.name for one in ENDPOINTS if str(one.roles[0]) not in CALL[one.name]["description"]]
    assert [] == silent


CALL = {call["operationId"]: call for _, _, call in calls(API)}


def test_answers_hold_nothing_that_is_not_described() -> None:
    answers = {name: one for name, one in API["components"]["schemas"].items() if name.endswith("Answer")}
    assert [] == [name for name, one in answers.items() if one.get("additionalProperties") is not False]


# What custom connectors ask for, beyond Swagger: Microsoft, "OpenAPI extensions for custom connectors".


def test_a_connector_is_no_larger_than_may_be() -> None:
    assert len(json.dumps(CONNECTOR)) < 1_000_000


def test_a_connector_has_one_way_to_sign_in() -> None:
    assert ["entra"] == list(CONNECTOR["securityDefinitions"])
    assert (["https"], HOST) == (CONNECTOR["schemes"], CONNECTOR["host"])


def test_a_connector_names_each_call_each_parameter_and_each_field_in_title_case() -> None:
    parameters = [one for _, _, call in calls(CONNECTOR) for one in call["parameters"] if one["in"] != "body"]
    fields = [one for found in objects(CONNECTOR["definitions"]) for one in found.get("properties", {}).values()]
    names = [one.get("x-ms-summary", "") for one in (*parameters, *fields) if isinstance(one, dict)]
    assert len(names) > 100
    assert [] == [name for name in names if not re.fullmatch(r"([A-Z0-9]\w*)( [A-Z0-9]\w*)*", name)]


def test_a_connector_hides_only_what_it_need_not_ask_for() -> None:
    parameters = [one for _, _, call in calls(CONNECTOR) for one in call["parameters"]]
    hidden = [one["name"] for one in parameters if one.get("x-ms-visibility") == "internal" and one["required"]]
    assert [] == hidden


def test_a_connector_knows_no_word_of_the_newer_language() -> None:
    newer = {"anyOf", "oneOf", "allOf", "const", "$defs", "prefixItems", "examples", "nullable", "callbacks"}
    assert set() == {name for found in objects(CONNECTOR) for name in newer & set(found)}
    kinds = {str(found["type"]) for found in objects(CONNECTOR) if isinstance(found.get("type"), str | list)}
    assert kinds <= {"object", "array", "string", "integer", "number", "boolean", "oauth2"}


def test_a_connector_has_unique_names_for_its_calls() -> None:
    ids = [call["operationId"] for _, _, call in calls(CONNECTOR)]
    assert len(ids) == len(set(ids))
