"""Resource Graph through Microsoft's own client, against the emulator as a process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.resourcegraph.aio import ResourceGraphClient
from azure.mgmt.resourcegraph.models import QueryRequest, QueryRequestOptions, QueryResponse

from emulator import world
from tests.emulator.conftest import Served
from tests.emulator.graph import MACHINES, SPACES
from tests.emulator.test_server import Credential


@pytest.fixture(scope="session")
async def sdk(served: Served) -> AsyncIterator[ResourceGraphClient]:
    """Microsoft's client, against the process."""
    token = (await served.client.post("/_box/token", json={})).json()["access_token"]
    options: dict[str, Any] = {"connection_verify": str(served.cert), "retry_total": 0, "use_env_settings": False}
    async with ResourceGraphClient(Credential(token), served.base, **options) as client:
        yield client


async def ask(sdk: ResourceGraphClient, query: str, **options: Any) -> QueryResponse:  # noqa: ANN401  # As the SDK's.
    chosen = QueryRequestOptions(**options)
    return await sdk.resources(QueryRequest(subscriptions=[world.SUBSCRIPTION], query=query, options=chosen))


async def test_the_sdk_reads_all_machines_page_by_page(sdk: ResourceGraphClient) -> None:
    found: list[dict[str, Any]] = []
    token = None
    while not found or token:
        answer = await ask(sdk, MACHINES, top=15, skip_token=token)
        # The type says mapping; an objectArray is a list of them.
        part: Any = answer.data
        found += part
        token = answer.skip_token
    assert answer.total_records == len({one["id"] for one in found}) == len(found)
    assert [{"id": str, "configurations": list, "publics": list, "nsg": str}] == [
        {name: type(value) for name, value in nic.items()}
        for machine in found
        if machine["name"] == "web-01"
        for nic in machine["nics"]
    ]


async def test_the_sdk_reads_a_table(sdk: ResourceGraphClient) -> None:
    answer = await ask(sdk, SPACES, result_format="table")
    assert ["id", "space", "peerings", "subnets"] == [one["name"] for one in answer.data["columns"]]
    assert [2, "false", None] == [answer.count, answer.result_truncated, answer.skip_token]


async def test_the_sdk_is_told_what_is_wrong_with_a_query(sdk: ResourceGraphClient) -> None:
    with pytest.raises(HttpResponseError, match="InvalidQuery") as caught:
        await ask(sdk, "resources | wher name == 'a'")
    assert caught.value.status_code == 400
