"""What makes queries quick changes nothing that they tell."""

import datetime as dt

import pytest

from emulator.logs import language
from emulator.logs.errors import LogsError
from emulator.logs.shapes import shape_of
from emulator.logs.store import Logs
from emulator.logs.tables import TABLES
from tests.emulator.conftest import START, Clock

NOW = dt.datetime.fromtimestamp(START, dt.UTC)
TIMES = "let since = datetime({}Z);\nlet names = dynamic({});\n"
CHOSEN = "Heartbeat\n| where TimeGenerated >= since and Computer in (names)\n| order by Computer asc | project Computer"


@pytest.fixture(scope="module")
def logs() -> Logs:
    logs = Logs(Clock())
    rows = [{"Computer": name, "TimeGenerated": f"2026-01-0{day}T00:00:00Z"} for day, name in enumerate("ab'", 1)]
    logs.add("Heartbeat", rows)
    return logs


async def told(logs: Logs, kql: str) -> list[list[object]]:
    return (await logs.query(kql, None)).rows


@pytest.mark.parametrize(
    ("since", "names", "expected"),
    [
        ("2026-01-01T00:00:00", '["a", "b"]', ["a", "b"]),
        ("2026-01-02T00:00:00.000000", '["a", "b"]', ["b"]),
        ("2026-01-01T00:00:00", '["a", "\'", "x"]', ["'", "a"]),
        ("2026-01-01T00:00:00", "[]", []),
    ],
)
async def test_a_query_tells_of_its_own_values(logs: Logs, since: str, names: str, expected: list[str]) -> None:
    assert [[name] for name in expected] == await told(logs, TIMES.format(since, names) + CHOSEN)


def test_queries_that_differ_in_times_and_lists_have_one_shape() -> None:
    one = shape_of(TIMES.format("2026-01-01T00:00:00", '["a"]') + "// since and names\n" + CHOSEN)
    other = shape_of(TIMES.format("2026-01-02T00:00:00.5", '["b", "c"]') + "// since and names\n" + CHOSEN)
    assert one
    assert other
    assert (one.text, ["a"]) == (other.text, [text for text in ("a", "b") if f'"{text}"' in str(one.values)])


@pytest.mark.parametrize(
    "rest",
    [
        "Heartbeat | where TimeGenerated > ago(1h) and TimeGenerated >= since",
        "Heartbeat | where TimeGenerated >= since + 1d",
        "Heartbeat | extend At = since | where TimeGenerated >= since",
        "Heartbeat | where Computer in (names) | extend N = array_length(names)",
        "Heartbeat",
    ],
)
def test_what_is_more_than_compared_is_no_value(rest: str) -> None:
    assert shape_of(TIMES.format("2026-01-01T00:00:00", '["a"]') + rest) is None


def test_a_time_that_there_is_not_is_no_value() -> None:
    assert shape_of("let since = datetime(2026-13-01T00:00:00Z);\nHeartbeat | where TimeGenerated >= since") is None


def test_an_error_is_told_of_the_query_as_it_stands() -> None:
    texts = [TIMES.format("2026-01-01T00:00:00", '["a"]') + CHOSEN + end for end in (" | where Nope ==", " |")]
    for text in texts:
        with pytest.raises(LogsError) as caught:
            language.translate(text, TABLES, NOW)
        assert "1001" not in str(caught.value.error)


async def test_parts_of_a_text_and_numbers_in_it_are_as_ever(logs: Logs) -> None:
    kql = """Heartbeat | take 1 | extend T = "a|1|x b|-2 c|y  d|007 e" | mv-expand P = split(T, " ") to typeof(string)
        | project P, S = extract(@"^([^|]+)", 1, P), N = tolong(extract(@"\\|([^|]*)", 1, P))"""
    expected = [["a|1|x", "a", 1], ["b|-2", "b", -2], ["c|y", "c", None], ["", "", None], ["d|007", "d", 7]]
    assert [*expected, ["e", "e", None]] == await told(logs, kql)


def test_a_split_text_is_not_made_into_json_and_back() -> None:
    kql = 'Heartbeat | mv-expand P = split(Computer, " ") to typeof(string) | extend N = tolong(extract("(.)", 1, P))'
    sql = language.translate(kql, TABLES, NOW).sql
    assert (True, False, False) == ("UNNEST" in sql, "json_array" in sql, "'DOUBLE', 'FLOAT'" in sql)
