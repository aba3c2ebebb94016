"""An event as a CloudEvent, in structured mode. Source: CloudEvents 1.0.2, "JSON Event Format"."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

from shared.documents.answers.events import EventAnswer, EventDataAnswer, HappenedAnswer, LinksAnswer
from shared.documents.fields import write_person, write_time
from shared.documents.grants import write_grant
from shared.domain.events import EndingSoon, Matter, id_of, machine_of, time_of
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.subscriptions import Kind

_MEDIA_TYPE: Final = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Telling:
    """An event that is to be told: about what, where the app is, and the object ids of those who may approve."""

    matter: Matter
    kind: Kind
    address: str = ""
    approvers: tuple[str, ...] = ()

    @property
    def grant(self) -> Grant | None:
        """The grant that it is about, if it is about one."""
        match self.matter:
            case Found():
                return None
            case EndingSoon():
                return self.matter.grant
        return self.matter

    def links(self) -> LinksAnswer:
        """Where to look at the grant, and what may be called about it. The first is a page for people."""
        grant = self.grant
        if grant is None or not self.address:
            return {}
        api = f"{self.address}/api/grants/{grant.id}"
        links: LinksAnswer = {"page": f"{self.address}/#/grants/{grant.id}", "grant": api}
        if self.kind is Kind.ENDING_SOON:
            links["extend"] = f"{api}/extend"
        if self.kind is Kind.APPROVAL_NEEDED:
            links["approve"], links["deny"] = f"{api}/approve", f"{api}/deny"
        return links


def write_event(telling: Telling) -> tuple[str, bytes]:
    """The media type and the body."""
    document: EventAnswer = {
        "specversion": "1.0",
        "id": id_of(telling.matter, telling.kind),
        "source": telling.address or "urn:postern",
        "type": str(telling.kind),
        "subject": f"grants/{telling.grant.id}" if telling.grant else machine_of(telling.matter),
        "time": write_time(time_of(telling.matter)),
        "datacontenttype": "application/json",
        "data": _data(telling),
    }
    return _MEDIA_TYPE, json.dumps(document, ensure_ascii=False).encode()


def _data(telling: Telling) -> EventDataAnswer:
    matter, grant = telling.matter, telling.grant
    if isinstance(matter, Found):
        return {"what": str(matter.what), "resource": matter.subject, "detail": matter.detail}
    if grant is None:
        return {}
    return {
        # Which rules it has where is of no use to those who are told.
        "grant": write_grant(replace(grant, rules=())),
        "happened": _happened(matter) if isinstance(matter, Grant) else None,
        "approvers": list(telling.approvers),
        "links": telling.links(),
    }


def _happened(grant: Grant) -> HappenedAnswer:
    last = grant.occurrence
    return {
        "at": write_time(last.at),
        "by": write_person(last.by) if last.by else None,
        "event": str(last.event) if last.event else None,
        "detail": last.detail or None,
    }
