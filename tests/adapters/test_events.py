"""The queue of events, who subscribed and what is on record: the same promises in memory and on Azurite."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.storage.queue.aio import QueueClient

from emulator.box import Box
from emulator.environment import ACCOUNT
from shared.adapters.queue_events import QueueEvents, count, read_message
from shared.adapters.storage import Tables
from shared.adapters.table_audit import TableAudit
from shared.adapters.table_grants import TableGrants
from shared.adapters.table_subscriptions import TableSubscriptions
from shared.channels import Subscriptions
from shared.domain.events import EndingSoon, in_brief
from shared.domain.findings import Found, What
from shared.domain.grants import GrantPort
from shared.domain.messages import Delivery, Happened, Message
from shared.domain.people import Person
from shared.domain.subscriptions import Format, Kind, Notification, Subscription
from shared.ports import Unavailable
from tests.adapters.conftest import ANN, fresh_grant, fresh_machine
from tests.domain.values import NOW, OFFICE, TCP
from tests.services.clock import Clock
from tests.services.memory import Shelf
from tests.services.newsroom import MemorySubscriptions, Outside
from tests.services.process import Process

FOUND = Found(What.EXPOSED, "/a/machine", NOW, "through 310", 3)


def messages() -> list[Message]:
    grant = fresh_grant().opened(NOW, ())
    matters = (in_brief(grant), EndingSoon(in_brief(grant), grant.ends_at), FOUND)
    return [
        *(Happened(matter, NOW) for matter in matters),
        *(Delivery(matter, Kind.OPENED, "asked|1", 2) for matter in matters),
    ]


@pytest.fixture
async def ends(azurite: Box, emulator: Box) -> AsyncIterator[tuple[QueueClient, QueueClient]]:
    """A queue and its poison queue, that nobody has made yet."""
    assert azurite is emulator
    endpoint, name = f"https://127.0.0.1:{azurite.site.ports.queues}/{ACCOUNT}", f"test-{fresh_machine().key}"
    async with DefaultAzureCredential() as credential:
        clients = tuple(QueueClient(endpoint, one, credential=credential) for one in (name, f"{name}-poison"))
        yield clients[0], clients[1]
        for client in clients:
            await client.close()


async def received(queue: QueueClient) -> list[Message]:
    return [read_message(base64.b64decode(one.content).decode()) async for one in queue.receive_messages()]


async def test_every_kind_of_message_comes_as_it_was_sent(ends: tuple[QueueClient, QueueClient]) -> None:
    for message in (wanted := messages()):
        await QueueEvents(*ends).send(message)
    found = await received(ends[0])
    assert [] == [message for message in wanted if message not in found]
    assert len(wanted) == len(found)


async def test_a_message_is_not_seen_before_its_time(ends: tuple[QueueClient, QueueClient]) -> None:
    await QueueEvents(*ends).send(messages()[0], timedelta(hours=1))
    assert ([], 1) == (await received(ends[0]), await count(ends[0]))


async def test_what_is_given_up_is_counted(ends: tuple[QueueClient, QueueClient]) -> None:
    assert 0 == await count(ends[1])
    await QueueEvents(*ends).give_up(messages()[0])
    assert (1, 0) == (await count(ends[1]), await count(ends[0]))


async def test_the_largest_grant_fits(ends: tuple[QueueClient, QueueClient]) -> None:
    ports = tuple(GrantPort((number, number), TCP, (OFFICE,) * 50) for number in range(20))
    ended = replace(fresh_grant(), ports=ports, justification="ä" * 1000, ticket="ä" * 100, detail="ä" * 1000)
    await QueueEvents(*ends).send(Happened(in_brief(ended.opened(NOW, ())), NOW))
    assert 1 == await count(ends[0])


async def test_a_queue_that_cannot_be_reached_is_unavailable() -> None:
    async with DefaultAzureCredential() as credential:
        away = QueueClient("https://127.0.0.1:9/x", "events", credential=credential, retry_total=0)
        with pytest.raises(Unavailable):
            await QueueEvents(away, away).send(messages()[0])
        await away.close()


async def test_a_message_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        read_message('{"v": 2, "value": {}}')


class SubscriptionsContract:
    """The promises of subscriptions."""

    async def test_what_was_put_is_got_whole_and_listed(self, subscriptions: Subscriptions) -> None:
        await subscriptions.put(mine := fresh())
        assert mine == await subscriptions.get(mine.id)
        assert mine in await subscriptions.all()

    async def test_putting_again_replaces(self, subscriptions: Subscriptions) -> None:
        await subscriptions.put(mine := fresh())
        await subscriptions.put(other := replace(mine, notification=replace(mine.notification, kinds=())))
        assert [other] == [one for one in await subscriptions.all() if one.id == mine.id]

    async def test_what_was_removed_is_gone_and_may_be_removed_again(self, subscriptions: Subscriptions) -> None:
        await subscriptions.put(mine := fresh())
        for _ in range(2):
            await subscriptions.remove(mine.id)
        assert None is await subscriptions.get(mine.id)


def fresh() -> Subscription:
    url = f"https://hooks.example.com/{fresh_machine().key}?sig=1"
    return Subscription.of(ANN, Notification(url, Format.TEAMS, (Kind.OPENED,)), NOW)


class TestInMemory(SubscriptionsContract):
    """Held against the fake."""

    @pytest.fixture
    def subscriptions(self) -> Subscriptions:
        return MemorySubscriptions(Shelf(), Process(), Clock(), Outside())


class TestOnTableStorage(SubscriptionsContract):
    """Held against Azurite."""

    @pytest.fixture
    def subscriptions(self, tables: Tables) -> Subscriptions:
        return TableSubscriptions(tables)


async def test_a_change_is_on_record_once_it_was_made_and_another_of_its_number_is_not(tables: Tables) -> None:
    audit = TableAudit(tables)
    grants, first = TableGrants(tables, audit), fresh_grant()
    stored = await grants.add(first)
    opened = first.opened(NOW + timedelta(seconds=1), ())
    assert not await audit.has_change(opened)
    await grants.save(stored, opened)
    other = replace(opened, occurrence=replace(opened.occurrence, at=NOW + timedelta(seconds=2), by=Person("x", "X")))
    assert [True, True, False] == [await audit.has_change(one) for one in (first, opened, other)]


async def test_a_finding_is_on_record_once_it_was_recorded(tables: Tables) -> None:
    audit, found = TableAudit(tables), replace(FOUND, subject=str(fresh_machine()))
    assert not await audit.has_finding(found)
    await audit.found(found)
    assert [True, False] == [await audit.has_finding(one) for one in (found, replace(found, number=4))]
