"""One sentence about an entry of the activity, for whoever reads a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.domain.activity import Matter
from shared.domain.attacks import Attack, Became
from shared.domain.evidence import Alert, Edit
from shared.domain.records import Record
from shared.domain.shapes import some_names
from shared.domain.visits import Visit

_PORTS_NAMED: Final = 5
_RECORDS: Final[Mapping[str, str]] = {
    "policySet": "{by} set the policy of {name}",
    "policyRemoved": "{by} took the policy of {name} away",
    "grantPending": "{by} asked for {ports} on {name}; it waits for approval",
    "grantScheduled": "{by} has {ports} on {name} scheduled",
    "grantOpening": "{by} has {ports} on {name} opened",
    "grantActive": "{ports} on {name} is open",
    "grantClosing": "{ports} on {name} is being closed",
    "grantExpired": "{ports} on {name} was closed, its time being up",
    "grantRevoked": "{ports} on {name} was closed early",
    "grantDenied": "{by} denied {ports} on {name}",
    "grantCancelled": "{by} no longer wants {ports} on {name}",
    "grantLapsed": "Nobody answered the request for {ports} on {name}",
    "grantFailed": "{ports} on {name} could not be opened",
    "grantApproved": "{by} approved {ports} on {name}",
    "grantExtensionAsked": "{by} asked for a longer stay on {name}",
    "grantExtensionDenied": "{by} denied a longer stay on {name}",
    "grantExtensionCancelled": "A longer stay on {name} is no longer wanted",
    "grantExtended": "{by} extended {ports} on {name}",
}
_BECAME: Final[Mapping[Became, str]] = {
    Became.DENIED: "denied throughout",
    Became.GRANTED: "turned away, and let in by a grant at another time",
    Became.ELSEWHERE: "denied there, and let in to other ports",
    Became.REACHED: "GOT THROUGH by {rules}",
    Became.SIGNED_IN: "SIGNED IN, by no grant for this address",
}


def sentence(matter: Matter) -> str:
    """The sentence."""
    match matter:
        case Record():
            return _of_record(matter)
        case Attack():
            return _of_attack(matter)
        case Visit():
            return _of_visit(matter)
        case Edit():
            return _of_edit(matter)
    return _of_alert(matter)


def _of_record(record: Record) -> str:
    form = _RECORDS.get(record.kind)
    if form is None:
        return f"Found at {_name(record.subject)}: {record.detail}"
    by = record.by.name if record.by else "Postern"
    told = form.format(by=by, ports=_ports(record), name=_name(record.subject))
    details = (record.justification if record.kind in {"grantPending", "grantOpening"} else "", record.detail)
    return ". ".join((told, *(detail.rstrip(".") for detail in details if detail))) + "."


def _ports(record: Record) -> str:
    """The ports of a grant as people write them: "22/TCP, 5000-5010/TCP"."""
    spans = (port.split(" ")[0] for port in record.ports.split(", "))
    return ", ".join(_span(span) for span in spans) or "access"


def _span(text: str) -> str:
    span, slash, protocol = text.partition("/")
    low, _, high = span.partition("-")
    return f"{low if low == high else span}{slash}{protocol.upper()}"


def _of_attack(attack: Attack) -> str:
    whence = f"{attack.source} ({attack.country})" if attack.country else attack.source
    ports = ", ".join(map(str, attack.ports[:_PORTS_NAMED])) + (" and others" if attack.ports[_PORTS_NAMED:] else "")
    what = f" on {ports}" if ports else ""
    names = some_names(_name(one) for one in attack.machines)
    rules = some_names(attack.rules) if attack.rules else "a rule that is not known"
    became = _BECAME[attack.became].format(rules=rules)
    times = "once" if attack.attempts == 1 else f"{attack.attempts} times"
    return f"{whence} tried {names}{what} {times}: {became}."


def _of_visit(visit: Visit) -> str:
    one, stay = visit.sign_in, visit.stay
    by = "OUTSIDE of any grant"
    if stay:
        whose = f"the grant of {stay.requestor.name or stay.requestor.id}"
        by = f"by {whose}" if visit.is_excused else f"while {whose}, which lets in too many to tell, stood open"
    return f"{one.user} signed in to {_name(one.machine)} from {one.source}, {by}."


def _of_edit(edit: Edit) -> str:
    done = "deleted" if edit.operation.lower().endswith("/delete") else "changed"
    return f"{edit.caller} {done} {_name(edit.resource)} in {_name(edit.nsg)}."


def _of_alert(alert: Alert) -> str:
    return f"Defender for Cloud, {alert.severity}: {alert.name} on {_name(alert.machine)}."


def _name(id_: str) -> str:
    return id_.rsplit("/", 1)[-1]
