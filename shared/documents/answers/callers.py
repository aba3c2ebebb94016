"""The caller, as the caller gets it."""

from __future__ import annotations

from shared.documents.answers import PersonAnswer


class MeAnswer(PersonAnswer):
    """Who the caller is to the app: the app roles of the token, and its tenant's id; null where it names none."""

    roles: list[str]
    tenant: str | None
