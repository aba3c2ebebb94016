"""An event as an Adaptive Card in the envelope that the webhooks of Teams workflows and Logic Apps take.

What people wrote stands in text runs, which show Markdown as it is written, so that nobody's justification becomes a
link or a heading in the name of Postern. Sources: Adaptive Cards schema 1.5; "Send Adaptive Cards using an Incoming
Webhook" (28 KB at most).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.documents.events import Telling
from shared.documents.fields import write_span
from shared.domain.events import EndingSoon, machine_of
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.machines import MachineId
from shared.domain.subscriptions import Kind

_MEDIA_TYPE: Final = "application/json"
_LONGEST, _MOST_PORTS, _MOST_SOURCES = 400, 10, 5
_INVISIBLE: Final = "\u200b"

TITLES: Final[Mapping[Kind, str]] = {
    Kind.APPROVAL_NEEDED: "Approval needed",
    Kind.DECIDED: "A request was decided about",
    Kind.OPENED: "Access is open",
    Kind.ENDING_SOON: "Access ends soon",
    Kind.ENDED: "Access is over",
    Kind.BROKEN_GLASS: "The glass was broken: access without approval",
    Kind.EXPOSED: "A machine is exposed",
    Kind.FOUND: "Something had changed and was put right",
}
_ALARMING: Final = frozenset({Kind.BROKEN_GLASS, Kind.EXPOSED})


def write_card(telling: Telling) -> tuple[str, bytes]:
    """The media type and the body."""
    body = [_title(telling.kind), *(_fact(name, text) for name, text in _facts(telling).items() if text)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "actions": _actions(telling),
    }
    if telling.kind is Kind.APPROVAL_NEEDED:
        asked = {"type": "Input.Text", "id": "comment", "label": "Comment", "isMultiline": True, "maxLength": 1000}
        card = {**card, "body": [*body, asked]}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return _MEDIA_TYPE, json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def _title(kind: Kind) -> dict[str, Any]:
    color = "attention" if kind in _ALARMING else "default"
    return {
        "type": "TextBlock", "text": TITLES[kind], "size": "large", "weight": "bolder", "wrap": True, "color": color,
    }  # fmt: skip


def _fact(name: str, text: str) -> dict[str, Any]:
    runs = [{"type": "TextRun", "text": f"{name}: ", "weight": "bolder"}, {"type": "TextRun", "text": plain(text)}]
    return {"type": "RichTextBlock", "spacing": "small", "inlines": runs}


def _facts(telling: Telling) -> dict[str, str]:
    matter, grant = telling.matter, telling.grant
    if isinstance(matter, Found):
        return {"Resource": machine_of(matter), "What": str(matter.what), "Detail": matter.detail}
    if grant is None:
        return {}
    last = grant.occurrence if isinstance(matter, Grant) else None
    return {
        "Machine": MachineId.parse(machine_of(matter)).name,
        "Who": grant.requestor.name,
        "Ports": _ports(grant),
        "State": f"{grant.state}{f' ({grant.reason})' if grant.reason else ''}",
        "For": str(grant.duration) if grant.duration and telling.kind is Kind.APPROVAL_NEEDED else "",
        "Ends": _time(grant.ends_at) if telling.kind is not Kind.APPROVAL_NEEDED or not grant.duration else "",
        "Longer stay": _longer(grant),
        "Justification": grant.justification,
        "Ticket": grant.ticket,
        "By": last.by.name if last and last.by and last.by != grant.requestor else "",
        "Detail": last.detail if last else "",
        "Grant": grant.id,
    }


def _longer(grant: Grant) -> str:
    extension = grant.extension
    if extension is None:
        return ""
    return f"for {extension.duration}" if extension.ends_at is None else f"until {_time(extension.ends_at)}"


def _ports(grant: Grant) -> str:
    told = [f"{write_span(port.span)} from {_some(port.sources)}" for port in grant.ports[:_MOST_PORTS]]
    return "; ".join([*told, *(["and more"] if len(grant.ports) > _MOST_PORTS else [])])


def _some(sources: tuple[str, ...]) -> str:
    more = f" and {len(sources) - _MOST_SOURCES} more" if len(sources) > _MOST_SOURCES else ""
    return ", ".join(sources[:_MOST_SOURCES]) + more


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _actions(telling: Telling) -> list[dict[str, Any]]:
    links = telling.links()
    title = "Extend" if isinstance(telling.matter, EndingSoon) else "Look at it"
    page = [{"type": "Action.OpenUrl", "title": title, "url": links["page"]}] if links else []
    if telling.kind is not Kind.APPROVAL_NEEDED or telling.grant is None:
        return page
    # The workflow that posted the card gets this, and calls the API in the name of whoever pressed the button.
    answers = [("Approve", "approve", "positive"), ("Deny", "deny", "destructive")]
    data = {"grant": telling.grant.id}
    submits = [
        {"type": "Action.Submit", "title": title, "style": style, "data": {**data, "verdict": verdict}}
        for title, verdict, style in answers
    ]
    return [*submits, *page]


def plain(text: str) -> str:
    """Text of others on one line, cut to a length, in which no client finds a link or a date function."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    short = line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
    for mark in ("://", "www.", "{{", "${"):
        short = short.replace(mark, f"{mark[0]}{_INVISIBLE}{mark[1:]}")
    return short
