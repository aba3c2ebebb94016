"""Queries that differ in nothing but the times and lists that they compare with: translated once for all of them.

It knows `let` statements at the head of a query that name a time or a list of texts, and takes them for values only
where they are compared with something. It refuses to know what a query means. To translate one takes a tenth of a
second, most of which goes into reading it, and apps ask the same of another time again and again.
"""

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LET = re.compile(
    r"let (?P<name>\w+) = (?:"
    r"datetime\((?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z)\)"
    r'|dynamic\((?P<list>\["[^"\\]*"(?:, "[^"\\]*")*\])\)'
    r"|true|false|dynamic\(\[\]\)"
    r");\n"
)
_TIME_COMPARED = r"(?:<=|>=|<|>) {}\b(?!\s*[-+*/%.\[])"
_LIST_COMPARED = r"\bin~? \({}\)"
_NOW = re.compile(r"\b(?:now|ago)\b")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """A query with marks in place of values; `values` gives what each mark stands for, as it stands in SQL."""

    text: str
    values: Mapping[str, str]

    def fill(self, sql: str) -> str | None:
        """The SQL of this shape with the values in it; None where it has not kept their marks."""
        for mark, value in self.values.items():
            if mark not in sql:
                return None
            sql = sql.replace(mark, value)
        return sql


def shape_of(query: str) -> Shape | None:
    """The shape of a query; None for one that has no values, or tells the time by itself."""
    head = list(_head(query))
    rest = query[head[-1].end() :] if head else query
    told = _COMMENT.sub("", rest)
    compared = [number for number, found in enumerate(head) if _is_compared(found, told)]
    if not compared or _NOW.search(told):
        return None
    lines = [_marked(number, found) if number in compared else found[0] for number, found in enumerate(head)]
    return Shape("".join(lines) + rest, dict(_value(number, head[number]) for number in compared))


def _head(query: str) -> Iterator[re.Match[str]]:
    found = _LET.match(query)
    while found:
        yield found
        found = _LET.match(query, found.end())


def _is_compared(found: re.Match[str], rest: str) -> bool:
    """Whether a value is used, and for nothing but comparisons, which are the same in SQL whatever the value is."""
    name = found["name"]
    pattern = _TIME_COMPARED if found["time"] else _LIST_COMPARED
    uses = len(re.findall(rf"\b{name}\b", rest))
    is_value = bool(found["list"]) or (bool(found["time"]) and _is_time(found["time"]))
    return is_value and 0 < uses == len(re.findall(pattern.format(name), rest))


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _value(number: int, found: re.Match[str]) -> tuple[str, str]:
    """A mark, and what stands in SQL in its place."""
    if found["time"]:
        return _time_mark(number), found["time"]
    texts = json.dumps(json.loads(found["list"]), separators=(",", ":"), ensure_ascii=False)
    return f'["{_list_mark(number)}"]', texts.replace("'", "''")


def _marked(number: int, found: re.Match[str]) -> str:
    if found["time"]:
        return f"let {found['name']} = datetime({_time_mark(number)});\n"
    return f'let {found["name"]} = dynamic(["{_list_mark(number)}"]);\n'


def _time_mark(number: int) -> str:
    """A time at which nobody looks: there were no clouds."""
    return f"1001-01-01T00:00:00.{number:06d}Z"


def _list_mark(number: int) -> str:
    return f"\N{SECTION SIGN}{number}\N{SECTION SIGN}"
