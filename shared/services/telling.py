"""Telling others what happened: from the queue of events to each who is to be told.

Each change is looked up before it is told: a message is put on the queue before the change is stored, so that nothing
that happened goes untold, and what never came true is dropped. Where several are to be told, each event goes to each
of them in a message of its own, so that one that does not answer delays nobody else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum

from shared.channels import Events, Receipt, Reception, Records, Subscriptions, Webhooks
from shared.documents.cards import write_card
from shared.documents.events import Telling, write_event
from shared.domain.events import EndingSoon, Matter, id_of, in_full, kinds_of, machine_of, warns_at
from shared.domain.findings import Found
from shared.domain.grants import Grant
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.messages import Delivery, Happened, Message
from shared.domain.policies import Policy
from shared.domain.receivers import NOBODY, Receivers
from shared.domain.signing import signed_headers
from shared.domain.subscriptions import Format, Notification
from shared.ports import Clock, Grants, Policies, Unavailable
from shared.services.world import every

_AT_ONCE = 8
_STORAGE_AWAY = timedelta(seconds=30)
_STANDING, _POLICY, _ASKED = "standing", "policy", "asked"


@dataclass(frozen=True, slots=True)
class Post:
    """The ports, wired, and what the operator says about telling."""

    clock: Clock
    grants: Grants
    policies: Policies
    records: Records
    events: Events
    subscriptions: Subscriptions
    webhooks: Webhooks
    receivers: Receivers = NOBODY
    standing: tuple[Notification, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    lead: timedelta = timedelta(minutes=10)  # How long before an end it is told.
    address: str = ""  # Where the app is, for links.


class Truth(StrEnum):
    """Whether what a message says came true."""

    YES = "yes"
    NOT_YET = "notYet"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Known:
    """All that is to be told about a matter, and the policy of its machine, if that has one."""

    matter: Matter
    policy: Policy | None

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who may approve: findings are nobody's to approve."""
        return self.policy.approval.approvers if self.policy and not isinstance(self.matter, Found) else ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A delivery that failed: to whom, by name and host, why, and whether it was given up."""

    receiver: str
    host: str
    detail: str
    given_up: bool


async def handle(post: Post, message: Message) -> Trouble | None:
    """Do what a message asks for, or have it done later; what went wrong, if anything did.

    Raises Unavailable when not even the queue answers, which then brings the message again by itself.
    """
    try:
        return await _handle(post, message)
    except Unavailable as error:
        # How often storage is away says nothing against the message.
        await post.events.send(message, _STORAGE_AWAY)
        return Trouble("", "", str(error), given_up=False)


async def _handle(post: Post, message: Message) -> Trouble | None:
    truth, matter = await _came_true(post, message.matter)
    if isinstance(message, Delivery):
        policy = await _policy(post, matter) if truth is Truth.YES else None
        receiver = await _receiver(post, message.receiver, policy) if truth is Truth.YES else None
        return await _deliver(post, message, receiver, Known(matter, policy)) if receiver else None
    again = message.look_again_in(post.clock.now()) if truth is Truth.NOT_YET else None
    if again is not None:
        await post.events.send(message, again)
    return await _spread(post, message.matter, matter) if truth is Truth.YES else None


async def _came_true(post: Post, matter: Matter) -> tuple[Truth, Matter]:
    """Whether it came true, and the matter with all that is to be told about it."""
    if isinstance(matter, Found):
        return (Truth.YES if await post.records.has_finding(matter) else Truth.NOT_YET), matter
    wanted = matter.grant if isinstance(matter, EndingSoon) else matter
    stored = await post.grants.get(wanted.id)
    if stored is None:
        return Truth.NOT_YET, matter
    kept = stored.value
    if isinstance(matter, EndingSoon):
        ends = kept.state is State.ACTIVE and kept.ends_at == matter.at
        return (Truth.YES if ends else Truth.NEVER), replace(matter, grant=kept)
    return await _is_stored(post, matter, kept), in_full(matter, kept)


async def _is_stored(post: Post, wanted: Grant, kept: Grant) -> Truth:
    """Two may want to make the same change of a grant, and only one of them does: the number alone does not tell."""
    if kept.occurrence.number < wanted.occurrence.number:
        return Truth.NOT_YET
    if kept.occurrence.number == wanted.occurrence.number:
        last, said = kept.occurrence, wanted.occurrence
        mine = (last.at, last.state, last.event, last.by) == (said.at, said.state, said.event, said.by)
        return Truth.YES if mine else Truth.NEVER
    # Whoever changes a grant has put the change before it on record first.
    return Truth.YES if await post.records.has_change(wanted) else Truth.NEVER


async def _spread(post: Post, brief: Matter, matter: Matter) -> Trouble | None:
    policy = await _policy(post, matter)
    receivers = [pair async for pair in _receivers(post, policy)]
    # Somebody may be named twice, for some kinds here and for others there.
    wanted = {
        Delivery(brief, kind, name): one for kind in kinds_of(matter) for name, one in receivers if one.wants(kind)
    }
    if isinstance(matter, Grant) and isinstance(brief, Grant) and (at := warns_at(matter, post.lead)):
        ending = Happened(EndingSoon(brief, matter.ends_at), at)
        await post.events.send(ending, max(timedelta(), at - post.clock.now()))
    if len(wanted) > 1:
        await every(post.events.send, wanted, _AT_ONCE)
        return None
    # Nobody else waits for the only one.
    told = [await _deliver(post, delivery, one, Known(matter, policy)) for delivery, one in wanted.items()]
    return told[0] if told else None


async def _receivers(post: Post, policy: Policy | None) -> AsyncIterator[tuple[str, Notification]]:
    """Everybody who may be told something about a matter, by the name that stands for their address."""
    for one in post.standing:
        yield f"{_STANDING}|{one.name}", one
    for one in policy.notifications if policy else ():
        yield f"{_POLICY}|{one.name}", one
    for subscription in await post.subscriptions.all():
        yield f"{_ASKED}|{subscription.id}", subscription.notification


async def _receiver(post: Post, name: str, policy: Policy | None) -> Notification | None:
    """Who stands behind a name; None when nobody does any more."""
    kind, _, id_ = name.partition("|")
    if kind == _ASKED:
        subscription = await post.subscriptions.get(id_)
        return subscription.notification if subscription else None
    known = post.standing if kind == _STANDING else policy.notifications if policy else ()
    return next((one for one in known if one.name == id_), None)


async def _policy(post: Post, matter: Matter) -> Policy | None:
    """The policy of the machine that a matter is about; None for findings about groups, and when there is none."""
    try:
        machine = MachineId.parse(machine_of(matter))
    except ValueError:
        return None
    stored = await post.policies.get(machine)
    return stored.value.policy if stored else None


async def _deliver(post: Post, delivery: Delivery, receiver: Notification, known: Known) -> Trouble | None:
    receipt = await _send(post, delivery, receiver, known)
    if receipt.reception is Reception.TAKEN:
        return None
    if receipt.reception is Reception.UNWANTED and delivery.receiver.startswith(_ASKED):
        await post.subscriptions.remove(delivery.receiver.partition("|")[2])
        return Trouble(delivery.receiver, receiver.host, "It wants nothing any more and was forgotten.", given_up=False)
    return await _again(post, delivery, receiver, receipt.detail)


async def _again(post: Post, delivery: Delivery, receiver: Notification, detail: str) -> Trouble:
    pause = delivery.pause
    if pause is None:
        await post.events.give_up(delivery)
    else:
        await post.events.send(delivery.failed(), pause)
    return Trouble(delivery.receiver, receiver.host, detail, given_up=pause is None)


async def _send(post: Post, delivery: Delivery, receiver: Notification, known: Known) -> Receipt:
    if why := post.receivers.why_not(receiver.url):
        return Receipt(Reception.FAILED, why)
    telling = Telling(known.matter, delivery.kind, post.address, known.approvers)
    kind, body = write_card(telling) if receiver.format is Format.TEAMS else write_event(telling)
    signed = signed_headers(post.secrets, id_of(known.matter, delivery.kind), post.clock.now(), body)
    return await post.webhooks.post(receiver.url, body, {"content-type": kind, **signed})
