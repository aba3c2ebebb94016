"""The `Inventory` port on Amazon EC2: all instances in a region of an account, and their gates.

All of a region is read in a few calls, and used again for a while for the list of machines; the gates are read anew, as
what stands in groups always is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.ec2_client import Calls
from shared.adapters.ec2_network import as_machine, id_of, managed_by, nic_id, system_of
from shared.adapters.ec2_reading import Evidence, look_at_all
from shared.adapters.ec2_rules import read_tags
from shared.aws_settings import Place
from shared.domain.inventory import (
    Attached,
    MachineKind,
    Occupied,
    PrivateAddress,
    Reason,
    ResourceLock,
    Sighting,
    Snapshot,
)
from shared.domain.machines import Machine
from shared.ports import Clock, Conflict, NotFound, Unavailable

type Json = Mapping[str, Any]


class Ec2Inventory:
    """The instances of one place, listed in one subscription. Raises Unavailable when they cannot be seen."""

    def __init__(self, calls: Calls, place: Place, subscription: str, *, age: timedelta, clock: Clock) -> None:
        self._calls, self._place, self._subscription = calls, place, subscription
        self._age, self._clock = age, clock
        self._reading: tuple[datetime, asyncio.Task[Evidence]] | None = None

    async def machines(self, subscriptions: Sequence[str]) -> Snapshot:
        """Every instance that is not over."""
        if self._subscription not in subscriptions:
            return Snapshot(self._clock.now(), [], {})
        evidence = await self._seen(self._age)
        at = self._reading[0] if self._reading else self._clock.now()
        return Snapshot(at, list(self._sightings(evidence)), {})

    async def groups(self, subscription: str) -> Sequence[Attached]:
        """The gate of each instance, and of each that is over and of which something is still put aside."""
        return list(self._gates(await self._seen(timedelta()))) if subscription == self._subscription else []

    async def interfaces(self, subscription: str) -> Sequence[Occupied]:
        """Which instance has which address."""
        if subscription != self._subscription:
            return []
        machines = self._machines(await self._seen(timedelta()))
        return [Occupied(one.id, place.address, "", place.nic_nsg) for one in machines for place in one.endpoints]

    async def resource_locks(self, subscription: str) -> Sequence[ResourceLock]:
        """None: AWS has nothing of the kind."""
        del subscription
        return ()

    async def _seen(self, age: timedelta) -> Evidence:
        """What is being read, or was not longer ago than this. A failure is not kept."""
        now = self._clock.now()
        at, task = self._reading or (now, None)
        if task is None or (task.done() and (now - at >= age or task.cancelled() or task.exception())):
            task = asyncio.create_task(self._look())
            self._reading = (now, task)
        return await asyncio.shield(task)

    async def _look(self) -> Evidence:
        try:
            return await look_at_all(self._calls, self._place)
        except (NotFound, Conflict, Unavailable) as error:
            where = f"The instances in {self._place.region} of the AWS account {self._place.account}"
            raise Unavailable(f"{where} are not shown: {error}") from error

    def _machines(self, evidence: Evidence) -> Iterator[Machine]:
        ids = (id_of(self._subscription, self._place, name) for name in evidence.by_id)
        yield from (as_machine(id_, self._place, evidence) for id_ in ids)

    def _gates(self, evidence: Evidence) -> Iterator[Attached]:
        for name in sorted({*evidence.by_id, *evidence.left_over}):
            id_ = id_of(self._subscription, self._place, name)
            gate = evidence.gate(id_)
            yield Attached(id_.gate, gate.nsg(), tuple(nic_id(id_, nic.id) for nic in gate.interfaces), ())

    def _sightings(self, evidence: Evidence) -> Iterator[Sighting]:
        for machine in self._machines(evidence):
            instance = evidence.by_id[machine.id.name]
            hurdle = evidence.gate(machine.id).hurdle
            yield Sighting(
                str(machine.id),
                MachineKind.INSTANCE,
                self._place.region,
                system_of(instance),
                str(instance["State"]["Name"]),
                read_tags(instance),
                managed_by(instance),
                tuple(PrivateAddress(one.address, one.nic, "") for one in machine.endpoints),
                machine.public_addresses,
                (Reason("groupUnfit", hurdle),) if hurdle else (),
            )
