"""The queries that are shipped, read by Microsoft's own language service against the tables that they ask."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

import shared.adapters
from emulator.graph.rows import DYNAMICS, TEXTS
from emulator.logs.tables import TABLES
from shared.adapters.log_queries import QUERIES, newest, query
from shared.domain.evidence import Part, Scope
from tests.domain.values import NOW, machine_id
from tests.kusto import checker
from tests.kusto.checker import Report, check

FOLDER = Path(shared.adapters.__file__).parent / "queries"
RESOURCES = dict.fromkeys(TEXTS, "string") | dict.fromkeys(DYNAMICS, "dynamic")

WEB = machine_id("web-01")
EVERYTHING = Scope((WEB.subscription,), NOW - timedelta(days=1), NOW)
ONE = Scope((WEB.subscription,), NOW - timedelta(days=1), NOW, frozenset({WEB}), frozenset({"/subscriptions/s/nsg"}))
LOGS = (
    {f"{part} of everything": query(part, EVERYTHING) for part in QUERIES}
    | {f"{part} of one machine": query(part, ONE, ["somebody"]) for part in QUERIES}
    | {f"newest of {table}": newest(table) for one in QUERIES.values() for table in one.tables}
)
GRAPH = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.kql")}


class Wrong(NamedTuple):
    """A query that must not be shipped, and what is said of it."""

    text: str
    code: str
    place: str
    severity: str = "Error"
    line: int = 1


WRONG = {
    "an unknown column": Wrong("Syslog\n| where NoSuchColumn == ''", "KS142", "NoSuchColumn", line=2),
    "a column in another case": Wrong("Syslog | project timegenerated", "KS142", "timegenerated"),
    "a column that was left out": Wrong("Syslog | project Computer | where Facility == ''", "KS142", "Facility"),
    "an unknown table": Wrong("NoSuchTable | count", "KS204", "NoSuchTable"),
    "an unknown table of a union": Wrong("union isfuzzy=true Syslog, NoSuchTable", "KS205", "NoSuchTable", "Warning"),
    "an unknown function": Wrong("Syslog | extend A = no_such_function(Computer)", "KS211", "no_such_function"),
    "a comparison of unlike types": Wrong("Syslog | where TimeGenerated > 5", "KS106", ">"),
    "a sum of texts": Wrong("Syslog | summarize sum(Computer)", "KS138", "Computer"),
}


@pytest.fixture(scope="module")
def logs() -> Mapping[str, Report]:
    """All queries of Log Analytics in one run, the wrong ones too: the service takes longest to start."""
    return check(LOGS | {name: wrong.text for name, wrong in WRONG.items()}, TABLES)


@pytest.fixture(scope="module")
def graph() -> Mapping[str, Report]:
    return check(GRAPH, {"resources": RESOURCES})


@pytest.mark.parametrize("name", LOGS)
def test_a_query_of_log_analytics_is_clean(logs: Mapping[str, Report], name: str) -> None:
    assert () == logs[name].faults


@pytest.mark.parametrize("name", GRAPH)
def test_a_query_of_resource_graph_is_clean(graph: Mapping[str, Report], name: str) -> None:
    assert () == graph[name].faults


def test_no_query_is_left_unchecked() -> None:
    shipped = {path.stem: path.read_text("utf-8") for path in FOLDER.rglob("*.kql")}
    checked = "\n".join([*LOGS.values(), *GRAPH.values()])
    assert {"flows", "signins", "machines"} < shipped.keys()
    assert [] == [name for name, text in shipped.items() if text not in checked]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_with_its_code_and_place(logs: Mapping[str, Report], name: str) -> None:
    found = [(one.code, one.text, one.severity, one.line) for one in logs[name].faults]
    assert [WRONG[name][1:]] == found


@pytest.mark.parametrize(("table", "column"), [("NTANetAnalytics", "DestPort"), ("AzureNetworkAnalytics_CL", "VM_s")])
def test_a_column_that_a_table_loses_is_found_in_a_shipped_query(table: str, column: str) -> None:
    rest = {name: kind for name, kind in TABLES[table].items() if name != column}
    faults = check({"": query(Part.PORTS, ONE)}, {**TABLES, table: rest})[""].faults
    assert ("KS142", column) in {(one.code, one.text) for one in faults}


def test_the_columns_of_an_answer_are_known_with_their_types(logs: Mapping[str, Report]) -> None:
    expected = {"User": "string", "Failures": "long", "Sources": "long"}
    assert expected == logs[f"{Part.NAMES} of everything"].columns


def test_without_the_language_service_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "KUSTO", tmp_path / "nowhere")
    with pytest.raises(RuntimeError, match="run `make setup`"):
        check({}, {})


def test_a_run_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "SCRIPT", tmp_path / "nowhere.js")
    with pytest.raises(RuntimeError, match=r"(?s)nowhere.js ended with status 1:.*Cannot find module"):
        check({}, {})


def test_its_lock_file_has_a_hash_and_no_address() -> None:
    text = (Path(checker.__file__).parents[1] / "packages" / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert text.count('    "node_modules/') == text.count('"integrity": "sha512-') == 8
