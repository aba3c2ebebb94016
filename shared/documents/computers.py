"""Computers outside Azure as everybody gets them, as documents and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from shared.documents.activity import write_gap
from shared.documents.answers.computers import (
    CheckAnswer,
    ComputerAnswer,
    ComputersAnswer,
    OnboardingAnswer,
    StatesAnswer,
    StepAnswer,
)
from shared.documents.fields import write_time
from shared.documents.sheets import write_table
from shared.domain.computers import Computer
from shared.domain.evidence import Gap
from shared.domain.onboarding import Place, Step, next_step
from shared.domain.readiness import Check, Look, State, Verdict, checks

_COLUMNS: Final = (
    "name", "state", "os", "product", "subscription", "resourceGroup", "location", "status", "statusSince",
    "agentVersion", "lastHeartbeat", "addresses", "tags", "missing", "unknown", "next", "commands",
)  # fmt: skip


def write_computer(computer: Computer, state: State, look: Look, place: Place) -> ComputerAnswer:
    """One computer; `place` is where computers go that Azure Arc does not know, as far as that is known."""
    server = computer.server
    return {
        "id": server.id if server else None,
        "name": computer.name,
        "state": str(state),
        "subscription": server.subscription if server else None,
        "resourceGroup": server.group if server else None,
        "location": server.location if server else None,
        "os": computer.system or None,
        "product": (server.product or None) if server else None,
        "status": (server.status or None) if server else None,
        "statusSince": _perhaps(server.since) if server else None,
        "agentVersion": (server.agent or None) if server else None,
        "lastHeartbeat": _perhaps(computer.heard),
        "addresses": list(computer.addresses),
        "tags": dict(server.tags) if server else {},
        "checks": [_write_check(one) for one in checks(computer, look)],
        "next": _write_step(next_step(computer, state, place)),
    }


def write_computers_page(
    value: list[ComputerAnswer], token: str | None, counts: Mapping[State, int], at: datetime, gaps: Iterable[Gap]
) -> ComputersAnswer:
    """A page of computers."""
    numbers: StatesAnswer = {
        "expired": counts.get(State.EXPIRED, 0),
        "disconnected": counts.get(State.DISCONNECTED, 0),
        "reportsButNotOnboarded": counts.get(State.NOT_ONBOARDED, 0),
        "needsAgentUpdate": counts.get(State.NEEDS_UPDATE, 0),
        "onboardedButSilent": counts.get(State.SILENT, 0),
        "ready": counts.get(State.READY, 0),
    }
    told = [write_gap(gap) for gap in gaps]
    return {"value": value, "nextPageToken": token, "counts": numbers, "asOf": write_time(at), "gaps": told}


def write_onboarding(step: Step, tenant: str) -> OnboardingAnswer:
    """How a computer becomes a server of Azure Arc."""
    return {**_write_step(step), "tenant": tenant or None}


def write_computer_sheet(page: ComputersAnswer) -> str:
    """The computers as a table, with a line for each thing that cannot be told."""
    gaps = ({"name": "", "state": "gap", "unknown": f"{gap['code']}: {gap['message']}"} for gap in page["gaps"])
    rows = [_cells(one) for one in page["value"]]
    return write_table(_COLUMNS, [*rows, *((cells.get(column, "") for column in _COLUMNS) for cells in gaps)])


def _cells(one: ComputerAnswer) -> Iterable[str]:
    verdicts = {
        str(verdict): " ".join(check["message"] for check in one["checks"] if check["result"] == verdict)
        for verdict in Verdict
    }
    lists = {
        "addresses": " ".join(one["addresses"]),
        "tags": " ".join(f"{name}={value}" for name, value in one["tags"].items()),
        "missing": verdicts["missing"],
        "unknown": verdicts["unknown"],
        "next": one["next"]["text"],
        "commands": "\n".join(one["next"]["commands"]),
    }
    return (str(lists[column] if column in lists else dict(one)[column] or "") for column in _COLUMNS)


def _write_check(check: Check) -> CheckAnswer:
    return {"code": check.code, "result": str(check.verdict), "message": check.message}


def _write_step(step: Step) -> StepAnswer:
    return {"text": step.text, "shell": step.shell or None, "commands": list(step.commands)}


def _perhaps(at: datetime | None) -> str | None:
    return write_time(at) if at else None
