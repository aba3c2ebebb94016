"""Brings rows into the logs, each as late as it would be in Azure.

It knows that flow logs are made minute by minute, and that what was due long ago can be seen at once. It refuses to
know what is in a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from emulator.logs.store import Logs
from emulator.traffic import records, signins
from emulator.traffic.flows import Flow
from emulator.traffic.records import Writer

type Row = dict[str, Any]

# Rows of a month would not all fit into memory at once. DuckDB keeps rows in groups of 122,880, and is quickest with
# whole ones.
_BATCH = 2 * 122_880


@dataclass(slots=True)
class Landing:
    """One call's way into the logs. `now` is in seconds since 1970, `lag` in seconds."""

    logs: Logs
    now: float
    lag: float
    _due: dict[str, list[Row]] = field(default_factory=dict)

    def land(self, flows: Sequence[Flow]) -> int:
        """Write what is to say about these flows, which are in order of time; returns how many rows that takes."""
        rows, writer = 0, Writer()
        for _, minute in groupby(flows, key=lambda flow: flow.at // records.MINUTE):
            members = list(minute)
            rows += self._take(members, _written(members, writer))
        for table in self._due:
            self._flush(table)
        return rows

    def _take(self, minute: list[Flow], written: dict[str, list[Row]]) -> int:
        wait = minute[-1].at + self.lag - self.now
        for table, rows in written.items():
            if wait > 0:
                self.logs.add(table, rows, wait)
            else:
                due = self._due.setdefault(table, [])
                due.extend(rows)
                if len(due) >= _BATCH:
                    self._flush(table)
        return sum(len(rows) for rows in written.values())

    def _flush(self, table: str) -> None:
        self.logs.add(table, self._due[table])
        self._due[table] = []


def _written(minute: list[Flow], writer: Writer) -> dict[str, list[Row]]:
    found = {records.TABLE: list(writer.write(minute))}
    for table, row in signins.write(minute):
        found.setdefault(table, []).append(row)
    return found
