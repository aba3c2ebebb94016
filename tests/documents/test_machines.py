"""Machines as the API promises them: the list, its rows, and one machine with everything about it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.documents.machines import write_details, write_page, write_row
from shared.domain.exposure import Leak
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.guarding import Guarded
from shared.domain.inventory import MachineKind, PrivateAddress, Reason, Sighting, State
from shared.domain.lifecycle import State as Life
from shared.domain.listing import Details, Row, Use
from shared.domain.machines import Endpoint, Machine
from shared.domain.people import Person
from shared.domain.policies import Lock, Policy, PolicyPort, Scope
from shared.domain.rules import Load
from shared.domain.selecting import Page
from shared.domain.surface import Exposed
from tests.domain.values import GRANT, GROUP, LATER, NOW, OFFICE, SUBNET_GROUP, SUBSCRIPTION, TCP, group, machine_id

ANN, BOB = Person("ann", "Ann"), Person("bob", "Bob")
ID = str(machine_id("Web-01"))
NIC = GROUP.replace("networkSecurityGroups/web-nsg", "networkInterfaces/web-nic")
SIGHTING = Sighting(
    ID,
    MachineKind.VIRTUAL_MACHINE,
    "westeurope",
    "Linux",
    "running",
    (("owner", "team-a"), ("stage", "")),
    places=(
        PrivateAddress("10.0.0.5", NIC, ""),
        PrivateAddress("10.0.0.4", NIC, ""),
        PrivateAddress("10.0.0.5", NIC, ""),
    ),
    public_addresses=("198.51.100.4", "198.51.100.3"),
)
HOME = Endpoint("10.0.0.4", GROUP, SUBNET_GROUP, ("/asg/web",), ("10.0.0.0/24",), probed=True, nic=NIC)
MACHINE = Machine(machine_id("Web-01"), "westeurope", "Linux", (HOME, Endpoint("10.0.0.5")), ("198.51.100.4",))
POLICY = Policy(
    (
        PolicyPort((22, 22), TCP, ("*",), timedelta(hours=3)),
        PolicyPort((5000, 5010), TCP, (OFFICE,), timedelta(minutes=90)),
    ),
    Lock(Scope.PORTS),
)
GUARDED = Guarded(MACHINE, POLICY, 0, NOW, BOB)
OPEN = (
    Exposed((22, 22), "TCP", "10.0.0.4", GROUP, "allow-ssh", 310),
    Exposed((5000, 5010), "*", "10.0.0.5", None, None, None),
)
UNGUARDED = Row(SIGHTING, MACHINE, (), OPEN)
CONFIGURED = Row(SIGHTING, MACHINE, (), (), GUARDED, (Leak("10.0.0.4", GROUP, "first", 100),))


def grant(started: bool = True) -> Grant:  # noqa: FBT001, FBT002 - the one thing that differs.
    asked = (GrantPort((22, 22), TCP, (OFFICE,)),)
    made = Grant(GRANT, machine_id(), Life.OPENING, ANN, asked, NOW, LATER, Occurrence(0, Life.OPENING, NOW, ANN))
    return made.opened(NOW, ()) if started else made


KNOWN: dict[str, Any] = {
    "id": ID,
    "name": "Web-01",
    "kind": "virtualMachine",
    "subscription": SUBSCRIPTION,
    "resourceGroup": "demo",
    "location": "westeurope",
    "os": "Linux",
    "power": "running",
    "tags": {"owner": "team-a", "stage": ""},
    "privateAddresses": ["10.0.0.4", "10.0.0.5"],
    "publicAddresses": ["198.51.100.4", "198.51.100.3"],
    "suggestedPorts": [22],
}
FREE: dict[str, Any] = {
    **KNOWN,
    "state": "notConfigured",
    "reasons": [
        {
            "code": "noNetworkSecurityGroup",
            "message": "No network security group: everything reaches it, and it has a public address. "
            "Postern makes one when it is enabled.",
        }
    ],
    "urgency": "critical",
    "conditions": [],
    "exposure": [
        {
            "port": 22,
            "protocol": "TCP",
            "address": "10.0.0.4",
            "nsg": GROUP,
            "rule": "allow-ssh",
            "priority": 310,
            "sources": ["*"],
        },
        {
            "port": "5000-5010",
            "protocol": "*",
            "address": "10.0.0.5",
            "nsg": None,
            "rule": None,
            "priority": None,
            "sources": ["*"],
        },
    ],
    "lock": None,
    "policy": None,
    "use": None,
    "attemptsLast24Hours": None,
}
BECAUSE = [{"address": "10.0.0.4", "nsg": GROUP, "rule": "first", "priority": 100}]
HELD: dict[str, Any] = {
    **KNOWN,
    "state": "configured",
    "reasons": [{"code": "exposed", "message": "Its lock does not hold: first still lets traffic in."}],
    "urgency": "critical",
    "conditions": ["exposed"],
    "exposure": [],
    "lock": {"state": "exposed", "because": BECAUSE},
    "policy": {"ports": [22, "5000-5010"], "scope": "ports"},
    "use": {
        "activeGrants": 1,
        "grantsLast7Days": 3,
        "lastAccess": {"at": "2026-11-22T12:00:00Z", "by": {"id": "ann", "name": "Ann"}, "grant": GRANT},
    },
    "attemptsLast24Hours": None,
}


def test_a_machine_without_a_policy_is_written_as_the_api_promises() -> None:
    assert FREE == write_row(UNGUARDED, None)


def test_a_machine_under_a_policy_is_written_as_the_api_promises() -> None:
    assert HELD == write_row(CONFIGURED, Use(1, 3, grant()))


def test_a_page_tells_how_often_somebody_tried_where_that_is_known() -> None:
    key = f"{SUBSCRIPTION}/demo/web-01"
    shown = Page([(CONFIGURED, None)], None, {}, NOW, (), {key: 12})
    assert [12] == [one["attemptsLast24Hours"] for one in write_page(shown, None)["value"]]


@pytest.mark.parametrize("latest", [None, grant(started=False)])
def test_where_nobody_has_been_in_there_is_no_last_access(latest: Grant | None) -> None:
    expected = {"activeGrants": 0, "grantsLast7Days": 2, "lastAccess": None}
    assert expected == write_row(CONFIGURED, Use(0, 2, latest))["use"]


@pytest.mark.parametrize(("leaks", "state"), [(None, "unknown"), ((), "holds")])
def test_the_lock_is_told_as_it_is_known(leaks: tuple[Leak, ...] | None, state: str) -> None:
    assert {"state": state, "because": []} == dict(write_row(replace(CONFIGURED, leaks=leaks), None)["lock"] or {})


def test_what_the_index_does_not_say_is_null_and_a_machine_that_can_have_no_policy_says_why() -> None:
    old = Sighting(f"/subscriptions/{SUBSCRIPTION.upper()}/resourceGroups/Old/x/y/old-01", MachineKind.CLASSIC, "")
    document = write_row(Row(old, None, (Reason("classic", "Too old."),), ()), None)
    assert (None, None, {}, [], []) == tuple(
        document[name] for name in ("os", "power", "tags", "privateAddresses", "publicAddresses")
    )
    assert ("classic", "unsupported", "old-01", "Old") == tuple(
        document[name] for name in ("kind", "state", "name", "resourceGroup")
    )
    assert ([{"code": "classic", "message": "Too old."}], [22, 3389, 5985, 5986]) == (
        document["reasons"], document["suggestedPorts"]
    )  # fmt: skip


def test_a_page_counts_every_tab_and_says_how_old_it_is() -> None:
    page = Page([(UNGUARDED, None), (CONFIGURED, Use(1, 3, grant()))], None, {State.CONFIGURED: 7}, NOW, ("Late.",))
    assert {
        "value": [FREE, HELD],
        "nextPageToken": "more",
        "counts": {"configured": 7, "notConfigured": 0, "unsupported": 0},
        "asOf": "2026-11-22T12:00:00Z",
        "warnings": ["Late."],
    } == write_page(page, "more")


def test_the_last_page_has_no_token() -> None:
    document = write_page(Page([], None, {}, NOW, ()), None)
    assert ([], None, []) == (document["value"], document["nextPageToken"], document["warnings"])


NSG = replace(
    group("310 allow-ssh Allow Tcp 22 from *", "100 postern-lock-all Deny * * from *"), outbound=Load(3, 4, 5)
)
ENDPOINTS = [
    {
        "address": "10.0.0.4",
        "nic": NIC,
        "nicNsg": GROUP,
        "subnetNsg": SUBNET_GROUP,
        "applicationSecurityGroups": ["/asg/web"],
        "behindLoadBalancer": True,
    },
    {
        "address": "10.0.0.5",
        "nic": None,
        "nicNsg": None,
        "subnetNsg": None,
        "applicationSecurityGroups": [],
        "behindLoadBalancer": False,
    },
]
WHOLE_POLICY = {
    "ports": [
        {"number": 22, "protocol": "TCP", "allowedSourceAddressPrefixes": ["*"], "maxRequestAccessDuration": "PT3H"},
        {"number": "5000-5010", "protocol": "TCP", "allowedSourceAddressPrefixes": [OFFICE],
         "maxRequestAccessDuration": "PT1H30M"},
    ],
    "lock": {"scope": "ports", "keepOpen": [], "from": "*"},
    "justification": {"required": False, "ticketPattern": ""},
    "requestors": [],
    "approval": {"required": False, "approvers": [], "count": 1, "pendingFor": "PT24H"},
    "breakGlass": False,
    "endSessions": False,
    "notifications": [],
}  # fmt: skip
WRITTEN_GRANT = {
    "id": GRANT,
    "machine": str(machine_id()),
    "state": "active",
    "reason": None,
    "detail": None,
    "requestor": {"id": "ann", "name": "Ann"},
    "ports": [{"number": 22, "protocol": "TCP", "sources": [OFFICE]}],
    "requestedAt": "2026-11-22T12:00:00Z",
    "duration": None,
    "startTimeUtc": "2026-11-22T12:00:00Z",
    "endTimeUtc": "2026-11-22T13:00:00Z",
    "lapsesAt": None,
    "justification": "",
    "ticket": "",
    "breakGlass": False,
    "decisions": [],
    "extension": None,
    "rules": [],
    "connect": {"host": "198.51.100.4", "ssh": "ssh 198.51.100.4"},
    "sessions": None,
}


def test_one_machine_is_written_with_its_way_its_policy_and_its_grants() -> None:
    details = Details(CONFIGURED, MACHINE, (NSG, group(id_=SUBNET_GROUP)), Use(1, 3, grant()))
    assert {
        **HELD,
        "endpoints": ENDPOINTS,
        "nsgs": [
            {"id": GROUP, "rules": 5, "rulesOfPostern": 1, "flushConnection": False},
            {"id": SUBNET_GROUP, "rules": 0, "rulesOfPostern": 0, "flushConnection": False},
        ],
        "policy": WHOLE_POLICY,
        "changedAt": "2026-11-22T12:00:00Z",
        "changedBy": {"id": "bob", "name": "Bob"},
        "grants": [WRITTEN_GRANT],
    } == write_details(details, [grant()])


def test_one_machine_without_a_policy_has_none_of_what_belongs_to_one() -> None:
    document = write_details(Details(UNGUARDED, MACHINE, (), Use()), [])
    assert {"policy": None, "changedAt": None, "changedBy": None, "grants": [], "nsgs": []}.items() <= document.items()
    assert {"activeGrants": 0, "grantsLast7Days": 0, "lastAccess": None} == document["use"]


def test_a_policy_that_postern_itself_changed_names_nobody() -> None:
    row = replace(CONFIGURED, guarded=replace(GUARDED, changed_by=None))
    assert write_details(Details(row, MACHINE, (), Use()), [])["changedBy"] is None
