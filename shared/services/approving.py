"""Deciding about what waits: approval and denial by the approvers that the policy names, and taking a request back.

Who may decide, and about what, is held against the policy as it stands when somebody decides: whoever was an approver
when access was asked for, and is none any more, decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from shared.domain.approvals import Approval, Decision, Extension, Question, Verdict
from shared.domain.decisions import Wish, asker_of, still_allowed
from shared.domain.grants import Grant
from shared.domain.guarding import Stage
from shared.domain.issues import Issue, Refused
from shared.domain.lifecycle import WAITING, Reason, State
from shared.domain.people import Person
from shared.domain.policies import Policy
from shared.ports import Conflict, Stored
from shared.services.extending import against, longer_wish, prolong
from shared.services.keeping import keep, reloaded
from shared.services.opening import Progress, remind_of, resume
from shared.services.world import World

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Voice:
    """An approver: who it is, all object ids that stand for it, and what it has to say."""

    person: Person
    ids: frozenset[str]
    comment: str = ""


async def approve(world: World, id_: str, voice: Voice) -> Progress | Refused:
    """Agree to what waits; with the last approval that is needed it opens, waits for its start, or lasts longer.

    Approving again changes nothing. Refused when the voice does not count, or the policy by now speaks against it.
    Raises NotFound, Conflict when nothing waits, Unavailable.
    """
    stored = await _until_kept(world, id_, lambda stored: _approve(world, stored, voice))
    return stored if isinstance(stored, Refused) else await resume(world, stored)


async def deny(world: World, id_: str, voice: Voice) -> Grant | Refused:
    """Say no to what waits: one no is enough. Denying again changes nothing. As `approve` otherwise."""
    stored = await _until_kept(world, id_, lambda stored: _deny(world, stored, voice))
    return stored if isinstance(stored, Refused) else stored.value


async def cancel(world: World, id_: str, by: Person, comment: str = "") -> Grant:
    """Take back a request that waits, or the wish for a longer stay. Raises NotFound, Conflict when nothing waits."""
    stored = await _until_kept(world, id_, lambda stored: _cancel(world, stored, by, comment))
    if isinstance(stored, Refused):
        raise TypeError("taking back is never refused")
    return stored.value


type Step = Callable[[Stored[Grant]], Awaitable[Stored[Grant] | Refused]]


async def _until_kept(world: World, id_: str, step: Step) -> Stored[Grant] | Refused:
    """Decide on the grant as it stands; when it changes meanwhile, look at it again and decide again."""
    for _ in range(_TRIES):
        stored = await reloaded(world, id_)
        try:
            return await step(stored)
        except Conflict:
            if (await reloaded(world, id_)).etag == stored.etag:
                raise
    raise Conflict(f"Grant {id_} keeps changing.")


async def _approve(world: World, stored: Stored[Grant], voice: Voice) -> Stored[Grant] | Refused:
    grant, now = stored.value, world.clock.now()
    question = waiting(world, grant)
    if _has_said(grant, voice, Verdict.APPROVED, question):
        return stored
    if question is None:
        raise Conflict(f"Nothing of this grant waits for approval: it is {grant.state}.")
    policy = await _policy(world, grant)
    needed = _needed(policy)
    if issues := (*_uncounted(policy, grant, voice), *await _against(world, policy, grant)):
        return Refused(issues)
    decision = Decision(voice.person, Verdict.APPROVED, now, voice.comment, question, needed.named(voice.ids))
    if len(grant.agreed(needed) | {voice.person.id}) < needed.count:
        return await keep(world, stored, grant.approved(decision))
    if grant.extension:
        ends_at = now + _wish(grant, grant.extension).lasts(now)
        return await prolong(world, stored, grant.extended_by(decision, ends_at))
    kept = await keep(world, stored, grant.admitted_by(decision))
    if kept.value.state is State.SCHEDULED and kept.value.starts_at:
        await remind_of(world, kept.value, kept.value.starts_at)
    return kept


async def _deny(world: World, stored: Stored[Grant], voice: Voice) -> Stored[Grant] | Refused:
    grant = stored.value
    question = waiting(world, grant)
    if _has_said(grant, voice, Verdict.DENIED, question):
        return stored
    if question is None:
        raise Conflict(f"Nothing of this grant waits for approval: it is {grant.state}.")
    policy = await _policy(world, grant)
    if issues := tuple(_uncounted(policy, grant, voice)):
        return Refused(issues)
    decision = Decision(voice.person, Verdict.DENIED, world.clock.now(), voice.comment, question)
    return await keep(world, stored, grant.extension_denied(decision) if grant.extension else grant.denied(decision))


async def _cancel(world: World, stored: Stored[Grant], by: Person, comment: str) -> Stored[Grant]:
    grant, now = stored.value, world.clock.now()
    if grant.state in WAITING:
        return await keep(world, stored, grant.ended(now, Reason.CANCELLED, by, comment))
    if grant.extension:
        return await keep(world, stored, grant.extension_cancelled(now, by, comment))
    if grant.state is State.CANCELLED:
        return stored
    raise Conflict(f"A grant that is {grant.state} cannot be cancelled{'; revoke it' if grant.holding else ''}.")


def waiting(world: World, grant: Grant) -> Question | None:
    """What of a grant waits for approval now; None when nothing does, or it has waited too long."""
    now = world.clock.now()
    if grant.state is State.PENDING and grant.lapses_at and now < grant.lapses_at:
        return Question.REQUEST
    waits = grant.state is State.ACTIVE and now < grant.ends_at
    return Question.EXTENSION if waits and grant.extension and now < grant.extension.lapses_at else None


def _has_said(grant: Grant, voice: Voice, verdict: Verdict, question: Question | None) -> bool:
    """Whether this is said again: about what waits, or, when nothing does, about what was decided."""
    if question and verdict is Verdict.APPROVED:
        return voice.person.id in grant.approvals
    return (
        not question
        and not grant.extension
        and any(one.by.id == voice.person.id and one.verdict is verdict for one in grant.decisions)
    )


async def _policy(world: World, grant: Grant) -> Policy:
    guarded = await world.policies.get(grant.machine)
    if guarded is None or guarded.value.stage is not Stage.GUARDED:
        raise Conflict("The machine has no policy any more.")
    return guarded.value.policy


def _needed(policy: Policy) -> Approval:
    """The approval that is asked for now. What already waits keeps waiting for one, should that be none."""
    return policy.approval if policy.approval.required else Approval(required=True)


def _uncounted(policy: Policy, grant: Grant, voice: Voice) -> Iterator[Issue]:
    """Why this voice does not count."""
    if grant.requestor.id in {voice.person.id, voice.person.via}:
        yield Issue("ownRequest", "", "Nobody decides about a request of their own.")
    if voice.person.via and not _needed(policy).named(voice.ids):
        # Whoever brings an answer vouches for nobody's roles: were nobody named, anybody's answer would count.
        yield Issue("notApprover", "", "An answer that is brought counts when the policy names who gave it.")
    elif not _needed(policy).names(voice.ids):
        yield Issue("notApprover", "", "The policy names who approves; you are not among them.")


async def _against(world: World, policy: Policy, grant: Grant) -> tuple[Issue, ...]:
    if grant.extension:
        return await against(world, grant, _wish(grant, grant.extension), asker_of(grant))
    return still_allowed(policy, grant, world.clock.now(), world.times.shortest_grant)


def _wish(grant: Grant, extension: Extension) -> Wish:
    return longer_wish(grant, extension.duration, extension.ends_at, extension.justification)
