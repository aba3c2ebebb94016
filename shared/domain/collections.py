"""Machines as callers of Defender's API see them: in named collections of a resource group and a location.

Postern keeps one policy for each machine, with the name of its collection; a collection is what bears the same name
in the same place, and is there as long as a machine is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.decisions import AskedPort, Wish
from shared.domain.grants import Grant
from shared.domain.guarding import Guarded
from shared.domain.issues import Issue
from shared.domain.machines import Machine, MachineId

_PORT: Final = re.compile(r"ports\[(\d+)\](.*)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where collections are looked for; what is None may be any."""

    subscription: str  # In lower case.
    group: str | None = None
    location: str | None = None
    name: str | None = None

    def holds(self, guarded: Guarded) -> bool:
        """Whether a machine under a policy is in a collection of this place."""
        machine = guarded.machine
        return (
            machine.id.subscription == self.subscription
            and self.group in {None, machine.id.group.lower()}
            and self.location in {None, location_of(machine)}
            and self.name in {None, guarded.collection.lower()}
        )

    def misplaced(self, id_: MachineId, machine: Machine | None) -> tuple[Issue, ...]:
        """Why a machine cannot be in a collection of this place; where it is in Azure, only ARM's answer tells."""
        if id_.subscription != self.subscription or id_.group.lower() != self.group:
            text = f"{id_.name} is in the resource group {id_.group}, and a policy holds machines of its own one only."
            return (Issue("otherResourceGroup", "", text),)
        if machine and location_of(machine) != self.location:
            text = f"{id_.name} is in {machine.location}, and a policy holds machines of its own location only."
            return (Issue("otherLocation", "", text),)
        return ()


@dataclass(frozen=True, slots=True)
class Collection:
    """A named collection of machines, and the grants of its machines that the caller may see, the oldest first."""

    machines: tuple[Guarded, ...]  # At least one.
    grants: tuple[Grant, ...] = ()

    @property
    def name(self) -> str:
        """The collection's name, in the case in which it was first given."""
        return self.machines[0].collection

    @property
    def location(self) -> str:
        """The Azure region of its machines."""
        return location_of(self.machines[0].machine)


def location_of(machine: Machine) -> str:
    """The name of a machine's region as it stands in ids."""
    return named_location(machine.location)


def named_location(text: str) -> str:
    """The name of a region: "West Europe" and "westeurope" are the same."""
    return "".join(text.split()).lower()


def collected(machines: Iterable[Guarded]) -> list[Collection]:
    """Machines put together in their collections, sorted by place and name."""
    found: dict[tuple[str, str, str], list[Guarded]] = {}
    for guarded in sorted(machines, key=lambda one: str(one.machine.id).lower()):
        machine = guarded.machine
        key = (machine.id.group.lower(), location_of(machine), guarded.collection.lower())
        found.setdefault(key, []).append(guarded)
    return [Collection(tuple(found[key])) for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class AskedEntry:
    """One port of one machine that is asked for, until when or for how long, and where in the document that stands."""

    machine: MachineId
    port: AskedPort
    duration: timedelta | None
    ends_at: datetime | None
    path: str


@dataclass(frozen=True, slots=True)
class Portion:
    """What of a request becomes one grant: the ports of a machine that end together."""

    machine: MachineId
    wish: Wish
    paths: tuple[str, ...]  # Where each of its ports stands in the document.

    def placed(self, issue: Issue) -> Issue:
        """An issue with the wish, at its place in the document."""
        if match := _PORT.fullmatch(issue.path):
            return replace(issue, path=self.paths[int(match[1])] + match[2])
        if issue.path == "justification":
            return issue
        return replace(issue, path=f"{self.paths[0]}.{issue.path}".removesuffix("."))


def portions(entries: Sequence[AskedEntry], justification: str) -> list[Portion]:
    """A request in portions, in the order in which they are first named."""
    found: dict[tuple[MachineId, timedelta | None, datetime | None], list[AskedEntry]] = {}
    for entry in entries:
        found.setdefault((entry.machine, entry.duration, entry.ends_at), []).append(entry)
    return [
        Portion(
            machine,
            Wish(tuple(entry.port for entry in some), duration, ends_at, justification),
            tuple(entry.path for entry in some),
        )
        for (machine, duration, ends_at), some in found.items()
    ]
