"""Carrying a plan out on security groups, so that it may be cut off between any two calls and done again.

What closes comes first. A rule that a lock stops is copied into a group that nothing uses, what the lock leaves of it
is authorized by itself, and only then is it revoked; on the way back it is authorized where it was before the rests and
the copy go. The note of a lock goes last, so that whoever finds it knows that something may still be put aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.adapters.ec2_bench import Bench
from shared.adapters.ec2_client import Refusal
from shared.adapters.ec2_gate import Aside, Gate, is_rest, named
from shared.adapters.ec2_records import read_records, tags_of, write_record
from shared.adapters.ec2_rules import Ingress, Permission, describe
from shared.adapters.ec2_views import is_writable, permissions_of
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import KEEP_MARK, LOCK_MARK, OPEN_MARK, Rule
from shared.ports import Conflict, Rejected

_NO_GROUP: Final = frozenset({"InvalidGroup.NotFound"})

type Locks = Mapping[str, Rule]  # By name in lower case.


async def carry_out(bench: Bench, plan: Plan) -> None:
    """Do what a plan says. Raises Rejected with the rule that cannot be, Conflict, Unavailable."""
    opens = [change for change in plan.changes if change.rule.mark == OPEN_MARK]
    for change in opens:
        await _close(bench, change)
    before, after = bench.gate.locks, _locks_after(bench.gate, plan.changes)
    news = [c for c in plan.changes if c.rule.mark == LOCK_MARK and c.kind is not Kind.DELETE]
    if news:
        bench.on = news[0].rule.name
        await _note(bench, [change.rule for change in news])
        # What was locked stays so until all that is to be locked is.
        await _lock(bench, [*before.values(), *after.values()])
    for change in opens:
        if change.kind is not Kind.DELETE:
            bench.on = change.rule.name
            await _open(bench, change.rule)
    bench.on = ""
    await _free(bench, after)


def _locks_after(gate: Gate, changes: Iterable[Change]) -> dict[str, Rule]:
    found = dict(gate.locks)
    for change in changes:
        if change.rule.mark == LOCK_MARK:
            found.pop(change.rule.name.lower(), None)
            found |= {} if change.kind is Kind.DELETE else {change.rule.name.lower(): change.rule}
    return found


async def _note(bench: Bench, locks: Iterable[Rule]) -> None:
    """Note what is to be locked, before anything is moved."""
    tags = {name: value for lock in locks for name, value in write_record(lock).items()}
    noted = [aside.origin for aside in bench.gate.asides if read_records(aside.tags)]
    groups = sorted({group for nic in bench.gate.interfaces for group in nic.groups})
    homes = [*noted, *(aside.origin for aside in bench.gate.asides), *groups]
    if not homes:
        raise Rejected(f"{bench.gate.id.name} has no security group", bench.on)
    await bench.put_aside_from(homes[0], tags)


async def _lock(bench: Bench, locks: list[Rule]) -> None:
    """Move aside what locks stop. Raises Rejected where that would close somebody else's groups."""
    stopped = [one for one in bench.gate.foreign if _is_stopped(bench.gate, one, locks)]
    for one in stopped:
        if one.group in bench.gate.others:
            raise Rejected(bench.gate.hurdle, bench.on)
    theirs = [one for one in stopped if not bench.gate.is_ours(one)]
    for one in theirs:
        aside = await bench.put_aside_from(one.group, {})
        await bench.copy(one, aside)
    await _add_rests(bench, locks)
    for one in stopped:
        await bench.revoke(one)


def _is_stopped(gate: Gate, ingress: Ingress, locks: Iterable[Rule]) -> bool:
    return gate.left(ingress.group, ingress.permission, locks) != (ingress.permission,)


def _rests(gate: Gate, locks: Iterable[Rule]) -> dict[tuple[str, Permission], Ingress]:
    """What has to stand of the rules that are aside, by group, each with one that it is left of."""
    every = list(locks)
    copies = [(aside.origin, copy) for aside in gate.asides for copy in aside.rules]
    return {
        (origin, permission): copy
        for origin, copy in copies
        for permission in gate.left(origin, copy.permission, every)
        if permission != copy.permission
    }


async def _add_rests(bench: Bench, locks: Iterable[Rule]) -> None:
    for (group, permission), copy in _rests(bench.gate, locks).items():
        text = describe(f"{KEEP_MARK}{bench.gate.id.name} What a lock leaves of: {copy.description}")
        if not bench.twin(group, permission):
            await bench.authorize(group, permission, text, bench.own_tags.items())


async def _revoke_rests(bench: Bench, locks: Iterable[Rule], within: str = "") -> None:
    """Take away what stands as left by a lock, and is so no longer; everywhere, or within one group."""
    wanted = _rests(bench.gate, locks)
    mine = [one for one in bench.gate.standing if bench.gate.is_ours(one) and is_rest(one)]
    for one in mine:
        if within in {"", one.group} and (one.group, one.permission) not in wanted:
            await bench.revoke(one)


async def _free(bench: Bench, locks: Locks) -> None:
    """Put back what no lock stops any more, and take away what was only needed for locks that are gone."""
    every = list(locks.values())
    back = [
        (aside.origin, copy)
        for aside in bench.gate.asides
        for copy in aside.rules
        if bench.gate.left(aside.origin, copy.permission, every) == (copy.permission,)
        and not _waits(bench, aside, copy)
    ]
    for origin, copy in back:
        await _restore(bench, origin, copy, every)
    if bench.gate.asides:
        await _add_rests(bench, every)
    for _, copy in back:
        await bench.revoke(copy)
    await _revoke_rests(bench, every)
    await _tidy(bench, locks)


def _waits(bench: Bench, aside: Aside, copy: Ingress) -> bool:
    """Whether a rule cannot be put back yet.

    That is so while it does not show, while nothing vouches for where it is from, and while a grant's rule stands
    there: no group holds the same twice.
    """
    twin = bench.twin(aside.origin, copy.permission)
    taken = twin is not None and bench.gate.is_ours(twin) and not is_rest(twin)
    return taken or not copy.id or not bench.gate.may_come_back(aside)


async def _restore(bench: Bench, origin: str, copy: Ingress, locks: list[Rule]) -> None:
    twin = bench.twin(origin, copy.permission)
    if twin and bench.gate.is_ours(twin):
        await bench.revoke(twin)
        twin = None
    try:
        made = await _put_back(bench, origin, copy, locks)
    except Refusal as error:
        if error.code not in _NO_GROUP or await bench.stands(origin):
            raise
        return  # With the group its rules are gone.
    if not made and twin is None:
        # It may be a rule of ours, and with that the copy would be the last of what somebody wrote.
        raise Conflict(f"EC2 does not show yet what stands in {origin} for the same as {copy.id}")


async def _put_back(bench: Bench, origin: str, copy: Ingress, locks: list[Rule]) -> bool:
    told = (origin, copy.permission, copy.description, copy.tags)
    try:
        return await bench.authorize(*told)
    except Rejected:
        # What locks left of rules takes more room than the rules themselves did.
        await _revoke_rests(bench, locks, within=origin)
        return await bench.authorize(*told)


async def _tidy(bench: Bench, locks: Locks) -> None:
    """Delete groups of ours that hold nothing, the one with the notes last, and strike notes of locks that are gone."""
    for aside in sorted(bench.gate.asides, key=lambda one: bool(read_records(one.tags))):
        noted = read_records(aside.tags)
        over = [key for name in noted if name not in locks for key in tags_of(name, aside.tags)]
        if not aside.rules and not noted.keys() & locks.keys():
            await bench.throw_away(aside)
        elif over:
            await bench.note_on(aside, {}, over)


async def _close(bench: Bench, change: Change) -> None:
    """Take away what stands for the rule of a grant and should not, or no longer."""
    name = change.rule.name.lower()
    for one in bench.gate.pieces_of(name):
        # What has lost its tag may be tagged no more: it is made anew.
        if change.kind is not Kind.DELETE and one.instance and _is_part(bench.gate, one, change.rule):
            continue
        others = [other for other in bench.gate.noted(one) if other != name]
        if others and one.instance:
            kept = await bench.note(one, {}, tags_of(name, one.tags))
            if named(one) == name:
                await bench.redescribe(kept, _text(bench.gate.noted(one)[others[0]]))
        else:
            await bench.revoke(one)


def _is_part(gate: Gate, ingress: Ingress, rule: Rule) -> bool:
    here = (address for address in gate.addresses_of(ingress.group) if address in rule.destinations)
    return any(ingress.permission in permissions_of(rule, address) for address in here)


async def _open(bench: Bench, rule: Rule) -> None:
    """Let stand what the rule of a grant allows, in a group of each interface that nobody else uses."""
    record = write_record(rule)
    if not is_writable(rule):
        raise Rejected(f"EC2 knows no service tags such as {', '.join(rule.sources)}", rule.name)
    for nic in bench.gate.interfaces:
        here = sorted(set(nic.addresses) & set(rule.destinations))
        home = next((group for group in nic.groups if group not in bench.gate.others), None)
        if here and home is None:
            raise Rejected(bench.gate.hurdle, rule.name)
        wanted = {permission for address in here for permission in permissions_of(rule, address)}
        for permission in sorted(wanted):
            twin = next((found for group in nic.groups if (found := bench.twin(group, permission))), None)
            if twin is None:
                await bench.authorize(str(home), permission, _text(rule), (bench.own_tags | record).items())
            elif bench.gate.is_ours(twin) and not is_rest(twin):
                await bench.note(twin, record)


def _text(rule: Rule) -> str:
    return describe(f"{rule.name} {rule.description}")
