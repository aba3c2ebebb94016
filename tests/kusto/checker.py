"""Asks Microsoft's own Kusto language service about queries, all of them in one run of Node.

It knows how the service is called and what it answers. It refuses to know which queries there are, and which tables.

Source: npm, @kusto/language-service-next (its Kusto.Language.Bridge.d.ts).
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulator.install import Place

PLACE: Final = Place(Path(__file__).parents[2])
KUSTO: Final = PLACE.packages / "@kusto" / "language-service-next"
SCRIPT: Final = Path(__file__).with_name("check.js")
PATIENCE: Final = 60.0  # seconds, for all queries together

type Schema = Mapping[str, Mapping[str, str]]
"""Table, column, Kusto type."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong at one place of a query: `text` is the piece that is meant, `line` counts from 1."""

    code: str
    severity: str  # Error, Warning, Suggestion or Information.
    message: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the service says of one query: what is wrong with it, and which columns it gives, with their types."""

    diagnostics: tuple[Diagnostic, ...]
    columns: Mapping[str, str]

    @property
    def faults(self) -> tuple[Diagnostic, ...]:
        """What must not be shipped: errors, and warnings as well."""
        return tuple(one for one in self.diagnostics if one.severity in {"Error", "Warning"})


def check(queries: Mapping[str, str], schema: Schema) -> dict[str, Report]:
    """A report for each query, by its name. RuntimeError where `make setup` has not been run or Node fails."""
    if not KUSTO.exists():
        raise RuntimeError("Kusto's language service is not installed: run `make setup`.")
    ended = subprocess.run(  # noqa: S603 - our own script.
        [PLACE.node, SCRIPT, KUSTO],
        input=json.dumps({"schema": schema, "queries": queries}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if ended.returncode:
        raise RuntimeError(f"{SCRIPT.name} ended with status {ended.returncode}:\n{ended.stderr}")
    return {name: _read(report) for name, report in json.loads(ended.stdout).items()}


def _read(report: Mapping[str, Any]) -> Report:
    return Report(tuple(Diagnostic(**one) for one in report["diagnostics"]), dict(report["columns"]))
