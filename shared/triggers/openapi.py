"""The API described for machines, as OpenAPI 3.1: made from the table of endpoints and the types of the documents.

Source: OpenAPI Specification 3.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import TypedDictSchema

from shared.documents.answers.collections import CloudErrorAnswer
from shared.documents.answers.problems import ProblemAnswer
from shared.triggers.activity_operations import ACTIVITY_OPERATIONS
from shared.triggers.computer_operations import COMPUTER_OPERATIONS
from shared.triggers.endpoints import ENDPOINTS
from shared.triggers.http import Endpoint
from shared.triggers.jit_operations import JIT_OPERATIONS
from shared.triggers.machine_operations import MACHINE_OPERATIONS
from shared.triggers.operations import OPERATIONS, Operation, Outcome, Parameter
from shared.triggers.problems import CODES, JIT_CODES, Form, arm_code

type Json = dict[str, Any]

VERSION: Final = "1.0.0"
ABOUT: Final = "Just-in-time access to virtual machines: ask for ports, from your own address, for some hours."
_REF: Final = "#/components/schemas/{model}"
JSON, PROBLEM = "application/json", "application/problem+json"
_EVENT: Final = "application/cloudevents+json"
_HEADERS: Final[Mapping[str, Json]] = {
    "Location": {"description": "Where the grant, or the subscription, is.", "schema": {"type": "string"}},
    "Retry-After": {"description": "In how many seconds to look again.", "schema": {"type": "integer", "minimum": 1}},
    "Postern-Exposed": {"description": "Machines whose lock does not hold.", "schema": {"type": "string"}},
    "Postern-Grants": {"description": "The ids of the grants that came of it.", "schema": {"type": "string"}},
    "ETag": {"description": "The version, for `If-Match`.", "schema": {"type": "string"}},
}
_PATH: Final[Mapping[str, str]] = {
    "*id": "The machine's resource id, without the slash before it.",
    "id": "The id.",
    "subscription": "The subscription's id.",
    "group": "The name of the resource group.",
    "location": "The location, such as westeurope.",
    "name": "The name of the policy; Defender's own is called default.",
}
_PARAMETER: Final = re.compile(r"\{(\*?\w+)\}")
_ALWAYS: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_WITH_BODY: Final = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@cache
def describe() -> Json:
    """The whole description. Whoever gets it changes nothing in it."""
    schemas = _schemas()
    paths: Json = {}
    for endpoint, operation in operations():
        path = "/" + endpoint.route.replace("{*", "{")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, operation, schemas)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Postern", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"entra": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "entra": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A token of Entra ID for the app's audience.",
                }
            },
        },
    }


def operations() -> Iterator[tuple[Endpoint, Operation]]:
    """Every call with what is to be said of it."""
    yield Endpoint("health", "GET", "api/health", (), ""), OPERATIONS["health"]
    described = {
        **OPERATIONS,
        **MACHINE_OPERATIONS,
        **ACTIVITY_OPERATIONS,
        **COMPUTER_OPERATIONS,
        **JIT_OPERATIONS,
    }
    for endpoint in ENDPOINTS:
        yield endpoint, described[endpoint.name]


class _Generator(GenerateJsonSchema):
    """Leaves out the defaults of whole documents, which their own fields have."""

    ignored_warning_kinds = {"non-serializable-default"}  # noqa: RUF012 - Pydantic's own way of saying it.

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        """Answers hold nothing that is not described."""
        return {**super().typed_dict_schema(schema), "additionalProperties": False}


class _Schemas:
    """The schema of each type, and the definitions that they refer to."""

    def __init__(self, types: Iterable[type]) -> None:
        adapters: dict[type, TypeAdapter[Any]] = {type_: TypeAdapter(type_) for type_ in types}
        inputs = [(type_, "validation", adapter) for type_, adapter in adapters.items()]
        found, whole = TypeAdapter.json_schemas(
            inputs,  # type: ignore[arg-type]  # Lists are invariant, and these are adapters of many types.
            ref_template=_REF,
            schema_generator=_Generator,
        )
        self._by_type = {type_: schema for (type_, _), schema in found.items()}
        self.definitions: Json = without_titles(whole["$defs"])

    def __getitem__(self, type_: type) -> Json:
        return dict(self._by_type[type_])


@cache
def _schemas() -> _Schemas:
    types: dict[type, None] = {ProblemAnswer: None, CloudErrorAnswer: None}
    for _, operation in operations():
        bodies = [body for outcome in operation.outcomes for body in outcome.bodies]
        types |= dict.fromkeys([*bodies, *(one for one in (operation.body, operation.notifies) if one)])
    return _Schemas(types)


def _operation(endpoint: Endpoint, operation: Operation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": endpoint.name,
        "summary": operation.summary,
        "description": _with_roles(endpoint, operation),
        "parameters": [*_path_parameters(endpoint), *(_parameter(one) for one in operation.parameters)],
        "responses": {**_outcomes(operation, schemas), **_problems(endpoint, operation, schemas)},
    }
    if operation.body:
        content = {JSON: {"schema": schemas[operation.body]}}
        described["requestBody"] = {"required": operation.body_required, "content": content}
    if operation.notifies:
        described["callbacks"] = {"event": _callback(operation, schemas[operation.notifies])}
    if operation.internal:
        described["x-internal"] = True
    if not endpoint.roles:
        described["security"] = []
    return described


def _callback(operation: Operation, schema: Json) -> Json:
    posted: Json = {
        "description": f"{operation.summary}: an event.",
        "requestBody": {"required": True, "content": {_EVENT: {"schema": schema}}},
        "responses": {"2XX": {"description": "Taken."}},
    }
    return {"{$request.body#/callbackUrl}": {"post": posted}}


def _with_roles(endpoint: Endpoint, operation: Operation) -> str:
    roles = " or ".join(f"`{role}`" for role in endpoint.roles)
    return f"{operation.text} Needs the role {roles}." if roles else operation.text


def _path_parameters(endpoint: Endpoint) -> Iterator[Json]:
    for name in _PARAMETER.findall(endpoint.route):
        text = {"name": name.removeprefix("*"), "in": "path", "required": True, "description": _PATH[name]}
        yield {**text, "schema": {"type": "string", "minLength": 1}}


def _parameter(one: Parameter) -> Json:
    place = {"name": one.name, "in": one.where, "required": one.required}
    return {**place, "description": one.text, "schema": dict(one.schema or {"type": "string"})}


def _outcomes(operation: Operation, schemas: _Schemas) -> Json:
    return {str(int(outcome.status)): _outcome(outcome, schemas) for outcome in operation.outcomes}


def _outcome(outcome: Outcome, schemas: _Schemas) -> Json:
    described: Json = {"description": outcome.text}
    if outcome.headers:
        described["headers"] = {name: dict(_HEADERS[name]) for name in outcome.headers}
    if bodies := [schemas[body] for body in outcome.bodies]:
        described["content"] = {outcome.media: {"schema": bodies[0] if len(bodies) == 1 else {"anyOf": bodies}}}
    return described


def _problems(endpoint: Endpoint, operation: Operation, schemas: _Schemas) -> Json:
    statuses = {*operation.problems, *(_ALWAYS if endpoint.roles else ()), *(_WITH_BODY if operation.body else ())}
    if "{" in endpoint.route:
        statuses.add(HTTPStatus.NOT_FOUND)
    tell = _problem if endpoint.errors is Form.PROBLEM else _cloud_error
    return {str(int(status)): tell(status, schemas) for status in sorted(statuses)}


def _problem(status: HTTPStatus, schemas: _Schemas) -> Json:
    codes = ", ".join(f"`{code}`" for code in CODES[status])
    described: Json = {
        "description": f"{status.phrase}: {codes}.",
        "content": {
            PROBLEM: {
                "schema": {
                    "allOf": [schemas[ProblemAnswer]],
                    "properties": {"code": {"enum": list(CODES[status])}, "status": {"const": int(status)}},
                }
            }
        },
    }
    return {**described, **_when_to_come_again(status)}


def _cloud_error(status: HTTPStatus, schemas: _Schemas) -> Json:
    codes = ", ".join(f"`{arm_code(code)}`" for code in (*CODES[status], *JIT_CODES.get(status, ())))
    content = {JSON: {"schema": schemas[CloudErrorAnswer]}}
    return {"description": f"{status.phrase}: {codes}.", "content": content, **_when_to_come_again(status)}


def _when_to_come_again(status: HTTPStatus) -> Json:
    is_down = status is HTTPStatus.SERVICE_UNAVAILABLE
    return {"headers": {"Retry-After": dict(_HEADERS["Retry-After"])}} if is_down else {}


def without_titles(schema: Any) -> Any:  # noqa: ANN401 - any JSON.
    """A schema without the titles that only repeat the names of its fields."""
    if isinstance(schema, list):
        return [without_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    named = {"properties", "type", "$ref", "anyOf"} & set(schema)
    kept = {name: value for name, value in schema.items() if not (named and name == "title")}
    properties = {field: without_titles(one) for field, one in kept.pop("properties", {}).items()}
    told = {name: without_titles(value) for name, value in kept.items()}
    return {**told, "properties": properties} if properties else told
