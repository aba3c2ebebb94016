"""Previews as administrators get them."""

from dataclasses import replace
from typing import Any

import pytest

from shared.documents.previews import write_preview, write_rule
from shared.domain.exposure import Leak
from shared.domain.forecasts import Forecast, Preview, Way
from shared.domain.guarding import Guarded, Stage
from shared.domain.machines import Machine
from shared.domain.people import Person
from shared.domain.planning import Change, Kind
from shared.domain.policies import Policy, default_ports
from shared.domain.ranges import Ranges
from shared.domain.rules import ALL_PORTS, Flush, Protocol
from shared.domain.sessions import CONTINUING, ENDING
from shared.domain.traffic import Traffic
from tests.domain.values import GRANT, GROUP, NOW, SUBNET_GROUP, TCP, UDP, endpoint, group, machine_id, rule

MACHINE = Machine(machine_id(), "westeurope", "Linux", (endpoint(),))
GUARDED = Guarded(MACHINE, Policy(default_ports()), 0, NOW, Person("bob", "Bob"))
LOCK = rule("199 postern-lock-all Deny * * from * to 10.0.0.4")
OLD = rule("300 postern-lock-old Deny Tcp 22,80-90 from Internet to 10.0.0.4,10.0.0.5")
FIRST = rule("100 first Allow Tcp 22 from 203.0.113.7,203.0.113.8")
SSH = Traffic(protocols=frozenset({TCP}), ports=Ranges.of((22, 22)))
SOME = Traffic(protocols=frozenset({UDP, TCP, Protocol.ICMP}), ports=Ranges.of((22, 22), (80, 90)))
NOTE = "Which connections of the last 7 days would be cut is not known."


def preview(**changes: Any) -> Preview:  # noqa: ANN401 - whatever a preview has.
    return replace(Preview(GUARDED, (), (), (), (), (), ()), **changes)


def foretold(*changes: Change, nsg: str = GROUP, etag: str = "1") -> Forecast:
    before = replace(group(id_=nsg), etag=etag)
    return Forecast(before, before, changes, {})


def written(line: str, ports: list[object]) -> dict[str, Any]:
    """Priority, name, access, protocol and sources and destinations of a rule, as a document."""
    priority, name, access, protocol, sources, destinations = line.split()
    head = {"name": name, "priority": int(priority), "access": access, "protocol": protocol}
    return {**head, "sources": sources.split(","), "destinations": destinations.split(","), "ports": ports}


def test_a_preview_in_which_nothing_happens_has_every_field() -> None:
    assert {
        "machine": str(machine_id()),
        "changes": [],
        "createsNsg": None,
        "attachesTo": [],
        "flushConnection": [],
        "lock": {"state": "holds", "because": []},
        "losesEffect": [],
        "staysOpen": [],
        "endsGrants": [],
        "sessions": {"state": "continue", "note": CONTINUING.note},
        "cutFlows": None,
        "notes": [NOTE],
    } == dict(write_preview(preview()))


def test_changes_are_told_in_order_each_with_its_group() -> None:
    one = foretold(Change(Kind.DELETE, OLD), Change(Kind.CREATE, LOCK))
    other = foretold(Change(Kind.UPDATE, LOCK), nsg=SUBNET_GROUP)
    lock = written("199 postern-lock-all Deny * * 10.0.0.4", ["*"])
    old = written("300 postern-lock-old Deny Tcp Internet 10.0.0.4,10.0.0.5", [22, "80-90"])
    assert [
        {"nsg": GROUP, "change": "delete", "rule": old},
        {"nsg": GROUP, "change": "create", "rule": lock},
        {"nsg": SUBNET_GROUP, "change": "update", "rule": lock},
    ] == write_preview(preview(forecasts=(one, other)))["changes"]


def test_a_group_that_would_be_made_is_named_and_where_it_would_be_attached() -> None:
    made = foretold(nsg=machine_id().own_nsg, etag="")
    document = write_preview(preview(forecasts=(foretold(), made), attaches=("/nic-1", "/nic-2")))
    assert (machine_id().own_nsg, ["/nic-1", "/nic-2"]) == (document["createsNsg"], document["attachesTo"])


def test_what_loses_its_effect_is_told_with_what_it_let_through() -> None:
    way = Way("10.0.0.4", GROUP, FIRST, (SOME, Traffic(ports=ALL_PORTS)))
    first = written("100 first Allow Tcp 203.0.113.7,203.0.113.8 *", [22])
    through = [
        {"protocols": ["Icmp", "Tcp", "Udp"], "ports": [22, "80-90"]},
        {"protocols": ["Ah", "Esp", "Icmp", "Tcp", "Udp"], "ports": ["*"]},
    ]
    told = write_preview(preview(cut=(way,)))["losesEffect"]
    assert [{"address": "10.0.0.4", "nsg": GROUP, "rule": first, "through": through}] == told


def test_what_stays_open_is_told_with_the_reason() -> None:
    lines = (f"200 postern-open-{GRANT}-1 Allow Tcp 22 from *", "198 postern-keep-probes Allow * * from *")
    rules = (*map(rule, lines), FIRST, rule("110 web Allow Tcp 443 from *"))
    ways = (*(Way("10.0.0.4", GROUP, one, (SSH,)) for one in rules), Way("10.0.0.4", None, None, (SSH,)))
    document = write_preview(preview(open=ways, leaks=(Leak("10.0.0.4", GROUP, "first", 100),)))
    assert ["granted", "probes", "outranksLock", "notGuarded", "notGuarded"] == [
        one["why"] for one in document["staysOpen"]
    ]
    through = [{"protocols": ["Tcp"], "ports": [22]}]
    bare = {"address": "10.0.0.4", "nsg": None, "rule": None, "through": through, "why": "notGuarded"}
    assert bare == document["staysOpen"][-1]


BECAUSE = {"address": "10.0.0.4", "nsg": GROUP, "rule": "first", "priority": 100}


@pytest.mark.parametrize(
    ("leaks", "lock"),
    [
        (None, {"state": "unknown", "because": []}),
        ((Leak("10.0.0.4", GROUP, "first", 100),), {"state": "exposed", "because": [BECAUSE]}),
    ],
)
def test_the_lock_is_told_as_it_would_be(leaks: tuple[Leak, ...] | None, lock: object) -> None:
    assert lock == write_preview(preview(leaks=leaks))["lock"]


def test_the_grants_that_would_end_are_named() -> None:
    assert [GRANT] == write_preview(preview(ends=(GRANT,)))["endsGrants"]


def test_a_rule_between_application_security_groups_names_these() -> None:
    between = replace(FIRST, sources=(), destinations=(), source_groups=("/asg/ops",), destination_groups=("/asg/web",))
    assert (["/asg/ops"], ["/asg/web"]) == tuple(write_rule(between)[side] for side in ("sources", "destinations"))


def test_what_is_open_once_the_lock_is_gone_outranks_no_lock() -> None:
    removing = replace(GUARDED, stage=Stage.REMOVING)
    leaks = (Leak("10.0.0.4", GROUP, "first", 100),)
    [told] = write_preview(preview(guarded=removing, open=(Way("10.0.0.4", GROUP, FIRST, (SSH,)),), leaks=leaks))[
        "staysOpen"
    ]
    assert "notGuarded" == told["why"]


@pytest.mark.parametrize(("on", "text"), [(True, "is switched on in"), (False, "is switched off in")])
def test_a_switch_of_flush_connection_is_told_with_whom_it_concerns(on: bool, text: str) -> None:  # noqa: FBT001 - a case.
    before = replace(group(), flush=Flush(on=not on, ours=not on))
    one = Forecast(before, replace(before, flush=Flush(on=on, ours=on)), (), {})
    document = write_preview(preview(forecasts=(one,), sessions=ENDING))
    assert [{"nsg": GROUP, "on": on}] == document["flushConnection"]
    [known, note] = document["notes"]
    assert (NOTE, [True, True]) == (known, [part in note for part in (text, "every machine behind that group")])
    assert {"state": "end", "note": ENDING.note} == document["sessions"]


def test_a_tag_that_goes_without_the_switch_is_no_switch() -> None:
    before = replace(group(), flush=Flush(ours=True))
    document = write_preview(preview(forecasts=(Forecast(before, replace(before, flush=Flush()), (), {}),)))
    assert ([], [NOTE]) == (document["flushConnection"], document["notes"])
