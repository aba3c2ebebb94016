"""What a group that was read back says about its claims."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from shared.domain.claims import Claim, Finding, LockClaim, OpenClaim, Outcome, Wanted
from shared.domain.grants import PlacedRule
from shared.domain.planning import is_due_open
from shared.domain.rules import Nsg, Rule
from shared.domain.shapes import belongs_to_grant, is_husk, standing_for_lock


def is_wanted(claim: Claim, now: datetime) -> bool:
    """Whether what the claim names should stand now; a grant whose time is up should not, whatever its claim says."""
    return is_due_open(claim, now) if isinstance(claim, OpenClaim) else claim.wanted is Wanted.PRESENT


def outcome_of(claim: Claim, nsg: Nsg, obstacle: str | None) -> Outcome:
    """What became of a claim in a group that needs no more changes, given what stood in its way."""
    rules = tuple(PlacedRule(nsg.id, rule.name, rule.priority) for rule in _standing(claim, nsg))
    return Outcome(Finding.BLOCKED, rules, obstacle) if obstacle else Outcome(Finding.FULFILLED, rules)


def has_vanished(claim: Claim, before: Outcome, nsg: Nsg) -> bool:
    """Whether a grant's rules were seen here once and are no longer, so that somebody else took them away.

    Such a grant is never opened again on its own: whoever removed the rule had a reason.
    """
    if not isinstance(claim, OpenClaim):
        return False
    return before.finding is Finding.VANISHED or (bool(before.rules) and not stands(claim, nsg))


def stands(claim: Claim, nsg: Nsg) -> bool:
    """Whether any rule stands in a group for a claim."""
    return any(True for _ in _standing(claim, nsg))


def _standing(claim: Claim, nsg: Nsg) -> Iterator[Rule]:
    if isinstance(claim, LockClaim):
        yield from standing_for_lock(nsg.ours, claim)
    elif isinstance(claim, OpenClaim):
        yield from (rule for rule in nsg.ours if belongs_to_grant(rule, claim.grant) and not is_husk(rule))
