"""Results that are not read to their end yet, by the number in their skip tokens.

It keeps the last few for a while, so that a later page costs a slice and shows what the first page was part of. It
refuses to know what is in a result.
"""

import base64
import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.graph.table import Result

KEPT_SECONDS = 600.0
MOST = 16


@dataclass(frozen=True, slots=True)
class Token:
    """Where a reader stands: in which result, behind how many rows, with pages of which size."""

    number: int
    offset: int
    top: int

    def text(self) -> str:
        """As it goes over the wire: opaque to whoever gets it."""
        return base64.urlsafe_b64encode(json.dumps([self.number, self.offset, self.top]).encode()).decode()

    @staticmethod
    def read(text: str) -> "Token":
        """The token in a text, or ValueError."""
        number, offset, top = json.loads(base64.urlsafe_b64decode(text.encode()))
        return Token(int(number), int(offset), int(top))


@dataclass(frozen=True, slots=True)
class Kept:
    """A result, what was asked for it, and until when it is kept."""

    result: "Result"
    question: str
    until: float


@dataclass(slots=True)
class Shelf:
    """The results of one world."""

    _kept: dict[int, Kept] = field(default_factory=dict)
    _numbers: "Iterator[int]" = field(default_factory=lambda: count(1))

    def clear(self) -> None:
        """Forget all; tokens given out earlier stay worthless."""
        self._kept.clear()

    def keep(self, result: "Result", question: str, now: float) -> int:
        """Put a result there; the oldest makes room."""
        number = next(self._numbers)
        self._kept[number] = Kept(result, question, now + KEPT_SECONDS)
        for old in [*self._kept][:-MOST]:
            del self._kept[old]
        return number

    def find(self, number: int, question: str, now: float) -> "Result | None":
        """The result with that number, if it is of the same question and still kept."""
        found = self._kept.get(number)
        return found.result if found and found.question == question and now < found.until else None
