"""Who is to be told, as callers say it: held against the operator's list, and never shown again."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.notifications import read_subscription
from shared.documents.policies import read_many, read_policy, write_policy
from shared.domain.issues import Invalid
from shared.domain.policies import Policy
from shared.domain.receivers import NOBODY, Receivers
from shared.domain.subscriptions import Format, Kind, Notification
from tests.domain.values import machine_id

RECEIVERS = Receivers(("hooks.example.com",))
URL = "https://hooks.example.com/in?sig=hunter2"
SHORTEST = timedelta(minutes=5)


def policy(*notifications: object, receivers: Receivers = RECEIVERS) -> Policy | Invalid:
    return read_policy(json.dumps({"notifications": notifications}).encode(), SHORTEST, receivers)


def places(found: object) -> list[tuple[str, str]]:
    return [(issue.code, issue.path) for issue in found.issues] if isinstance(found, Invalid) else []


def test_a_policy_says_who_is_told_how_and_of_what() -> None:
    found = policy({"url": URL, "format": "teams", "events": ["io.postern.grant.opened"] * 2}, {"url": URL})
    assert isinstance(found, Policy)
    assert (Notification(URL, Format.TEAMS, (Kind.OPENED,)), Notification(URL)) == found.notifications


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "required", "url"),
    ({"url": "https://evil.com/"}, "receiverNotAllowed", "url"),
    ({"url": "http://hooks.example.com/"}, "receiverNotAllowed", "url"),
    ({"url": 7}, "wrongType", "url"),
    ({"url": f"https://hooks.example.com/{'x' * 2000}"}, "tooLong", "url"),
    ({"url": URL, "format": "pigeon"}, "unknownValue", "format"),
    ({"url": URL, "events": ["io.postern.grant.eaten"]}, "unknownValue", "events[0]"),
    ({"url": URL, "secret": "x"}, "unknownField", "secret"),
]


@pytest.mark.parametrize(("one", "code", "path"), WRONG)
def test_what_is_wrong_is_told_with_its_place(one: dict[str, Any], code: str, path: str) -> None:
    assert [(code, f"notifications[0].{path}")] == places(policy(one))


def test_of_many_machines_the_place_is_within_the_policy() -> None:
    body = {"machines": [str(machine_id())], "policy": {"notifications": [{"url": "https://evil.com/"}]}}
    found = read_many(json.dumps(body).encode(), SHORTEST, RECEIVERS)
    assert [("receiverNotAllowed", "policy.notifications[0].url")] == places(found)


def test_where_the_operator_allows_nobody_nobody_is_told() -> None:
    assert [("receiverNotAllowed", "notifications[0].url")] == places(policy({"url": URL}, receivers=NOBODY))


def test_more_than_ten_are_too_many() -> None:
    assert [("tooMany", "notifications")] == places(policy(*[{"url": URL}] * 11))


def test_a_written_policy_holds_no_address_and_may_be_sent_back() -> None:
    found = policy({"url": URL})
    assert isinstance(found, Policy)
    written = write_policy(found)
    assert "hunter2" not in str(written)
    assert isinstance(policy(*written["notifications"]), Policy)


def test_a_subscription_names_its_callback() -> None:
    body = json.dumps({"callbackUrl": URL, "format": "teams"}).encode()
    assert Notification(URL, Format.TEAMS) == read_subscription(body, RECEIVERS)


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "required"), ({"callbackUrl": "https://evil.com/"}, "receiverNotAllowed"),
     ({"callbackUrl": "https://hooks.example.com/#kept-1"}, "receiverNotAllowed")],
)  # fmt: skip
def test_a_subscription_elsewhere_is_refused(body: dict[str, str], code: str) -> None:
    assert [(code, "callbackUrl")] == places(read_subscription(json.dumps(body).encode(), RECEIVERS))
