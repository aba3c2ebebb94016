"""Each thing that is wrong with a request is named: a stable code, and the field's path."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from emulator.box import Box
from tests.journeys.azure import Azure
from tests.journeys.client import USER, Json, Postern, machine, wish

CODE: Final = re.compile(r"[a-z]+([A-Z][a-z]+)*")
PORT: Final = {"number": 22, "allowedSourceAddressPrefix": USER}
DROP: Final = object()
POLICY: Final = {
    "ports": [{"number": 22, "maxRequestAccessDuration": "PT1H", "allowedSourceAddressPrefix": "203.0.113.0/24"}],
    "justification": {"required": True},
}


def changed(**fields: Any) -> Json:  # noqa: ANN401 - any JSON.
    """A good request for access with some fields replaced or dropped."""
    body = {**wish("web-01", justification="release"), **fields}
    return {name: value for name, value in body.items() if value is not DROP}


def port(**fields: object) -> Json:
    """A good request but for its one port."""
    return changed(ports=[{**PORT, **fields}])


MALFORMED: Final[dict[str, tuple[Any, str, str]]] = {
    "no machine": (changed(machine=DROP), "required", "machine"),
    "a machine's short name": (changed(machine="web-01"), "invalidMachine", "machine"),
    "a machine that is a number": (changed(machine=1), "invalidMachine", "machine"),
    "a classic machine": (changed(machine=machine("old-01").replace("Microsoft.Compute", "Microsoft.ClassicCompute")),
                          "invalidMachine", "machine"),
    "no ports": (changed(ports=DROP), "required", "ports"),
    "an empty list of ports": (changed(ports=[]), "tooFew", "ports"),
    "ports that are no list": (changed(ports=22), "wrongType", "ports"),
    "too many ports": (changed(ports=[PORT] * 21), "tooMany", "ports"),
    "a port that is true": (changed(ports=[True]), "wrongType", "ports[0]"),
    "a port beyond the last": (port(number=65536), "invalidPort", "ports[0].number"),
    "a negative port": (port(number=-1), "invalidPort", "ports[0].number"),
    "a range that runs backwards": (port(number="25-20"), "invalidPort", "ports[0].number"),
    "a port that is a fraction": (port(number=22.5), "invalidPort", "ports[0].number"),
    "a port in other digits": (port(number="\uff12\uff12"), "invalidPort", "ports[0].number"),
    "an unknown protocol": (port(protocol="SCTP"), "invalidProtocol", "ports[0].protocol"),
    "no address": (port(allowedSourceAddressPrefix="300.1.1.1"), "invalidPrefix",
                   "ports[0].allowedSourceAddressPrefix"),
    "a service tag": (port(allowedSourceAddressPrefix="Internet"), "invalidPrefix",
                      "ports[0].allowedSourceAddressPrefix"),
    "a prefix too long": (port(allowedSourceAddressPrefix="10.0.0.0/33"), "invalidPrefix",
                          "ports[0].allowedSourceAddressPrefix"),
    "one prefix and many": (port(allowedSourceAddressPrefixes=[USER]), "atMostOne",
                            "ports[0].allowedSourceAddressPrefix"),
    "no prefix in the list": (changed(ports=[{"number": 22, "allowedSourceAddressPrefixes": []}]), "tooFew",
                              "ports[0].allowedSourceAddressPrefixes"),
    "a wrong prefix in the list": (changed(ports=[{"number": 22, "allowedSourceAddressPrefixes": [USER, "here"]}]),
                                   "invalidPrefix", "ports[0].allowedSourceAddressPrefixes[1]"),
    "a field of a port that is not there": (port(portNumber=22), "unknownField", "ports[0].portNumber"),
    "a duration in words": (changed(duration="3 hours"), "invalidDuration", "duration"),
    "a duration in months": (changed(duration="P1M"), "invalidDuration", "duration"),
    "a duration that is a number": (changed(duration=600), "invalidDuration", "duration"),
    "neither duration nor end": (changed(duration=DROP), "exactlyOne", "duration"),
    "both duration and end": (changed(endTimeUtc="2030-01-01T00:00:00Z"), "exactlyOne", "duration"),
    "a time without its zone": (changed(duration=DROP, endTimeUtc="2030-01-01T00:00:00"), "invalidTime", "endTimeUtc"),
    "a day that there is not": (changed(duration=DROP, endTimeUtc="2030-02-30T00:00:00Z"), "invalidTime",
                                "endTimeUtc"),
    "a field that there is not": (changed(minutes=5), "unknownField", "minutes"),
    "a field in snake case": (changed(end_time_utc="2030-01-01T00:00:00Z"), "unknownField", "end_time_utc"),
    "a justification too long": (changed(justification="x" * 1001), "tooLong", "justification"),
    "a justification that is a list": (changed(justification=["a"]), "wrongType", "justification"),
    "a list": ([], "wrongType", ""),
    "null": (None, "wrongType", ""),
}  # fmt: skip

RAW: Final = {
    "nothing": b"", "half an object": b'{"machine": ', "no UTF-8": b'{"machine": "\xff"}',
    "a name given twice": b'{"duration": "PT1H", "duration": "PT2H"}', "deep nesting": b'{"a":' * 9000,
}  # fmt: skip

UNWELCOME: Final[dict[str, tuple[Json, str, str]]] = {
    "a port outside the policy": (port(number=3389), "portNotInPolicy", "ports[0]"),
    "a range wider than the policy's": (port(number="22-23"), "portNotInPolicy", "ports[0]"),
    "another protocol": (port(protocol="UDP"), "portNotInPolicy", "ports[0]"),
    "a longer duration": (changed(duration="PT61M"), "durationTooLong", "ports[0]"),
    "a shorter duration": (changed(duration="PT1S"), "durationTooShort", "duration"),
    "an end in the past": (changed(duration=DROP, endTimeUtc="2020-01-01T00:00:00Z"), "endInPast", "endTimeUtc"),
    "a source elsewhere": (port(allowedSourceAddressPrefix="198.51.100.9"), "sourceNotAllowed", "ports[0]"),
    "a wider source": (port(allowedSourceAddressPrefix="203.0.112.0/23"), "sourceNotAllowed", "ports[0]"),
    "any source": (port(allowedSourceAddressPrefix="*"), "sourceNotAllowed", "ports[0]"),
    "no justification": (changed(justification=" - "), "justificationRequired", "justification"),
}

POLICIES: Final[dict[str, tuple[Json, str, str]]] = {
    "more than a day": ({"ports": [{"number": 22, "maxRequestAccessDuration": "PT25H"}]}, "durationOutOfRange",
                        "ports[0].maxRequestAccessDuration"),
    "less than the shortest": ({"ports": [{"number": 22, "maxRequestAccessDuration": "PT1S"}]}, "durationOutOfRange",
                               "ports[0].maxRequestAccessDuration"),
    "a port without its number": ({"ports": [{"protocol": "TCP"}]}, "required", "ports[0].number"),
    "a port twice": ({"ports": [{"number": 22}, {"number": "20-30"}]}, "overlappingPorts", "ports[1].number"),
    "no ports": ({"ports": []}, "tooFew", "ports"),
    "an unknown scope": ({"lock": {"scope": "some"}}, "unknownValue", "lock.scope"),
    "an unknown origin": ({"lock": {"from": "Moon"}}, "unknownValue", "lock.from"),
    "a guarded port kept open": ({"lock": {"keepOpen": [443, 22]}}, "keepOpenIsGuarded", "lock.keepOpen[1]"),
    "ports kept open needlessly": ({"lock": {"scope": "ports", "keepOpen": [443]}}, "keepOpenNeedsScopeAll",
                                   "lock.keepOpen"),
    "a requestor's name": ({"requestors": ["rika"]}, "invalidId", "requestors[0]"),
    "a justification in words": ({"justification": {"required": "yes"}}, "wrongType", "justification.required"),
    "a field that there is not": ({"locks": {}}, "unknownField", "locks"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def postern(box: Box) -> Postern:
    """web-01 under a narrow policy, for requests that change nothing."""
    await box.reset()
    postern = Postern(box)
    await postern.enable("web-01", **POLICY)
    return postern


def problem(answer: Any, status: int, code: str) -> Json:  # noqa: ANN401 - httpx's answer.
    """The problem document of an answer, once its form is right."""
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["content-type"].split(";")[0])
    document: Json = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(document)
    assert (status, code, f"urn:postern:problem:{code}") == (document["status"], document["code"], document["type"])
    return document


def issues(document: Json) -> list[tuple[str, str]]:
    """The codes and paths of a problem; each has a sentence, and a code of our own making."""
    found = document["issues"]
    assert [True] * len(found) == [bool(CODE.fullmatch(one["code"]) and one["message"]) for one in found]
    return [(one["code"], one["path"]) for one in found]


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_request_is_told_which_field_is_wrong(postern: Postern, name: str) -> None:
    body, code, path = MALFORMED[name]
    answer = await postern.call("requestor", "POST", "/api/grants", body) if body is not None else await postern.send(
        "POST", "/api/grants", await postern.token("requestor"), content=b"null",
        headers={"content-type": "application/json"})  # fmt: skip
    assert [(code, path)] == issues(problem(answer, 400, "invalid"))


@pytest.mark.parametrize("name", RAW)
async def test_a_body_that_is_no_json_is_told_so(postern: Postern, name: str) -> None:
    headers = {"content-type": "application/json"}
    token = await postern.token("requestor")
    answer = await postern.send("POST", "/api/grants", token, content=RAW[name], headers=headers)
    assert [("malformedJson", "")] == issues(problem(answer, 400, "invalid"))


@pytest.mark.parametrize("name", UNWELCOME)
async def test_a_request_outside_the_policy_is_told_why(postern: Postern, name: str) -> None:
    body, code, path = UNWELCOME[name]
    answer = await postern.call("requestor", "POST", "/api/grants", body)
    assert [(code, path)] == issues(problem(answer, 422, "refused"))


@pytest.mark.parametrize("name", POLICIES)
async def test_a_wrong_policy_is_told_which_field_is_wrong(postern: Postern, name: str) -> None:
    body, code, path = POLICIES[name]
    answer = await postern.call("administrator", "PUT", f"/api/policies{machine('web-01')}", body)
    assert [(code, path)] == issues(problem(answer, 400, "invalid"))


async def test_everything_that_is_malformed_is_told_at_once(postern: Postern) -> None:
    body = {"machine": "web-01", "ports": [{"number": 70000, "protocol": "SCTP"}], "minutes": 5}
    answer = await postern.call("requestor", "POST", "/api/grants", body)
    assert {
        ("invalidMachine", "machine"), ("invalidPort", "ports[0].number"), ("invalidProtocol", "ports[0].protocol"),
        ("unknownField", "minutes"), ("exactlyOne", "duration"),
    } == set(issues(problem(answer, 400, "invalid")))  # fmt: skip


async def test_everything_that_is_refused_is_told_at_once(postern: Postern) -> None:
    far = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    ports = [{"number": 22, "allowedSourceAddressPrefix": "192.0.2.1"}, {"number": 23}]
    body = changed(ports=ports, duration=DROP, endTimeUtc=far, justification="")
    answer = await postern.call("requestor", "POST", "/api/grants", body)
    assert {"durationTooLong", "sourceNotAllowed", "portNotInPolicy", "justificationRequired"} == {
        code for code, _ in issues(problem(answer, 422, "refused"))
    }


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [("state=open", "unknownValue", "state"), ("machine=web-01", "invalidMachine", "machine"),
     ("pageToken=rubbish", "invalidPageToken", "pageToken")],
)  # fmt: skip
async def test_a_list_with_a_wrong_parameter_is_told_which(postern: Postern, query: str, code: str, path: str) -> None:
    answer = await postern.call("requestor", "GET", f"/api/grants?{query}")
    assert [(code, path)] == issues(problem(answer, 400, "invalid"))


@pytest.mark.parametrize("size", ["0", "201", "-1", "many", "²"])
async def test_a_page_of_an_impossible_size_is_refused(postern: Postern, size: str) -> None:
    answer = await postern.call("requestor", "GET", f"/api/grants?pageSize={size}")
    assert "pageSize" in problem(answer, 400, "invalidPageSize")["detail"]


async def test_nothing_of_all_this_left_a_trace(postern: Postern) -> None:
    assert ([], []) == (await postern.grants(), await Azure(postern.box).ours("web-01-nsg", "postern-open-"))
