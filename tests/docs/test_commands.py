"""The commands that the documentation tells somebody to type are understood as they stand."""

import argparse
import asyncio
import json
import re
import shlex
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

from scripts.backup import TABLES
from scripts.cost import main as tell_cost

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PLACEHOLDER = re.compile(r"<[^<>`\n]+>|\$\([^()]*\)|\$\{?\w+\}?")
COMMAND = re.compile(r"python (?:-m scripts\.|scripts/)(\w+)(?:\.py)?([^`\n|#;&]*)")


class UnderstoodError(Exception):
    """The command line was read; what would come next is not done."""


def _something(placeholder: re.Match[str]) -> str:
    """What may stand in the place of a placeholder: an address, or an id."""
    return "https://postern.example" if "address" in placeholder[0] else "11111111-1111-1111-1111-111111111111"


def commands() -> list[tuple[str, str]]:
    """Every script with its arguments that a page names in a block of a shell or between backticks."""
    found = []
    for page in PAGES:
        text = PLACEHOLDER.sub(_something, page.read_text("utf-8").replace("\\\n", " "))
        code = "\n".join([*re.findall(r"```sh\n(.*?)```", text, re.DOTALL), *re.findall(r"`(python [^`\n]+)`", text)])
        # Between backticks a script may be named without what it needs.
        found += [
            (script, words.partition(" > ")[0].strip()) for script, words in COMMAND.findall(code) if words.strip()
        ]
    return list(dict.fromkeys(found))


def _begin(script: str, words: str) -> None:
    """Call a script, whether it waits or not."""
    begun = import_module(f"scripts.{script}").main(shlex.split(words))
    if asyncio.iscoroutine(begun):
        asyncio.run(begun)


@pytest.mark.parametrize(("script", "words"), commands())
def test_a_command_of_the_documentation_is_one(script: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = argparse.ArgumentParser.parse_args

    def only_read(parser: argparse.ArgumentParser, given: Sequence[str] | None = None) -> argparse.Namespace:
        read(parser, given)
        raise UnderstoodError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_read)
    with pytest.raises(UnderstoodError):
        _begin(script, words)


def test_every_script_for_operators_is_shown() -> None:
    shown = {script for script, _ in commands()}
    assert {"backup", "close_all", "cost", "import_defender"} <= shown


def test_every_table_is_described_and_saved() -> None:
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## Where things are kept")[2]
    described = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(TABLES) == sorted(described)


def test_the_example_of_a_bill_is_what_its_prices_come_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## Cost of running")[2]
    [prices] = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    [shown] = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    assert "made up" == json.loads(prices)["currency"]
    (tmp_path / "prices.json").write_text(prices)
    words = ["--machines", "50", "--grants", "400", "--calls", "20000"]
    assert 0 == tell_cost(["month", "--prices", str(tmp_path / "prices.json"), *words])
    assert shown == f"{capsys.readouterr().out.partition('\n\n')[0]}\n"
