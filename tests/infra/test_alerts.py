"""What Azure Monitor looks for is what the app really logs: the app's own words go through the shipped queries."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb_kql
import pytest

from emulator.logs.tables import TABLES
from shared.bootstrap import CLOSINGS, Postern
from shared.domain.exposure import Leak
from shared.domain.grants import Grant, Occurrence
from shared.domain.lifecycle import Reason, State
from shared.domain.people import Person
from shared.ports import Unavailable
from shared.services.sweeping import Report
from shared.triggers.timers import _look_for_poison, _tell
from tests.domain.values import GRANT, NOW, machine_id
from tests.infra.bicep import INFRA, Value, read, table
from tests.kusto.checker import check
from tests.triggers.fresh import functions

# Source: learn.microsoft.com, "Application Insights telemetry data model", the columns that are asked for.
TRACES = {"timestamp": "datetime", "message": "string", "severityLevel": "int", "operation_Name": "string"}
REQUESTS = {
    "timestamp": "datetime", "name": "string", "success": "bool", "resultCode": "string", "duration": "real",
}  # fmt: skip
LEVELS = {logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3}
KEPT = {path.stem: path.read_text("utf-8") for path in (INFRA / "queries").glob("*.kql")}
WORKBOOK = json.loads((INFRA / "workbook.json").read_text("utf-8"))
SHOWN = {one["name"]: one["content"] for one in WORKBOOK["items"] if one["type"] == 3}
ASKED = {name: content["query"] for name, content in SHOWN.items()}
BOTH = "\n".join([*KEPT.values(), *ASKED.values()])


class Poisoned(Postern):
    """An app in whose poison queue three messages lie."""

    async def poison(self) -> dict[str, int]:
        return {CLOSINGS: 3}


def closed(late: timedelta) -> Grant:
    """A grant that ended now and was closed so much later."""
    over = Occurrence(2, State.EXPIRED, NOW + late, None)
    ann = Person("ann", "Ann")
    return Grant(GRANT, machine_id(), State.EXPIRED, ann, (), NOW, NOW, over, reason=Reason.DEADLINE)


def traces(caplog: pytest.LogCaptureFixture, function: str) -> list[tuple[object, ...]]:
    """What was logged, as the Functions host hands it on."""
    return [(one.getMessage(), LEVELS[one.levelno], function) for one in caplog.records]


def ask(name: str, rows: Iterable[tuple[object, ...]] = (), requests: Iterable[tuple[object, ...]] = ()) -> list[Any]:
    connection = duckdb_kql.connect()
    connection.execute('create table traces (message text, "severityLevel" int, "operation_Name" text)')
    connection.execute('create table requests (name text, success boolean, "resultCode" text)')
    for table_, values in (("traces", rows), ("requests", requests)):
        for one in values:
            connection.execute(f"insert into {table_} values (?, ?, ?)", one)  # noqa: S608 - two names of our own.
    return duckdb_kql.kql(connection, KEPT[name]).fetchall()


@pytest.fixture(autouse=True)
def _everything_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "postern")


def test_a_machine_that_is_exposed_is_found_by_its_id(caplog: pytest.LogCaptureFixture) -> None:
    machine = machine_id("web-01")
    _tell("repair", Report(exposed=((machine, (Leak("10.0.0.4", "nsg", "rule", 100),)),)))
    assert [str(machine)] == [row[-1] for row in ask("exposed", traces(caplog, "repair"))]


@pytest.mark.parametrize(("seconds", "found"), [(0.5, 0), (9.9, 0), (10, 1), (3600, 1)])
def test_what_closed_ten_seconds_after_its_end_was_late(
    caplog: pytest.LogCaptureFixture, seconds: float, found: int
) -> None:
    _tell("sweep", Report(closed=(closed(timedelta(seconds=seconds)),)))
    assert found == len(ask("closed-late", traces(caplog, "sweep")))


def test_what_somebody_closed_before_its_end_was_not_late(caplog: pytest.LogCaptureFixture) -> None:
    _tell("repair", Report(closed=(replace(closed(timedelta(hours=1)), reason=Reason.REVOKED),)))
    rows = traces(caplog, "repair")
    assert (1, []) == (len(rows), ask("closed-late", rows))


@pytest.mark.parametrize("function", ["sweep", "closings"])
def test_what_could_not_be_closed_is_found(caplog: pytest.LogCaptureFixture, function: str) -> None:
    _tell(function, Report(problems=(Unavailable("Azure is away", timedelta()),)))
    assert 1 == len(ask("closed-late", traces(caplog, function)))


async def test_messages_in_a_poison_queue_are_found(caplog: pytest.LogCaptureFixture) -> None:
    await _look_for_poison(Poisoned({}))
    assert 1 == len(ask("poison", traces(caplog, "sweep")))


def test_only_runs_of_the_sweep_that_went_well_count_as_such() -> None:
    requests = [("sweep", True, "0"), ("sweep", False, "0"), ("repair", True, "0")]
    assert [("sweep", True, "0")] == ask("sweep-silent", requests=requests)


def test_faults_of_ours_are_found_and_refusals_are_not() -> None:
    requests = [("askForAccess", False, "500"), ("health", False, "503"), ("askForAccess", False, "422")]
    assert ["500", "503"] == sorted(row[2] for row in ask("server-errors", requests=requests))


def test_requests_are_never_sampled_away() -> None:
    host = json.loads((INFRA.parent / "host.json").read_text("utf-8"))
    assert "Request" in host["logging"]["applicationInsights"]["samplingSettings"]["excludedTypes"].split(";")


def test_every_function_that_a_query_names_exists() -> None:
    lists = re.findall(r'\b(?:name|operation_Name|By) (?:in \(([^)]*)\)|== ("\w+"))', BOTH)
    named = {name for found in lists for name in re.findall(r'"(\w+)"', "".join(found))}
    assert {"sweep", "closings", "repair"} <= named
    assert set() == named - set(functions())


def test_every_query_is_clean() -> None:
    reports = check(KEPT | ASKED, {**TABLES, "traces": TRACES, "requests": REQUESTS})
    assert {} == {name: report.faults for name, report in reports.items() if report.faults}


def test_every_query_that_is_kept_is_a_rule() -> None:
    rules = read(INFRA / "modules/alerts.bicep").variables["rules"]
    assert isinstance(rules, list)
    assert set(KEPT) == {str(table(one)["name"]) for one in rules}
    assert {} == {str(table(one)["name"]): one for one in rules if not _asks_its_own(one)}


def _asks_its_own(rule: Value) -> bool:
    name = str(table(rule)["name"])
    return f"loadTextContent('../queries/{name}.kql')" == getattr(table(rule)["query"], "text", "")


def test_the_silence_of_the_sweep_is_the_only_rule_that_looks_for_nothing() -> None:
    rules = read(INFRA / "modules/alerts.bicep").variables["rules"]
    assert isinstance(rules, list)
    fewer = [table(one)["name"] for one in rules if table(one)["operator"] == "LessThan"]
    assert ["sweep-silent"] == fewer


def test_each_part_of_the_workbook_asks_where_its_table_is() -> None:
    places = {name: one["crossComponentResources"] for name, one in SHOWN.items()}
    wanted = {name: ["<workspace>" if "NTANetAnalytics" in text else "<component>"] for name, text in ASKED.items()}
    assert wanted == places
    assert (
        "replace(replace(page, '<component>', componentId), '<workspace>', workspaceId)"
        in read(INFRA / "modules/workbook.bicep").text
    )
