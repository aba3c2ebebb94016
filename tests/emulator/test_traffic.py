"""The traffic generator without HTTP: who tries what, what the network does with it, and how logs tell of it."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import count
from typing import Any

import pytest

from emulator import world
from emulator.arm.cloud import Cloud
from emulator.arm.store import Store
from emulator.logs.tables import TABLES
from emulator.traffic import counts, records, scenarios, signins, targets
from emulator.traffic.flows import Flow, Gate
from emulator.traffic.scenarios import PLAYS, Attempt, Scene
from emulator.traffic.targets import TargetError
from tests.emulator.conftest import START

BOTS, SCANNERS = ip_network("198.18.0.0/16"), ip_network("198.19.0.0/24")
# Bots of Brazil that nobody knows yet, and one that is known to be malicious.
ONE, OTHER, KNOWN = "198.18.48.135", "198.18.49.13", "198.18.48.134"
USER, PROBE = "192.0.2.10", "168.63.129.16"


@pytest.fixture(scope="module")
def store() -> Store:
    """The demo world, which nobody changes here."""
    numbers = count(1)
    cloud = Cloud(clock=lambda: 0.0, new_id=lambda: str(next(numbers)))
    world.build(cloud, "demo")
    return cloud.store


def judge(store: Store, machine: str, *tries: tuple[float, str, int, str]) -> list[Flow]:
    """Flows to a machine: when after the start, from where, to which port, as whom; only azureuser is let in."""
    [target] = targets.find(store, [machine])
    attempts = [
        Attempt(START + after, source, target, port, user, trusted=user == "azureuser")
        for after, source, port, user in tries
    ]
    return list(Gate().judge(attempts))


def rows(flows: list[Flow]) -> list[dict[str, Any]]:
    return list(records.Writer().write(flows))


def lines(flows: list[Flow]) -> Iterator[dict[str, Any]]:
    return (row for _, row in signins.write(flows))


def draw(store: Store, scenario: str, seed: int = 1) -> list[tuple[object, ...]]:
    scene = Scene(targets.find(store), START, 600)
    found = scenarios.draw(scenario, scene, 300, seed)
    return [(one.at, one.source, one.target.id, one.port, one.user) for one in found]


@pytest.mark.parametrize("scenario", PLAYS)
def test_the_same_seed_gives_the_same_attempts_in_order_of_time(store: Store, scenario: str) -> None:
    drawn = draw(store, scenario)
    assert drawn == draw(store, scenario)
    assert drawn != draw(store, scenario, seed=2)
    times = [float(str(at)) for at, *_ in drawn]
    assert (300, sorted(times)) == (len(times), times)
    assert START - 600 <= times[0] <= times[-1] < START


WHO = {
    "brute-force": (BOTS, {22, 3389}),
    "user": (ip_network(f"{USER}/32"), {22, 3389}),
    "office": (ip_network("203.0.113.192/29"), {22, 443, 3389}),
    "probes": (ip_network(f"{PROBE}/32"), {80, 443}),
}


@pytest.mark.parametrize("scenario", WHO)
def test_each_scenario_has_its_own_sources_and_ports(store: Store, scenario: str) -> None:
    network, ports = WHO[scenario]
    drawn = draw(store, scenario)
    assert ports == {port for _, _, _, port, _ in drawn}
    assert {True} == {ip_address(str(source)) in network for _, source, *_ in drawn}


def test_a_botnet_is_many_addresses_and_scanners_are_few_with_many_ports(store: Store) -> None:
    bots, scanners = draw(store, "brute-force"), draw(store, "scanners")
    assert len({source for _, source, *_ in bots}) > 100
    assert len({port for *_, port, _ in scanners}) == 20
    assert {6} == {len({source for _, source, *_ in scanners})}


def test_mixed_traffic_has_all_of_them(store: Store) -> None:
    sources = {ip_address(str(source)) for _, source, *_ in draw(store, "mixed")}
    found = {name for name, (network, _) in WHO.items() if any(one in network for one in sources)}
    assert set(WHO) == found
    assert any(one in SCANNERS for one in sources)


def test_no_traffic_goes_to_machines_that_do_not_run_or_have_no_network(store: Store) -> None:
    names = {one.name for one in targets.find(store)}
    assert {"web-01", "lb-02", "partner-02"} < names
    assert set() == names & {"sleeper-01", "sleeper-02", "desk-03", "nic-less-01", "old-01"}


@pytest.mark.parametrize("name", ["nobody", "old-01", "sleeper-01", "nic-less-01"])
def test_a_machine_that_no_traffic_can_reach_is_refused_by_name(store: Store, name: str) -> None:
    with pytest.raises(TargetError, match=name):
        targets.find(store, [name])


def test_a_flow_that_is_denied_is_written_with_the_rule_that_decided_and_nobody_signs_in(store: Store) -> None:
    flows = judge(store, "both-01", (0, ONE, 3389, "admin"), (1, USER, 3389, "azureuser"))
    assert [(False, "DenyAllInBound", None)] * 2 == [(one.outcome.passes, one.outcome.rule, one.user) for one in flows]
    assert [] == list(lines(flows))
    [first, _] = rows(flows)
    assert ("Denied", 1, 0) == (first["FlowStatus"], first["DeniedInFlows"], first["AllowedInFlows"])
    assert ("DenyAllInBound", "both-subnet-nsg") == (first["AclRule"], first["AclGroup"].rsplit("/", 1)[1])


def test_a_flow_passes_a_machine_if_any_of_its_addresses_lets_it_in(store: Store) -> None:
    [row] = rows(judge(store, "multi-01", (0, ONE, 22, "")))
    assert ("Allowed", "allow-second", "10.0.0.21") == (row["FlowStatus"], row["AclRule"], row["DestIp"])


def test_a_row_says_where_a_flow_went_and_when(store: Store) -> None:
    [row] = rows(judge(store, "web-01", (5.25, ONE, 22, ""), (7, ONE, 22, "")))
    expected = {
        "DestVm": "demo/web-01",
        "DestNic": "demo/web-01-nic",
        "DestIp": "10.0.0.4",
        "DestPort": 22,
        "DestSubscription": world.SUBSCRIPTION,
        "FlowIntervalStartTime": "2027-01-15T08:00:00Z",
        "FlowIntervalEndTime": "2027-01-15T08:01:00Z",
        "FlowStartTime": "2027-01-15T08:00:05.250Z",
        "FlowEndTime": "2027-01-15T08:00:07.000Z",
        "TimeGenerated": "2027-01-15T08:00:07.000Z",
        "SubType": "FlowLog",
        "L4Protocol": "T",
        "Country": "BR",
    }
    assert expected == {name: row[name] for name in expected}


def test_public_sources_share_a_record_and_their_numbers_add_up(store: Store) -> None:
    [row] = rows(judge(store, "web-01", (0, ONE, 22, ""), (1, OTHER, 22, ""), (2, ONE, 22, "")))
    assert f"{ONE}|2|2|24|28|4600|4200 {OTHER}|1|1|12|14|2300|2100" == row["SrcPublicIps"]
    assert ("", 3, 0, 6900) == (row["SrcIp"], row["AllowedInFlows"], row["DeniedInFlows"], row["BytesDestToSrc"])


APART = [
    ("another port", (1, OTHER, 3389, "")),
    ("another country", (1, "198.18.0.135", 22, "")),
    ("a known attacker", (1, KNOWN, 22, "")),
]


@pytest.mark.parametrize("other", [other for _, other in APART], ids=[name for name, _ in APART])
def test_what_differs_is_another_record(store: Store, other: tuple[float, str, int, str]) -> None:
    assert 2 == len(rows(judge(store, "web-01", (0, ONE, 22, ""), other)))


TYPES = [
    (ONE, "ExternalPublic", "BR", ""),
    (KNOWN, "MaliciousFlow", "BR", ""),
    (USER, "ExternalPublic", "NL", ""),
    (PROBE, "AzurePublic", "", ""),
    ("203.0.113.5", "AzurePublic", "", ""),
    ("10.0.8.5", "IntraVNet", "", "10.0.8.5"),
    ("10.9.9.9", "UnknownPrivate", "", "10.9.9.9"),
]


@pytest.mark.parametrize(("source", "kind", "country", "private"), TYPES)
def test_only_a_private_source_stands_in_a_column_of_its_own(
    store: Store, source: str, kind: str, country: str, private: str
) -> None:
    [row] = rows(judge(store, "web-01", (0, source, 22, "")))
    assert (kind, country, private) == (row["FlowType"], row["Country"], row["SrcIp"])
    assert ("" if private else source) == row["SrcPublicIps"].partition("|")[0]


def test_a_part_of_the_rows_has_the_other_spelling(store: Store) -> None:
    ports = (21, 22, 23, 25, 80, 110, 443, 445)
    found = rows(judge(store, "web-01", *((0, ONE, port, "") for port in ports)))
    spelt = {port: (row["FlowStatus"], row["FlowDirection"]) for port, row in zip(ports, found, strict=True)}
    assert (("D", "I"), ("D", "I")) == (spelt[25], spelt[445])
    assert {("Denied", "Inbound"), ("Allowed", "Inbound")} == {spelt[port] for port in ports if port not in {25, 445}}


def test_sshd_tells_who_failed_and_who_was_let_in(store: Store) -> None:
    tries = [(0, ONE, 22, "oracle"), (1, ONE, 22, "root"), (2, USER, 22, "azureuser"), (3, ONE, 22, "")]
    found = list(lines(judge(store, "web-01", *tries)))
    assert [
        f"Invalid user oracle from {ONE} port 53248",
        f"Failed password for invalid user oracle from {ONE} port 53248 ssh2",
        f"Failed password for root from {ONE} port 54248 ssh2",
        f"Accepted publickey for azureuser from {USER} port 55248 ssh2: RSA SHA256:{'Ym94' * 10}Ym8",
    ] == [row["SyslogMessage"] for row in found]
    assert {("authpriv", "sshd", "web-01")} == {(row["Facility"], row["ProcessName"], row["Computer"]) for row in found}
    assert found[0]["_ResourceId"].endswith("/resourcegroups/demo/providers/microsoft.compute/virtualmachines/web-01")


def test_windows_tells_who_failed_and_who_was_let_in(store: Store) -> None:
    office = "203.0.113.193"
    tries = [(0, office, 3389, "guest"), (1, office, 3389, "administrator"), (2, office, 3389, "azureuser")]
    found = list(lines(judge(store, "jump-02", *tries)))
    columns = ("EventID", "LogonType", "IpAddress", "TargetAccount", "TargetUserName")
    assert [
        (4625, 3, office, "\\guest", "guest"),
        (4625, 3, office, "jump-02\\administrator", "administrator"),
        (4624, 10, office, "jump-02\\azureuser", "azureuser"),
    ] == [tuple(row[name] for name in columns) for row in found]


@pytest.mark.parametrize(("machine", "port"), [("web-01", 3389), ("bare-01", 3389), ("partner-02", 22)])
def test_nobody_signs_in_where_no_such_service_listens(store: Store, machine: str, port: int) -> None:
    [flow] = judge(store, machine, (0, USER, port, "azureuser"))
    assert (True, None, None) == (flow.outcome.passes, flow.user, flow.signed_in)


def test_rows_have_only_columns_of_their_tables(store: Store) -> None:
    attempts = scenarios.draw("mixed", Scene(targets.find(store), START, 600), 2000, 1)
    flows = list(Gate().judge(attempts))
    found = {(signin, name) for signin, row in signins.write(flows) for name in row}
    found |= {("NTANetAnalytics", name) for row in rows(flows) for name in row}
    assert {"NTANetAnalytics", "Syslog", "SecurityEvent"} == {table for table, _ in found}
    assert [] == [one for one in found if one[1] not in TABLES[one[0]]]


def test_counts_are_what_one_counts_by_hand(store: Store) -> None:
    tries = [(0, ONE, 22, "root"), (1, ONE, 80, ""), (2, USER, 22, "azureuser"), (3600, OTHER, 22, "root")]
    found = counts.count(judge(store, "web-01", *tries))
    one = {"flows": 2, "denied": 1, "allowed": 1, "failedSignIns": 1, "signIns": 0}
    user = {"flows": 1, "denied": 0, "allowed": 1, "failedSignIns": 0, "signIns": 1}
    other = {"flows": 1, "denied": 0, "allowed": 1, "failedSignIns": 1, "signIns": 0}
    whole = {"flows": 4, "denied": 1, "allowed": 3, "failedSignIns": 2, "signIns": 1}
    machine = f"/subscriptions/{world.SUBSCRIPTION}/resourceGroups/demo/providers/Microsoft.Compute/virtualMachines"
    assert {
        "total": whole,
        "sources": {USER: user, ONE: one, OTHER: other},
        "machines": {f"{machine}/web-01": whole},
        "ports": {
            "22": {"flows": 3, "denied": 0, "allowed": 3, "failedSignIns": 2, "signIns": 1},
            "80": {"flows": 1, "denied": 1, "allowed": 0, "failedSignIns": 0, "signIns": 0},
        },
        "hours": {
            "2027-01-15T08:00:00Z": {"flows": 3, "denied": 1, "allowed": 2, "failedSignIns": 1, "signIns": 1},
            "2027-01-15T09:00:00Z": other,
        },
    } == found
