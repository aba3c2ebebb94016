"""Which addresses each lock rule of a group has to hold.

Locks of one shape share a rule, so a rule is no longer one machine's. Its addresses are those of the locks that are
claimed, and those that nobody here knows about: to take an address out is to open it, and is done only for a reason.
The reasons are that its lock is to go, that its machine no longer has it, or that it was seen in the rule of another
shape that is to hold it, standing as high: so on no way of carrying out a plan is it open for a moment. Where there is
no number as high, both rules stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from shared.domain.addresses import is_address, spelled
from shared.domain.claims import LockClaim, LockShape, Wanted
from shared.domain.regions import admits_guarded, alike
from shared.domain.rules import LOCK_MARK, Access, Load, Nsg, Rule
from shared.domain.shapes import is_safe_to_spare, keep_rules, lock_rules

type Rules = Mapping[str, Rule]  # By name in lower case.


@dataclass(frozen=True, slots=True)
class Locks:
    """The locks of a group as they are to be."""

    shapes: Sequence[tuple[LockShape, tuple[LockClaim, ...]]]  # The claims that there is room for.
    needed: Rules  # The rules that these need, unplaced.
    spared: tuple[Rule, ...]  # Rules of ours that no claim needs and that have to stay, with what stays in them.
    crowded_out: tuple[LockClaim, ...]  # Those that the group has no room for.


def locks_of(nsg: Nsg, claims: Iterable[LockClaim]) -> Locks:
    """What the lock rules of a group have to be, given its claims and what stands."""
    every = tuple(claims)
    standing = {rule.name.lower(): _in_one_spelling(rule) for rule in nsg.ours if is_safe_to_spare(rule)}
    known = {address for claim in every for address in (*claim.addresses, *claim.former)}
    load = nsg.outbound + Load.of(nsg.rules)
    taken, left = _with_room(standing, load, [claim for claim in every if claim.wanted is Wanted.PRESENT])
    # A lock that there is no room for may still stand in another shape, and then nothing of it is touched.
    known -= {address for claim in left for address in claim.addresses}
    needed = {rule.name.lower(): rule for _, members in _by_shape(taken) for rule in lock_rules(*members)}
    ground = _Ground(standing, needed, _to_outrank(nsg, standing, taken))
    stays = {name: _stays(rule, ground, known) for name, rule in standing.items()}
    needed |= {rule.name.lower(): rule for rule in keep_rules(*taken)}
    return Locks(
        _by_shape(taken),
        {name: _joined(rule, stays.get(name, ())) for name, rule in needed.items()},
        tuple(
            replace(standing[name], destinations=some) for name, some in stays.items() if some and name not in needed
        ),
        tuple(left),
    )


def _by_shape(claims: Iterable[LockClaim]) -> list[tuple[LockShape, tuple[LockClaim, ...]]]:
    ordered = sorted(claims, key=lambda claim: (claim.shape.name, claim.key))
    return [(shape, tuple(members)) for shape, members in groupby(ordered, lambda claim: claim.shape)]


def _in_one_spelling(rule: Rule) -> Rule:
    """A rule with its addresses spelled as we spell them; an IPv6 address has many spellings."""
    return replace(rule, destinations=tuple(spelled(one) if is_address(one) else one for one in rule.destinations))


def _with_room(standing: Rules, load: Load, claims: Iterable[LockClaim]) -> tuple[list[LockClaim], list[LockClaim]]:
    """The claims that a group has room for, and the others.

    What stands counts as staying: who moves from one rule to another is in both for a while, and who leaves makes
    room for the next round only.
    """
    taken: list[LockClaim] = []
    left: list[LockClaim] = []
    for claim in sorted(claims, key=lambda claim: (_newcomers(claim, standing) > 0, claim.key)):
        new = _newcomers(claim, standing)
        if new and (load + Load(destinations=new)).excess is not None:
            left.append(claim)
        else:
            load += Load(destinations=new)
            taken.append(claim)
    return taken, left


def _newcomers(claim: LockClaim, standing: Rules) -> int:
    """How many addresses a claim adds to the rules that it needs."""
    needed = [(rule, standing.get(rule.name.lower())) for rule in (*lock_rules(claim), *keep_rules(claim))]
    return sum(len(set(rule.destinations) - set(seen.destinations if seen else ())) for rule, seen in needed)


def _to_outrank(nsg: Nsg, standing: Rules, claims: Iterable[LockClaim]) -> dict[str, list[int]]:
    """For each rule into which an address moves, the numbers of the allow rules of others that it has to outrank."""
    found: dict[str, list[int]] = {}
    for _, members in _by_shape(claims):
        needed = lock_rules(*members)
        names = {rule.name.lower() for rule in needed}
        here = {address for rule in needed for address in rule.destinations}
        moves = any(name not in names and not here.isdisjoint(rule.destinations) for name, rule in standing.items())
        guards = alike(members) if moves else []
        allows = [rule for rule in nsg.foreign if rule.access is Access.ALLOW] if moves else []
        numbers = [rule.priority for rule in allows if any(admits_guarded(rule, *guard) for guard in guards)]
        found |= dict.fromkeys(names, numbers)
    return found


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stands, what is needed, and for each needed rule the numbers of what it has to outrank."""

    standing: Rules
    needed: Rules
    allows: Mapping[str, Sequence[int]]


def _stays(rule: Rule, ground: _Ground, known: set[str]) -> tuple[str, ...]:
    """The addresses that have to stay in a rule beyond those that are claimed for it."""
    strangers = set(rule.destinations) - known
    if rule.mark != LOCK_MARK:
        return tuple(sorted(strangers))
    moving = {
        address
        for name, home in ground.needed.items()
        if name != rule.name.lower()
        for address in set(home.destinations) & set(rule.destinations)
        if not _has_arrived(address, home, rule, ground)
    }
    here = ground.needed.get(rule.name.lower())
    return tuple(sorted(strangers | (moving - set(here.destinations if here else ()))))


def _has_arrived(address: str, home: Rule, old: Rule, ground: _Ground) -> bool:
    """Whether an address is seen in the rule that is to hold it, and that rule does what it should, and as high."""
    seen = ground.standing.get(home.name.lower())
    return (
        seen is not None
        and seen.settled
        and address in seen.destinations
        and replace(seen, priority=home.priority, destinations=home.destinations).does_the_same_as(home)
        and not any(old.priority < number < seen.priority for number in ground.allows[home.name.lower()])
    )


def _joined(rule: Rule, more: tuple[str, ...]) -> Rule:
    """A needed rule with the addresses that stay in it besides; what is no address, somebody else has written."""
    return replace(rule, destinations=tuple(sorted({*rule.destinations, *filter(is_address, more)})))
