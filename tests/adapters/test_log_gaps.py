"""What logs cannot tell is a gap with its reason, and the rest is told; what was told is kept for a while."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from emulator.box import Box
from shared.adapters.log_queries import QUERIES, is_whole, newest, query
from shared.adapters.no_logs import NoLogs
from shared.domain.evidence import Counts, Evidence, Hour, Part
from shared.domain.machines import MachineId
from tests.adapters.workspace import SCOPE, Desk, at, flow, in_front_of, minute, old_flow, ssh_line, windows_event
from tests.domain.values import STRANGER, machine_id

FLOWS, SIGN_INS = frozenset({Part.HOURS}), frozenset({Part.FAILURES})
UNKNOWN_NAME = f"Invalid user oracle from {STRANGER} port 40000"


@pytest.fixture
async def desk(emulator: Box) -> AsyncIterator[Desk]:
    async with in_front_of(emulator) as found:
        yield found


def gaps(found: Evidence) -> list[tuple[str, str]]:
    return [(gap.lack, gap.subject) for gap in found.gaps]


async def test_a_missing_table_is_a_gap_and_the_rest_is_told(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.change("SecurityAlert", missing=True)
    found = await desk.tell(Part.HOURS, Part.ALERTS)
    assert ([("tableMissing", "SecurityAlert")], frozenset({Part.ALERTS})) == (gaps(found), found.lacking)
    assert "The workspace has no table SecurityAlert: nothing fills it, or not yet." == found.gaps[0].text
    assert (Hour(minute(0), Counts(3)),) == found.hours


async def test_where_one_of_two_tables_is_missing_the_other_is_told(desk: Desk) -> None:
    await desk.put("SecurityEvent", windows_event(1, 4625))
    await desk.change("Syslog", missing=True)
    found = await desk.tell(Part.FAILURES)
    assert ([("tableMissing", "Syslog")], frozenset(), 1) == (gaps(found), found.lacking, len(found.failures))


async def test_the_older_table_of_flows_is_not_missed_where_there_is_the_newer_one(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.change("AzureNetworkAnalytics_CL", missing=True)
    found = await desk.tell(Part.HOURS)
    assert ([], frozenset(), 1) == (gaps(found), found.lacking, len(found.hours))


async def test_the_newer_table_of_flows_is_missed_where_there_is_only_the_older_one(desk: Desk) -> None:
    await desk.put("AzureNetworkAnalytics_CL", old_flow(0))
    await desk.change("NTANetAnalytics", missing=True)
    found = await desk.tell(Part.HOURS)
    assert ([("tableMissing", "NTANetAnalytics")], frozenset(), 1) == (gaps(found), found.lacking, len(found.hours))


async def test_where_both_tables_of_flows_are_missing_both_are_told(desk: Desk) -> None:
    for table in ("NTANetAnalytics", "AzureNetworkAnalytics_CL"):
        await desk.change(table, missing=True)
    found = await desk.tell(Part.HOURS)
    assert {("tableMissing", "NTANetAnalytics"), ("tableMissing", "AzureNetworkAnalytics_CL")} == set(gaps(found))
    assert (FLOWS, None) == (found.lacking, found.flows_until)


async def test_a_table_that_may_not_be_read_says_what_to_do(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.change("SecurityAlert", forbidden=True)
    found = await desk.tell(Part.ALERTS, Part.HOURS)
    assert {("forbidden", "alerts"), ("forbidden", "SecurityAlert")} == set(gaps(found))
    assert all("give its identity Log Analytics Reader" in gap.text for gap in found.gaps)
    assert (frozenset({Part.ALERTS}), 1) == (found.lacking, len(found.hours))


WHOLE = [
    ("429", "throttled", "Log Analytics is asked too often just now. Look again in half a minute."),
    ("403", "forbidden", "Postern may not read this workspace: give its identity Log Analytics Reader on it."),
    ("500", "unavailable", "Log Analytics answered 500. Look again later."),
    ("503", "unavailable", "Log Analytics answered 503. Look again later."),
    ("lost-answer", "unavailable", "Log Analytics cannot be reached. Look again later."),
]


@pytest.mark.parametrize(("kind", "lack", "text"), WHOLE)
async def test_a_refusal_of_everything_is_one_gap_and_nothing_is_told(
    desk: Desk, kind: str, lack: str, text: str
) -> None:
    await desk.fault(kind, times=2)
    found = await desk.tell(Part.HOURS, Part.FAILURES)
    assert ([(lack, "Log Analytics")], text) == (gaps(found), found.gaps[0].text)
    assert (FLOWS | SIGN_INS, {}, ()) == (found.lacking, found.newest, found.hours)


async def test_another_workspace_s_logs_may_not_be_read(emulator: Box) -> None:
    async with in_front_of(emulator, id="44444444-4444-4444-4444-444444444444") as desk:
        found = await desk.tell(Part.HOURS)
    assert {"forbidden"} == {gap.lack for gap in found.gaps}
    assert FLOWS == found.lacking


MEMBERS = [("429", "throttled"), ("403", "forbidden"), ("timeout", "timedOut"), ("500", "failed"), ("400", "failed")]


@pytest.mark.parametrize(("kind", "lack"), MEMBERS)
async def test_a_refusal_of_one_query_is_its_gap_and_the_others_are_told(desk: Desk, kind: str, lack: str) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.fault(kind, r"/query$")
    found = await desk.tell(Part.FAILURES, Part.HOURS)
    assert ([(lack, "failures")], SIGN_INS) == (gaps(found), found.lacking)
    assert (Hour(minute(0), Counts(3)),) == found.hours


async def test_what_is_not_whole_is_told_as_far_as_it_goes_and_that_it_is_not(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0), flow(60))
    await desk.fault("partial", r"/query$")
    found = await desk.tell(Part.HOURS)
    assert ([("partial", "hours")], FLOWS, 1) == (gaps(found), found.lacking, len(found.hours))


async def test_who_does_not_answer_in_time_is_not_waited_for(emulator: Box) -> None:
    async with in_front_of(emulator, patience=timedelta(seconds=1)) as desk:
        await desk.fault("slow", seconds=5)
        found = await asyncio.wait_for(desk.tell(Part.HOURS), 4)
    assert [("timedOut", "Log Analytics")] == gaps(found)


async def test_where_nobody_listens_nothing_is_told(emulator: Box) -> None:
    with socket.socket() as probe:
        # The port is this socket's alone, and nobody listens there.
        probe.bind(("127.0.0.1", 0))
        async with in_front_of(emulator, endpoint=f"https://127.0.0.1:{probe.getsockname()[1]}") as desk:
            found = await desk.tell(Part.HOURS)
    assert ([("unavailable", "Log Analytics")], FLOWS) == (gaps(found), found.lacking)
    assert "Log Analytics cannot be reached. Look again later." == found.gaps[0].text


async def test_more_rows_than_are_told_are_capped(desk: Desk) -> None:
    sources = " ".join(f"10.{number >> 8}.{number & 255}.1|1|1" for number in range(2001))
    await desk.put("NTANetAnalytics", flow(0, sources))
    found = await desk.tell(Part.SOURCES)
    assert ([("capped", "sources")], 2000) == (gaps(found), len(found.sources))
    assert frozenset({Part.SOURCES}) == found.lacking


async def test_as_whom_postern_acts_has_to_be_known_to_leave_its_own_changes_out(emulator: Box) -> None:
    async with in_front_of(emulator, identities=()) as desk:
        found = [gaps(await desk.tell(part)) for part in (Part.EDITS, Part.HOURS)]
    assert [[("identityUnknown", "POSTERN_IDENTITY")], []] == found


async def test_about_more_than_a_thousand_machines_the_whole_subscription_is_asked_and_that_is_told(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0, DestVm="demo/somewhere-else"))
    many = [machine_id(f"web-{number}") for number in range(1001)]
    found = [await desk.tell(Part.HOURS, machines=wanted) for wanted in (many, many[:1000], None)]
    assert [[("tooManyMachines", "machines")], [], []] == [gaps(one) for one in found]
    assert [(Hour(minute(0), Counts(3)),), (), (Hour(minute(0), Counts(3)),)] == [one.hours for one in found]


async def test_what_was_told_is_told_again_for_a_while_and_then_asked_anew(desk: Desk) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    first = await desk.tell(Part.HOURS)
    await desk.put("NTANetAnalytics", flow(60))
    desk.clock.advance(timedelta(minutes=1))
    assert (first, 1) == (await desk.tell(Part.HOURS), await desk.asked())
    desk.clock.advance(timedelta(seconds=1))
    assert (2, 2) == (len((await desk.tell(Part.HOURS)).hours), await desk.asked())


async def test_another_question_is_asked_at_once(desk: Desk) -> None:
    await desk.tell(Part.HOURS)
    await desk.tell(Part.HOURS, Part.TARGETS)
    await desk.tell(Part.HOURS, until=minute(121))
    await desk.tell(Part.HOURS, machines=[machine_id("web-02")])
    assert 4 == await desk.asked()


async def test_the_order_of_what_is_asked_makes_no_other_question(desk: Desk) -> None:
    await desk.tell(Part.HOURS, Part.TARGETS)
    await desk.tell(Part.TARGETS, Part.HOURS)
    assert 1 == await desk.asked()


async def test_those_who_ask_the_same_at_the_same_time_share_the_answer(desk: Desk) -> None:
    found = await asyncio.gather(*(desk.tell(Part.HOURS) for _ in range(5)))
    assert (1, 1) == (len({id(one) for one in found}), await desk.asked())


@pytest.mark.parametrize(("kind", "path"), [("503", r"\$batch"), ("429", r"/query$"), ("partial", r"/query$")])
async def test_what_failed_is_asked_again_at_once(desk: Desk, kind: str, path: str) -> None:
    await desk.put("NTANetAnalytics", flow(0))
    await desk.fault(kind, path, times=2)
    assert FLOWS == (await desk.tell(Part.HOURS)).lacking
    found = await desk.tell(Part.HOURS)
    assert ([], 1) == (gaps(found), len(found.hours))


async def test_what_nobody_may_read_is_not_asked_again_at_once(desk: Desk) -> None:
    await desk.change("SecurityAlert", forbidden=True)
    first = await desk.tell(Part.ALERTS)
    assert (first, 1) == (await desk.tell(Part.ALERTS), await desk.asked())


async def test_who_goes_away_takes_the_answer_from_nobody_else(desk: Desk) -> None:
    leaving, staying = (asyncio.create_task(desk.tell(Part.HOURS)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    assert ([], 1) == (gaps(await staying), await desk.asked())
    assert leaving.cancelled()


async def test_only_some_answers_are_kept(desk: Desk) -> None:
    for number in range(17):
        await desk.tell(Part.BEATS, until=minute(number))
    await desk.tell(Part.BEATS, until=minute(16))
    await desk.tell(Part.BEATS, until=minute(0))
    assert 18 == await desk.asked()


async def test_a_log_that_is_late_is_told_by_its_newest_record(desk: Desk) -> None:
    await desk.put("Syslog", ssh_line(1, UNKNOWN_NAME), ssh_line(2, UNKNOWN_NAME, TimeGenerated=at(3)))
    assert {"Syslog": minute(3)} == (await desk.tell(Part.FAILURES)).newest


async def test_without_a_workspace_nothing_is_told_and_why() -> None:
    logs = NoLogs()
    found = await logs.tell(SCOPE, {Part.HOURS})
    assert ("", FLOWS, [("noWorkspace", "POSTERN_WORKSPACE")]) == (logs.workspace, found.lacking, gaps(found))


HOSTILE = ['web"]) | take 1 //', "web'01", "web\n01", "web|01", "web;01", "web\\01", 'web"01', "web\u2028", ""]


@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_be_more_than_a_name_is_not_asked_about(part: Part, text: str) -> None:
    odd = MachineId(f"{machine_id()}{text}") if text else MachineId("/s//r//p/m/v/")
    scopes = [
        replace(SCOPE, machines=frozenset({odd})) if text else replace(SCOPE, subscriptions=("",)),
        replace(SCOPE, subscriptions=(text,)),
        replace(SCOPE, groups=frozenset({text})),
    ]
    for scope in scopes:
        with pytest.raises(ValueError, match="cannot be asked about"):
            query(part, scope)
    with pytest.raises(ValueError, match="cannot be asked about"):
        query(part, SCOPE, [text])


@pytest.mark.parametrize("part", Part)
def test_a_question_holds_ids_and_times_before_the_query_and_nothing_else(part: Part) -> None:
    scope = replace(SCOPE, ports=frozenset({22}), groups=frozenset({"/a/b"}))
    head = query(part, scope, ["DDDD"]).splitlines()[:8]
    assert [
        "let since = datetime(2026-11-22T12:00:00.000000Z);",
        "let until = datetime(2026-11-22T14:00:00.000000Z);",
        'let subscriptions = dynamic(["11111111-1111-1111-1111-111111111111"]);',
        'let machines = dynamic(["11111111-1111-1111-1111-111111111111/demo/web-01"]);',
        "let ports = dynamic([22]);",
        'let groups = dynamic(["/a/b"]);',
        'let ours = dynamic(["dddd"]);',
        "let whole = false;",
    ] == head


async def test_a_group_of_any_letters_can_be_asked_about(desk: Desk) -> None:
    group = "/subscriptions/s/resourcegroups/b\u00fcro/providers/microsoft.network/networksecuritygroups/web-nsg"
    rule = {"_ResourceId": f"{group}/securityRules/x", "TimeGenerated": at(1), "SubscriptionId": SCOPE.subscriptions[0]}
    known = {"OperationNameValue": "Microsoft.Network/networkSecurityGroups/securityRules/write", "Caller": "eve"}
    await desk.put("AzureActivity", {**rule, **known, "ActivityStatusValue": "Success"})
    found = await desk.tell(Part.EDITS, groups=frozenset({group}))
    assert ([group], []) == ([one.nsg for one in found.edits], gaps(found))


def test_only_tables_that_are_asked_about_are_looked_at() -> None:
    with pytest.raises(ValueError, match="none of the tables"):
        newest("Heartbeat | take 1")
    assert "let table_asked = Heartbeat;" == newest("Heartbeat").splitlines()[0]


def test_every_part_has_a_query_and_machines_are_named_up_to_a_thousand() -> None:
    assert set(Part) == set(QUERIES)
    many = frozenset(machine_id(f"web-{number}") for number in range(1001))
    assert [True, False, True] == [
        is_whole(replace(SCOPE, machines=wanted)) for wanted in (many, frozenset(list(many)[:1000]), None)
    ]
