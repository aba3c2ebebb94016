"""What the logs tell that somebody has to be told of: who got in after many attempts, and what a lock did not stop.

The same is found again and again while it stands in the logs. Its time and number follow from what was seen, so that it
goes on record, and is told, once a day; so does it when the watch cannot see. That a rule has our mark excuses nothing:
it has to belong to a grant that lets in just this source, or let in the probes of a load balancer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from shared.domain.attacks import Attack, attacks, is_meant
from shared.domain.crossing import is_part_of
from shared.domain.evidence import Evidence, Lack, LetIn, SignIn, log_key
from shared.domain.findings import Found, What
from shared.domain.guarding import Guarded, Stage
from shared.domain.keys import short_number
from shared.domain.records import Stay
from shared.domain.regions import guarded_region
from shared.domain.rules import KEEP_MARK, grant_of
from shared.domain.visits import outside

# Flows stand in the logs with the minute in which they were counted, which may have begun before a lock was set.
_SETTLES_IN: Final = timedelta(minutes=5)
PROBES: Final = ("168.63.129.16", "fe80::1234:5678:9abc")
"""From where load balancers probe. Source: Azure documentation, "Azure Load Balancer health probes"."""

type Machines = Mapping[str, Guarded]
"""The machines that are guarded, as logs name them."""


def alarms(evidence: Evidence, known: Iterable[Stay], guarded: Iterable[Guarded], threshold: int) -> tuple[Found, ...]:
    """What is to be told of. `threshold` is from how many attempts on somebody who gets in is told of."""
    stays, machines = tuple(known), {log_key(one.machine.id): one for one in guarded if one.stage is Stage.GUARDED}
    suspects = [one for one in attacks(evidence, stays) if one.attempts >= threshold]
    meant = {stay.grant: stay for stay in stays}
    found = (
        *_signed_in(suspects, evidence.sign_ins, stays, machines),
        *_got_through(suspects, evidence.reached, machines),
        *_past_locks((one for one in evidence.let_in if not _is_meant(one, meant)), machines),
    )
    return tuple(sorted(set(found), key=lambda one: (one.at, one.subject, one.what, one.number)))


def _signed_in(
    suspects: Iterable[Attack], sign_ins: Iterable[SignIn], stays: tuple[Stay, ...], machines: Machines
) -> Iterator[Found]:
    tried = {one.source: one for one in suspects}
    for one in outside(sign_ins, stays):
        if (attack := tried.get(one.source)) and one.machine in machines:
            text = f"{one.user} signed in from {attack.source}, {_tried(attack)}, by no grant for this address."
            yield _found(What.BROKE_IN, machines[one.machine], one.at, text, (attack.source, "signed in"))


def _got_through(suspects: Iterable[Attack], reached: Iterable[LetIn], machines: Machines) -> Iterator[Found]:
    tried = {one.source: one for one in suspects}
    for one in reached:
        attack, guarded = tried.get(one.passed.source), machines.get(one.passed.machine)
        if attack and guarded and _began_after(guarded, one):
            text = f"{one.passed.rule} let {attack.source} in to port {one.port}, {_tried(attack)}."
            yield _found(What.BROKE_IN, guarded, one.passed.last, text, (attack.source, one.port))


def _tried(attack: Attack) -> str:
    return f"which tried {attack.attempts} times"


def _past_locks(foreign: Iterable[LetIn], machines: Machines) -> Iterator[Found]:
    for one in foreign:
        guarded = machines.get(one.passed.machine)
        if guarded and _should_have_been_stopped(one, guarded):
            text = f"{one.passed.rule} let {one.passed.source} in to port {one.port}, which is locked."
            yield _found(What.PASSED_LOCK, guarded, one.passed.last, text, (one.passed.rule, one.port))


def _is_meant(one: LetIn, stays: Mapping[str, Stay]) -> bool:
    if one.passed.rule.lower().startswith(KEEP_MARK):
        return one.passed.source in PROBES
    stay = stays.get(grant_of(one.passed.rule))
    # What begins by a grant's rule after its end came through a hole that was left open.
    in_time = stay is not None and (stay.over is None or one.passed.last <= stay.over + _SETTLES_IN)
    return in_time and is_meant(one.passed, stays)


def _began_after(guarded: Guarded, one: LetIn) -> bool:
    """Whether something began after the lock was set. What went on from before is no hole in it."""
    return one.passed.last > guarded.changed_at + _SETTLES_IN


def _should_have_been_stopped(one: LetIn, guarded: Guarded) -> bool:
    claim = guarded.lock
    return _began_after(guarded, one) and any(
        is_part_of(one, guarded_region(claim, endpoint)) for endpoint in claim.endpoints
    )


def _found(what: What, guarded: Guarded, at: datetime, text: str, names: tuple[object, ...]) -> Found:
    """A finding of a day: what is found again on that day is the same."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return Found(what, str(guarded.machine.id), day, text, short_number("|".join(map(str, names))))


def blindness(evidence: Evidence, subscription: str, now: datetime) -> Found | None:
    """That the watch could not see everything, once a day; None when it could, but for what is beyond its caps."""
    lacking = [gap for gap in evidence.gaps if gap.lack not in {Lack.CAPPED, Lack.TOO_MANY_MACHINES}]
    if not evidence.lacking or not lacking:
        return None
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Found(What.WATCH_BLIND, f"/subscriptions/{subscription}", day, " ".join(gap.text for gap in lacking))
