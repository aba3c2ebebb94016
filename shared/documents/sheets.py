"""Tables for spreadsheets, which cannot be attacked through them; and the activity as one.

A spreadsheet takes what begins with certain characters for a formula, also where it came from a file; names and
justifications are other people's words. Such a cell gets an apostrophe in front, which spreadsheets take for "text".

Source: OWASP, "CSV Injection"; RFC 4180.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from shared.documents.answers.activity import ActivityAnswer, EntryAnswer

_WIDE: Final = ("\uff1d", "\uff0b", "\uff0d", "\uff20")  # The full-width forms, which some spreadsheets read alike.
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", *_WIDE)
# Where commas stand in numbers, spreadsheets part cells at semicolons, also inside of ours.
_AFTER_A_SEPARATOR: Final = re.compile(rf'(;\s*"?)([{re.escape("".join(_FORMULAS))}])')
_COLUMNS: Final = (
    "at", "kind", "what", "machines", "text", "by", "source", "grant", "attempts", "denied", "became", "country",
    "ports", "users", "justification", "ticket", "reason",
)  # fmt: skip


def write_sheet(activity: ActivityAnswer) -> str:
    """The table, with a line for each entry, and one for each thing that cannot be told."""
    told = {"at": activity["until"], "kind": "gap"}
    gaps = [{**told, "what": gap["code"], "text": gap["message"]} for gap in activity["gaps"]]
    rows = [_row(entry) for entry in activity["value"]]
    return write_table(_COLUMNS, [*rows, *((cells.get(column, "") for column in _COLUMNS) for cells in gaps)])


def write_table(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a head; each row has its cells in the columns' order."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(map(harmless, row))
    return sheet.getvalue()


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula, whatever it takes for the end of a cell."""
    within = _AFTER_A_SEPARATOR.sub(r"\1'\2", text)
    return f"'{within}" if text.lstrip(" ").startswith(_FORMULAS) else within


def _row(entry: EntryAnswer) -> Iterable[str]:
    record, attack, sign_in = entry["record"], entry["attack"], entry["signIn"]
    return (
        entry["at"],
        entry["kind"],
        record["what"] if record else "",
        " ".join(entry["machines"]),
        entry["text"],
        entry["by"]["name"] if entry["by"] else "",
        entry["source"] or "",
        entry["grant"] or "",
        str(attack["attempts"]) if attack else "",
        str(attack["flows"]["denied"]) if attack else "",
        attack["became"] if attack else "",
        (attack["country"] or "") if attack else "",
        " ".join(map(str, attack["ports"])) if attack else (record["ports"] or "") if record else "",
        " ".join(attack["users"]) if attack else sign_in["user"] if sign_in else "",
        (record["justification"] or "") if record else "",
        (record["ticket"] or "") if record else "",
        (record["reason"] or "") if record else "",
    )
