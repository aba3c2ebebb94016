"""A gate's script where no server can be played: it only prints what it would load, and that is kept.

It knows as much of such a script as its header says: the mode `dry`, which changes nothing, and the line of its report.
What the server would have said is told in its place, so that without root the box still has servers to look at.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from emulator.hybrid.namespaces import Ran, run_program

_KNOWN: Final = "# Postern gate 1"
_REPORT: Final = "POSTERN-GATE "


def can_be(script: str) -> bool:
    """Whether a script says that it can be rehearsed; any other would really be carried out on this computer."""
    return _KNOWN in script.splitlines()[:3]


async def rehearse(script: Path, environment: Mapping[str, str]) -> tuple[Ran, str]:
    """How the script would have ended, and what it would have loaded."""
    asked = {"PATH": os.environ.get("PATH", ""), **environment, "POSTERN_MODE": "dry"}
    ran = await run_program("/bin/sh", str(script), environment=asked)
    table, found, report = ran.output.rpartition(_REPORT)
    if ran.code or not found:
        return ran, ""
    wish = environment.get("POSTERN_WISH", "none")
    told = {**json.loads(report), "status": "applied", "rules": 0 if wish == "none" else wish.count("+") + 1}
    return Ran(0, f"{_REPORT}{json.dumps(told)}\n", ran.error), table
