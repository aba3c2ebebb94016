"""A backup as a file: JSON lines, packed by gzip, which tell by themselves whether they are whole.

The first line says what it is, when it was begun and which tables it is of; each line after it is an entity and its
table; the last one has the counts and a digest of everything before. Values are written as Table Storage itself does,
with their types beside them, so that a time keeps its seven digits and a number its width.

Source: "Payload format for Table service operations" (JSON with minimal metadata); azure-data-tables.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from azure.data.tables import EdmType, EntityProperty

type Row = dict[str, Any]
"""An entity as it stands in the file."""

_VERSION: Final = 1
_TYPE: Final = "@odata.type"
_UNREADABLE: Final = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError)


class BackupError(Exception):
    """The file is no backup, or not a whole one; the message says why."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole backup holds: when it was begun, and how many entities of each table."""

    at: datetime
    counts: Mapping[str, int]


class Writer:
    """Writes entities one after another; what was not finished is no backup."""

    def __init__(self, write: Callable[[bytes], object], tables: Sequence[str], at: datetime) -> None:
        self._write = write
        self._digest = hashlib.sha256()
        self.counts = Counter(dict.fromkeys(tables, 0))
        self._put({"postern": "backup", "v": _VERSION, "at": at.isoformat(), "tables": list(tables)})

    def add(self, table: str, row: Row) -> None:
        """One entity."""
        self._put({"table": table, "entity": row})
        self.counts[table] += 1

    def finish(self) -> None:
        """The counts and the digest: from here on the file is whole."""
        digest = self._digest.hexdigest()
        self._put({"counts": dict(self.counts), "sha256": digest})

    def _put(self, document: Mapping[str, Any]) -> None:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        self._digest.update(line)
        self._write(line)


@contextmanager
def create(path: Path, tables: Sequence[str]) -> Iterator[Writer]:
    """A new backup that nobody else may read, under its name only when it is whole. Raises FileExistsError, OSError."""
    part = path.with_name(f"{path.name}.part")
    if path.exists():
        raise FileExistsError(f"{path} exists already")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
            writer = Writer(packed.write, tables, datetime.now(UTC))
            yield writer
            writer.finish()
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def check(path: Path) -> Summary:
    """Read a backup from end to end. Raises BackupError when it is not whole."""
    counts = Counter(table for table, _ in read(path))
    with _explained(path), gzip.open(path) as lines:
        header = json.loads(lines.readline())
    return Summary(datetime.fromisoformat(header["at"]), {name: counts[name] for name in header["tables"]})


def read(path: Path) -> Iterator[tuple[str, Row]]:
    """Each entity with its table, one at a time. Raises BackupError; what came before that is to be forgotten."""
    with _explained(path), gzip.open(path) as lines:
        yield from _entities(lines)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise BackupError(f"{path} is not a whole backup: {error}") from error


def _entities(lines: Iterable[bytes]) -> Iterator[tuple[str, Row]]:
    digest, counts, ended = hashlib.sha256(), Counter[str](), False
    for number, line in enumerate(lines):
        if ended:
            raise ValueError("something comes after its end")
        document = json.loads(line)
        if number == 0:
            _check_header(document)
            counts.update(dict.fromkeys(document["tables"], 0))
        elif "sha256" in document:
            if document["sha256"] != digest.hexdigest() or document["counts"] != dict(counts):
                raise ValueError("its digest is another")
            ended = True
        else:
            counts[document["table"]] += 1
            yield str(document["table"]), document["entity"]
        digest.update(line)
    if not ended:
        raise ValueError("its end is missing")


def _check_header(document: Mapping[str, Any]) -> None:
    if document.get("postern") != "backup":
        raise ValueError("it does not say that it is one")
    if document["v"] != _VERSION:
        raise ValueError(f"it is of version {document['v']}, and this reads {_VERSION}")


def to_row(entity: Mapping[str, Any]) -> Row:
    """An entity, as the SDK reads it, as it stands in the file. Raises TypeError for a type that tables do not know."""
    row: Row = {}
    for name, value in entity.items():
        kind, written = _written(value)
        row[name] = written
        if kind:
            row[f"{name}{_TYPE}"] = kind.value
    return row


def _written(value: object) -> tuple[EdmType | None, object]:
    match value:
        case str() | bool() | int():
            return None, str(value) if isinstance(value, str) else value
        case EntityProperty(inner, EdmType.INT64):
            return EdmType.INT64, str(inner)
        case float():
            special = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            return EdmType.DOUBLE, value if math.isfinite(value) else special
        case datetime():
            # The SDK keeps the service's own text beside a time, of which Python knows only six digits.
            return EdmType.DATETIME, str(getattr(value, "tables_service_value", "") or value.isoformat())
        case UUID():
            return EdmType.GUID, str(value)
        case bytes():
            return EdmType.BINARY, base64.b64encode(value).decode()
    raise TypeError(f"a value of type {type(value).__name__} cannot be kept")


def to_entity(row: Row) -> dict[str, Any]:
    """An entity of the file as the SDK writes it."""
    values = {name: value for name, value in row.items() if not name.endswith(_TYPE)}
    return {name: _typed(value, row.get(f"{name}{_TYPE}")) for name, value in values.items()}


def _typed(value: Any, kind: str | None) -> Any:  # noqa: ANN401 - whatever stands in a property.
    if kind is None:
        return value
    inner = base64.b64decode(value) if kind == EdmType.BINARY.value else value
    return EntityProperty(inner, EdmType(kind))
