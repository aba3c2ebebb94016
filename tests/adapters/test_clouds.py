"""Every cloud of Azure has endpoints of its own; for each, tokens are asked for that it takes."""

from datetime import timedelta
from typing import Any, Self

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from shared.adapters.arm_client import Arm, scope_of
from shared.adapters.graph_inventory import GraphInventory
from shared.adapters.log_analytics import LogAnalytics, Workspace
from shared.domain.evidence import Part
from shared.ports import Unavailable
from tests.adapters.conftest import HastyClock
from tests.adapters.workspace import SCOPE
from tests.domain.values import SUBSCRIPTION

# A stack of one's own, whose name nobody answers to.
ELSEWHERE = "https://management.stack.example"
ARM = {
    "https://management.azure.com": "https://management.azure.com/.default",
    "https://management.chinacloudapi.cn": "https://management.chinacloudapi.cn/.default",
    # As Microsoft's own SDK asks there (azure.mgmt.core.tools, get_arm_endpoints).
    "https://management.usgovcloudapi.net": "https://management.core.usgovcloudapi.net/.default",
    ELSEWHERE: f"{ELSEWHERE}/.default",
}
LOGS = {
    "https://api.loganalytics.io": "https://api.loganalytics.io/.default",
    "https://api.loganalytics.us": "https://api.loganalytics.us/.default",
    "https://api.loganalytics.azure.cn": "https://api.loganalytics.azure.cn/.default",
    "https://logs.stack.example/v1": "https://logs.stack.example/.default",
}


class Refused:
    """A credential that notes what is asked for and gives nothing, so that nothing is sent anywhere."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # noqa: ANN401 - the SDK's options.
        """Never a token."""
        self.asked += scopes
        raise ClientAuthenticationError("no token is given here")

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held open."""


@pytest.mark.parametrize("endpoint", ARM)
def test_a_token_for_arm_is_asked_for_the_cloud_that_the_endpoint_is_of(endpoint: str) -> None:
    assert ARM[endpoint] == scope_of(endpoint)


@pytest.mark.parametrize("endpoint", ARM)
async def test_reading_and_writing_and_the_index_ask_for_the_same_token(endpoint: str) -> None:
    credential = Refused()
    arm = Arm(credential, endpoint, HastyClock())
    inventory = GraphInventory(arm, timedelta())
    with pytest.raises(Unavailable):
        await arm.get("/subscriptions")
    with pytest.raises(Unavailable):
        await inventory.machines([SUBSCRIPTION])
    with pytest.raises(ClientAuthenticationError):
        await arm.client(f"/subscriptions/{SUBSCRIPTION}").security_rules.get("demo", "web-nsg", "any")
    await inventory.close()
    await arm.close()
    assert {ARM[endpoint]} == set(credential.asked)


@pytest.mark.parametrize("endpoint", LOGS)
async def test_a_token_for_the_logs_is_asked_for_the_cloud_that_the_endpoint_is_of(endpoint: str) -> None:
    credential = Refused()
    logs = LogAnalytics(credential, Workspace("11111111-0000-0000-0000-000000000000", endpoint), HastyClock())
    await logs.tell(SCOPE, {Part.HOURS})
    await logs.close()
    assert {LOGS[endpoint]} == set(credential.asked)
