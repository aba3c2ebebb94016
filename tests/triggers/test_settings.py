"""What the operator must say, and that everything wrong is told at once."""

from datetime import timedelta

import pytest

from shared.settings import NAMES, SettingsError, read_costs, read_settings, trusts_easy_auth

GUID = "11111111-1111-1111-1111-111111111111"
GOOD = {
    "POSTERN_SUBSCRIPTIONS": GUID,
    "AzureWebJobsStorage__tableServiceUri": "https://x.table.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://x.queue.core.windows.net",
}


def faults(**changed: str) -> str:
    """What is said of these settings. Names are written without the prefix."""
    with pytest.raises(SettingsError) as caught:
        read_settings({**GOOD, **changed})
    return str(caught.value)


def test_the_least_that_has_to_be_said_is_enough() -> None:
    settings = read_settings(GOOD)
    assert ((GUID,), timedelta(minutes=5), False) == (
        settings.subscriptions, settings.shortest_grant, settings.trusts_easy_auth
    )  # fmt: skip
    assert "https://management.azure.com" == settings.arm_endpoint


def test_everything_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({})
    missing = ("POSTERN_SUBSCRIPTIONS", "AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__queueServiceUri")
    assert [True] * 3 == [name in str(caught.value) for name in missing]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = {
        "POSTERN_SUBSCRIPTIONS": "mine", "POSTERN_SHORTEST_DURATION": "5 minutes",
        "POSTERN_ARM_ENDPOINT": "http://management.azure.com",
        "AzureWebJobsStorage__tableServiceUri": "http://x", "AzureWebJobsStorage__queueServiceUri": "x",
    }  # fmt: skip
    text = faults(**wrong)
    assert [True] * 5 == [name in text for name in wrong]


@pytest.mark.parametrize("text", ["", " , ", "mine", f"{GUID},mine", f"{{{GUID}}}", GUID[:-1]])
def test_subscriptions_are_named_by_their_ids(text: str) -> None:
    assert "POSTERN_SUBSCRIPTIONS" in faults(POSTERN_SUBSCRIPTIONS=text)


def test_several_subscriptions_are_separated_by_commas_and_compared_in_lower_case() -> None:
    other = "AAAAAAAA-1111-1111-1111-111111111111"
    settings = read_settings({**GOOD, "POSTERN_SUBSCRIPTIONS": f" {GUID} ,{other},"})
    assert (GUID, other.lower()) == settings.subscriptions


@pytest.mark.parametrize(("text", "seconds"), [("PT5S", 5), ("PT10M", 600), ("PT1M30S", 90)])
def test_the_shortest_duration_is_read(text: str, seconds: int) -> None:
    assert timedelta(seconds=seconds) == read_settings({**GOOD, "POSTERN_SHORTEST_DURATION": text}).shortest_grant


@pytest.mark.parametrize("text", ["", "PT", "PT0S", "5", "PT1H", "-PT5M", "pt5m"])
def test_a_shortest_duration_that_is_none_is_refused(text: str) -> None:
    assert "POSTERN_SHORTEST_DURATION" in faults(POSTERN_SHORTEST_DURATION=text)


def test_a_connection_string_stands_for_both_services() -> None:
    settings = read_settings({"POSTERN_SUBSCRIPTIONS": GUID, "AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    assert "UseDevelopmentStorage=true" == settings.storage.connection_string


@pytest.mark.parametrize(
    ("platform", "ours", "trusted"),
    [("True", "true", True), ("true", "True", True), ("True", "", False), ("", "true", False), ("False", "true", False),
     ("True", "false", False), ("1", "1", False), ("True", "yes", False)],
)  # fmt: skip
def test_easy_auth_is_trusted_only_when_both_say_so(platform: str, ours: str, trusted: bool) -> None:  # noqa: FBT001 - a column of the table.
    assert trusted is trusts_easy_auth({"WEBSITE_AUTH_ENABLED": platform, "POSTERN_TRUST_EASY_AUTH": ours})


def test_nobody_who_says_nothing_is_trusted() -> None:
    assert not trusts_easy_auth({})


def test_the_names_are_those_that_are_read() -> None:
    asked: set[str] = set()

    class Asking(dict[str, str]):
        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # dict.get's overloads say the same.
            asked.add(name)
            return super().get(name, default)

    asking = Asking(GOOD, WEBSITE_AUTH_ENABLED="True")
    read_settings(asking)
    read_costs(asking)
    assert set(NAMES) == asked
