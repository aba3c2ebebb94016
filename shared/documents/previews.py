"""A preview as administrators get it: what would be written, what would be cut, what would stay open and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.documents.answers import RuleAnswer
from shared.documents.answers.grants import GrantPreviewAnswer
from shared.documents.answers.policies import ChangeAnswer, CutFlowAnswer, PreviewAnswer, ThroughAnswer, WayAnswer
from shared.documents.fields import write_sessions, write_span, write_time
from shared.documents.grants import write_access
from shared.documents.guarded import write_lock
from shared.domain.evidence import LetIn
from shared.domain.forecasts import Foretold, Preview, Way, why_open
from shared.domain.guarding import Stage
from shared.domain.lifecycle import State
from shared.domain.planning import Change
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Nsg, Rule
from shared.domain.sessions import Sessions
from shared.domain.traffic import Traffic

_UNKNOWN_CUTS: Final = "Which connections of the last 7 days would be cut is not known."
_FLUSHES: Final = {
    True: "flushConnection is switched on in {}. This concerns every machine behind that group: at once, and then "
    "whenever one of its rules changes, Azure ends the open connections there that its rules do not allow.",
    False: "flushConnection, which Postern had switched on, is switched off in {}. From then on open connections of "
    "every machine behind that group live on when its rules change.",
}


def write_preview(preview: Preview) -> PreviewAnswer:
    """What would become of one machine."""
    locked = preview.guarded.stage is Stage.GUARDED
    leaking = [(leak.address, leak.rule) for leak in (preview.leaks or ()) if locked]
    made = [one.before.id for one in preview.forecasts if not one.before.etag]
    switched = [one for one in preview.forecasts if one.before.flush.on is not one.after.flush.on]
    return {
        "machine": str(preview.guarded.machine.id),
        "changes": [_write_change(one.before, change) for one in preview.forecasts for change in one.changes],
        "createsNsg": made[0] if made else None,
        "attachesTo": list(preview.attaches),
        "flushConnection": [{"nsg": one.before.id, "on": one.after.flush.on} for one in switched],
        "lock": write_lock(preview.leaks),
        "losesEffect": [_write_way(way) for way in preview.cut],
        "staysOpen": [{**_write_way(way), "why": str(why_open(way, leaking))} for way in preview.open],
        "endsGrants": list(preview.ends),
        "sessions": write_sessions(preview.sessions),
        "cutFlows": None if preview.cut_flows is None else [_write_cut(one) for one in preview.cut_flows],
        "notes": [*_unknown_cuts(preview), *(_FLUSHES[one.after.flush.on].format(one.before.id) for one in switched)],
    }


def _unknown_cuts(preview: Preview) -> Iterator[str]:
    if preview.cut_flows is None:
        yield " ".join((_UNKNOWN_CUTS, *preview.unknown))
    else:
        yield from preview.unknown


def _write_cut(one: LetIn) -> CutFlowAnswer:
    passed = one.passed
    return {
        "source": passed.source,
        "port": one.port,
        "protocol": one.protocol,
        "rule": passed.rule,
        "connections": passed.connections,
        "first": write_time(passed.first),
        "last": write_time(passed.last),
    }


def write_grant_preview(told: Foretold, sessions: Sessions) -> GrantPreviewAnswer:
    """What asking would give: what only a real grant has is left out; the rules, and what is in their way."""
    return {
        **write_access(told.grant, sessions),
        "rules": [write_rule(rule) for rule in told.rules],
        "needsApproval": told.grant.state is State.PENDING,
        "opens": not told.obstacles,
        "because": list(told.obstacles),
    }


def _write_change(nsg: Nsg, change: Change) -> ChangeAnswer:
    return {"nsg": nsg.id, "change": change.kind.name.lower(), "rule": write_rule(change.rule)}


def write_rule(rule: Rule) -> RuleAnswer:
    """A security rule, briefly."""
    return {
        "name": rule.name,
        "priority": rule.priority,
        "access": str(rule.access),
        "protocol": str(rule.protocol),
        "sources": list(rule.sources or rule.source_groups),
        "destinations": list(rule.destinations or rule.destination_groups),
        "ports": _write_ports(rule.ports),
    }


def _write_ports(ports: Ranges) -> list[int | str]:
    return ["*"] if ports == ALL_PORTS else [write_span(span) for span in ports.spans]


def _write_way(way: Way) -> WayAnswer:
    rule = write_rule(way.rule) if way.rule else None
    return {"address": way.address, "nsg": way.nsg, "rule": rule, "through": [_write_traffic(t) for t in way.traffic]}


def _write_traffic(traffic: Traffic) -> ThroughAnswer:
    return {"protocols": sorted(str(one) for one in traffic.protocols), "ports": _write_ports(traffic.ports)}
