"""The `Network` port on Amazon EC2: for each instance a virtual group stands for its security groups.

EC2 knows no If-Match, so a gate is read again before it is written, and one that has changed since it was planned for
is a conflict. EC2 shows what was written only after a moment: a write is read back until it shows.

Source: Amazon EC2 API Reference, "Ensuring idempotency", "Eventual consistency in the Amazon EC2 API".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from shared.adapters.ec2_bench import Bench
from shared.adapters.ec2_client import Calls
from shared.adapters.ec2_gate import Gate
from shared.adapters.ec2_moves import carry_out
from shared.adapters.ec2_reading import Evidence, look, public_addresses
from shared.aws_settings import Place
from shared.domain.machines import Endpoint, Machine, MachineId, machine_behind
from shared.domain.planning import Plan
from shared.ports import Clock, Conflict, NotFound, Observed, Unavailable

type Json = Mapping[str, Any]

_LOOKS: Final = (0.3, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0)  # Seconds between one look and the next.
_UNFLUSHABLE: Final = "security groups of Amazon EC2 cannot end sessions"
_NOT_TOLD: Final = timedelta(minutes=5)
"""When it makes sense to ask again about a place that Postern was not told of: somebody has to change a setting."""


class Ec2Network:
    """Instances and their gates. All of them have ids in one subscription, so that each has only one."""

    def __init__(self, calls: Calls, places: Iterable[Place], subscription: str, clock: Clock) -> None:
        self._calls, self._clock = calls, clock
        self._places = {place.group: place for place in places}
        self._subscription = subscription

    async def machine(self, id_: MachineId) -> Machine:
        """The instance and its addresses. Raises NotFound, Unavailable."""
        place = self._place(id_)
        evidence = await look(self._calls, place, id_.name.lower())
        found = evidence.by_id.get(id_.name.lower())
        if found is None:
            raise NotFound(f"There is no instance {id_.name} in {place.region} of {place.account}.")
        return as_machine(id_of(self._subscription, place, id_.name.lower()), place, evidence)

    async def group(self, nsg: str) -> Observed:
        """The gate as it stands. Raises NotFound, Unavailable."""
        return Observed((await self._gate(nsg)).nsg(), {})

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan and read the gate back when it shows, or when it has had time enough to."""
        gate = await self._gate(observed.nsg.id)
        if gate.nsg().etag != observed.nsg.etag:
            raise Conflict(f"{observed.nsg.id} is no longer as observed")
        await carry_out(Bench(self._calls, self._place(gate.id), gate), plan)
        after = await self._shown(observed.nsg.id, plan)
        return Observed(after.nsg(), {}, _UNFLUSHABLE if plan.flush else "")

    async def attach(self, nic: str, nsg: str) -> None:
        """Nothing to do: no interface of an instance is without a security group."""

    async def detach(self, nic: str, nsg: str) -> None:
        """Nothing to do, as for `attach`."""

    async def discard(self, nsg: str) -> str | None:
        """Nothing to do: a gate is no more than what stands in the instance's groups."""

    async def _shown(self, nsg: str, plan: Plan) -> Gate:
        gate = await self._gate(nsg)
        for seconds in _LOOKS:
            if _shows(gate, plan):
                break
            await self._clock.sleep(timedelta(seconds=seconds))
            gate = await self._gate(nsg)
        return gate

    async def _gate(self, nsg: str) -> Gate:
        id_ = machine_behind(nsg)
        if id_ is None:
            raise NotFound(f"{nsg} is not the gate of an instance.")
        place, name = self._place(id_), id_.name.lower()
        gate = (await look(self._calls, place, name)).gate(id_of(self._subscription, place, name))
        if gate.is_empty:
            raise NotFound(f"There is no instance {name} in {place.region} of {place.account}.")
        return gate

    def _place(self, id_: MachineId) -> Place:
        if not id_.is_instance:
            raise NotFound(f"{id_} is not an instance.")
        place = self._places.get(id_.group.lower())
        if place is None or id_.subscription != self._subscription:
            # Whether it is there nobody has asked AWS: what stands open must not be taken for gone.
            told = f"Postern was not told to guard instances of {id_.group} in {id_.subscription}."
            raise Unavailable(told, _NOT_TOLD)
        return place


def _shows(gate: Gate, plan: Plan) -> bool:
    nsg = gate.nsg()
    touched = {change.rule.name.lower() for change in plan.changes}
    return plan.stands_in(nsg) and all(rule.settled for rule in nsg.ours if rule.name.lower() in touched)


def id_of(subscription: str, place: Place, instance: str) -> MachineId:
    """The id of an instance, in the form of a resource id."""
    scope = f"/subscriptions/{subscription}/resourceGroups/{place.group}"
    return MachineId(f"{scope}/providers/Amazon.EC2/instances/{instance}")


def nic_id(id_: MachineId, nic: str) -> str:
    """The id of an interface of an instance, in the form of a resource id."""
    return f"{id_}/networkInterfaces/{nic}"


def as_machine(id_: MachineId, place: Place, evidence: Evidence) -> Machine:
    """An instance that is there, with its gate before each of its addresses."""
    instance = evidence.by_id[id_.name]
    interfaces = evidence.gate(id_).interfaces
    return Machine(
        id_,
        place.region,
        system_of(instance),
        tuple(Endpoint(one, nic_nsg=id_.gate, nic=nic_id(id_, nic.id)) for nic in interfaces for one in nic.addresses),
        public_addresses(instance),
        managed_by(instance),
    )


def system_of(instance: Json) -> str:
    """Windows, or else Linux: EC2 tells one from all others."""
    return "Windows" if str(instance.get("Platform") or "").lower() == "windows" else "Linux"


def managed_by(instance: Json) -> str:
    """The service of AWS that manages an instance; empty when its owner does."""
    operator = instance.get("Operator") or {}
    return str(operator.get("Principal") or "a service of AWS") if operator.get("Managed") else ""
