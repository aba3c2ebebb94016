"""Approval: who has to agree, what they said, and what of a longer stay waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.people import Person

DEFAULT_PENDING: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Approval:
    """What a policy asks for: so many approvals, by those who are named or else by any approver, within a time.

    `approvers` are object ids of users and groups.
    """

    required: bool = False
    approvers: tuple[str, ...] = ()
    count: int = 1
    pending_for: timedelta = DEFAULT_PENDING

    def names(self, ids: frozenset[str]) -> bool:
        """Whether somebody with these object ids is among the approvers."""
        return not self.approvers or bool(self.named(ids))

    def named(self, ids: frozenset[str]) -> tuple[str, ...]:
        """Which of the approvers somebody with these object ids is."""
        return tuple(sorted(ids & {id_.lower() for id_ in self.approvers}))


NO_APPROVAL: Final = Approval()


class Verdict(StrEnum):
    """What an approver said."""

    APPROVED = "approved"
    DENIED = "denied"


class Question(StrEnum):
    """What an approver was asked about."""

    REQUEST = "request"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class Decision:
    """What one approver said about a request for access, or for a longer stay."""

    by: Person
    verdict: Verdict
    at: datetime
    comment: str = ""
    about: Question = Question.REQUEST
    named_as: tuple[str, ...] = ()  # Which of the policy's approvers this was: itself, or groups of which it is.


@dataclass(frozen=True, slots=True)
class Extension:
    """A longer stay that waits for approval; one of `duration`, from the approval on, and `ends_at` is given."""

    asked_at: datetime
    lapses_at: datetime
    duration: timedelta | None = None
    ends_at: datetime | None = None
    justification: str = ""
    said_before: int = 0  # How many decisions about the grant there were when it was asked for.
