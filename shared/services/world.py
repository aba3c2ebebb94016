"""Everything outside that a use case may need, in one value, and the times that it keeps to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.history import FlowLogs, History, Logs
from shared.outside import Servers, Watched
from shared.ports import Attempts, Audit, Clock, Desk, Dues, Grants, Inventory, Network, Policies, Reminders

if TYPE_CHECKING:
    from shared.services.rounds import Rounds

_WRITTEN_DOWN_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Times:
    """How long things may take."""

    shortest_grant: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=15)
    # How long a request waits for its rule before it answers "not yet".
    patience: timedelta = timedelta(seconds=25)
    # How long a view waits for something that it can be shown without.
    glance: timedelta = timedelta(seconds=2)
    # An opening that nobody finished within this time has failed.
    opening: timedelta = timedelta(minutes=2)
    # A reminder comes this much early, so that polling the queue does not make closing late.
    head_start: timedelta = timedelta(seconds=4)
    # How long Azure usually takes for a write of a group and the reading back. Nothing breaks when it takes longer.
    write: timedelta = timedelta(seconds=2.5)
    # How long one settling may go on without getting anything done before it gives up.
    settling: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class World:
    """The ports, wired."""

    clock: Clock
    network: Network
    inventory: Inventory
    policies: Policies
    grants: Grants
    dues: Dues
    desk: Desk
    audit: Audit
    reminders: Reminders
    attempts: Attempts
    history: History
    logs: Logs
    flow_logs: FlowLogs
    servers: Servers
    watched: Watched
    chance: Callable[[int], int]  # So many random bits.
    subscriptions: tuple[str, ...]
    times: Times = Times()
    most_unfinished: int = 50  # Grants of one caller on one machine that are not over.
    alarming_attempts: int = 50  # From how many attempts on somebody who gets in is told of.
    most_waiting: int = 20  # Requests of one caller that wait for approval or for their start.
    # Work that goes on after its caller was answered; kept here so that it is not thrown away half done.
    background: set[asyncio.Task[object]] = field(default_factory=set)
    # Writing down what is done already waits for its turn, so that what is still to be done does not wait for it.
    afterwards: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_WRITTEN_DOWN_AT_ONCE))
    # The settlings that go on in this process, by the group's id in small letters.
    settlings: dict[str, Rounds] = field(default_factory=dict)

    async def patiently[T](self, work: Coroutine[None, None, T], otherwise: T, patience: timedelta | None = None) -> T:
        """The result of some work, or `otherwise` when patience runs out first; the work then goes on by itself."""
        working = asyncio.create_task(work)
        timer = asyncio.create_task(self.clock.sleep(self.times.patience if patience is None else patience))
        try:
            await asyncio.wait({working, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if working.done():
            return working.result()
        self.background.add(working)
        working.add_done_callback(self.background.discard)
        return otherwise


async def each[T, R](do: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int) -> list[R | Exception]:
    """Do something for each item, a few at once; an item that fails gives its error and stops no other."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: T) -> R | Exception:
        async with gate:
            try:
                return await do(item)
            except Exception as error:  # noqa: BLE001 - the caller gets it, item by item.
                return error

    return list(await asyncio.gather(*(one(item) for item in items)))


async def every[T, R](do: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int) -> list[R]:
    """Do something for each item, a few at once; when all have had their turn, the first error is raised."""
    results = await each(do, items, at_once)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return [result for result in results if not isinstance(result, Exception)]
