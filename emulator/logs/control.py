"""`POST /_box/logs`: rows put into the workspace, and tables taken away.

It knows the call's body; the control API knows HTTP.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from emulator.logs.store import Logs

FIELDS = {"table", "rows", "lag", "missing", "forbidden"}


async def change(logs: Logs, body: Mapping[str, Any]) -> dict[str, Any]:
    """Do what a body says and say what was done; ValueError where it says nothing that can be done."""
    table, rows, lag = str(body.get("table")), body.get("rows"), body.get("lag", 0)
    if (rows is not None) + bool(body.get("missing")) + bool(body.get("forbidden")) != 1:
        raise ValueError("Say either rows, or missing: true, or forbidden: true.")
    if body.get("missing"):
        logs.drop(table)
        return {"table": table, "missing": True}
    if body.get("forbidden"):
        logs.forbid(table)
        return {"table": table, "forbidden": True}
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("rows is a list of objects, each with columns and their values.")
    if isinstance(lag, bool) or not isinstance(lag, int | float) or lag < 0:
        raise ValueError(f"lag is a number of seconds, not {lag!r}.")
    return {"table": table, "rows": await asyncio.to_thread(logs.add, table, rows, float(lag))}
