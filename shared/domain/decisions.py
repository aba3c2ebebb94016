"""May this caller have this access? The answer carries every reason against it, each with a code and a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.addresses import parse_prefixes
from shared.domain.approvals import Approval
from shared.domain.grants import Grant, GrantPort
from shared.domain.issues import Issue, Refused
from shared.domain.patterns import matches
from shared.domain.policies import Policy, PolicyPort
from shared.domain.ranges import Ranges, Span
from shared.domain.rules import Protocol

LATEST_START: Final = timedelta(days=30)
# A start that a script named as "now" has passed when it arrives.
_ON_ITS_WAY: Final = timedelta(minutes=5)
_SAYS_SOMETHING: Final = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class AskedPort:
    """A port as asked for; no protocol means whichever the policy has for it, no sources the caller's address."""

    span: Span
    protocol: Protocol | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller asks for, well formed but not yet allowed. Exactly one of `duration` and `ends_at` is given."""

    ports: tuple[AskedPort, ...]
    duration: timedelta | None = None
    ends_at: datetime | None = None
    justification: str = ""
    ticket: str = ""
    starts_at: datetime | None = None  # None: at once.
    break_glass: bool = False

    def starts(self, now: datetime) -> datetime:
        """When the access would begin if it were allowed now."""
        return max(now, self.starts_at) if self.starts_at else now

    def lasts(self, now: datetime) -> timedelta:
        """How long the access would last if it were allowed now."""
        if self.duration is not None:
            return self.duration
        if self.ends_at is None:
            raise ValueError("a wish has a duration or an end")
        return self.ends_at - self.starts(now)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as deciding needs it: all object ids that stand for the caller, and its address."""

    ids: frozenset[str]
    address: str | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The wish is allowed: the ports with their protocols and sources filled in, and the approval that is needed."""

    ports: tuple[GrantPort, ...]
    approval: Approval | None = None
    asked_as: tuple[str, ...] = ()  # Which of the policy's requestors the asker is.


def decide(policy: Policy, wish: Wish, asker: Asker, now: datetime, shortest: timedelta) -> Allowed | Refused:
    """Allow a wish, or refuse it with every reason at once."""
    issues: list[Issue] = [
        *_eligibility(policy, asker),
        *_justification(policy, wish),
        *_break_glass(policy, wish, now),
        *_time(wish, now, shortest),
    ]
    ports: list[GrantPort] = []
    for index, asked in enumerate(wish.ports):
        path = f"ports[{index}]"
        sources = asked.sources or ((asker.address,) if asker.address else ())
        if not sources:
            issues.append(
                Issue("sourceUnknown", path, "Your address is not known here: name the source in the request.")
            )
        for offer in _offers(policy, asked):
            issues += _port(offer, sources, wish.lasts(now), path)
            ports.append(GrantPort(asked.span, offer.protocol if asked.protocol is None else asked.protocol, sources))
        if not _offers(policy, asked):
            issues.append(Issue("portNotInPolicy", path, f"The policy does not offer {_name(asked)}."))
    approval = policy.approval if policy.approval.required and not wish.break_glass else None
    return Refused(tuple(dict.fromkeys(issues))) if issues else Allowed(tuple(ports), approval, _named(policy, asker))


def wish_of(grant: Grant) -> Wish:
    """What was asked for when the grant was, to be decided again."""
    ports = tuple(AskedPort(port.span, port.protocol, port.sources) for port in grant.ports)
    ends_at = None if grant.duration else grant.ends_at
    return Wish(ports, grant.duration, ends_at, grant.justification, grant.ticket, grant.starts_at, grant.break_glass)


def asker_of(grant: Grant) -> Asker:
    """Who asked, as far as is known later: by its own object id, and by the groups under which it might ask."""
    return Asker(frozenset({grant.requestor.id, *grant.asked_as}), grant.requestor.address)


def still_allowed(policy: Policy, grant: Grant, now: datetime, shortest: timedelta) -> tuple[Issue, ...]:
    """What speaks by now against a grant that has waited, also that whoever asked is one who may ask no more."""
    decision = _decide_again(policy, grant, now, shortest)
    return decision.issues if isinstance(decision, Refused) else ()


def may_begin(policy: Policy, grant: Grant, now: datetime) -> tuple[Issue, ...]:
    """What speaks by now against a grant whose start has come: also that fewer have approved it than have to by now.

    It was long enough when it was asked for; that its start is noticed a little late does not make it too short.
    """
    decision = _decide_again(policy, grant, now, shortest=timedelta())
    if isinstance(decision, Refused):
        return decision.issues
    agreed = grant.agreed(decision.approval) if decision.approval else frozenset()
    if decision.approval and len(agreed) < decision.approval.count:
        text = f"The policy asks for {decision.approval.count} approvals by now, and there are {len(agreed)}."
        return (Issue("approvalRequired", "", text),)
    return ()


def _decide_again(policy: Policy, grant: Grant, now: datetime, shortest: timedelta) -> Allowed | Refused:
    begun = replace(wish_of(grant), starts_at=None if grant.starts_at and grant.starts_at <= now else grant.starts_at)
    return decide(policy, begun, asker_of(grant), now, shortest)


def _eligibility(policy: Policy, asker: Asker) -> Iterator[Issue]:
    if policy.requestors and not _named(policy, asker):
        text = "The policy names who may ask for access to this machine, and whoever asked is not among them."
        yield Issue("notEligible", "", text)


def _named(policy: Policy, asker: Asker) -> tuple[str, ...]:
    return tuple(sorted(asker.ids & {id_.lower() for id_ in policy.requestors}))


def _justification(policy: Policy, wish: Wish) -> Iterator[Issue]:
    if policy.justification_required and not _SAYS_SOMETHING.search(wish.justification):
        yield Issue("justificationRequired", "justification", "The policy asks for a justification.")
    if policy.ticket_pattern and not wish.ticket:
        yield Issue("ticketRequired", "ticket", f"The policy asks for a ticket of the form {policy.ticket_pattern}.")
    elif policy.ticket_pattern and not matches(policy.ticket_pattern, wish.ticket):
        yield Issue("ticketMismatch", "ticket", f"{wish.ticket} is not of the form {policy.ticket_pattern}.")


def _break_glass(policy: Policy, wish: Wish, now: datetime) -> Iterator[Issue]:
    if not wish.break_glass:
        return
    if not policy.break_glass:
        yield Issue("breakGlassNotAllowed", "breakGlass", "The policy does not allow opening without approval.")
    if not policy.justification_required and not _SAYS_SOMETHING.search(wish.justification):
        yield Issue("justificationRequired", "justification", "Breaking the glass needs a justification.")
    if wish.starts(now) > now:
        yield Issue("breakGlassStartsNow", "startTimeUtc", "Breaking the glass is for what cannot wait.")


def _time(wish: Wish, now: datetime, shortest: timedelta) -> Iterator[Issue]:
    path = "endTimeUtc" if wish.duration is None else "duration"
    if wish.starts_at is not None and wish.starts_at < now - _ON_ITS_WAY:
        yield Issue("startInPast", "startTimeUtc", f"The start {wish.starts_at.isoformat()} has passed.")
    if wish.starts(now) > now + LATEST_START:
        text = f"Access can be asked for at most {LATEST_START.days} days ahead."
        yield Issue("startTooLate", "startTimeUtc", text)
    if wish.ends_at is not None and wish.ends_at <= now:
        yield Issue("endInPast", path, f"The end {wish.ends_at.isoformat()} has passed.")
    elif wish.ends_at is not None and wish.ends_at <= wish.starts(now):
        yield Issue("endBeforeStart", path, "The end is not after the start.")
    elif wish.lasts(now) < shortest:
        yield Issue("durationTooShort", path, f"Access lasts at least {shortest}.")


def still_offers(policy: Policy, port: GrantPort) -> bool:
    """Whether a policy offers a port that was granted under an earlier one."""
    return bool(_offers(policy, AskedPort(port.span, port.protocol)))


def _offers(policy: Policy, asked: AskedPort) -> tuple[PolicyPort, ...]:
    """The policy's entries that hold the whole of what is asked for."""
    wanted = Ranges.of(asked.span)
    return tuple(
        offer
        for offer in policy.ports
        if wanted <= Ranges.of(offer.span)
        and (asked.protocol is None or offer.protocol in {asked.protocol, Protocol.ANY})
    )


def _port(offer: PolicyPort, sources: tuple[str, ...], lasts: timedelta, path: str) -> Iterator[Issue]:
    if lasts > offer.longest:
        yield Issue("durationTooLong", path, f"The policy allows at most {offer.longest}, and {lasts} was asked for.")
    for source in sources:
        if not parse_prefixes((source,)) <= parse_prefixes(offer.sources):
            allowed = ", ".join(offer.sources)
            yield Issue(
                "sourceNotAllowed", path, f"The policy allows access from {allowed}; {source} is not inside that."
            )


def _name(asked: AskedPort) -> str:
    low, high = asked.span
    return f"{low if low == high else f'{low}-{high}'}{f' over {asked.protocol}' if asked.protocol else ''}"
