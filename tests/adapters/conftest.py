"""The real ports: Table Storage in Azurite and ARM in the emulator, signed in to as on Azure."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from azure.identity.aio import DefaultAzureCredential

from emulator.aws import connect, serving
from emulator.box import Box
from emulator.environment import ACCOUNT
from emulator.ports import Ports
from shared.adapters.arm_client import Arm as Client
from shared.adapters.arm_network import ArmNetwork
from shared.adapters.graph_inventory import GraphInventory
from shared.adapters.storage import Tables
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.keys import new_grant_id
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.people import Person
from tests.adapters.aws import Aws, sign_in
from tests.domain.values import NOW, OFFICE, TCP, machine_id

ANN, BOB = Person("ann", "Ann"), Person("bob", "Bob")
_NUMBERS = count(1)
_LONGEST_NAP = timedelta(milliseconds=20)


class HastyClock:
    """Does not wait as long as it is asked to: what is tested is that one waits, not for how long."""

    def now(self) -> datetime:
        """The present."""
        return datetime.now(UTC)

    async def sleep(self, duration: timedelta) -> None:
        """A short nap."""
        await asyncio.sleep(min(duration, _LONGEST_NAP).total_seconds())


def fresh_machine() -> MachineId:
    """A machine that no other test has heard of."""
    return machine_id(f"machine-{next(_NUMBERS)}")


def fresh_grant(machine: MachineId | None = None, requestor: Person = ANN, after: int = 0) -> Grant:
    """A grant that has just been asked for, some seconds after the tests' noon."""
    machine, number = machine or fresh_machine(), next(_NUMBERS)
    at = NOW + timedelta(seconds=after)
    first = Occurrence(0, State.OPENING, at, requestor)
    ports = (GrantPort((22, 22), TCP, (OFFICE,)),)
    id_ = new_grant_id(machine.key, at, number)
    return Grant(id_, machine, State.OPENING, requestor, ports, at, at + timedelta(hours=1), first, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Arm:
    """The emulated ARM: the port under test, and a look behind it."""

    network: ArmNetwork
    inventory: GraphInventory
    box: Box
    token: str
    client: Client

    async def call(self, method: str, id_: str, body: object = None) -> Any:  # noqa: ANN401 - JSON.
        """One call of ARM that must succeed, past the port."""
        url = f"{self.box.site.emulator}{id_}?api-version=2025-05-01"
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.box.client.request(method, url, json=body, headers=headers)
        return answer.raise_for_status().json()

    async def fault(self, kind: str, **more: object) -> None:
        """Let something go wrong with the next call that matches."""
        await self.box.post(f"{self.box.site.emulator}/_box/faults", {"kind": kind, **more})

    async def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls that ARM has seen, without those of `call`'s reads."""
        answer = await self.box.client.get(f"{self.box.site.emulator}/_box/calls", params={"since": since})
        return list(answer.raise_for_status().json()["calls"])


@pytest.fixture(scope="session")
async def tables(azurite: Box, emulator: Box) -> AsyncIterator[Tables]:
    """Table Storage."""
    assert azurite is emulator
    endpoint = f"https://127.0.0.1:{azurite.site.ports.tables}/{ACCOUNT}"
    async with DefaultAzureCredential() as credential:
        tables = Tables.at(endpoint, credential)
        yield tables
        await tables.close()


@pytest.fixture(scope="session")
def aws(find_ports: Callable[[], Ports]) -> Iterator[Aws]:
    """Amazon EC2, which remembers what other tests did in it."""
    with serving(find_ports().postern) as port:
        yield Aws(connect(port), sign_in(port, HastyClock()), HastyClock())


@pytest.fixture
async def arm(azurite: Box, emulator: Box) -> AsyncIterator[Arm]:
    """ARM in the demo world, as quick as it can be."""
    assert azurite is emulator
    await emulator.reset("demo")
    control = f"{emulator.site.emulator}/_box"
    await emulator.post(f"{control}/latency", {"read": 0, "write": 0, "operation": 0})
    token = (await emulator.post(f"{control}/token", {})).json()["access_token"]
    async with DefaultAzureCredential() as credential:
        client = Client(credential, emulator.site.emulator, HastyClock())
        inventory = GraphInventory(client, timedelta())
        yield Arm(ArmNetwork(client), inventory, emulator, token, client)
        await asyncio.gather(inventory.close(), client.close())
    (await emulator.client.delete(f"{control}/faults")).raise_for_status()
