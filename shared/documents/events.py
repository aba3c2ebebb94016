"""An event as a CloudEvent, in structured mode. Source: CloudEvents 1.0.2, "JSON Event Format"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from shared.documents.fields import write_person, write_time
from shared.documents.grants import write_grant
from shared.domain.events import Ending, Matter, id_of, machine_of, time_of
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.subscriptions import Kind

_MEDIA_TYPE: Final = "application/cloudevents+json"
_NOT_TOLD: Final = ("rules", "connect")


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
            case Ending():
                return self.matter.grant
        return self.matter

    def links(self) -> dict[str, str]:
        """Where to look at the grant, and what may be called about it. The first is a page for people."""
        grant = self.grant
        if grant is None or not self.address:
            return {}
        api = f"{self.address}/api/grants/{grant.id}"
        calls = {"extend": f"{api}/extend"} if self.kind is Kind.ENDING_SOON else {}
        if self.kind is Kind.APPROVAL_NEEDED:
            calls = {"approve": f"{api}/approve", "deny": f"{api}/deny"}
        return {"page": f"{self.address}/#/grants/{grant.id}", "grant": api, **calls}


def write_event(telling: Telling) -> tuple[str, bytes]:
    """The media type and the body."""
    document = {
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


def _data(telling: Telling) -> dict[str, Any]:
    matter = telling.matter
    if isinstance(matter, Found):
        return {"what": str(matter.what), "resource": matter.subject, "detail": matter.detail}
    return {
        "grant": _grant(telling),
        "happened": _happened(matter) if isinstance(matter, Grant) else None,
        "approvers": list(telling.approvers),
        "links": telling.links(),
    }


def _grant(telling: Telling) -> dict[str, Any]:
    document = write_grant(telling.grant) if telling.grant else {}
    return {name: value for name, value in document.items() if name not in _NOT_TOLD}


def _happened(grant: Grant) -> dict[str, Any]:
    last = grant.occurrence
    return {
        "at": write_time(last.at),
        "by": write_person(last.by),
        "event": str(last.event) if last.event else None,
        "detail": last.detail or None,
    }
