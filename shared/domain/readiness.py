"""How far a computer outside Azure is from being opened just in time: its state, and what was looked at.

What stands in the way soonest decides: an identity that has expired, a connection that is gone, a server that Azure
Arc does not know, an agent that is too old for run commands, and last an agent of the workspace that is silent.

Source: Azure documentation, "Overview of Azure Connected Machine agent" (agent status), "Run command on Azure
Arc-enabled servers" (prerequisites).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.computers import ArcServer, Computer

OLDEST_AGENT: Final = (1, 33)
"""The first version of the agent of Azure Arc that takes run commands."""

SILENCE: Final = timedelta(minutes=30)
"""How long an agent that reports every minute may be silent."""

_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.|$)", re.ASCII)
_SERVER_TYPE: Final = "/providers/microsoft.hybridcompute/machines/"


class State(StrEnum):
    """Where a computer stands; the first that is true is its state."""

    EXPIRED = "expired"
    DISCONNECTED = "disconnected"
    NOT_ONBOARDED = "reportsButNotOnboarded"
    NEEDS_UPDATE = "needsAgentUpdate"
    SILENT = "onboardedButSilent"
    READY = "ready"


class Verdict(StrEnum):
    """What a check found."""

    FINE = "fine"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at: a stable code, what was found, and a sentence about it."""

    code: str
    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Look:
    """When it was looked, and why nothing can be said of heartbeats that were not heard; empty where it can."""

    at: datetime
    deaf: str = ""


def state(computer: Computer, look: Look) -> State:
    """Where a computer stands."""
    server = computer.server
    if server is None:
        return State.NOT_ONBOARDED
    if _has(server, "expired"):
        return State.EXPIRED
    if not _has(server, "connected"):
        return State.DISCONNECTED
    if (_version(server) or (0, 0)) < OLDEST_AGENT:
        return State.NEEDS_UPDATE
    if _heartbeat(computer, look).verdict is Verdict.MISSING:
        return State.SILENT
    return State.READY


def checks(computer: Computer, look: Look) -> tuple[Check, ...]:
    """What was looked at, in the order in which it stands in the way."""
    return tuple(_checks(computer, look))


def _checks(computer: Computer, look: Look) -> Iterator[Check]:
    yield _onboarded(computer)
    if computer.server:
        yield _connected(computer.server)
        yield _agent(computer.server)
    yield _heartbeat(computer, look)
    if computer.namesakes:
        text = f"The name is also that of {computer.namesakes} other: whether they are the same nobody can tell."
        yield Check("namesakes", Verdict.UNKNOWN, text)


def _onboarded(computer: Computer) -> Check:
    if computer.server:
        return Check("onboarded", Verdict.FINE, "It is a server of Azure Arc.")
    if any(_SERVER_TYPE in one.resource for one in computer.reporters):
        text = "It reports as a server of Azure Arc that is not shown: it was deleted, or Postern may not see it."
        return Check("onboarded", Verdict.UNKNOWN, text)
    return Check("onboarded", Verdict.MISSING, "Azure Arc does not know it: it only reports to the workspace.")


def _connected(server: ArcServer) -> Check:
    if _has(server, "connected"):
        return Check("connected", Verdict.FINE, "Its agent is connected to Azure Arc.")
    if _has(server, "expired"):
        return Check("connected", Verdict.MISSING, "Its identity has expired: it cannot connect by itself any more.")
    if _has(server, "disconnected"):
        return Check("connected", Verdict.MISSING, "Azure Arc does not hear of its agent.")
    return Check("connected", Verdict.MISSING, f"Its agent is not connected: Azure says {server.status or 'nothing'}.")


def _agent(server: ArcServer) -> Check:
    version, oldest = _version(server), ".".join(map(str, OLDEST_AGENT))
    if version is None:
        return Check("agent", Verdict.UNKNOWN, f"Azure does not say which version its agent has; {oldest} is needed.")
    if version < OLDEST_AGENT:
        return Check("agent", Verdict.MISSING, f"Its agent has version {server.agent}; {oldest} is needed.")
    return Check("agent", Verdict.FINE, f"Its agent has version {server.agent}.")


def _heartbeat(computer: Computer, look: Look) -> Check:
    if computer.heard and look.at - computer.heard <= SILENCE:
        return Check("heartbeat", Verdict.FINE, "It reports to the workspace.")
    if look.deaf:
        return Check("heartbeat", Verdict.UNKNOWN, f"Whether it reports to the workspace is not known: {look.deaf}")
    minutes = int(SILENCE.total_seconds() // 60)
    return Check("heartbeat", Verdict.MISSING, f"It has not reported to the workspace for {minutes} minutes.")


def _has(server: ArcServer, status: str) -> bool:
    return server.status.lower() == status


def _version(server: ArcServer) -> tuple[int, int] | None:
    match = _VERSION.match(server.agent)
    return (int(match[1]), int(match[2])) if match else None
