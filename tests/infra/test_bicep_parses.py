"""Every file of infra/ is what the language's grammar knows, and the reader sees what is wrong."""

import json
import re
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, Code, list_bicep, read, read_text, read_values


@pytest.mark.parametrize("path", list_bicep(), ids=lambda path: str(path.relative_to(INFRA)))
def test_a_file_parses(path: Path) -> None:
    assert () == read(path).faults


@pytest.mark.parametrize("path", list_bicep(), ids=lambda path: str(path.relative_to(INFRA)))
def test_a_file_begins_with_what_it_makes_and_why(path: Path) -> None:
    assert "// " == read(path).text[:3]


def test_the_values_of_main_parse() -> None:
    assert () == read_values(INFRA / "main.bicepparam").faults


@pytest.mark.parametrize("path", sorted(INFRA.rglob("*.bicepparam")), ids=lambda path: path.name)
def test_no_part_of_a_list_is_taken_by_a_number_above_0_where_the_compiler_knows_how_long_it_is(path: Path) -> None:
    """What the environment lacks is a default that is written out, and what it has not is an error (BCP311)."""
    assert [] == re.findall(r"[\w)]\[\??[1-9]\d*\]", path.read_text("utf-8"))


def test_what_is_no_bicep_is_a_fault() -> None:
    assert read_text("param a string = \n\nresource = {").faults


def test_values_that_are_written_out_are_read_as_they_are() -> None:
    file = read_text("var a = { b: 1, 'c d': [true, null, 'it\\'s'] }")
    assert {"b": 1, "c d": [True, None, "it's"]} == file.variables["a"]


def test_what_only_azure_can_tell_stays_code() -> None:
    assert Code("'${b}-c'") == read_text("var a = '${b}-c'").variables["a"]


def test_names_of_loops_and_lambdas_are_no_names_of_the_file() -> None:
    text = "var a = map(b, one => one.c)\nmodule m 'x' = [\n  for (two, index) in d: { name: '${two}${index}' }\n]"
    assert {"b", "d"} == read_text(text).used


@pytest.mark.parametrize("path", sorted(INFRA.glob("*.json")), ids=lambda path: path.name)
def test_a_json_file_is_json(path: Path) -> None:
    assert json.loads(path.read_text("utf-8"))
