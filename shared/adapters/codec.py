"""Stored values as JSON with a version, and back.

NB. What is written here is read by later versions. Fields of stored values are never renamed or removed, and a
new one has a default; a change that cannot keep to this raises the version and reads both.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

_VERSION = 1


class Codec[T]:
    """Values of one type to text and back."""

    def __init__(self, type_: Any) -> None:  # noqa: ANN401 - a union of types is not a type to mypy.
        self._adapter: TypeAdapter[T] = TypeAdapter(type_)

    def write(self, value: T) -> str:
        """The value as text."""
        body = self._adapter.dump_python(value, mode="json")
        return json.dumps({"v": _VERSION, "value": body}, separators=(",", ":"))

    def read(self, text: str) -> T:
        """The value of a text. Raises ValueError for a text that another version wrote and this one cannot read."""
        document = json.loads(text)
        if document.get("v") != _VERSION:
            raise ValueError(f"stored by version {document.get('v')}, and this one reads {_VERSION}")
        return self._adapter.validate_python(document["value"])
