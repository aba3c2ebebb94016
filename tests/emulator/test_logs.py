"""The workspace: what can be seen of it, when and by whom."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.logs.errors import LogsError
from emulator.logs.store import Logs
from emulator.logs.tables import TABLES
from tests.emulator.conftest import START, Clock

NOW = dt.datetime.fromtimestamp(START, dt.UTC)
# An endless query: nine times ten to the tenth pairs.
ENDLESS = (
    "range x from 1 to 300000 step 1 | extend k = 1 "
    "| join kind=inner (range y from 1 to 300000 step 1 | extend k = 1) on k | summarize sum(x * y)"
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logs(clock: Clock) -> Logs:
    return Logs(clock)


async def ask(logs: Logs, kql: str, span: str | None = None) -> list[list[Any]]:
    return (await logs.query(kql, span)).rows


async def test_rows_come_back_as_they_were_put_in(logs: Logs) -> None:
    text = 'Failed, "twice"\nfor 1.2.3.4'
    assert logs.add("Syslog", [{"SyslogMessage": text, "ProcessID": 7, "EventTime": NOW}]) == 1
    assert [[text, 7, "2027-01-15T08:00:00Z"]] == await ask(
        logs, "Syslog | project SyslogMessage, ProcessID, EventTime"
    )


async def test_rows_may_have_different_columns_and_what_is_missing_is_empty(logs: Logs) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}, {"OSType": "Linux", "RemoteIPLatitude": 1.5}, {"OSType": None}])
    rows = await ask(logs, "Heartbeat | project Computer, OSType, RemoteIPLatitude | order by Computer, OSType")
    assert [["a", "", None], ["", "Linux", 1.5], ["", "", None]] == rows


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_any_text_can_be_put_in(texts: list[str]) -> None:
    logs = Logs(Clock())
    logs.add("Syslog", [{"ProcessID": number, "SyslogMessage": text} for number, text in enumerate(texts)])
    rows = asyncio.run(ask(logs, "Syslog | order by ProcessID asc | project SyslogMessage"))
    assert [[text] for text in texts] == rows


@pytest.mark.parametrize("row", [{}, {"ProcessID": None}, {"Computer": ""}, {"Type": None}, {"Computer": None}])
async def test_an_empty_row_is_a_row(logs: Logs, row: dict[str, object]) -> None:
    assert logs.add("Syslog", [row, {"ProcessID": 7}, row]) == 3
    assert [["Syslog", "", 3]] == await ask(logs, "Syslog | summarize count() by Type, Computer")


async def test_what_every_row_has_in_azure_is_filled_in(logs: Logs) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}, {"TimeGenerated": None}])
    rows = await ask(logs, "Heartbeat | distinct TimeGenerated, Type, TenantId")
    assert [["2027-01-15T08:00:00Z", "Heartbeat", "33333333-3333-3333-3333-333333333333"]] == rows


async def test_dynamic_values_are_json_in_a_text(logs: Logs) -> None:
    logs.add("AzureActivity", [{"Properties_d": {"statusCode": "OK", "n": [1, None]}, "Claims_d": '{"a":1}'}])
    rows = await ask(logs, "AzureActivity | project Properties_d, Properties_d.statusCode, Claims_d.a")
    assert [['{"statusCode": "OK", "n": [1, null]}', "OK", "1"]] == rows


@pytest.mark.parametrize(
    ("table", "row", "named"),
    [
        ("Nope", {}, "Nope"),
        ("syslog", {}, "syslog"),
        ("Syslog", {"Computer": "a", "computer": "b"}, "computer"),
        ("Syslog", {"ProcessID": "seven"}, "ProcessID"),
        ("AzureActivity", {"Claims_d": "no JSON"}, "JSON"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name_with_all_rows(
    logs: Logs, table: str, row: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        logs.add(table, [{"Type": "x"}, row])
    assert [[0]] == await ask(logs, "union Syslog, AzureActivity | count")


async def test_rows_with_a_lag_are_seen_when_it_is_over(logs: Logs, clock: Clock) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}], lag=60)
    assert [[0]] == await ask(logs, "Heartbeat | count")
    clock.advance(60)
    assert [[1]] == await ask(logs, "Heartbeat | count")


SPANS = [
    (None, 3),
    ("P1D", 2),
    ("PT3600S", 1),
    ("PT86400.0S", 2),
    ("P1DT1H", 2),
    ("P52W", 3),
    ("2027-01-15T06:00:00Z/2027-01-15T06:00:00Z", 1),
    ("2027-01-14T06:00:00+00:00/2027-01-15T07:00:00+01:00", 1),
    ("2027-01-15T05:30:00.5Z/PT1H", 1),
    ("P1D/2027-01-15T07:00:00Z", 1),
    ("2020-01-01/2020-01-02", 0),
]


@pytest.mark.parametrize(("span", "expected"), SPANS)
async def test_the_time_span_limits_every_table(logs: Logs, span: str | None, expected: int) -> None:
    ages = [dt.timedelta(), dt.timedelta(hours=2), dt.timedelta(days=300)]
    for table in ("Heartbeat", "Syslog"):
        logs.add(table, [{"TimeGenerated": NOW - age} for age in ages])
    assert [[2 * expected]] == await ask(logs, "union Heartbeat, Syslog | count", span)


@pytest.mark.parametrize(
    "span", ["", "P", "PT", "P1M", "P1Y", "1D", "P1D/P1D", "2027-01-02/2027-01-01", "P9999999999D"]
)
async def test_a_time_span_that_is_none_is_refused(logs: Logs, span: str) -> None:
    with pytest.raises(LogsError, match="400 BadArgumentError") as caught:
        await logs.query("print 1", span)
    assert caught.value.error["innererror"]["details"][0]["code"] == "InvalidTimespan"


async def test_the_query_s_clock_is_the_box_s(logs: Logs, clock: Clock) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}])
    assert [["a", "2027-01-15T08:00:00Z"]] == await ask(
        logs, "Heartbeat | where TimeGenerated > ago(1h) | project Computer, now()"
    )
    clock.advance(3600)
    assert [] == await ask(logs, "Heartbeat | where TimeGenerated > ago(1h)")


async def test_a_dropped_table_is_missing_and_a_fuzzy_union_does_without_it(logs: Logs) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}])
    logs.drop("Syslog")
    with pytest.raises(LogsError, match="400 BadArgumentError"):
        await logs.query("union Syslog, Heartbeat | count", None)
    for kql in (
        "union isfuzzy=true Syslog, Heartbeat",
        "union isfuzzy=true Heartbeat, (Syslog | where Computer == 'a')",
    ):
        assert [[1]] == await ask(logs, f"{kql} | count")


async def test_a_fuzzy_union_of_missing_tables_only_is_refused(logs: Logs) -> None:
    with pytest.raises(LogsError, match="400 BadArgumentError"):
        await logs.query("union isfuzzy=true Nope, Nowhere | count", None)


async def test_a_forbidden_table_is_refused_even_in_a_fuzzy_union(logs: Logs) -> None:
    logs.forbid("Syslog")
    with pytest.raises(LogsError, match="403 InsufficientAccessError"):
        await logs.query("union isfuzzy=true Syslog, Heartbeat | count", None)
    assert [[0]] == await ask(logs, "Heartbeat | count")


@pytest.mark.parametrize("change", [Logs.drop, Logs.forbid])
async def test_only_a_known_table_can_be_taken_away(logs: Logs, change: Any) -> None:  # noqa: ANN401  # A method.
    with pytest.raises(ValueError, match="Nope"):
        change(logs, "Nope")


async def test_clearing_brings_an_empty_workspace_with_all_tables(logs: Logs) -> None:
    logs.add("Heartbeat", [{"Computer": "a"}])
    logs.drop("Syslog")
    logs.forbid("Heartbeat")
    logs.clear()
    assert [[0]] == await ask(logs, f"union {', '.join(TABLES)} | count")


async def test_a_query_that_is_cancelled_ends(logs: Logs) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await logs.query(ENDLESS, None)
    assert [[1]] == await ask(logs, "print 1")


async def test_a_long_query_holds_nobody_up(logs: Logs) -> None:
    long = asyncio.create_task(logs.query(ENDLESS, None))
    assert [[1]] == await ask(logs, "print 1")
    assert not long.done()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long


async def test_more_queries_than_run_at_once_all_get_an_answer(logs: Logs) -> None:
    logs.add("Heartbeat", [{"Computer": str(number)} for number in range(100)])
    found = await asyncio.gather(*(ask(logs, f"Heartbeat | take {number} | count") for number in range(12)))
    assert [[[number]] for number in range(12)] == found


VALUES = [
    ("1.5", "real", 1.5),
    ("real(nan)", "real", "NaN"),
    ("real(+inf)", "real", "Infinity"),
    ("long(null)", "long", None),
    ("''", "string", ""),
    ("true", "bool", True),
    ("1d + 2h + 3s + 1ms", "timespan", "1.02:00:03.0010000"),
    ("-5m", "timespan", "-00:05:00"),
    ("datetime(2027-01-15 08:00:00.25)", "datetime", "2027-01-15T08:00:00.250000Z"),
    ("guid(11111111-1111-1111-1111-111111111111)", "guid", "11111111-1111-1111-1111-111111111111"),
    ("dynamic([1, 'a'])", "dynamic", '[1,"a"]'),
    ("split('a b', ' ')", "dynamic", '["a","b"]'),
]


@pytest.mark.parametrize(("value", "kind", "expected"), VALUES)
async def test_values_are_written_as_azure_writes_them(logs: Logs, value: str, kind: str, expected: object) -> None:
    result = await logs.query(f"print x = {value}", None)
    assert ([("x", kind)], [[expected]]) == (result.columns, result.rows)


async def test_every_column_has_the_type_of_its_table(logs: Logs) -> None:
    for table, columns in TABLES.items():
        assert list(columns.items()) == (await logs.query(table, None)).columns


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_what_every_table_of_azure_has(table: str) -> None:
    assert {"TimeGenerated": "datetime", "Type": "string", "TenantId": "string"}.items() <= TABLES[table].items()
