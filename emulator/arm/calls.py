"""The record of calls: what the app asked of ARM, one row a call, for tests and benchmarks that count."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call. `time` is RFC 3339 UTC, `path` holds the query too, `size` is the answer's body in bytes."""

    number: int
    time: str
    method: str
    path: str
    status: int
    size: int

    def document(self) -> dict[str, Any]:
        """The row as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Calls:
    """Every call since the last reset, in order of its end; numbers begin at 1."""

    _rows: list[CallRow] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all; the next number is 1 again."""
        self._rows.clear()

    def add(self, *, time: str, method: str, path: str, answer: tuple[int, int]) -> None:
        """Write a call down; `answer` is status and size."""
        self._rows.append(CallRow(len(self._rows) + 1, time, method, path, *answer))

    def since(self, number: int) -> list[CallRow]:
        """The calls after that number."""
        return self._rows[max(number, 0) :]
