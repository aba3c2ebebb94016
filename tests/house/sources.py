"""The repository's own files, as git sees them, and measures of the code in them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Function:
    """A function's size: lines from `def` to its end, and parameters besides self and cls."""

    name: str
    lines: int
    parameters: int


@cache
def list_files(*patterns: str) -> tuple[Path, ...]:
    """What is committed, or about to be. Raises where there is no git to ask."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True, text=True)  # noqa: S603 - git's own list.
    return tuple(sorted({path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()}))


def read_lines(path: Path) -> list[str]:
    return path.read_text("utf-8", "replace").splitlines()


def measure(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = node.args
            names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            yield Function(where, lines, len([name for name in names if name not in {"self", "cls"}]))
