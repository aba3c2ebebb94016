"""What logs tell of flows, changes, alerts and agents: rows written by hand, asked for with Microsoft's own client."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from emulator.box import Box
from shared.domain.evidence import Alert, Beat, Counts, Edit, Hour, LetIn, Part, Passed, Source, Target, TriedPort
from tests.adapters.workspace import US, WEB, Desk, Row, at, flow, in_front_of, minute, old_flow, ssh_line
from tests.domain.values import GRANT, GROUP, OFFICE, RESOURCES, STRANGER, SUBSCRIPTION, machine_id

RULE = f"postern-open-{GRANT}-1"
ALLOWED = {"FlowStatus": "Allowed", "AclRule": "allow-ssh"}
GRANTED = {"FlowStatus": "Allowed", "AclRule": RULE}


@pytest.fixture
async def desk(emulator: Box) -> AsyncIterator[Desk]:
    async with in_front_of(emulator) as found:
        yield found


async def counts(desk: Desk) -> dict[str, tuple[int, int, int]]:
    """Denied, granted and allowed flows by source; nothing may be missing."""
    found = await desk.tell(Part.SOURCES)
    assert () == found.gaps
    return {one.address: (one.counts.denied, one.counts.granted, one.counts.allowed) for one in found.sources}


async def test_several_sources_of_one_record_are_counted_by_their_own_numbers(desk: Desk) -> None:
    await desk.put(
        "NTANetAnalytics", flow(0, f"{STRANGER}|3|1|0|0|0|0 192.0.2.1|40|40|0|0|0|0 2001:db8::7|1|1|0|0|0|0")
    )
    assert {STRANGER: (3, 0, 0), "192.0.2.1": (40, 0, 0), "2001:db8::7": (1, 0, 0)} == await counts(desk)


async def test_a_private_source_is_counted_by_the_record_s_numbers(desk: Desk) -> None:
    private: dict[str, Any] = {"SrcIp": "10.0.0.9", "SrcPublicIps": "", "DeniedInFlows": 5, "AllowedInFlows": 7}
    await desk.put("NTANetAnalytics", flow(0, **private), flow(1, **{**private, **ALLOWED}))
    assert {"10.0.0.9": (5, 0, 7)} == await counts(desk)


@pytest.mark.parametrize("denied", ["Denied", "D"])
@pytest.mark.parametrize("inbound", ["Inbound", "I"])
async def test_both_spellings_of_status_and_direction_are_read(desk: Desk, denied: str, inbound: str) -> None:
    spelled = {"FlowDirection": inbound, "FlowStatus": denied}
    let_in = {**spelled, "FlowStatus": denied.replace("Denied", "Allowed").replace("D", "A"), "AclRule": "allow-ssh"}
    await desk.put("NTANetAnalytics", flow(0, **spelled), flow(1, **let_in))
    assert {STRANGER: (3, 0, 3)} == await counts(desk)


NOT_MEANT: dict[str, Any] = {
    "outbound": {"FlowDirection": "Outbound"},
    "topology": {"SubType": "Topology"},
    "another machine": {"DestVm": "demo/web-02"},
    "a machine of that name elsewhere": {"DestVm": "other/web-01"},
    "another subscription": {"DestSubscription": "22222222-2222-2222-2222-222222222222"},
    "before": {"FlowStartTime": at(-0.01)},
    "at the end": {"FlowStartTime": at(120)},
    "no source": {"SrcPublicIps": ""},
}


@pytest.mark.parametrize("name", NOT_MEANT)
async def test_what_is_not_asked_about_is_not_counted(desk: Desk, name: str) -> None:
    await desk.put("NTANetAnalytics", flow(0), flow(0, **NOT_MEANT[name]), flow(0, "192.0.2.1|9|9", **NOT_MEANT[name]))
    assert {STRANGER: (3, 0, 0)} == await counts(desk)


async def test_machines_are_the_same_whatever_the_case(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0, DestVm="Demo/WEB-01", DestSubscription=SUBSCRIPTION.upper()))
    assert {STRANGER: (3, 0, 0)} == await counts(desk)


async def test_a_flow_that_came_late_is_told_of_the_time_when_it_was(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(119, TimeGenerated=at(119 + 5 * 60)))
    assert {STRANGER: (3, 0, 0)} == await counts(desk)


async def test_a_source_is_told_with_when_where_and_how_often_it_was_let_in(desk: Desk) -> None:
    other: dict[str, Any] = {"DestVm": "demo/web-02", "DestPort": 3389}
    await desk.put(
        "NTANetAnalytics", flow(10, Country="nl"), flow(50, **other), flow(5, **GRANTED), flow(70, **ALLOWED)
    )
    found = await desk.tell(Part.SOURCES, machines=[machine_id("web-01"), machine_id("web-02")])
    machines = (WEB, f"{SUBSCRIPTION}/demo/web-02")
    assert (Source(STRANGER, Counts(6, 3, 3), minute(10), minute(51), "nl", (22, 3389), machines),) == found.sources


async def test_who_was_never_denied_is_no_source(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0, **GRANTED), flow(1, **ALLOWED))
    assert {} == await counts(desk)


async def test_the_older_table_is_read_as_well(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.put(
        "AzureNetworkAnalytics_CL", old_flow(1, f"{STRANGER}|4|4 192.0.2.1|1|1"),
        old_flow(2, SrcPublicIPs_s="", SrcIP_s="10.0.0.9", DeniedInFlows_d=6.0),
        old_flow(3, FlowStatus_s="A", NSGRule_s=f"UserRule_{RULE}"), old_flow(4, FlowDirection_s="O"),
    )  # fmt: skip
    assert {STRANGER: (7, 3, 0), "192.0.2.1": (1, 0, 0), "10.0.0.9": (6, 0, 0)} == await counts(desk)


async def test_uses_name_the_rules_of_grants_in_both_tables(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0, **GRANTED), flow(5, **GRANTED), flow(9, **ALLOWED), flow(9))
    await desk.put("AzureNetworkAnalytics_CL", old_flow(7, FlowStatus_s="A", NSGRule_s=f"UserRule_{RULE}"))
    assert (Passed(WEB, RULE, STRANGER, 9, minute(0), minute(8)),) == (await desk.tell(Part.USES)).uses


async def test_hours_targets_and_ports_are_counted(desk: Desk) -> None:
    await desk.put(
        "NTANetAnalytics", flow(0), flow(59), flow(60, "192.0.2.1|2|2"), flow(61, **GRANTED), flow(62, **ALLOWED),
        flow(63, DestPort=53, L4Protocol="U"),
    )  # fmt: skip
    found = await desk.tell(Part.HOURS, Part.TARGETS, Part.PORTS)
    assert (Hour(minute(0), Counts(6)), Hour(minute(60), Counts(5, 3, 3))) == found.hours
    assert (Target(WEB, Counts(11, 3, 3), 2, minute(64)),) == found.targets
    assert (TriedPort(22, "TCP", Counts(8, 3, 3), 2), TriedPort(53, "UDP", Counts(3), 1)) == found.ports


async def test_what_was_let_in_is_told_by_port_source_and_rule(desk: Desk) -> None:
    web = {**ALLOWED, "DestPort": 443}
    await desk.put("NTANetAnalytics", flow(0), flow(1, **ALLOWED), flow(2, "192.0.2.1|8|8", **web))
    every = await desk.tell(Part.LET_IN)
    ssh = LetIn(Passed(WEB, "allow-ssh", STRANGER, 3, minute(1), minute(1)), 22, "TCP")
    assert (LetIn(Passed(WEB, "allow-ssh", "192.0.2.1", 8, minute(2), minute(2)), 443, "TCP"), ssh) == every.let_in
    assert (ssh,) == (await desk.tell(Part.LET_IN, ports=frozenset({22, 3389}))).let_in


async def test_who_was_denied_and_got_in_at_the_same_port_of_the_same_machine_reached_it(desk: Desk) -> None:
    await desk.put(
        "NTANetAnalytics", flow(0), flow(5, **ALLOWED), flow(6, **GRANTED), flow(7, DestPort=443, **ALLOWED),
        flow(8, "192.0.2.1|1|1", **ALLOWED),
    )  # fmt: skip
    found = await desk.tell(Part.REACHED)
    assert (LetIn(Passed(WEB, "allow-ssh", STRANGER, 3, minute(5), minute(5)), 22, "TCP"),) == found.reached


def activity(minute_: float, caller: str = "eve@example.com", **changes: object) -> dict[str, object]:
    """A rule was changed, as the activity log has it."""
    known: dict[str, object] = {
        "TimeGenerated": at(minute_), "SubscriptionId": SUBSCRIPTION, "Caller": caller, "CallerIpAddress": OFFICE,
        "OperationNameValue": "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE", "CorrelationId": "c-1",
        "ActivityStatusValue": "Success", "_ResourceId": f"{GROUP}/securityRules/Hole",
    }  # fmt: skip
    return {**known, **changes}


async def test_changes_of_rules_by_others_are_told_and_our_own_are_not(desk: Desk) -> None:
    started = activity(3, ActivityStatusValue="Start")
    other = activity(4, _ResourceId=f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/other/securityRules/x")
    reading = activity(5, OperationNameValue="Microsoft.Network/networkSecurityGroups/join/action")
    await desk.put("AzureActivity", activity(1), activity(2, US.upper()), started, other, reading)
    [found] = (await desk.tell(Part.EDITS, groups=frozenset({GROUP.lower()}))).edits
    operation = "MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/SECURITYRULES/WRITE"
    rule = f"{GROUP}/securityrules/hole".lower()
    assert Edit(found.id, minute(1), rule, GROUP.lower(), operation, "eve@example.com", OFFICE) == found


async def test_changes_of_one_deployment_are_told_apart_and_each_keeps_its_name(desk: Desk) -> None:
    deleted = activity(1, OperationNameValue="Microsoft.Network/networkSecurityGroups/delete", _ResourceId=GROUP)
    await desk.put("AzureActivity", activity(1), deleted, activity(2))
    first = await desk.tell(Part.EDITS, groups=frozenset({GROUP.lower()}))
    desk.clock.advance(timedelta(hours=1))
    again = await desk.tell(Part.EDITS, groups=frozenset({GROUP.lower()}))
    assert {one.id for one in first.edits} == {one.id for one in again.edits}
    assert 3 == len({one.id for one in first.edits})


async def test_an_alert_is_told_once_as_it_was_last(desk: Desk) -> None:
    known: dict[str, object] = {
        "SystemAlertId": "a-1", "ResourceId": str(machine_id()).upper(), "AlertName": "Brute force",
        "AlertSeverity": "Medium", "Description": "Somebody tries names.", "TimeGenerated": at(1),
    }  # fmt: skip
    await desk.put("SecurityAlert", known, {**known, "AlertSeverity": "High", "TimeGenerated": at(9)},
                   {**known, "SystemAlertId": "a-2", "ResourceId": str(machine_id("web-02"))})  # fmt: skip
    expected = Alert("a-1", minute(9), WEB, "Brute force", "High", "Somebody tries names.")
    assert (expected,) == (await desk.tell(Part.ALERTS)).alerts


async def test_agents_are_told_with_their_last_heartbeat(desk: Desk) -> None:
    known: Row = {
        "_ResourceId": str(machine_id()),
        "Computer": "web-01",
        "ComputerEnvironment": "Azure",
        "OSType": "Linux",
    }
    await desk.put("Heartbeat", *({**known, "TimeGenerated": at(number)} for number in (1, 3, 2)))
    assert (Beat(WEB, "web-01", "Azure", "Linux", minute(3)),) == (await desk.tell(Part.BEATS)).beats


async def test_how_new_each_table_is_is_told_also_where_nothing_is_asked_of_its_last_record(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0), flow(30, DestVm="demo/web-02"))
    await desk.put("Syslog", ssh_line(7, "nothing"))
    found = await desk.tell(Part.HOURS, Part.NAMES)
    assert {"NTANetAnalytics": minute(50), "Syslog": minute(7)} == found.newest
    assert minute(50) == found.flows_until


async def test_of_empty_logs_there_is_nothing_and_nothing_is_missing(desk: Desk) -> None:
    found = await desk.tell(*Part)
    assert ({}, (), frozenset()) == (found.newest, found.gaps, found.lacking)
    assert [()] * len(Part) == [getattr(found, part) for part in Part]
