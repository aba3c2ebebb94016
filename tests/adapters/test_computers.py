"""Computers outside Azure behind their ports: servers of Azure Arc in Resource Graph, and who reports in the logs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from emulator.box import Box
from shared.adapters.graph_servers import arc_server
from shared.domain.computers import ArcServer
from shared.domain.evidence import Part, Reporter
from shared.outside import Servers
from shared.ports import Unavailable
from tests.adapters.conftest import Arm
from tests.adapters.workspace import Desk, Row, at, in_front_of, minute
from tests.domain.values import SUBSCRIPTION
from tests.services.past import ToldServers

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/onpremises/providers/Microsoft.HybridCompute/machines"
UUID = "8c3c1f5c-0000-5000-8000-00155d0a0b0c"
LAB: Row = {
    "TimeGenerated": at(1), "Computer": "lab-04.corp.example", "ComputerEnvironment": "Non-Azure", "OSType": "Linux",
    "ComputerIP": "192.168.40.4", "VMUUID": UUID.upper(), "SourceComputerId": "A-1",
}  # fmt: skip


class ServersContract:
    """The promises. pos-08 is a Windows server that is disconnected."""

    async def test_a_server_is_seen_with_what_azure_arc_has_of_it(self, servers: Servers) -> None:
        [pos] = [one for one in (await servers.servers((SUBSCRIPTION,))).servers if one.name == "pos-08"]
        assert ("Disconnected", datetime(2026, 1, 20, 6, 12, 33, 333333, UTC)) == (pos.status, pos.since)
        assert ("Windows", "1.58.03228.2572", "westeurope") == (pos.system, pos.agent, pos.location)
        assert (("192.168.20.8",), f"{GROUP}/pos-08".lower()) == (pos.addresses, pos.id.lower())

    async def test_every_server_is_seen_once(self, servers: Servers) -> None:
        ids = [one.id.lower() for one in (await servers.servers((SUBSCRIPTION,))).servers]
        assert (len(set(ids)), True) == (len(ids), len(ids) > 1)


class TestToldServers(ServersContract):
    """In memory."""

    @pytest.fixture
    def servers(self) -> Servers:
        since = datetime(2026, 1, 20, 6, 12, 33, 333333, UTC)
        pos = ArcServer(f"{GROUP}/pos-08", "westeurope", "Disconnected", since, "1.58.03228.2572", "Windows")
        pos = replace(pos, addresses=("192.168.20.8",))
        return ToldServers([pos, ArcServer(f"{GROUP}/dc-01", "westeurope")])


class TestGraphServers(ServersContract):
    """In Resource Graph."""

    @pytest.fixture
    def servers(self, arm: Arm) -> Servers:
        return arm.inventory


async def test_an_index_that_is_away_is_no_empty_list(arm: Arm) -> None:
    await arm.fault("403", match={"path": "Microsoft.ResourceGraph"}, times=9)
    with pytest.raises(Unavailable):
        await arm.inventory.servers((SUBSCRIPTION,))


async def test_a_server_has_what_it_calls_itself_and_its_firmware(arm: Arm) -> None:
    [erp] = [one for one in (await arm.inventory.servers((SUBSCRIPTION,))).servers if one.name == "erp-01"]
    assert ("erp-01", 36, (("team", "finance"),)) == (erp.host, len(erp.uuid), erp.tags)


def test_a_row_with_nothing_but_its_id_is_a_server() -> None:
    assert ArcServer(f"{GROUP}/bare", "") == arc_server({"id": f"{GROUP}/bare", "status": None, "nics": None})


@pytest.mark.parametrize("row", [{}, {"id": GROUP, "since": "yesterday"}, {"id": GROUP, "nics": 5}])
def test_a_row_that_makes_no_sense_is_not_understood(row: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError, AttributeError)):
        arc_server(row)


@pytest.fixture
async def desk(emulator: Box) -> AsyncIterator[Desk]:
    """A workspace in which the demo world has reported before noon of the tests, or after."""
    async with in_front_of(emulator) as found:
        yield found


async def told(desk: Desk) -> list[Reporter]:
    return list((await desk.tell(Part.REPORTERS, machines=None)).reporters)


async def test_who_reports_is_told_once_with_its_marks_and_when_it_last_did(desk: Desk) -> None:
    await desk.put("Heartbeat", *({**LAB, "TimeGenerated": at(number)} for number in (1, 3, 2)))
    expected = Reporter("lab-04.corp.example", "", UUID, "a-1", "Linux", "192.168.40.4", minute(3))
    assert [expected] == await told(desk)


async def test_a_record_names_its_server_in_either_column(desk: Desk) -> None:
    for number, column in enumerate(("_ResourceId", "ResourceId")):
        await desk.put("Heartbeat", {**LAB, "Computer": f"c-{number}", column: f"{GROUP}/DC-01"})
    assert [f"{GROUP}/dc-01".lower()] * 2 == [one.resource for one in await told(desk)]


@pytest.mark.parametrize(
    "other",
    [
        {"ComputerEnvironment": "Azure"},
        {"TimeGenerated": at(-1)},
        {"_ResourceId": GROUP.replace(SUBSCRIPTION, "99999999-1111-1111-1111-111111111111") + "/far"},
    ],
)
async def test_machines_of_azure_other_times_and_other_subscriptions_are_not_told(
    desk: Desk, other: dict[str, object]
) -> None:
    await desk.put("Heartbeat", {**LAB, "Computer": "other", **other}, LAB)
    assert ["lab-04.corp.example"] == [one.computer for one in await told(desk)]


async def test_two_computers_of_one_name_are_told_apart(desk: Desk) -> None:
    await desk.put("Heartbeat", LAB, {**LAB, "VMUUID": "", "SourceComputerId": "B-2"})
    assert {(UUID, "a-1"), ("", "b-2")} == {(one.uuid, one.agent) for one in await told(desk)}
