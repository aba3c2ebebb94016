"""May this caller have this access? The answer carries every reason against it, each with a code and a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.addresses import parse_prefixes
from shared.domain.grants import GrantPort
from shared.domain.issues import Issue, Refused
from shared.domain.policies import Policy, PolicyPort
from shared.domain.ranges import Ranges, Span
from shared.domain.rules import Protocol

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

    def lasts(self, now: datetime) -> timedelta:
        """How long the access would last if it opened now."""
        if self.duration is not None:
            return self.duration
        if self.ends_at is None:
            raise ValueError("a wish has a duration or an end")
        return self.ends_at - now


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as deciding needs it: all object ids that stand for the caller, and its address."""

    ids: frozenset[str]
    address: str | None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The wish is allowed, and these are the ports with their protocols and sources filled in."""

    ports: tuple[GrantPort, ...]


def decide(policy: Policy, wish: Wish, asker: Asker, now: datetime, shortest: timedelta) -> Allowed | Refused:
    """Allow a wish, or refuse it with every reason at once."""
    issues: list[Issue] = [*_eligibility(policy, asker), *_justification(policy, wish), *_time(wish, now, shortest)]
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
    return Refused(tuple(dict.fromkeys(issues))) if issues else Allowed(tuple(ports))


def _eligibility(policy: Policy, asker: Asker) -> Iterator[Issue]:
    if policy.requestors and not asker.ids & {id_.lower() for id_ in policy.requestors}:
        yield Issue(
            "notEligible", "", "The policy names who may ask for access to this machine; you are not among them."
        )


def _justification(policy: Policy, wish: Wish) -> Iterator[Issue]:
    if policy.justification_required and not _SAYS_SOMETHING.search(wish.justification):
        yield Issue("justificationRequired", "justification", "The policy asks for a justification.")


def _time(wish: Wish, now: datetime, shortest: timedelta) -> Iterator[Issue]:
    path = "endTimeUtc" if wish.duration is None else "duration"
    if wish.ends_at is not None and wish.ends_at <= now:
        yield Issue("endInPast", path, f"The end {wish.ends_at.isoformat()} has passed.")
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
