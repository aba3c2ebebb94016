"""From what stands in a group and what is claimed of it, to the changes that make the two agree.

`plan` is pure: it can be printed, tested and shown as a preview, and applying it twice changes nothing more.
Its laws:

- Only rules with our mark are created, updated or deleted.
- A lock outranks every allow rule of somebody else that admits traffic it guards, wherever a free number
  below that rule exists; where none exists the lock still stands as high as it can, and `exposure` tells.
- A grant's allow is written only where the group would otherwise block it, and above whatever blocks it.
- Grants do not lean on each other: a rule is needed even where another grant's rule would do.
- An allow rule is created only for the grants named in `Leave.openable`: sweeps close and repair, they never open.
- A lock that nobody claims stays: taking it away would be opening. An allow rule that nobody claims goes.
- Locks of one shape share their rules; `locking` says which addresses these have to hold.
- `flushConnection` is switched on where it is claimed, and back only when Postern had switched it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum

from shared.domain.addresses import Bound
from shared.domain.claims import Claim, FlushClaim, LockClaim, OpenClaim, Wanted
from shared.domain.locking import Locks, locks_of
from shared.domain.machines import Endpoint
from shared.domain.regions import admits_guarded, alike
from shared.domain.rules import (
    FIRST_PRIORITY,
    KEEP_MARK,
    LAST_PRIORITY,
    LOCK_MARK,
    MOST_ADDRESSES,
    OPEN_MARK,
    Access,
    Flush,
    Load,
    Nsg,
    Rule,
    in_order,
)
from shared.domain.sessions import flush_of
from shared.domain.shapes import is_husk, keep_rules, lock_rules, open_rules
from shared.domain.traffic import matched, passing


class Kind(IntEnum):
    """What a change does. The numbers are the order in which changes are safe: closing comes first."""

    DELETE = 0
    UPDATE = 1
    CREATE = 2


@dataclass(frozen=True, slots=True)
class Change:
    """One rule to create or update (as given), or to delete (by its name)."""

    kind: Kind
    rule: Rule
    frees: bool = False  # Whether a deny rule no longer holds an address that it held.

    @property
    def order(self) -> tuple[bool, int, str]:
        """Allows go before denies do, denies come before allows do."""
        gives = (self.rule.access is Access.ALLOW) is (self.kind is not Kind.DELETE)
        return (gives or self.frees, self.kind, self.rule.name)

    def stands_in(self, nsg: Nsg) -> bool:
        """Whether a group, as read back, has this change in it."""
        found = nsg.find(self.rule.name)
        if self.kind is Kind.DELETE:
            return found is None or is_husk(found)
        return found is not None and found.does_the_same_as(self.rule)


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes for one group in a safe order, and for each claim that cannot be fulfilled, what is in its way.

    `flush` is what the group's `flushConnection` is to become; None when it is as it should be.
    """

    changes: tuple[Change, ...]
    obstacles: Mapping[str, str] = field(default_factory=dict)
    flush: Flush | None = None

    def __bool__(self) -> bool:
        return bool(self.changes) or self.flush is not None

    def stands_in(self, nsg: Nsg) -> bool:
        """Whether a group, as read back, has all these changes of rules in it."""
        return all(change.stands_in(nsg) for change in self.changes)


@dataclass(frozen=True, slots=True)
class Leave:
    """What a plan may do besides closing: the grants that may be opened, and what was refused just now."""

    openable: AbstractSet[str] = frozenset()
    refused: AbstractSet[int] = frozenset()  # Priority numbers.
    unflushable: str = ""  # Why `flushConnection` cannot be switched; empty when that was not tried.


NO_LEAVE = Leave()


def plan(nsg: Nsg, claims: Iterable[Claim], now: datetime, leave: Leave = NO_LEAVE) -> Plan:
    """The changes that make a group fulfil its claims."""
    ordered = sorted(claims, key=lambda claim: claim.key)
    opens = [claim for claim in ordered if isinstance(claim, OpenClaim) and is_due_open(claim, now)]
    draft = _Draft(nsg, leave)
    draft.reserve(opens)
    draft.lock(locks_of(nsg, (claim for claim in ordered if isinstance(claim, LockClaim))))
    for claim in opens:
        draft.open(claim)
    return _with_flush(draft.finish(), nsg, ordered, leave)


def _with_flush(made: Plan, nsg: Nsg, claims: list[Claim], leave: Leave) -> Plan:
    """A plan that also switches the group's `flushConnection` where that has to be."""
    target = flush_of(nsg.flush, claims)
    if target == nsg.flush:
        return made
    if leave.unflushable:
        wanting = [claim for claim in claims if isinstance(claim, FlushClaim) and claim.wanted is Wanted.PRESENT]
        return replace(made, obstacles={**made.obstacles, **{claim.key: leave.unflushable for claim in wanting}})
    # Sessions of grants that end now are ended before the switch goes back, which takes another round.
    if not target.on and any(change.rule.mark == OPEN_MARK for change in made.changes):
        return made
    return replace(made, flush=target)


def is_due_open(claim: OpenClaim, now: datetime) -> bool:
    """Whether a grant should be open now: asked for, and its time not yet up."""
    return claim.wanted is Wanted.PRESENT and now < claim.ends_at


class _Draft:
    """The group as it will be: grows rule by rule, hands out free numbers, and at the end tells the difference."""

    def __init__(self, nsg: Nsg, leave: Leave) -> None:
        self._nsg = nsg
        self._ours, self._foreign = nsg.ours, in_order(nsg.foreign)
        self._by_name = {rule.name.lower(): rule for rule in nsg.rules}
        self._leave = leave
        self._wanted: list[Rule] = []
        self._obstacles: dict[str, str] = {}
        self._load = nsg.outbound + Load.of(nsg.foreign)
        self._taken = {rule.priority for rule in nsg.foreign}
        self._reserved: set[int] = set()

    def _find(self, name: str) -> Rule | None:
        return self._by_name.get(name.lower())

    def reserve(self, opens: Iterable[OpenClaim]) -> None:
        """Keep the numbers of rules that stay or move, so that no order of carrying out the changes can collide.

        The allow rules of grants that have ended are always deleted first; their numbers are free at once.
        """
        names = {rule.name.lower() for claim in opens for rule in open_rules(claim)}
        stays = (r for r in self._ours if r.mark != OPEN_MARK or r.name.lower() in names or is_husk(r))
        self._reserved = {rule.priority for rule in stays}

    def lock(self, locks: Locks) -> None:
        """Place the lock rules, those of each shape above what its machines have to be kept from."""
        for claim in locks.crowded_out:
            self._obstacles[claim.key] = f"the group is full: it can name no more than {MOST_ADDRESSES} addresses"
        for rule in locks.spared:
            self._keep(rule)
        lowest = LAST_PRIORITY + 1
        for _, members in locks.shapes:
            own = {rule.name.lower() for rule in lock_rules(*members)}
            ceiling = self._ceiling(members, own)
            for name in sorted(own):
                rule = locks.needed[name]
                placed = self._place(rule, ceiling) or self._place(rule, LAST_PRIORITY + 1)
                if self._take_in(members, placed, "no free priority number is left for the lock"):
                    lowest = min(lowest, self._wanted[-1].priority)
        probed = [claim for _, members in locks.shapes for claim in members if keep_rules(claim)]
        for rule in locks.needed.values():
            if rule.mark == KEEP_MARK:
                why = "no free priority number is left above the lock for health probes"
                self._take_in(probed, self._place(rule, lowest), why)

    def open(self, claim: OpenClaim) -> None:
        for rule in open_rules(claim):
            observed = self._find(rule.name)
            if observed is None and claim.grant not in self._leave.openable:
                continue
            blocker = self._blocker(rule, claim.endpoints)
            if blocker:
                why = f"rule {blocker.name} denies it and leaves no free priority number above itself"
                self._take_in((claim,), self._place(rule, blocker.priority), why)
            elif observed and (placed := self._place(rule, LAST_PRIORITY + 1)):
                self._keep(placed)

    def _take_in(self, claims: Iterable[Claim], placed: Rule | None, why_not: str) -> bool:
        """Take a rule into the group if there is a number and room for it; else tell what is in the way."""
        obstacle = why_not if placed is None else self._excess(placed)
        if placed and not obstacle:
            self._keep(placed)
            return True
        self._obstacles |= dict.fromkeys((claim.key for claim in claims), obstacle or why_not)
        return False

    def _excess(self, rule: Rule) -> str | None:
        """Which limit of the group a rule that does not stand yet would break, as far as that is known."""
        if self._find(rule.name):
            return None
        return (self._load + Load.of((rule,))).excess

    def finish(self) -> Plan:
        changes = sorted(self._changes(), key=lambda change: change.order)
        return Plan(tuple(changes), self._obstacles)

    def _changes(self) -> Iterator[Change]:
        names = {rule.name.lower() for rule in self._wanted}
        gone = (rule for rule in self._ours if rule.name.lower() not in names and not is_husk(rule))
        yield from (Change(Kind.DELETE, rule) for rule in gone)
        for rule in self._wanted:
            observed = self._find(rule.name)
            if observed is None:
                yield Change(Kind.CREATE, rule)
            elif not observed.settled or not self._stands(observed, rule):
                yield Change(Kind.UPDATE, rule, frees=not set(observed.destinations) <= set(rule.destinations))

    def _stands(self, observed: Rule, rule: Rule) -> bool:
        """Whether a rule is as it should be; where rules end by themselves, with the end that it should have."""
        same_end = not self._nsg.timed or rule.mark != OPEN_MARK or observed.description == rule.description
        return same_end and observed.does_the_same_as(rule)

    def _keep(self, rule: Rule) -> None:
        self._wanted.append(rule)
        self._load += Load.of((rule,))
        self._taken.add(rule.priority)

    def _place(self, rule: Rule, below: int) -> Rule | None:
        """The rule at its present number if that is low enough, else at the highest free one below `below`."""
        observed = self._find(rule.name)
        if observed and observed.priority < below and observed.priority not in self._taken:
            return replace(rule, priority=observed.priority)
        free = self._free_below(below)
        return None if free is None else replace(rule, priority=free)

    def _free_below(self, below: int) -> int | None:
        busy = self._taken | self._reserved
        highest = min(below - 1, LAST_PRIORITY)
        free = (n for n in range(highest, FIRST_PRIORITY - 1, -1) if n not in busy)
        first = next(free, None)
        if first not in self._leave.refused:
            return first
        # A rule that we cannot see may have this number; it is tried again only if there is no other.
        return next((n for n in free if n not in self._leave.refused), first)

    def _ceiling(self, claims: Iterable[LockClaim], own: AbstractSet[str]) -> int:
        """The lowest number of a foreign allow that the locks, whose rules are `own`, have to outrank and can."""
        mine = {rule.priority for rule in self._ours if rule.name.lower() in own}
        guards = alike(claims)
        for rule in self._foreign:
            if rule.access is Access.ALLOW and any(admits_guarded(rule, *guard) for guard in guards):
                has_room = self._free_below(rule.priority) is not None or any(p < rule.priority for p in mine)
                if has_room:
                    return rule.priority
        return LAST_PRIORITY + 1

    def _blocker(self, rule: Rule, endpoints: tuple[Endpoint, ...]) -> Rule | None:
        """The first deny rule that could stop what `rule` allows; None when all of it passes anyhow."""
        locks = tuple(wanted for wanted in self._wanted if wanted.mark == LOCK_MARK)
        husks = tuple(rule for rule in self._ours if is_husk(rule))
        standing = in_order((*self._foreign, *locks, *husks, *self._nsg.defaults))
        stopped = [endpoint for endpoint in endpoints if not _passes_anyhow(rule, endpoint, standing)]
        denies = (deny for deny in standing if deny.access is Access.DENY)
        return next((deny for deny in denies if any(_touches(deny, rule, endpoint) for endpoint in stopped)), None)


def _passes_anyhow(rule: Rule, endpoint: Endpoint, standing: tuple[Rule, ...]) -> bool:
    """Whether all that `rule` allows to an endpoint surely passes the standing rules without it."""
    left = matched(rule, endpoint.spot, Bound.LOWER)
    for through in passing(standing, left, endpoint.spot, Bound.LOWER):
        left = tuple(rest for piece in left for rest in piece - through)
    return not left


def _touches(deny: Rule, rule: Rule, endpoint: Endpoint) -> bool:
    wanted = matched(rule, endpoint.spot, Bound.LOWER)
    return any(bool(part & piece) for part in matched(deny, endpoint.spot, Bound.UPPER) for piece in wanted)
