"""The API described as Swagger 2.0, for custom connectors of Power Automate, Power Apps and Logic Apps.

It is the OpenAPI description, told in the smaller language: what can be null says so in an extension, and what has one
of several types is left open or, where callers write it, narrowed to one of them. Operations that only machines need
are internal. Source: OpenAPI Specification 2.0; Microsoft, "OpenAPI extensions for custom connectors".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.triggers.openapi import ABOUT, JSON, PROBLEM, VERSION, Json, describe

_AUTHORITY: Final = "https://login.microsoftonline.com/common/oauth2"
_DEFINITIONS: Final = "#/definitions/"
_COMPONENTS: Final = "#/components/schemas/"
# What somebody who builds a flow fills in first.
_IMPORTANT: Final = frozenset({"machine", "ports", "number", "duration", "justification", "comment", "id", "state"})
_KEPT: Final = frozenset(
    {
        *(
            "type",
            "format",
            "description",
            "enum",
            "default",
            "items",
            "properties",
            "required",
            "additionalProperties",
        ),
        *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"),
    }
)


def describe_for_connectors(host: str) -> Json:
    """The whole description, for the app at `host`."""
    api = describe()
    paths = {path: {**_notification(calls), **dict(_calls(calls))} for path, calls in api["paths"].items()}
    schemas = {name: _schema(schema) for name, schema in api["components"]["schemas"].items()}
    # A port that is only ever written is best written as a text, which a range needs.
    schemas["AskedPortDocument"]["properties"]["number"]["type"] = "string"
    # The address that is to be told is the flow's own, which the platform fills in and nobody is asked for.
    callback = {"x-ms-notification-url": True, "x-ms-visibility": "internal"}
    schemas["SubscriptionDocument"]["properties"]["callbackUrl"].update(callback)
    return {
        "swagger": "2.0",
        "info": {"title": "Postern", "version": VERSION, "description": ABOUT},
        "host": host,
        "basePath": "/",
        "schemes": ["https"],
        "consumes": [JSON],
        "produces": [JSON, PROBLEM],
        "securityDefinitions": {
            "entra": {
                "type": "oauth2",
                "flow": "accessCode",
                "authorizationUrl": f"{_AUTHORITY}/authorize",
                "tokenUrl": f"{_AUTHORITY}/token",
                "scopes": {},
            }
        },
        "security": [{"entra": []}],
        "paths": paths,
        "definitions": schemas,
    }


def _calls(calls: Json) -> Iterator[tuple[str, Json]]:
    for method, call in calls.items():
        yield method, _call(call)


def _notification(calls: Json) -> Json:
    """What a trigger's callback will bring, which connectors look for at the path."""
    for call in calls.values():
        for callback in call.get("callbacks", {}).values():
            [path] = callback.values()
            [content] = path["post"]["requestBody"]["content"].values()
            told = {"description": path["post"]["description"], "schema": _schema(content["schema"])}
            return {"x-ms-notification-content": told}
    return {}


def _call(call: Json) -> Json:
    body = call.get("requestBody")
    parameters = [_parameter(one) for one in call["parameters"]]
    if body:
        [content] = body["content"].values()
        place = {"name": "body", "in": "body", "required": body["required"]}
        parameters.append({**place, "schema": _schema(content["schema"])})
    more = {"security": call["security"]} if "security" in call else {}
    if call.get("x-internal"):
        more["x-ms-visibility"] = "internal"
    if "callbacks" in call:
        more["x-ms-trigger"] = "single"
    if media := _other_media(call["responses"]):
        more["produces"] = [media, PROBLEM]
    return {
        "operationId": f"{call['operationId'][0].upper()}{call['operationId'][1:]}",
        "summary": call["summary"],
        "description": call["description"],
        "parameters": parameters,
        "responses": {status: _answer(answer) for status, answer in call["responses"].items()},
        **more,
    }


def _other_media(answers: Json) -> str | None:
    """What a call answers with where that is neither of the two that all others answer with."""
    found = {media for answer in answers.values() for media in answer.get("content", {})} - {JSON, PROBLEM}
    return next(iter(found), None)


def _parameter(one: Json) -> Json:
    schema = _schema(one["schema"])
    place = {name: one[name] for name in ("name", "in", "required", "description")}
    # In a path a value is one segment to connectors, unless they are told that it is encoded already.
    encoded = {"x-ms-url-encoding": "double"} if one["in"] == "path" else {}
    return {**place, **schema, **_labels(one["name"]), **encoded}


def _answer(answer: Json) -> Json:
    described: Json = {"description": answer["description"]}
    for content in answer.get("content", {}).values():
        described["schema"] = _schema(content["schema"])
    if "headers" in answer:
        described["headers"] = {
            name: {"description": header["description"], "type": header["schema"]["type"]}
            for name, header in answer["headers"].items()
        }
    return described


def _schema(schema: Json) -> Json:
    """A schema in the smaller language."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"].replace(_COMPONENTS, _DEFINITIONS)}
    if "allOf" in schema:
        return _schema(schema["allOf"][0])
    if "anyOf" in schema:
        return _one_of_several(schema)
    if schema.get("type") == "null":
        return {"x-nullable": True}
    kept = {name: value for name, value in schema.items() if name in _KEPT or name.startswith("x-ms-")}
    if kept.get("default", ...) is None:
        del kept["default"]
    if "items" in kept:
        kept["items"] = _schema(kept["items"])
    if "properties" in kept:
        kept["properties"] = {name: {**_labels(name), **_schema(one)} for name, one in kept["properties"].items()}
    if isinstance(kept.get("additionalProperties"), dict):
        kept["additionalProperties"] = _schema(kept["additionalProperties"])
    return kept


def _one_of_several(schema: Json) -> Json:
    told = {"description": schema["description"]} if "description" in schema else {}
    options = [one for one in schema["anyOf"] if one.get("type") != "null"]
    nullable = {"x-nullable": True} if len(options) < len(schema["anyOf"]) else {}
    if len(options) == 1:
        return {**_schema(options[0]), **nullable, **told}
    objects = [one for one in options if "$ref" in one]
    # Several documents, or a number or a text, cannot be told apart here.
    narrowed = _schema(objects[0]) if len(objects) == 1 else {}
    return {**narrowed, **nullable, **told}


def _labels(name: str) -> Json:
    """How a flow's designer names and places a field."""
    words = re.sub(r"([A-Z]+)", r" \1", name.replace("-", " ")).split()
    summary = " ".join(f"{word[0].upper()}{word[1:]}" for word in words)
    return {"x-ms-summary": summary, "x-ms-visibility": "important" if name in _IMPORTANT else "advanced"}
