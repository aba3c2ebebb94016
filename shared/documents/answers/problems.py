"""What went wrong, and whether all is well, as callers get it."""

from __future__ import annotations

from typing import Annotated, NotRequired

from shared.documents.answers import Answer, one_of
from shared.documents.answers.grants import GrantAnswer


class IssueAnswer(Answer):
    """One thing that is wrong: a stable code, where, and a sentence."""

    code: str
    path: str
    message: str


class ProblemAnswer(Answer):
    """What went wrong (RFC 9457), with everything that is wrong at once."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    issues: NotRequired[list[IssueAnswer]]
    grant: NotRequired[GrantAnswer]
    retryAfter: NotRequired[int]


class PoisonAnswer(Answer):
    """About how many messages nobody could deal with, by queue; null where that is not known."""

    closings: int | None
    events: int | None


class HealthAnswer(Answer):
    """Whether Postern is alive and ready, and what keeps it from working."""

    status: Annotated[str, one_of("healthy", "unhealthy")]
    problems: list[str]
    poison: PoisonAnswer
