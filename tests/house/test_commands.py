"""The README's commands, the Makefile's targets and the build machine's run are the same commands."""

import re

from tests.house.sources import ROOT, list_files, read_lines


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def targets() -> set[str]:
    return {match[1] for match in re.finditer(r"^([a-z-]+):", read("Makefile"), re.MULTILINE)}


def code(name: str) -> str:
    """What stands in a page as code: in fences, or between backticks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", read(name), re.DOTALL))


def test_each_make_target_that_a_page_names_exists() -> None:
    pages = [str(path.relative_to(ROOT)) for path in list_files("*.md")]
    named = {name for page in pages for name in re.findall(r"\bmake ([a-z-]+)", code(page))}
    assert named - targets() == set()


def test_each_target_explains_itself_in_the_list() -> None:
    lines = [line for line in read("Makefile").splitlines() if re.match("[a-z-]+:", line)]
    assert [line for line in lines if "## " not in line] == []


def test_the_build_machine_runs_a_command_of_the_readme() -> None:
    commands = [line for line in read_lines(ROOT / ".ci/run") if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test </dev/null"]
    assert "make test" in code("README.md")


def test_targets_are_not_taken_for_files() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)
    assert phony
    assert targets() == set(phony[1].split())
