"""What the lists of Defender's paths hold, and how they tell what is wrong."""

from http import HTTPStatus

import pytest

from emulator.environment import SUBSCRIPTION
from tests.journeys.client import Postern, read
from tests.journeys.defender import DEFAULT, GROUP, SECURITY, Scripts, error, policy

ALL = f"/subscriptions/{SUBSCRIPTION}"


@pytest.mark.parametrize(
    "path",
    [
        f"{ALL}/{SECURITY}/jitNetworkAccessPolicies",
        f"{ALL}/{SECURITY}/locations/westeurope/jitNetworkAccessPolicies",
        f"{ALL}/resourceGroups/demo/{SECURITY}/jitNetworkAccessPolicies",
        f"{GROUP}/jitNetworkAccessPolicies",
        f"{GROUP}/jitNetworkAccessPolicies".upper(),
        f"{ALL}/resourceGroups/DEMO/{SECURITY}/locations/West%20Europe/jitNetworkAccessPolicies",
    ],
)
async def test_policies_are_listed_by_each_scope(scripts: Scripts, path: str) -> None:
    await scripts.set(policy("web-01"))
    await scripts.set(policy("both-01"), DEFAULT.replace("/default", "/Team-B"))
    listed = read(await scripts.get(path), 200)
    assert {"value"} == set(listed)
    assert [("default", "web-01"), ("Team-B", "both-01")] == [
        (one["name"], one["properties"]["virtualMachines"][0]["id"].rsplit("/", 1)[1]) for one in listed["value"]
    ]


@pytest.mark.parametrize("place", ["northeurope", "other"])
async def test_lists_of_other_places_are_empty(scripts: Scripts, place: str) -> None:
    await scripts.set(policy("web-01"))
    path = GROUP.replace("westeurope", place) if place == "northeurope" else GROUP.replace("/demo/", f"/{place}/")
    assert {"value": []} == read(await scripts.get(f"{path}/jitNetworkAccessPolicies"), 200)


@pytest.mark.parametrize(
    ("query", "code"),
    [("", "MissingApiVersionParameter"), ("?api-version=2015-06-01-preview", "InvalidApiVersionParameter")],
)
async def test_the_version_must_be_the_one_that_is_spoken_here(postern: Postern, query: str, code: str) -> None:
    for method, path in (("GET", DEFAULT), ("PUT", DEFAULT), ("DELETE", DEFAULT), ("POST", f"{DEFAULT}/initiate")):
        user = "requestor" if method == "POST" else "administrator"
        body = policy("web-01") if method in {"PUT", "POST"} else None
        assert (400, code, []) == error(await postern.call(user, method, f"{path}{query}", body))


async def test_every_error_has_the_form_of_arm(scripts: Scripts) -> None:
    found = [
        error(await scripts.call("outsider", "GET", DEFAULT))[:2],
        error(await scripts.call("requestor", "PUT", DEFAULT, policy("web-01")))[:2],
        error(await scripts.set({"properties": {"virtualMachines": []}}))[:2],
        error(await scripts.start({"virtualMachines": []}))[:2],
        error(await scripts.call("administrator", "PUT", DEFAULT))[:2],
        error(await scripts.get(DEFAULT.replace(SUBSCRIPTION, "2" * 8 + SUBSCRIPTION[8:])))[:2],
    ]
    assert [
        (HTTPStatus.FORBIDDEN, "AuthorizationFailed"),
        (HTTPStatus.FORBIDDEN, "AuthorizationFailed"),
        (HTTPStatus.BAD_REQUEST, "InvalidInput"),
        (HTTPStatus.BAD_REQUEST, "InvalidInitiateInput"),
        (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
        (HTTPStatus.NOT_FOUND, "SubscriptionNotFound"),
    ] == found
