"""Which machines' agents report."""

from emulator.arm.cloud import Cloud
from emulator.logs import agents
from emulator.logs.store import Logs
from emulator.world import build


async def test_every_machine_that_runs_has_reported_and_no_other() -> None:
    cloud, logs = Cloud(clock=lambda: 0.0, new_id=lambda: "1"), Logs(lambda: 1_800_000_000.0)
    build(cloud, "demo")
    agents.report(logs, cloud.store)
    kql = "Heartbeat | where Computer in ('web-01', 'sleeper-01') | project Computer, ComputerEnvironment, OSType"
    assert [["web-01", "Azure", "Linux"]] == (await logs.query(kql, None)).rows
