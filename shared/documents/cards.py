"""An event as an Adaptive Card in the envelope that the webhooks of Teams workflows and Logic Apps take.

What people wrote stands in text runs, which show Markdown as it is written, so that nobody's justification becomes a
link or a heading in the name of Postern. Sources: Adaptive Cards schema 1.5; "Send Adaptive Cards using an Incoming
Webhook" (28 KB at most).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from shared.documents.answers.events import CardAnswer
from shared.documents.events import Telling
from shared.documents.fields import write_span
from shared.domain.events import EndingSoon, machine_of
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.subscriptions import Kind

_MEDIA_TYPE: Final = "application/json"
_LONGEST, _MOST_PORTS, _MOST_SOURCES = 400, 10, 5
_INVISIBLE: Final = "\u200b"
_LONGEST_WORD: Final = re.compile(r"\S{40}(?=\S)")
_RESOURCE: Final = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/.*/(?P<name>[^/]+)",
    re.IGNORECASE,
)

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
NEVER_OPEN: Final = "A request is over"
LONGER: Final = "Approval needed for a longer stay"
# The ground of the title; that of the other kinds is grey.
_STYLES: Final[Mapping[Kind, str]] = {
    Kind.APPROVAL_NEEDED: "accent",
    Kind.OPENED: "good",
    Kind.ENDING_SOON: "warning",
    Kind.BROKEN_GLASS: "attention",
    Kind.EXPOSED: "attention",
}


def write_card(telling: Telling) -> tuple[str, bytes]:
    """The media type and the body."""
    content = _card(telling)
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return _MEDIA_TYPE, json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def write_standing(grant: Grant, address: str, *, waits: bool) -> CardAnswer:
    """How a grant stands now, as a card; it has the buttons only while it waits for approval."""
    shown = _card(Telling(grant, _standing(grant, waits=waits), address))
    return {"grant": grant.id, "waits": waits, "card": shown}


def _standing(grant: Grant, *, waits: bool) -> Kind:
    if waits:
        return Kind.APPROVAL_NEEDED
    if not grant.unfinished or grant.state is State.PENDING:
        return Kind.ENDED
    return Kind.OPENED if grant.state is State.ACTIVE else Kind.DECIDED


def _card(telling: Telling) -> dict[str, Any]:
    facts = [_fact(name, text) for name, text in _facts(telling).items() if text]
    body = [_title(telling), {"type": "Container", "items": facts}]
    if telling.kind is Kind.APPROVAL_NEEDED:
        body.append({"type": "Input.Text", "id": "comment", "label": "Comment", "isMultiline": True, "maxLength": 1000})
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "actions": _actions(telling),
    }


def _title(telling: Telling) -> dict[str, Any]:
    grant, kind = telling.grant, telling.kind
    text = TITLES[kind]
    if kind is Kind.ENDED and grant and grant.started_at is None:
        text = NEVER_OPEN
    if kind is Kind.APPROVAL_NEEDED and grant and grant.extension:
        text = LONGER
    block = {"type": "TextBlock", "text": text, "size": "medium", "weight": "bolder", "wrap": True}
    return {"type": "Container", "style": _STYLES.get(kind, "emphasis"), "bleed": True, "items": [block]}


def _fact(name: str, text: str) -> dict[str, Any]:
    return {
        "type": "ColumnSet",
        "spacing": "small",
        "columns": [
            {"type": "Column", "width": "110px", "items": [_runs(name, isSubtle=True)]},
            {"type": "Column", "width": "stretch", "items": [_runs(plain(text))]},
        ],
    }


def _runs(text: str, **looks: bool) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **looks}]}


def _facts(telling: Telling) -> dict[str, str]:
    matter, grant = telling.matter, telling.grant
    if isinstance(matter, Found):
        return {"What": _words(matter.what), **_place(matter.subject), "Detail": matter.detail}
    if grant is None:
        return {}
    last = grant.occurrence if isinstance(matter, Grant) else None
    # The clock starts when access opens: until then there is a length, and no end.
    length = grant.duration if grant.started_at is None else None
    return {
        "Machine": MachineId.parse(machine_of(matter)).name,
        "Who": grant.requestor.name,
        "Ports": _ports(grant),
        "State": "" if grant.state is State.PENDING else _state(grant),
        "For": _length(length) if length else "",
        "Until": "" if length else _time(grant.ends_at),
        "Longer stay": _longer(grant),
        "Justification": grant.justification,
        "Why longer": grant.extension.justification if grant.extension else "",
        "Ticket": grant.ticket,
        "By": last.by.name if last and last.by and last.by != grant.requestor else "",
        "Detail": last.detail if last else "",
        "Grant": grant.id,
    }


def _place(id_: str) -> dict[str, str]:
    """Where a resource is, told so that it fits on a card."""
    found = _RESOURCE.fullmatch(id_)
    if found is None:
        return {"Name": id_}
    return {"Name": found["name"], "Resource group": found["group"], "Subscription": found["subscription"]}


def _state(grant: Grant) -> str:
    reason = _words(grant.reason) if grant.reason else ""
    return f"{grant.state} ({reason})" if reason and reason != grant.state else str(grant.state)


def _words(name: str) -> str:
    """The words of a name in camel case."""
    return re.sub(r"(?=[A-Z])", " ", name).lower()


def _length(duration: timedelta) -> str:
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def _longer(grant: Grant) -> str:
    extension = grant.extension
    if extension is None:
        return ""
    if extension.duration:
        return f"for {_length(extension.duration)}"
    return f"until {_time(extension.ends_at)}" if extension.ends_at else ""


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
    # A word without an end would push the rest of the card out of sight.
    return _LONGEST_WORD.sub(rf"\g<0>{_INVISIBLE}", short)
