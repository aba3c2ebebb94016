"""What can be done in a story, and one doing of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tests.stateful.terms import Human, Terms

NEVER = datetime.min.replace(tzinfo=UTC)
NOBODY = Human("nobody")


class Kind(StrEnum):
    """What can be done."""

    ASK = "ask"
    LOOK = "look"
    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    REVOKE = "revoke"
    EXTEND = "extend"
    SWEEP = "sweep"
    START = "start"
    REMIND = "remind"
    REPAIR = "repair"
    EDIT = "edit"
    DISABLE = "disable"
    OTHER = "other"  # Time passes, or a customer edits a group.


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done: by whom, to which grant or machine, and from when to when."""

    kind: Kind
    before: datetime = NEVER
    after: datetime = NEVER
    grant: str = ""
    machine: str = ""
    who: Human = NOBODY
    longer: timedelta | datetime | None = None
    terms: Terms | None = None
    clean: bool = True  # Nothing failed on the way.
