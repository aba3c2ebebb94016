"""The app is told each setting that it reads, under the name by which it reads it, and connects with its identity."""

import tomllib

from shared.settings import NAMES, check_settings
from tests.infra.bicep import INFRA, MAIN, read, table
from tests.triggers.fresh import functions

SET_BY_THE_PLATFORM = {"WEBSITE_AUTH_ENABLED", "WEBSITE_HOSTNAME"}
LOCAL_ONLY = {"AzureWebJobsStorage", "POSTERN_AWS_ENDPOINT"}  # A connection string would hold a key; AWS has addresses.
READ_BY_THE_HOST = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AzureWebJobsDisableHomepage",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
    "WEBSITE_AUTH_AAD_ALLOWED_TENANTS",
}
READ_BY_THE_LIBRARIES = {"AZURE_CLIENT_ID", "AZURE_TOKEN_CREDENTIALS"}

HOST = table(read(INFRA / "modules/app.bicep").variables["hostSettings"])
OURS = table(read(MAIN).modules["app"].parameters["settings"])
CONFIG = table(read(INFRA / "modules/app.bicep").resources["app"].properties["functionAppConfig"])


def test_every_setting_that_the_code_reads_is_set_or_known_not_to_be() -> None:
    ours = set(HOST) | set(OURS)
    assert set(NAMES) - SET_BY_THE_PLATFORM - LOCAL_ONLY == ours - READ_BY_THE_HOST - READ_BY_THE_LIBRARIES


def test_what_host_and_libraries_read_is_set() -> None:
    assert set() == (READ_BY_THE_HOST | READ_BY_THE_LIBRARIES) - set(HOST)


def test_each_connection_of_a_function_is_made_with_the_identity() -> None:
    bindings = [binding for one in functions().values() for binding in one.get_bindings_dict()["bindings"]]
    names = {binding["connection"] for binding in bindings if "connection" in binding}
    assert {"AzureWebJobsStorage"} == names
    assert "managedidentity" == HOST["AzureWebJobsStorage__credential"]


def test_the_defaults_of_the_deployment_are_settings_that_the_app_takes() -> None:
    parameters = read(MAIN).parameters
    durations = {"POSTERN_SHORTEST_DURATION": "shortestDuration", "POSTERN_INVENTORY_AGE": "inventoryAge",
                 "POSTERN_ENDING_SOON": "endingSoon", "POSTERN_ATTEMPTS": "attempts"}  # fmt: skip
    chosen = {name: str(parameters[key].default) for name, key in durations.items()}
    storage = {f"AzureWebJobsStorage__{one}ServiceUri": "https://x" for one in ("table", "queue")}
    check_settings({"POSTERN_SUBSCRIPTIONS": "11111111-1111-1111-1111-111111111111", **storage, **chosen})


def test_the_version_of_python_is_the_projects() -> None:
    project = tomllib.loads((MAIN.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    runtime = table(CONFIG["runtime"])
    assert ("python", project["requires-python"]) == (runtime["name"], f">={runtime['version']},<3.14")


def test_an_instance_serves_more_than_one_request_at_once() -> None:
    assert 32 == read(MAIN).parameters["httpConcurrency"].default


def test_instances_that_never_sleep_are_named_after_functions() -> None:
    names = {f"function:{name}" for name in functions()}
    ready = read(MAIN).parameters["alwaysReady"].default
    assert isinstance(ready, list)
    assert [] == [one for one in ready if table(one)["name"] not in names]
