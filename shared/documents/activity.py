"""The activity as callers get it: each entry with a sentence about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from shared.documents.answers.activity import (
    ActivitySummaryAnswer,
    AlertAnswer,
    AttackAnswer,
    EntryAnswer,
    FlowsAnswer,
    GapAnswer,
    LookingBackAnswer,
    RecordAnswer,
    RuleEditAnswer,
    SignInAnswer,
    UsageAnswer,
)
from shared.documents.fields import write_person, write_time
from shared.documents.sentences import sentence
from shared.domain.activity import Entry, Matter
from shared.domain.attacks import Attack, Became
from shared.domain.evidence import Alert, Counts, Edit, Evidence, Gap
from shared.domain.machines import is_machine
from shared.domain.people import Person
from shared.domain.records import Record
from shared.domain.summaries import Summary
from shared.domain.usage import Usage
from shared.domain.visits import Visit

type Names = Mapping[str, str]
"""The resource ids of machines, by how logs name them."""

_RESOURCE: Final = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}"


def write_entry(entry: Entry, names: Names, usage: Mapping[str, Usage]) -> EntryAnswer:
    """One entry."""
    matter = entry.matter
    used = usage.get(entry.grant) if isinstance(matter, Record) else None
    return {
        "id": entry.id,
        "at": write_time(entry.at),
        "kind": str(entry.kind),
        "machines": [machine_of(one, names) for one in machines_of(matter)],
        "text": sentence(matter),
        "by": write_person(person) if (person := _by(matter)) else None,
        "source": source_of(matter),
        "grant": entry.grant or None,
        "record": _write_record(matter, used) if isinstance(matter, Record) else None,
        "attack": write_attack(matter) if isinstance(matter, Attack) else None,
        "signIn": _write_sign_in(matter) if isinstance(matter, Visit) else None,
        "ruleEdit": _write_edit(matter) if isinstance(matter, Edit) else None,
        "alert": _write_alert(matter) if isinstance(matter, Alert) else None,
    }


def machines_of(matter: Matter) -> tuple[str, ...]:
    """The machines that something is about: resource ids, or names as logs have them."""
    match matter:
        case Record():
            return (matter.subject,) if is_machine(matter.subject) else ()
        case Attack():
            return matter.machines
        case Visit():
            return (matter.sign_in.machine,)
        case Edit():
            return ()
    return (matter.machine,)


def machine_of(name: str, names: Names) -> str:
    """The resource id of a machine, however it is named."""
    if name.startswith("/"):
        return name
    subscription, _, rest = name.partition("/")
    group, _, machine = rest.partition("/")
    return names.get(name) or _RESOURCE.format(subscription, group, machine)


def source_of(matter: Matter) -> str | None:
    """From which address it came, where that is known."""
    match matter:
        case Record():
            return matter.by.address if matter.by else None
        case Attack():
            return matter.source
        case Visit():
            return matter.sign_in.source
        case Edit():
            return matter.address or None
    return None


def _by(matter: Matter) -> Person | None:
    return matter.by if isinstance(matter, Record) else None


def _write_record(record: Record, used: Usage | None) -> RecordAnswer:
    return {
        "what": record.kind,
        "ports": record.ports or None,
        "justification": record.justification or None,
        "ticket": record.ticket or None,
        "breakGlass": record.break_glass,
        "reason": record.reason or None,
        "detail": record.detail or None,
        "usage": _write_usage(used) if used else None,
    }


def _write_usage(used: Usage) -> UsageAnswer:
    return {
        "used": used.used,
        "addresses": sorted(used.addresses),
        "connections": used.connections,
        "signIns": used.sign_ins,
        "first": _perhaps(used.first),
        "last": _perhaps(used.last),
    }


def write_attack(attack: Attack) -> AttackAnswer:
    """What an address tried."""
    return {
        "became": str(attack.became),
        "attempts": attack.attempts,
        "flows": _write_counts(attack.counts),
        "failedSignIns": attack.failures,
        "signIns": attack.sign_ins,
        "country": attack.country or None,
        "ports": list(attack.ports),
        "users": list(attack.users),
        "rules": list(attack.rules),
        "first": write_time(attack.first),
        "last": write_time(attack.last),
        "firstIn": _perhaps(attack.first_in),
    }


def _write_sign_in(visit: Visit) -> SignInAnswer:
    requestor = write_person(visit.stay.requestor) if visit.stay else None
    return {"user": visit.sign_in.user, "requestor": requestor}


def _write_edit(edit: Edit) -> RuleEditAnswer:
    return {"resource": edit.resource, "nsg": edit.nsg, "operation": edit.operation, "caller": edit.caller}


def _write_alert(alert: Alert) -> AlertAnswer:
    return {"name": alert.name, "severity": alert.severity, "text": alert.text}


def _write_counts(counts: Counts) -> FlowsAnswer:
    return {"denied": counts.denied, "granted": counts.granted, "allowed": counts.allowed}


def _perhaps(at: datetime | None) -> str | None:
    return write_time(at) if at else None


def write_looking_back(since: datetime, until: datetime, evidence: Evidence, gaps: Iterable[Gap]) -> LookingBackAnswer:
    """The time that was asked about, how new the logs are, and what is missing."""
    return {
        "since": write_time(since),
        "until": write_time(until),
        "newest": {table: write_time(at) for table, at in sorted(evidence.newest.items())},
        "gaps": [write_gap(gap) for gap in (*evidence.gaps, *gaps)],
    }


def write_gap(gap: Gap) -> GapAnswer:
    """Something that cannot be told."""
    return {"code": str(gap.lack), "subject": gap.subject, "message": gap.text}


def write_summary(told: Summary, names: Names, asked: LookingBackAnswer) -> ActivitySummaryAnswer:
    """The activity in numbers."""
    return {
        **asked,
        "flows": _write_counts(told.counts),
        "deniedShare": told.denied_share,
        "failedSignIns": told.failures,
        "hours": [{"at": write_time(one.at), "flows": _write_counts(one.counts)} for one in told.hours],
        "machines": [
            {
                "machine": machine_of(one.machine, names),
                "flows": _write_counts(one.counts),
                "sources": one.sources,
                "last": write_time(one.last),
            }
            for one in told.targets
        ],
        "sources": [
            {
                "source": one.source,
                "machines": [machine_of(machine, names) for machine in one.machines],
                "attack": write_attack(one),
            }
            for one in told.sources
        ],
        "ports": [
            {"port": one.port, "protocol": one.protocol, "flows": _write_counts(one.counts), "sources": one.sources}
            for one in told.ports
        ],
        "users": [{"user": one.user, "failedSignIns": one.failures, "sources": one.sources} for one in told.names],
        "outcomes": {
            "denied": told.became[Became.DENIED],
            "elsewhere": told.became[Became.ELSEWHERE],
            "granted": told.became[Became.GRANTED],
            "reached": told.became[Became.REACHED],
            "signedIn": told.became[Became.SIGNED_IN],
        },
        "grants": {
            "open": told.grants.open,
            "used": told.grants.used,
            "neverUsed": list(told.grants.never_used),
            "unknown": told.grants.unknown,
        },
    }
