"""Log Analytics through Microsoft's own clients, against the emulator as a process."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.monitor.query import (
    LogsBatchQuery,
    LogsQueryClient,
    LogsQueryError,
    LogsQueryPartialResult,
    LogsQueryResult,
    LogsTableRow,
)
from azure.monitor.query.aio import LogsQueryClient as AsyncLogsQueryClient

from emulator.logs import WORKSPACE
from tests.emulator.conftest import Served, serving
from tests.emulator.test_logs import ENDLESS
from tests.emulator.test_server import Credential

AUDIENCE = "https://api.loganalytics.io"
DAY = dt.timedelta(days=1)
COUNT = "Syslog | count"


class PlainCredential:
    """A token that was fetched before, for the client without async."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self._token, 4_000_000_000)


@pytest.fixture(scope="module")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A process of this module's own, since its logs are emptied before each test."""
    async with serving(tmp_path_factory.mktemp("box")) as found:
        yield found


@pytest.fixture
async def box(process: Served) -> Served:
    assert (await process.client.post("/_box/reset", json={"storage": False})).status_code == 200
    return process


def options(box: Served, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # As the SDK's.
    known = {"endpoint": box.base, "audience": AUDIENCE, "connection_verify": str(box.cert)}
    return {**known, "retry_total": 0, "use_env_settings": False, **more}


async def token(box: Served, audience: str = AUDIENCE) -> str:
    return str((await box.client.post("/_box/token", json={"audience": audience})).json()["access_token"])


@pytest.fixture
async def sdk(box: Served) -> AsyncIterator[AsyncLogsQueryClient]:
    async with AsyncLogsQueryClient(Credential(await token(box)), **options(box)) as client:
        yield client


async def control(box: Served, path: str, **body: object) -> None:
    assert (await box.client.post(f"/_box/{path}", json=body)).status_code == 200


async def ask(sdk: AsyncLogsQueryClient, kql: str = COUNT, **more: Any) -> list[LogsTableRow]:  # noqa: ANN401  # As the SDK's.
    result = await sdk.query_workspace(WORKSPACE, kql, **{"timespan": DAY, **more})
    assert isinstance(result, LogsQueryResult)
    return result.tables[0].rows


async def refusal(sdk: AsyncLogsQueryClient, kql: str = COUNT, **more: Any) -> tuple[int | None, str]:  # noqa: ANN401  # As the SDK's.
    with pytest.raises(HttpResponseError) as caught:
        await sdk.query_workspace(WORKSPACE, kql, **{"timespan": DAY, **more})
    return caught.value.status_code, str(caught.value)


async def test_a_query_brings_typed_values(box: Served, sdk: AsyncLogsQueryClient) -> None:
    row = {"Computer": "a", "RemoteIPLatitude": 1.5, "IsGatewayInstalled": False, "ComputerPrivateIPs": ["10.0.0.4"]}
    await control(box, "logs", table="Heartbeat", rows=[{**row, "TimeGenerated": "2026-01-01T00:00:00.5Z"}])
    kql = (
        "Heartbeat | where Computer == 'a' "
        "| project Computer, RemoteIPLatitude, IsGatewayInstalled, ComputerPrivateIPs, TimeGenerated, OSType"
    )
    (found,) = await ask(sdk, kql, timespan=None)
    at = dt.datetime(2026, 1, 1, microsecond=500_000, tzinfo=dt.UTC)
    assert ["a", 1.5, False, '["10.0.0.4"]', at, ""] == list(found)


async def test_the_client_without_async_asks_as_well(box: Served) -> None:
    await control(box, "logs", table="Syslog", rows=[{"Computer": "a"}])
    client = LogsQueryClient(PlainCredential(await token(box)), **options(box))
    with client:
        result = await asyncio.to_thread(client.query_workspace, WORKSPACE, COUNT, timespan=DAY, server_timeout=30)
        batch = await asyncio.to_thread(client.query_batch, [LogsBatchQuery(WORKSPACE, COUNT, timespan=DAY)])
    assert [[[1]], [[1]]] == [
        [list(row) for row in one.tables[0].rows] for one in (result, *batch) if isinstance(one, LogsQueryResult)
    ]


async def test_a_batch_brings_results_and_errors_in_order(box: Served, sdk: AsyncLogsQueryClient) -> None:
    await control(box, "faults", match={"path": "/query$"}, kind="partial")
    texts = (
        "range x from 1 to 2 step 1",
        COUNT,
        "Nope | count",
        "Syslog | make-series count() on TimeGenerated step 1h",
    )
    found = await sdk.query_batch([LogsBatchQuery(WORKSPACE, text, timespan=DAY) for text in texts])
    assert [LogsQueryPartialResult, LogsQueryResult, LogsQueryError, LogsQueryError] == [type(one) for one in found]
    codes = [one.code for one in found if isinstance(one, LogsQueryError)]
    assert ["BadArgumentError", "NotImplementedInTheBox"] == codes


async def test_more_rows_than_azure_gives_are_a_partial_result(sdk: AsyncLogsQueryClient) -> None:
    result = await sdk.query_workspace(WORKSPACE, "range x from 1 to 500001 step 1", timespan=None)
    assert isinstance(result, LogsQueryPartialResult)
    assert 500_000 == len(result.partial_data[0].rows)
    assert result.partial_error
    assert "PartialError" == result.partial_error.code
    assert "record count limit 500000" in str(result.partial_error.details)


async def test_more_bytes_than_azure_gives_are_a_partial_result(sdk: AsyncLogsQueryClient) -> None:
    kql = "range x from 1 to 120000 step 1 | extend text = strrep('0123456789', 100)"
    result = await sdk.query_workspace(WORKSPACE, kql, timespan=None)
    assert isinstance(result, LogsQueryPartialResult)
    assert 100_000 < len(result.partial_data[0].rows) < 105_000


async def test_the_time_span_is_applied_by_the_server(box: Served, sdk: AsyncLogsQueryClient) -> None:
    now = dt.datetime.now(dt.UTC)
    ages = [dt.timedelta(minutes=1), dt.timedelta(hours=30), dt.timedelta(days=9)]
    await control(box, "logs", table="Syslog", rows=[{"TimeGenerated": (now - age).isoformat()} for age in ages])
    spans = [DAY, (now - 2 * DAY, DAY), (now - 2 * DAY, now), dt.timedelta(weeks=2), None]
    assert [1, 1, 2, 3, 3] == [(await ask(sdk, timespan=span))[0][0] for span in spans]


async def test_rows_with_a_lag_are_not_seen_yet(box: Served, sdk: AsyncLogsQueryClient) -> None:
    await control(box, "logs", table="Syslog", rows=[{"Computer": "a"}], lag=3600)
    assert [0] == [row[0] for row in await ask(sdk)]


async def test_a_missing_table_and_a_forbidden_one_are_told_apart(box: Served, sdk: AsyncLogsQueryClient) -> None:
    await control(box, "logs", table="Syslog", missing=True)
    await control(box, "logs", table="SecurityEvent", forbidden=True)
    missing, forbidden = await refusal(sdk, "Syslog | take 1"), await refusal(sdk, "SecurityEvent | take 1")
    assert (400, 403) == (missing[0], forbidden[0])
    assert "'take' operator: Failed to resolve table or column expression named 'Syslog'" in missing[1]
    assert "InsufficientAccessError" in forbidden[1]


async def test_a_throttled_query_is_repeated_by_the_client(box: Served) -> None:
    await control(box, "faults", match={"path": "^/v1/"}, kind="429")
    credential = Credential(await token(box))
    async with AsyncLogsQueryClient(credential, **options(box, retry_total=1)) as client:
        assert [0] == [row[0] for row in await ask(client)]
    calls = (await box.client.get("/_box/calls")).json()["calls"]
    assert [429, 200] == [one["status"] for one in calls]


async def test_a_query_that_takes_too_long_times_out_and_ends(sdk: AsyncLogsQueryClient) -> None:
    status, text = await refusal(sdk, ENDLESS, server_timeout=1)
    assert (504, True) == (status, "GatewayTimeout" in text)
    assert [0] == [row[0] for row in await ask(sdk)]


async def test_a_wrong_token_and_a_wrong_workspace_are_refused(box: Served, sdk: AsyncLogsQueryClient) -> None:
    credential = Credential(await token(box, "https://management.azure.com"))
    async with AsyncLogsQueryClient(credential, **options(box)) as client:
        status, text = await refusal(client)
    assert (403, True) == (status, "InvalidAuthenticationTokenAudience" in text)
    with pytest.raises(HttpResponseError, match="InsufficientAccessError"):
        await sdk.query_workspace("44444444-4444-4444-4444-444444444444", COUNT, timespan=DAY)


async def test_the_client_loses_an_answer(box: Served, sdk: AsyncLogsQueryClient) -> None:
    await control(box, "faults", match={"path": "^/v1/"}, kind="lost-answer", times=2)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        await ask(sdk)
