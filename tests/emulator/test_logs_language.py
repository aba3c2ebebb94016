"""Which KQL the workspace takes: never more than Azure would, and what this box cannot run is said so."""

from typing import Any

import pytest

from emulator.logs.errors import LogsError
from emulator.logs.store import Logs
from tests.emulator.conftest import Clock


@pytest.fixture(scope="module")
def logs() -> Logs:
    logs = Logs(Clock())
    logs.add("Heartbeat", [{"Computer": name} for name in ("a", "b")])
    logs.add("Syslog", [{"Computer": "a", "ProcessName": "sshd", "ProcessID": 7}])
    return logs


async def refusal(logs: Logs, kql: str) -> tuple[int, Any]:
    with pytest.raises(LogsError) as caught:
        await logs.query(kql, None)
    error = caught.value.error
    return int(caught.value.status), error.get("innererror", error)


MISSING = [
    ("Nope | where a == 1", "'where' operator: Failed to resolve table or column expression named 'Nope'"),
    ("Nope", "Failed to resolve table or column expression named 'Nope'"),
    ("heartbeat | take 1", "'take' operator: Failed to resolve table or column expression named 'heartbeat'"),
    ("union Heartbeat, Nope | count", "'union' operator: Failed to resolve table or column expression named 'Nope'"),
    ("database('x').Heartbeat", "Failed to resolve table or column expression named 'Heartbeat'"),
    (
        "let x = Nope; x | mv-expand y",
        "'mv-expand' operator: Failed to resolve table or column expression named 'Nope'",
    ),
    ("kept.Heartbeat", "Failed to resolve scalar expression named 'kept'"),
    ("Heartbeat | where Nope == 1", "'where' operator: Failed to resolve scalar expression named 'Nope'"),
    ("Heartbeat | where computer == 'a'", "'where' operator: Failed to resolve scalar expression named 'computer'"),
    ("Heartbeat | project Nope", "'project' operator: Failed to resolve scalar expression named 'Nope'"),
    ("Heartbeat | extend X = Nope", "'extend' operator: Failed to resolve scalar expression named 'Nope'"),
    ("Heartbeat | extend X = 1 | where x == 1", "'extend' operator: Failed to resolve scalar expression named 'x'"),
    ("Heartbeat | summarize count() by Nope", "'summarize' operator: Failed to resolve scalar expression named 'Nope'"),
    ("Heartbeat | where ['$seen'] > 0", "'where' operator: Failed to resolve scalar expression named '$seen'"),
    ("declare query_parameters(p:int); print p", "Query parameters are not supported by this API."),
]


@pytest.mark.parametrize(("kql", "message"), MISSING)
async def test_what_does_not_exist_is_a_semantic_error(logs: Logs, kql: str, message: str) -> None:
    status, inner = await refusal(logs, kql)
    expected = {"code": "SemanticError", "message": "A semantic error occurred."}
    assert (400, {**expected, "innererror": {"code": "SEM0100", "message": message}}) == (status, inner)


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("ProcessID == '7'", "int and string"),
        ("Computer == 7", "string and long"),
        ("ProcessID in ('7')", "int and string"),
        ("Computer !in (1.5)", "string and real"),
        ("TimeGenerated > '2027-01-01'", "datetime and string"),
    ],
)
async def test_values_of_other_types_are_not_compared(logs: Logs, condition: str, kinds: str) -> None:
    status, inner = await refusal(logs, f"Syslog | where {condition}")
    message = f"Cannot compare values of types {kinds}. Try adding explicit casts"
    assert (400, {"code": "SEM0064", "message": message}) == (status, inner["innererror"])


@pytest.mark.parametrize("kql", ["", "Heartbeat | wher Computer == 'a'", "Heartbeat | where", ".show tables", ". drop"])
async def test_what_does_not_parse_is_a_syntax_error(logs: Logs, kql: str) -> None:
    status, inner = await refusal(logs, kql)
    assert (400, "SyntaxError", "SYN0002") == (status, inner["code"], inner["innererror"]["code"])


@pytest.mark.parametrize(
    "kql",
    [
        "Heartbeat | make-series count() on TimeGenerated step 1h",
        "Heartbeat | extend x = column_ifexists('y', 1)",
        "Heartbeat | extend computer = 1",
        "externaldata(a:string)['file']",
        "workspace('x').Heartbeat",
        "set notruncation; Heartbeat",
        "union *",
        "search 'a'",
    ],
)
async def test_what_the_box_cannot_run_is_said_to_be_so(logs: Logs, kql: str) -> None:
    status, error = await refusal(logs, kql)
    assert (501, "NotImplementedInTheBox") == (status, error["code"])
    assert error["message"].startswith("This box cannot run the query: ")


WORKING = [
    ("let f = Heartbeat | where Computer == 'a'; f | count", [[1]]),
    ("let names = dynamic(['b']); Heartbeat | where Computer in (names) | project Computer", [["b"]]),
    ("Heartbeat | where Computer in (Syslog | project Computer) | count", [[1]]),
    ("Heartbeat | join kind=leftouter Syslog on Computer | project Computer, ProcessName | order by Computer asc",
     [["a", "sshd"], ["b", ""]]),
    ("Syslog | where ProcessID == 7 and tostring(ProcessID) == '7' | count", [[1]]),
    ("Syslog | extend ProcessID = tostring(ProcessID) | where ProcessID == '7' | count", [[1]]),
    ("Heartbeat | project-rename Name = Computer | where Name == 'a' | count", [[1]]),
    ("print p = split('x|y', '|') | mv-expand p to typeof(string) | order by p asc", [["x"], ["y"]]),
    ("range n from 1 to 3 step 1 | summarize sum(n), dcount(n), countif(n > 1)", [[6, 3, 2]]),
]  # fmt: skip


@pytest.mark.parametrize(("kql", "expected"), WORKING)
async def test_what_queries_of_logs_are_made_of_works(logs: Logs, kql: str, expected: list[list[object]]) -> None:
    assert expected == (await logs.query(kql, "P1D")).rows
