"""What must not stand in any committed file, and what must be in those that pin dependencies."""

import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, list_files, read_lines

# Put together from pieces, so that this file does not hold what it forbids.
MOCKS = re.compile(r"unittest[.]" + "mock|Magic" + "Mock|mock[.]" + r"patch|\bmock" + "er\b")
REGISTRIES = re.compile(r"registry[.]npm" + r"js|pypi[.]" + r"org|python" + r"hosted[.]org|registry[.]yarn" + "pkg")
HOMES = re.compile(r"/(?:home|Users)/" + r"[a-z]+/|/ro" + "ot/|/wo" + "rk/")
PINS = ("requirements.txt", "requirements-aws.txt", "requirements-dev.txt", "emulator/requirements-uv.txt",
        "emulator/azurite/requirements-node.txt")  # fmt: skip


def find(pattern: re.Pattern[str], *patterns: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in list_files(*patterns)
        for number, line in enumerate(read_lines(path), 1)
        if pattern.search(line)
    ]


def test_fakes_are_programs_never_mocks() -> None:
    assert find(MOCKS, "*.py") == []


def test_no_file_names_a_registry_host() -> None:
    assert find(REGISTRIES) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert find(HOMES) == []


def test_the_npm_lock_file_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "emulator/azurite/package-lock.json").read_text("utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity": "sha512-') == text.count('    "node_modules/')


@pytest.mark.parametrize("name", PINS)
def test_every_requirement_is_one_version_with_hashes(name: str) -> None:
    text = "\n".join(line for line in read_lines(ROOT / name) if not line.startswith("#"))
    entries = re.split(r"\n(?! )", text.replace("\\\n", ""))
    odd = re.compile(r"(?![a-z0-9.\[\],_-]+==\S+(?: ; [^\n]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*$)", re.IGNORECASE)
    assert [entry[:80] for entry in entries if entry and odd.match(entry)] == []


def test_lint_exceptions_say_which() -> None:
    bare = re.compile("# " + "noqa(?!: [A-Z]+[0-9]+)|type: " + r"ignore(?!\[)")
    assert find(bare, "*.py") == []


def test_the_files_that_are_run_can_be_run() -> None:
    assert [name for name in (".ci/run",) if not Path(ROOT / name).stat().st_mode & 0o100] == []
