"""The pieces of code in the documentation that nobody runs are at least what their language takes them for."""

import re
from pathlib import Path
from typing import Final

import pytest
import tree_sitter_bicep
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from shared.triggers.openapi import describe

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
SCRIPT: Final = ROOT / "examples" / "powershell" / "Request-PosternAccess.ps1"
PARSERS: Final = {
    "bicep": Parser(Language(tree_sitter_bicep.language())),
    "powershell": Parser(Language(tree_sitter_powershell.language())),
}


def snippets() -> list[tuple[str, str, str]]:
    """Page, language and text of every piece."""
    found = [
        (str(page.relative_to(ROOT)), language, text)
        for page in PAGES
        for language, text in re.findall(r"```(bicep|powershell)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]
    return [*found, (str(SCRIPT.relative_to(ROOT)), "powershell", SCRIPT.read_text("utf-8"))]


def faults(node: Node) -> list[str]:
    """What the parser could make nothing of."""
    own = [f"{node.start_point.row + 1}: {node.type}"] if node.is_error or node.is_missing else []
    return [*own, *(fault for child in node.children for fault in faults(child))]


@pytest.mark.parametrize(("page", "language", "text"), snippets())
def test_a_piece_of_code_is_well_formed(page: str, language: str, text: str) -> None:
    assert (page, []) == (page, faults(PARSERS[language].parse(text.encode()).root_node))


def test_a_fault_would_be_found() -> None:
    assert ["bicep", "powershell"] == [
        name for name, parser in PARSERS.items() if faults(parser.parse(b"resource web 'x' = { name: ").root_node)
    ]


def test_the_powershell_script_calls_what_there_is() -> None:
    paths = re.findall(r"-Method (\w+) -Path ['\"]([^'\"]+)['\"]", SCRIPT.read_text("utf-8"))
    called = {(method.lower(), re.sub(r"\$\w+|\$\([^)]*\)", "{id}", path)) for method, path in paths}
    offered = {(method, path) for path, methods in describe()["paths"].items() for method in methods}
    assert {("post", "/api/grants"), ("get", "/api/grants/{id}"), ("post", "/api/grants/{id}/revoke")} == called
    assert set() == called - offered


def test_the_powershell_script_asks_with_fields_that_there_are() -> None:
    text = SCRIPT.read_text("utf-8")
    schemas = describe()["components"]["schemas"]
    wish = set(re.findall(r"^    (\w+) +=", text[text.index("$wish = @{") : text.index("if ($Ticket)")], re.MULTILINE))
    wish |= set(re.findall(r"\$wish\.(\w+)", text))
    assert {"machine", "ports", "duration", "justification", "ticket"} == wish
    assert set() == wish - set(schemas["GrantRequest"]["properties"])


def test_the_powershell_script_reads_fields_that_there_are() -> None:
    text = SCRIPT.read_text("utf-8")
    read = set(re.findall(r"\$[Gg]rant\.(\w+)", text))
    assert {"id", "state", "reason", "endTimeUtc", "connect"} == read
    assert set() == read - set(describe()["components"]["schemas"]["GrantAnswer"]["properties"])


def test_the_powershell_script_knows_every_state_that_is_no_end() -> None:
    states = set(re.findall(r"'(\w+)'", re.findall(r"\$waits = (.*)", SCRIPT.read_text("utf-8"))[0]))
    assert {"pending", "scheduled", "opening"} == states
