"""Who does something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a pipeline, as Entra ID knows it: object id and display name; and from which address it acted."""

    id: str
    name: str
    address: str | None = None
