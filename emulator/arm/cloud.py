"""The emulated Azure as one value: what stands, what runs, how slow and strict it is, and who has called.

It knows its parts and the clock it was given. It refuses to know HTTP.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.arm.access import Access
from emulator.arm.calls import Calls
from emulator.arm.errors import Json
from emulator.arm.faults import Faults
from emulator.arm.operations import Operations
from emulator.arm.store import Store
from emulator.arm.throttling import Throttle
from emulator.entra.directory import Directory
from emulator.graph.index import Index
from emulator.oracle.sessions import Sessions

OPERATION_SECONDS = 0.4
INDEX_SECONDS = 1.0


@dataclass(slots=True)
class Latency:
    """Seconds that reads, writes and operations take and that Resource Graph lags.

    `retry_after` is what operations announce (None: nothing).
    """

    read: float = 0.0
    write: float = 0.0
    operation: float = OPERATION_SECONDS
    index: float = INDEX_SECONDS
    retry_after: int | None = None


@dataclass(slots=True)
class Cloud:
    """One Azure. `clock` gives seconds, from any start; `new_id` gives a fresh UUID as text."""

    clock: Callable[[], float]
    new_id: Callable[[], str]
    store: Store = field(default_factory=Store)
    latency: Latency = field(default_factory=Latency)
    faults: Faults = field(default_factory=Faults)
    calls: Calls = field(default_factory=Calls)
    sessions: Sessions = field(default_factory=Sessions)
    directory: Directory = field(default_factory=Directory)
    jit: dict[str, Json] = field(default_factory=dict)  # Policies of Defender, by id without case.
    access: Access = field(default_factory=Access)
    throttle: Throttle = field(init=False)
    operations: Operations = field(init=False)
    index: Index = field(init=False)

    def __post_init__(self) -> None:
        self.throttle = Throttle(self.clock)
        self.operations = Operations(self.store, self.new_id)
        self.index = Index(self.store)

    def settle(self) -> None:
        """Let what has ended take effect; whoever looks at the store does this first."""
        self.note()
        for at in self.operations.settle(self.clock()):
            self.index.note(at)
            self.sessions.note(self.store)

    def note(self) -> None:
        """Tell the index what has been written just now; whoever writes to the store does this afterwards."""
        self.index.note(self.clock())

    def forget(self) -> None:
        """Back to an empty, quick, unthrottled Azure without faults, in which the app has all of its roles."""
        self.store.clear()
        self.operations.clear()
        self.index.clear()
        self.faults.clear()
        self.calls.clear()
        self.sessions.clear()
        self.directory.clear()
        self.jit.clear()
        self.access.reset()
        self.latency = Latency()
        self.throttle = Throttle(self.clock)
