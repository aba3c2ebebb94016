"""What is wrong with a document or a wish: all of it at once, each with a code and a place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong. `code` is stable, `path` is where (`ports[0].number`), `message` is for people."""

    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """A document that says nothing sensible, with everything that is wrong with it."""

    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """A sensible wish that the policy does not allow, with every reason."""

    issues: tuple[Issue, ...]
