"""Subscriptions: as many as are sensible, and each ended by its owner or an administrator."""

from dataclasses import replace

import pytest

from shared.domain.issues import Refused
from shared.domain.subscriptions import Subscription
from shared.ports import NotFound
from shared.services.subscribing import subscribe, subscriptions, unsubscribe
from tests.services.newsroom import RECEIVER, Newsroom
from tests.services.town import ANN, BOB


async def test_one_caller_cannot_fill_the_list() -> None:
    post = Newsroom().post()
    made = [await subscribe(post, ANN, replace(RECEIVER, url=f"{RECEIVER.url}{number}")) for number in range(21)]
    assert [False] * 20 + [True] == [isinstance(one, Refused) for one in made]
    assert isinstance(await subscribe(post, BOB, RECEIVER), Subscription)


async def test_what_is_there_already_can_be_subscribed_again_when_the_list_is_full() -> None:
    post = Newsroom().post()
    for number in range(20):
        await subscribe(post, ANN, replace(RECEIVER, url=f"{RECEIVER.url}{number}"))
    again = await subscribe(post, ANN, replace(RECEIVER, url=f"{RECEIVER.url}7"))
    assert (True, 20) == (isinstance(again, Subscription), len(await subscriptions(post)))


async def test_others_cannot_end_it_and_an_administrator_can() -> None:
    post = Newsroom().post()
    made = await subscribe(post, ANN, RECEIVER)
    assert isinstance(made, Subscription)
    with pytest.raises(NotFound):
        await unsubscribe(post, made.id, BOB)
    await unsubscribe(post, made.id, None)
    assert [] == await subscriptions(post)
