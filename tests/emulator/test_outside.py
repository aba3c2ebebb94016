"""The computers outside Azure in the box: as ARM and Resource Graph show them, and what their agents report."""

from emulator.arm.cloud import Cloud
from emulator.logs import agents
from emulator.logs.store import Logs
from emulator.world import build, outside
from tests.emulator.conftest import SUBSCRIPTION, Box
from tests.emulator.graph import rows

MACHINES = f"{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines"
STATES = """
resources
| where type =~ 'microsoft.hybridcompute/machines'
| summarize servers = count() by status = tostring(properties.status)
| order by status asc
"""


async def heard(kql: str, seed: str = "demo") -> list[list[object]]:
    """What a query finds among the heartbeats of a world."""
    cloud, logs = Cloud(clock=lambda: 0.0, new_id=lambda: "1"), Logs(lambda: 1_800_000_000.0)
    build(cloud, seed)
    agents.report(logs, cloud.store)
    return (await logs.query(f"Heartbeat | {kql}", None)).rows


async def test_arm_shows_a_server_with_azures_own_names(box: Box) -> None:
    found = (await box.call("GET", f"{MACHINES}/pos-08")).json()
    properties = found["properties"]
    assert ("Microsoft.HybridCompute/machines", "westeurope", "pos-08") == (
        found["type"], found["location"], found["name"]
    )  # fmt: skip
    assert ("Disconnected", "windows", "pos-08") == (
        properties["status"], properties["osType"], properties["osProfile"]["computerName"]
    )  # fmt: skip
    [nic] = properties["networkProfile"]["networkInterfaces"]
    assert ["192.168.20.8"] == [one["address"] for one in nic["ipAddresses"]]


async def test_nobody_writes_a_server(box: Box) -> None:
    assert 405 == (await box.call("PUT", f"{MACHINES}/dc-01", {"location": "westeurope"})).status_code


async def test_there_are_servers_in_each_state(box: Box) -> None:
    found = [(one["status"], one["servers"]) for one in await rows(box, STATES)]
    assert [("Connected", 6), ("Disconnected", 2), ("Expired", 1)] == found


async def test_some_agents_name_their_server_and_some_only_their_firmware() -> None:
    outside_azure = "where ComputerEnvironment == 'Non-Azure' and"
    assert [[4]] == await heard(f"{outside_azure} isnotempty(_ResourceId) | count")
    assert [[4]] == await heard(f"{outside_azure} isempty(_ResourceId) and isnotempty(VMUUID) | count")


async def test_who_is_away_or_silent_does_not_report() -> None:
    away = [one.name for one in outside.SERVERS if not one.reports]
    assert ["pos-08", "pos-09", "legacy-03", "hmi-02"] == away
    assert [[0]] == await heard("where _ResourceId has_any ('pos-08', 'pos-09', 'legacy-03', 'hmi-02') | count")


async def test_other_worlds_have_no_computers_outside() -> None:
    assert [[0]] == await heard("where ComputerEnvironment == 'Non-Azure' | count", "empty")
