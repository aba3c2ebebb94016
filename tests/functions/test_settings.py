"""Settings are read as Azure reads them, and what cannot be read is named."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.functions import settings
from emulator.functions.settings import HostFile, QueueOptions, SettingsError


def write(folder: Path, document: object) -> Path:
    (folder / "host.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return folder


def queues(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - A setting may be anything.
    return {"version": "2.0", "extensions": {"queues": fields}}


def test_a_bare_host_file_has_azures_defaults(tmp_path: Path) -> None:
    assert settings.read_host_file(write(tmp_path, {"version": "2.0"})) == HostFile("api", QueueOptions())


def test_a_host_file_says_how_queues_are_read(tmp_path: Path) -> None:
    fields = {"maxPollingInterval": "00:00:05", "visibilityTimeout": "1.00:00:30", "batchSize": 4}
    document = queues(**fields, messageEncoding="none", maxDequeueCount=9)
    expected = QueueOptions(timedelta(seconds=5), timedelta(days=1, seconds=30), 4, 2, 9, base64=False)
    assert expected == settings.read_host_file(write(tmp_path, document)).queues


def test_the_route_prefix_may_be_empty(tmp_path: Path) -> None:
    document = {"version": "2.0", "extensions": {"http": {"routePrefix": ""}}}
    assert settings.read_host_file(write(tmp_path, document)).prefix == ""


@pytest.mark.parametrize(
    "document",
    [
        "nonsense",
        [],
        {},
        {"version": "1.0"},
        {"version": "2.0", "extensions": []},
        queues(maxPollingInterval="5"),
        queues(maxPollingInterval="00:00:00.050"),
        queues(batchSize=33),
        queues(batchSize=0),
        queues(maxDequeueCount=0),
        queues(newBatchThreshold=-1),
        queues(messageEncoding="utf8"),
    ],
)
def test_a_host_file_that_azure_would_not_take_is_refused(tmp_path: Path, document: object) -> None:
    with pytest.raises(SettingsError):
        settings.read_host_file(write(tmp_path, document))


def test_a_folder_without_a_host_file_is_no_app(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"host\.json"):
        settings.read_host_file(tmp_path)


def test_local_settings_stand_in_for_app_settings(tmp_path: Path) -> None:
    assert settings.read_local_settings(tmp_path) == {}
    (tmp_path / "local.settings.json").write_text('{"IsEncrypted": false, "Values": {"A": 1}}')
    assert settings.read_local_settings(tmp_path) == {"A": "1"}


@pytest.mark.parametrize("value", ["", "true", "False", "1"])
def test_easy_auth_is_on_only_when_the_platform_says_so(value: str) -> None:
    assert settings.read_settings({"WEBSITE_AUTH_ENABLED": value}).sign_in is None


def test_easy_auth_needs_an_issuer() -> None:
    with pytest.raises(SettingsError, match="BOX_OPENID_ISSUER"):
        settings.read_settings({"WEBSITE_AUTH_ENABLED": "True"})


def test_excluded_paths_are_a_list() -> None:
    environ = {"WEBSITE_AUTH_ENABLED": "True", "BOX_OPENID_ISSUER": "https://x/", "BOX_AUTH_EXCLUDED": "/A, /b/*"}
    sign_in = settings.read_settings(environ).sign_in
    assert sign_in is not None
    assert sign_in.excluded == {"/a", "/b/*"}
    assert sign_in.issuer == "https://x"


@pytest.mark.parametrize(
    "environ", [{"POSTERN_PORT": "x"}, {"BOX_LOG_LEVEL": "LOUD"}, {"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "1 MB"}]
)
def test_a_setting_that_cannot_be_read_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        settings.read_settings(environ)


def test_an_unknown_way_to_answer_strangers_is_refused() -> None:
    environ = {"WEBSITE_AUTH_ENABLED": "True", "BOX_OPENID_ISSUER": "https://x", "BOX_AUTH_ACTION": "AllowAnonymous"}
    with pytest.raises(SettingsError, match="BOX_AUTH_ACTION"):
        settings.read_settings(environ)


def test_a_setting_in_percent_signs_must_exist() -> None:
    assert settings.resolve("a-%B%-c", {"B": "b"}) == "a-b-c"
    with pytest.raises(SettingsError, match="%B%"):
        settings.resolve("%B%", {})
