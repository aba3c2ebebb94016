"""Who does something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a pipeline, as Entra ID knows it: object id and display name; and from which address and by whom."""

    id: str
    name: str
    address: str | None = None
    via: str | None = None  # The object id of the identity that spoke for this person.
