"""Asking to be told, and no longer wanting to be: subscriptions over the API, such as those of workflows."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.issues import Issue, Refused
from shared.domain.people import Person
from shared.domain.subscriptions import Notification, Subscription
from shared.ports import NotFound
from shared.services.telling import Post

MOST_OF_ONE, MOST_OF_ALL = 20, 500


async def subscribe(post: Post, owner: Person, notification: Notification) -> Subscription | Refused:
    """Have something told from now on. The same address of the same owner again gives the same subscription."""
    wanted = Subscription.of(owner, notification, post.clock.now())
    others = [one for one in await post.subscriptions.all() if one.id != wanted.id]
    mine = sum(one.owner.id == owner.id for one in others)
    if mine >= MOST_OF_ONE or len(others) >= MOST_OF_ALL:
        text = f"One caller has at most {MOST_OF_ONE} subscriptions, and all together {MOST_OF_ALL}."
        return Refused((Issue("tooManySubscriptions", "", text),))
    await post.subscriptions.put(wanted)
    return wanted


async def unsubscribe(post: Post, id_: str, owner: Person | None) -> None:
    """Have it told no longer; `owner` None ends anybody's. Raises NotFound, also for what is somebody else's."""
    subscription = await post.subscriptions.get(id_)
    if subscription is None or (owner and subscription.owner.id != owner.id):
        raise NotFound("There is no such subscription, or it is not yours.")
    await post.subscriptions.remove(id_)


async def subscriptions(post: Post) -> Sequence[Subscription]:
    """Every subscription, the oldest first."""
    return sorted(await post.subscriptions.all(), key=lambda one: (one.made_at, one.id))
