"""The sizes that docs and reviews agreed on, measured on the product and on the box."""

from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.house.sources import ROOT, Function, list_files, measure, read_lines

PARTS = ("shared", "emulator")


def files(part: str) -> list[Path]:
    return [path for path in list_files(f"{part}/**.py", f"{part}/*.py") if path.stat().st_size]


def functions(part: str) -> list[Function]:
    return [function for path in files(part) for function in measure(path)]


@pytest.mark.parametrize("part", PARTS)
def test_no_file_is_longer_than_300_lines(part: str) -> None:
    sizes = {str(path.relative_to(ROOT)): len(read_lines(path)) for path in files(part)}
    assert {name: size for name, size in sizes.items() if size > 300} == {}


@pytest.mark.parametrize("part", PARTS)
def test_half_of_the_files_have_at_most_120_lines(part: str) -> None:
    assert median([len(read_lines(path)) for path in files(part)]) <= 120


@pytest.mark.parametrize("part", PARTS)
def test_no_function_is_longer_than_50_lines(part: str) -> None:
    assert [function for function in functions(part) if function.lines > 50] == []


@pytest.mark.parametrize("part", PARTS)
def test_half_of_the_functions_have_at_most_8_lines(part: str) -> None:
    assert median([function.lines for function in functions(part)]) <= 8


@pytest.mark.parametrize("part", PARTS)
def test_nine_of_ten_functions_have_at_most_25_lines(part: str) -> None:
    assert quantiles([function.lines for function in functions(part)], n=10)[-1] <= 25


@pytest.mark.parametrize("part", PARTS)
def test_no_function_takes_more_than_5_parameters(part: str) -> None:
    assert [function for function in functions(part) if function.parameters > 5] == []


@pytest.mark.parametrize("part", PARTS)
def test_no_folder_is_a_drawer_for_odds_and_ends(part: str) -> None:
    names = {name for path in files(part) for name in path.relative_to(ROOT).with_suffix("").parts}
    assert names & {"utils", "util", "helpers", "common", "misc"} == set()
