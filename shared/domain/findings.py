"""What is found to be otherwise than it was left: each finding goes on record.

A finding about a group compares what stands there with what was seen to stand when its claims were last served; what
was never seen, or is only now asked for, is no finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.addresses import is_address
from shared.domain.claims import Claim, Finding, FlushClaim, LockClaim, OpenClaim, Outcome
from shared.domain.exposure import Leak
from shared.domain.machines import machine_behind
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import LOCK_MARK, OPEN_MARK, Nsg, Rule
from shared.domain.shapes import belongs_to_grant, some_names


class What(StrEnum):
    """What can be found. The set is closed."""

    LOCK_MISSING = "lockMissing"
    LOCK_EDITED = "lockEdited"
    LOCK_OUTRANKED = "lockOutranked"
    RULE_ORPHANED = "ruleOrphaned"
    MACHINE_CHANGED = "machineChanged"
    MACHINE_GONE = "machineGone"
    GROUP_MISSING = "groupMissing"
    EXPOSED = "exposed"
    HOLDS_AGAIN = "holdsAgain"
    FLUSH_SWITCHED_OFF = "flushSwitchedOff"
    FLUSH_LEFT_ON = "flushLeftOn"
    BROKE_IN = "brokeIn"  # Somebody got in after many attempts.
    PASSED_LOCK = "passedLock"  # Something got through to a port that is locked.
    WATCH_BLIND = "watchBlind"  # The logs could not be looked at.


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: what, about which resource (a machine or a group), when, and the particulars for a reader."""

    what: What
    subject: str
    at: datetime
    detail: str
    number: int = 0  # Tells findings about one subject apart that were made at the same time.


type Seen = Mapping[Claim, Outcome]


def found_in_group(nsg: Nsg, made: Plan, seen: Seen, now: datetime) -> tuple[Found, ...]:
    """What the changes that a group needs say about it, given what was last seen of its claims."""
    told = [text for change in made.changes for text in _of_change(change, nsg, seen)]
    told += _of_flush(made, seen)
    # What stands in the gate of a machine outside Azure is the machine's own affair.
    subject = str(machine_behind(nsg.id) or nsg.id)
    return tuple(Found(what, subject, now, detail, number) for number, (what, detail) in enumerate(told))


def _of_flush(made: Plan, seen: Seen) -> Iterator[tuple[What, str]]:
    counting = [claim for claim, outcome in seen.items() if outcome.finding is Finding.FULFILLED]
    names = some_names(claim.flush_for.name for claim in counting if isinstance(claim, FlushClaim))
    if names and made.flush and made.flush.on:
        yield What.FLUSH_SWITCHED_OFF, f"flushConnection, which ends the sessions of {names}, had been switched off."


def _of_change(change: Change, nsg: Nsg, seen: Seen) -> Iterator[tuple[What, str]]:
    rule = change.rule
    if rule.mark == OPEN_MARK and change.kind is Kind.DELETE:
        if not any(isinstance(claim, OpenClaim) and belongs_to_grant(rule, claim.grant) for claim in seen):
            yield What.RULE_ORPHANED, f"{rule.name} belonged to nobody and was taken away."
    elif rule.mark == LOCK_MARK and change.kind is not Kind.DELETE and (names := _names_counting_on(rule.name, seen)):
        yield from _of_lock(change, nsg, names, _addresses_counting_on(rule.name, seen))


def _of_lock(change: Change, nsg: Nsg, names: str, addresses: set[str]) -> Iterator[tuple[What, str]]:
    rule, stands = change.rule, nsg.find(change.rule.name)
    if stands is None:
        yield What.LOCK_MISSING, f"{rule.name}, which locks {names}, was gone and was put back."
    elif _is_edited(stands, rule, addresses):
        yield What.LOCK_EDITED, f"{rule.name}, which locks {names}, had been changed and was put right."
    elif stands.priority != rule.priority:
        yield What.LOCK_OUTRANKED, f"{rule.name}, which locks {names}, had been outranked at {stands.priority}."


def _is_edited(stands: Rule, rule: Rule, addresses: set[str]) -> bool:
    """Whether a lock rule stops something else than it should, or for others than those that we wrote into it."""
    same = replace(stands, priority=rule.priority, destinations=rule.destinations).does_the_same_as(rule)
    return not same or not addresses <= set(stands.destinations) or not all(map(is_address, stands.destinations))


def _counting_on(rule: str, seen: Seen) -> Iterator[LockClaim]:
    for claim, outcome in seen.items():
        stood = outcome.finding is Finding.FULFILLED and any(one.name.lower() == rule.lower() for one in outcome.rules)
        if isinstance(claim, LockClaim) and stood:
            yield claim


def _names_counting_on(rule: str, seen: Seen) -> str:
    return some_names(claim.machine.name for claim in _counting_on(rule, seen))


def _addresses_counting_on(rule: str, seen: Seen) -> set[str]:
    wants_v6 = rule.lower().endswith("-ipv6")
    every = (address for claim in _counting_on(rule, seen) for address in claim.addresses)
    return {address for address in every if (":" in address) is wants_v6}


def exposure_changed(before: Iterable[Leak], after: Iterable[Leak]) -> tuple[What, str] | None:
    """What there is to say when other rules than before let something through a lock; None when they are the same."""
    old, new = set(before), set(after)
    if old == new:
        return None
    if not new:
        return What.HOLDS_AGAIN, "The lock holds again."
    through = some_names({leak.rule or "no network security group at all" for leak in new})
    return What.EXPOSED, f"The lock does not hold: {through}."
