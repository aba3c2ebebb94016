"""Long-running operations: what has been accepted and is not yet in force.

It knows changes that wait for their end, in order of time, and what their end does to the store. It reads no clock:
whoever asks says what time it is, and everything that has ended by then takes effect. It refuses to know HTTP and
validation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from emulator.arm.errors import Json
from emulator.arm.kinds import Kind
from emulator.arm.store import Resource, Store


@dataclass(frozen=True, slots=True)
class Change:
    """A write: what ARM shows while it runs, and what stands afterwards (None: nothing, the resource is gone)."""

    id: str
    kind: Kind
    interim: Json
    outcome: Json | None


@dataclass(slots=True)
class Operation:
    """One accepted write. `secret` is the signed part of its address: a poll must carry it as it was given."""

    number: str
    secret: str
    namespace: str
    location: str
    ends: float
    error: Json | None = None
    done: bool = False

    @property
    def status(self) -> str:
        """As in the operation resource."""
        if not self.done:
            return "InProgress"
        return "Failed" if self.error else "Succeeded"


@dataclass(slots=True)
class Operations:
    """Every operation of this world, the running ones first to end first."""

    store: Store
    new_id: Callable[[], str]
    _all: dict[str, Operation] = field(default_factory=dict)
    # A change is kept only while it runs: documents are large, and a benchmark makes many thousand operations.
    _running: list[tuple[Operation, Change]] = field(default_factory=list)

    def clear(self) -> None:
        """Forget all, also what runs."""
        self._all.clear()
        self._running.clear()

    def find(self, number: str) -> Operation | None:
        """One operation by its number."""
        return self._all.get(number)

    def begin(self, change: Change, *, ends: float, error: Json | None = None) -> Operation:
        """Accept a write that ends at `ends`; with an `error` it will then have changed nothing."""
        number, secret = self.new_id(), self.new_id()
        location = str(change.interim.get("location", "global"))
        operation = Operation(number, secret, change.kind.namespace, location, ends, error)
        self._all[number] = operation
        self._running.append((operation, change))
        standing = self.store.get(change.id)
        effective = standing.effective if standing else None
        self.store.put(Resource(change.id, change.kind, change.interim, self._etag(), effective, number))
        return operation

    def settle(self, now: float) -> Iterator[float]:
        """Let everything that has ended by `now` take effect, in the order in which it ended; gives each one's time."""
        ended = [one for one in self._running if one[0].ends <= now]
        self._running = [one for one in self._running if one[0].ends > now]
        for operation, change in sorted(ended, key=lambda one: one[0].ends):
            self._end(operation, change)
            yield operation.ends

    def running(self) -> list[str]:
        """The ids of the resources that are being written."""
        return [change.id for _, change in self._running]

    def _end(self, operation: Operation, change: Change) -> None:
        operation.done = True
        standing = self.store.get(change.id)
        before = standing.effective if standing else None
        after = before if operation.error else change.outcome
        if after is None:
            self.store.remove(change.id)
        else:
            self.store.put(Resource(change.id, change.kind, after, self._etag(), after))

    def replace(self, change: Change) -> None:
        """A write that is in force at once."""
        if change.outcome is not None:
            self.store.put(Resource(change.id, change.kind, change.outcome, self._etag(), change.outcome))

    def _etag(self) -> str:
        return f'W/"{self.new_id()}"'
