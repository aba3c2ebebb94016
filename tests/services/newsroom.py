"""A town in which everything that happens is said, and told to whoever wants to know.

The queue and the subscriptions outlive a process, like everything on the shelf. What the receivers were sent stands in
`sent`, with the name of their host; what they answer can be told beforehand.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from shared.channels import Receipt, Reception
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.messages import Message
from shared.domain.receivers import Receivers
from shared.domain.subscriptions import Notification, Subscription
from shared.services.announcing import AnnouncedAudit, AnnouncedGrants, Herald
from shared.services.telling import Post, Trouble, handle
from shared.services.world import World
from tests.services.memory import Port
from tests.services.process import Process
from tests.services.town import Town

LEAD = timedelta(minutes=10)
SECRET = "whsec_" + "c2VjcmV0" * 4
RECEIVER = Notification("https://news.example.com/in?key=secret")
HOSTS = Receivers(("news.example.com", "chat.example.com"))


@dataclass(slots=True)
class Outside:
    """The queue with the time at which each message is to be seen, who subscribed, and what receivers got."""

    queue: list[tuple[datetime, int, Message]] = field(default_factory=list)
    poison: list[Message] = field(default_factory=list)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    answers: list[Receipt] = field(default_factory=list)
    sent: list[tuple[str, Mapping[str, str], dict[str, Any]]] = field(default_factory=list)
    count: int = 0


@dataclass(frozen=True, slots=True)
class MemoryEvents(Port):
    """The `Events` port."""

    outside: Outside

    async def send(self, message: Message, delay: timedelta = timedelta()) -> None:
        """Put a message on the queue."""
        await self.call("events.send")
        self.outside.count += 1
        self.outside.queue.append((self.clock.now() + delay, self.outside.count, message))

    async def give_up(self, message: Message) -> None:
        """Put it aside."""
        await self.call("events.give_up")
        self.outside.poison.append(message)


@dataclass(frozen=True, slots=True)
class MemorySubscriptions(Port):
    """The `Subscriptions` port."""

    outside: Outside

    async def put(self, subscription: Subscription) -> None:
        """Keep."""
        await self.call("subscriptions.put")
        self.outside.subscriptions[subscription.id] = subscription

    async def get(self, id_: str) -> Subscription | None:
        """One."""
        await self.call("subscriptions.get")
        return self.outside.subscriptions.get(id_)

    async def remove(self, id_: str) -> None:
        """Forget."""
        await self.call("subscriptions.remove")
        self.outside.subscriptions.pop(id_, None)

    async def all(self) -> Sequence[Subscription]:
        """Every one."""
        await self.call("subscriptions.all")
        return list(self.outside.subscriptions.values())


@dataclass(frozen=True, slots=True)
class MemoryRecords(Port):
    """The `Records` port."""

    async def has_change(self, grant: Grant) -> bool:
        """Whether it is on record."""
        await self.call("records.has_change")
        last = grant.occurrence
        return (last.at, grant.id, last.number) in self.shelf.records

    async def has_finding(self, found: Found) -> bool:
        """Whether it is on record."""
        await self.call("records.has_finding")
        return (found.at, found.subject.lower(), found.what, found.number) in self.shelf.findings


@dataclass(frozen=True, slots=True)
class MemoryWebhooks(Port):
    """The `Webhooks` port: answers as it was told to, and takes everything else."""

    outside: Outside

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """Send once."""
        await self.call("webhooks.post")
        self.outside.sent.append((url, headers, json.loads(body)))
        return self.outside.answers.pop(0) if self.outside.answers else Receipt(Reception.TAKEN)


@dataclass(slots=True)
class Newsroom(Town):
    """The town with its queue, and ways to let the messages be dealt with."""

    outside: Outside = field(default_factory=Outside)
    lost: list[str] = field(default_factory=list)

    def world(self, process: Process | None = None) -> World:
        """The ports of a process, with what happens said beforehand."""
        process = process or Process()
        # Town is not named here by `super()`, which a dataclass with slots does not allow.
        world = Town.world(self, process)
        ports = (self.shelf, process, self.clock)
        events = MemoryEvents(*ports, self.outside)
        herald = Herald(self.clock, events, lambda name, _: self.lost.append(name), LEAD)
        audit = AnnouncedAudit(world.audit, MemoryRecords(*ports), herald)
        return replace(world, grants=AnnouncedGrants(world.grants, herald), audit=audit)

    def post(self, process: Process | None = None, standing: tuple[Notification, ...] = (RECEIVER,)) -> Post:
        """What tells others, in a process of its own."""
        process = process or Process()
        world = Town.world(self, process)
        ports = (self.shelf, process, self.clock)
        return Post(
            self.clock, world.grants, world.policies, MemoryRecords(*ports), MemoryEvents(*ports, self.outside),
            MemorySubscriptions(*ports, self.outside), MemoryWebhooks(*ports, self.outside),
            receivers=HOSTS, standing=standing, secrets=(SECRET,), lead=LEAD, address="https://postern.example.com",
        )  # fmt: skip

    async def tell(self, post: Post | None = None, until: timedelta = timedelta()) -> list[Trouble]:
        """Deal with every message that is seen until then, those that come of them included."""
        troubles, late = [], self.clock.now() + until
        while due := sorted(one for one in self.outside.queue if one[0] <= late):
            at, number, message = due[0]
            self.clock.present = max(self.clock.present, at)
            trouble = await handle(post or self.post(), message)
            # A message leaves the queue when it was dealt with, and not before.
            self.outside.queue = [one for one in self.outside.queue if one[1] != number]
            troubles += [trouble] if trouble else []
        self.clock.present = max(self.clock.present, late)
        return troubles

    def told(self) -> list[str]:
        """The last words of the types of what was sent, in the order of sending."""
        return [document["type"].rpartition(".")[2] for _, _, document in self.outside.sent]

    def ids(self) -> list[str]:
        """The ids of what was sent."""
        return [document["id"] for _, _, document in self.outside.sent]
