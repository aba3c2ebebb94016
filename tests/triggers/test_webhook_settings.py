"""What the operator says about telling others, and that everything wrong is told without repeating a secret."""

import json
from datetime import timedelta

import pytest

from shared.domain.subscriptions import Format, Kind, Notification
from shared.settings import SettingsError, check_settings, read_settings
from tests.triggers.test_settings import GOOD

SECRET = "whsec_" + "c2VjcmV0" * 4
HOSTS = {"POSTERN_WEBHOOK_HOSTS": "Hooks.example.com, *.logic.azure.com", "POSTERN_WEBHOOK_SECRETS": SECRET}
URL = "https://hooks.example.com/in?sig=hunter2"


def standing(*entries: object) -> dict[str, str]:
    return {**HOSTS, "POSTERN_NOTIFICATIONS": json.dumps(entries)}


def test_who_says_nothing_tells_nobody() -> None:
    webhooks = read_settings(GOOD).webhooks
    assert (False, timedelta(minutes=10), "") == (webhooks.tells, webhooks.lead, webhooks.address)


def test_receivers_and_secrets_are_read() -> None:
    second = "whsec_" + "AAAA" * 8
    webhooks = read_settings({**GOOD, **HOSTS, "POSTERN_WEBHOOK_SECRETS": f"{SECRET}, {second}"}).webhooks
    assert (True, (SECRET, second)) == (webhooks.tells, webhooks.secrets)
    assert ("hooks.example.com", "*.logic.azure.com") == webhooks.receivers.hosts


def test_who_is_always_told_is_read() -> None:
    entries = ({"url": URL}, {"url": URL, "format": "teams", "events": ["io.postern.grant.opened"]})
    webhooks = read_settings({**GOOD, **standing(*entries)}).webhooks
    assert (Notification(URL), Notification(URL, Format.TEAMS, (Kind.OPENED,))) == webhooks.standing


def test_the_address_is_the_platforms_unless_told() -> None:
    platform = {**GOOD, "WEBSITE_HOSTNAME": "app.azurewebsites.net"}
    told = {**platform, "POSTERN_ADDRESS": "https://postern.example.com/"}
    addresses = [read_settings(one).webhooks.address for one in (platform, told)]
    assert ["https://app.azurewebsites.net", "https://postern.example.com"] == addresses


@pytest.mark.parametrize(
    ("name", "text"),
    [("POSTERN_WEBHOOK_HOSTS", "https://hooks.example.com"), ("POSTERN_WEBHOOK_HOSTS", "*"),
     ("POSTERN_WEBHOOK_PREFIXES", "10.0.0.1/8"), ("POSTERN_WEBHOOK_SECRETS", "hunter2"),
     ("POSTERN_WEBHOOK_SECRETS", ""), ("POSTERN_ADDRESS", "http://postern.example.com"),
     ("POSTERN_ENDING_SOON", "ten minutes"), ("POSTERN_NOTIFICATIONS", "hunter2"),
     ("POSTERN_NOTIFICATIONS", '["hunter2"]'), ("POSTERN_NOTIFICATIONS", '{"url": "hunter2"}'),
     ("POSTERN_NOTIFICATIONS", '[{"format": "teams"}]'), ("POSTERN_NOTIFICATIONS", '[{"url": "https://a/", "x": 1}]'),
     ("POSTERN_NOTIFICATIONS", '[{"url": "https://evil.com/hunter2"}]')],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_repeated(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_settings({**GOOD, **HOSTS, name: text})
    assert (True, False) == (name in str(caught.value), "hunter2" in str(caught.value))


def test_what_is_wrong_with_telling_keeps_nothing_else_from_working() -> None:
    webhooks = read_settings({**GOOD, **HOSTS, "POSTERN_WEBHOOK_SECRETS": "@Microsoft.KeyVault(away)"}).webhooks
    assert (False, ()) == (webhooks.tells, webhooks.secrets)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        check_settings({"POSTERN_WEBHOOK_HOSTS": "*"})
    told = ("POSTERN_SUBSCRIPTIONS", "POSTERN_WEBHOOK_HOSTS", "POSTERN_WEBHOOK_SECRETS")
    assert [True] * 3 == [name in str(caught.value) for name in told]


def test_nothing_secret_shows_in_the_settings_text() -> None:
    text = repr(read_settings({**GOOD, **standing({"url": URL})}))
    assert (False, False) == ("hunter2" in text, SECRET in text)
