"""The `Network` port over every kind of gate: network security groups, and what stands for them outside Azure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared.domain.machines import Machine, MachineId, machine_behind
from shared.domain.planning import Plan
from shared.ports import Network, Observed, Unavailable

_WHILE_NOT_SET_UP = timedelta(minutes=5)


class Gates:
    """Hands each call to whoever knows the machine or the group that it is about.

    `outside` are those for machines outside Azure, by the provider in their ids, in lower case. Nothing can be told of
    a machine whose provider nobody was set up for.
    """

    def __init__(self, azure: Network, outside: Mapping[str, Network]) -> None:
        self._azure = azure
        self._outside = outside

    async def machine(self, id_: MachineId) -> Machine:
        """The machine and its network path."""
        return await self._of(id_).machine(id_)

    async def group(self, nsg: str) -> Observed:
        """The group as it stands."""
        return await self._before(nsg).group(nsg)

    async def apply(self, observed: Observed, plan: Plan) -> Observed:
        """Carry out a plan, wait until it is in force, and return the group as read back."""
        return await self._before(observed.nsg.id).apply(observed, plan)

    async def attach(self, nic: str, nsg: str) -> None:
        """Put a group on a network interface that has none."""
        await self._before(nsg).attach(nic, nsg)

    async def detach(self, nic: str, nsg: str) -> None:
        """Take a group off a network interface."""
        await self._before(nsg).detach(nic, nsg)

    async def discard(self, nsg: str) -> str | None:
        """Delete a group; why not, when that cannot be."""
        return await self._before(nsg).discard(nsg)

    def _before(self, nsg: str) -> Network:
        machine = machine_behind(nsg)
        return self._of(machine) if machine else self._azure

    def _of(self, machine: MachineId) -> Network:
        if not machine.is_outside:
            return self._azure
        provider = machine.text.lower().split("/")[6]
        if provider not in self._outside:
            # A slip in the settings says nothing of machines that were guarded before it: they are not gone.
            raise Unavailable(f"Postern is not set up for machines of {provider}.", _WHILE_NOT_SET_UP)
        return self._outside[provider]
