"""Whether flows to machines are logged at all: without a flow log nothing tells who tried.

Source: Azure documentation, "Virtual network flow logs" and "Traffic analytics".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.evidence import Gap, Lack
from shared.domain.shapes import some_names


@dataclass(frozen=True, slots=True)
class FlowLog:
    """A flow log: of what, whether it is on, and where Traffic Analytics puts what it makes of it, if it does."""

    target: str  # The resource id of a virtual network, subnet, network interface or group, in lower case.
    enabled: bool
    workspace: str = ""  # The workspace's customer id, in lower case; empty: Traffic Analytics is off.


class Logged(StrEnum):
    """Whether flows to a machine get to the workspace; the later, the nearer they are."""

    NOT = "not"
    SWITCHED_OFF = "switchedOff"
    WITHOUT_ANALYTICS = "withoutAnalytics"
    ELSEWHERE = "elsewhere"
    YES = "yes"


_TO_DO = {
    Logged.NOT: "has no flow log. Make one for its virtual network, with Traffic Analytics into this workspace",
    Logged.SWITCHED_OFF: "has a flow log that is switched off. Switch it on",
    Logged.WITHOUT_ANALYTICS: "has a flow log without Traffic Analytics. Switch that on, into this workspace",
    Logged.ELSEWHERE: "has a flow log whose Traffic Analytics writes to another workspace. Name that one, or change it",
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """One address of a machine: what of it may have a flow log, in lower case, and its virtual network."""

    machine: str  # Its name, for a reader.
    targets: frozenset[str]
    network: str


def logged(one: Attachment, logs: Iterable[FlowLog], workspace: str) -> Logged:
    """Whether flows to an address get to a workspace."""
    found = [_state(log, workspace) for log in logs if log.target in one.targets]
    return max(found, key=list(Logged).index, default=Logged.NOT)


def _state(log: FlowLog, workspace: str) -> Logged:
    if not log.enabled:
        return Logged.SWITCHED_OFF
    if not log.workspace:
        return Logged.WITHOUT_ANALYTICS
    return Logged.YES if log.workspace == workspace.lower() else Logged.ELSEWHERE


def unlogged(places: Iterable[Attachment], logs: Iterable[FlowLog], workspace: str) -> Mapping[Attachment, Logged]:
    """The addresses whose flows do not get to the workspace, and why."""
    every = tuple(logs)
    states = {one: logged(one, every, workspace) for one in places}
    return {one: state for one, state in states.items() if state is not Logged.YES}


def flow_log_gaps(missing: Mapping[Attachment, Logged]) -> Iterator[Gap]:
    """For each network what is missing, for which machines, and what to do."""
    for network, state in sorted({(one.network, state) for one, state in missing.items()}):
        names = some_names({one.machine for one, why in missing.items() if (one.network, why) == (network, state)})
        network_name = network.rsplit("/", 1)[-1] or "unknown"
        text = f"Who tried to reach {names} is not known: the network {network_name} {_TO_DO[state]}."
        yield Gap(Lack.NO_FLOW_LOG, network, text)
