"""A plain model of the life of a grant: what may have become of it after each thing that anybody does.

Written from docs/http-api.md, docs/architecture.md and the words of the design. For an act that met no failure it says
exactly what has to come of it; for one that failed or died on the way, how far it may have come.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.stateful.acts import Act, Kind
from tests.stateful.terms import Asked, Terms

OPENING_TAKES = timedelta(minutes=2)  # An opening that nobody finished by then has failed.
REMINDED = timedelta(seconds=8)  # What is not due within this time is put off when a reminder of it comes.
WAITING, HOLDING = frozenset({"pending", "scheduled"}), frozenset({"opening", "active", "closing"})
ENDS = {"deadline": "expired", "blocked": "failed", "interrupted": "failed"}

type Paths = list[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Wait:
    """A longer stay that waits for approval, and who has agreed to it."""

    wanted: timedelta | datetime
    lapses_at: datetime
    agreed: frozenset[str] = frozenset()


@dataclass(slots=True)
class Life:
    """One grant as the model knows it."""

    id: str
    asked: Asked
    state: str
    approved: bool  # Whether it needed approval when it was asked for.
    begun: datetime  # Not later than when it was asked for, or admitted.
    ends_at: datetime
    lapses_at: datetime | None = None
    agreed: frozenset[str] = frozenset()
    wait: Wait | None = None
    reason: str = ""
    unrecorded: int | None = None  # The change whose record somebody died over; the next change makes up for it.
    tampered: bool = False  # Somebody took its rules away.
    asked_as: frozenset[str] = frozenset()  # Which of those who might ask its requestor was.
    named: dict[str, frozenset[str]] = field(default_factory=dict)  # As which approvers those who agreed were heard.

    @property
    def known(self) -> Asked:
        """What was asked for, with all that is known later of who asked."""
        return replace(self.asked, who=replace(self.asked.who, groups=self.asked_as))

    def lapsed(self, at: datetime) -> bool:
        """Whether nobody answered in time."""
        return self.lapses_at is not None and at >= self.lapses_at


@dataclass(slots=True)
class Model:
    """All grants, and the policy of each machine."""

    terms: dict[str, Terms] = field(default_factory=dict)
    lives: dict[str, Life] = field(default_factory=dict)
    obstructed: set[str] = field(default_factory=set)  # Machines for whose grants a customer's rule leaves no room.

    def answer(self, asked: Asked, now: datetime) -> str | None:
        """What asking gives: where the grant begins its life; None when it is refused."""
        terms = self.terms.get(asked.machine)
        if terms is None or not terms.allows(asked, now):
            return None
        if terms.approval and not asked.break_glass:
            return "pending"
        return "scheduled" if asked.starts_at and asked.starts_at > now else "opening"

    def paths(self, life: Life, act: Act) -> Paths:
        """The ways that this grant may go in the course of an act; each begins with the state in which it is."""
        return [(life.state, *rest) for rest in _FOLLOWING[act.kind](self, life, act)]


def _over(life: Life, reason: str) -> tuple[str, ...]:
    """How a grant ends for a reason."""
    end = ENDS.get(reason, "revoked")
    if life.state in WAITING:
        return (end,)
    return ("closing", ENDS.get(life.reason, "revoked")) if life.state == "closing" else ("closing", end)


def _due(life: Life) -> Paths:
    """How a grant ends whose time is up; what is open is closed first, and where that went well, that was all."""
    return [_over(life, "deadline"), *([("expired",)] if life.state == "active" else [])]


def _same(model: Model, life: Life, act: Act) -> Paths:  # noqa: ARG001 - one form for all.
    return [()]


def _begin(model: Model, life: Life, act: Act) -> Paths:
    """What somebody who looks sets going: the start that has come, or the opening that is under way."""
    if life.state == "opening":
        terms = model.terms.get(life.asked.machine)
        if not terms or not life.asked.ports <= terms.ports or act.before >= life.ends_at:
            return [()]
        return opening(model, life) if act.after < life.ends_at and not life.tampered else [(), *opening(model, life)]
    start = life.asked.starts_at
    if life.state != "scheduled" or start is None or act.after < start:
        return [()]
    now = max(act.before, start)
    if now >= life.ends_at:
        return [()]
    terms = model.terms.get(life.asked.machine)
    enough = terms and (not terms.approval or len(terms.counted(life.agreed, life.named)) >= terms.needed)
    if not terms or not enough or not terms.allows(life.known, now, first=False, shortest=timedelta()):
        return [("revoked",)]
    return [("opening", *rest) for rest in opening(model, life)]


def opening(model: Model, life: Life) -> Paths:
    """How an opening goes on from there."""
    failed: Paths = [("closing", "failed")] if life.asked.machine in model.obstructed else []
    return [("active",), *failed]


def _look(model: Model, life: Life, act: Act) -> Paths:
    return _begin(model, life, act) if life.id == act.grant else [()]


def _start(model: Model, life: Life, act: Act) -> Paths:
    if life.state != "scheduled" or (life.asked.starts_at or act.before) > act.before:
        return [()]
    return _begin(model, life, replace(act, after=act.before))


def speaks(model: Model, life: Life, act: Act) -> bool:
    """Whether a voice is heard about what waits now."""
    terms = model.terms.get(life.asked.machine)
    if terms is None or not terms.heeds(act.who, life.asked.who):
        return False
    if life.state == "pending":
        return not life.lapsed(act.before)
    return life.state == "active" and act.before < life.ends_at and waits(life, act.before)


def waits(life: Life, now: datetime) -> bool:
    """Whether a longer stay waits for approval."""
    return life.wait is not None and now < life.wait.lapses_at


def _approve(model: Model, life: Life, act: Act) -> Paths:
    if life.id != act.grant:
        return [()]
    if life.state != "pending":
        # Saying it again goes on with what is under way.
        return _begin(model, life, act) if act.who.name in life.agreed else [()]
    if not heard(model, life, act):
        return [()]
    terms = model.terms[life.asked.machine]
    if len(terms.counted(life.agreed, life.named) | {act.who.name}) < terms.needed:
        return [()]
    start = life.asked.starts_at
    if start and start > act.before:
        return [("scheduled",)]
    return [("opening", *rest) for rest in opening(model, life)]


def heard(model: Model, life: Life, act: Act) -> bool:
    """Whether an approval of a request counts as a new one."""
    terms = model.terms.get(life.asked.machine)
    mine = act.kind is Kind.APPROVE and life.id == act.grant and life.state == "pending"
    allowed = terms is not None and terms.allows(life.known, act.before, first=False)
    return mine and allowed and speaks(model, life, act) and act.who.name not in life.agreed


def _deny(model: Model, life: Life, act: Act) -> Paths:
    mine = life.id == act.grant and life.state == "pending"
    return [("denied",)] if mine and speaks(model, life, act) else [()]


def _cancel(model: Model, life: Life, act: Act) -> Paths:  # noqa: ARG001 - one form for all.
    return [("cancelled",)] if life.id == act.grant and life.state in WAITING else [()]


def _revoke(model: Model, life: Life, act: Act) -> Paths:  # noqa: ARG001 - one form for all.
    return [_over(life, "revoked")] if life.id == act.grant and life.state in WAITING | HOLDING else [()]


def _sweep(model: Model, life: Life, act: Act) -> Paths:  # noqa: ARG001 - one form for all.
    match life.state:
        case "pending" if life.lapsed(act.before):
            return [("lapsed",)]
        case "scheduled" if act.before >= life.ends_at:
            return [_over(life, "interrupted")]
        case "opening" | "active" if act.before >= life.ends_at:
            return _due(life)
        case "opening":
            late = act.before >= life.begun + OPENING_TAKES
            return [_over(life, "interrupted")] if late else [()]
        case "closing":
            return [_over(life, "")]
    return [()]


def _remind(model: Model, life: Life, act: Act) -> Paths:
    if life.id != act.grant:
        return [()]
    if life.state == "scheduled":
        soon = life.asked.starts_at and life.asked.starts_at - act.before <= REMINDED
        return _begin(model, life, act) if soon else [()]
    if life.state not in HOLDING or life.ends_at - act.before > REMINDED:
        return [()]
    return _due(life)


def _fits(model: Model, life: Life) -> bool:
    terms = model.terms.get(life.asked.machine)
    return terms is not None and life.asked.ports <= terms.ports


def _edit(model: Model, life: Life, act: Act) -> Paths:
    if life.asked.machine != act.machine or life.state not in WAITING | HOLDING:
        return [()]
    if life.state == "closing" or not _fits(model, life):
        return [_over(life, "portRemoved")]
    if life.state not in HOLDING:
        return [()]
    # Where a customer's rule leaves room for one grant, another may have to go.
    blocked = [_over(life, "blocked")] if life.asked.machine in model.obstructed else []
    return [(), *blocked, *([_over(life, "removedOutside")] if life.tampered else [])]


def _repair(model: Model, life: Life, act: Act) -> Paths:
    swept = _sweep(model, life, act)
    if swept != [()] or life.state not in WAITING | HOLDING:
        return swept
    if life.asked.machine not in model.terms:
        # Its policy is half removed; the repair goes on with that.
        return [_over(life, "policyRemoved")]
    return _edit(model, life, replace(act, machine=life.asked.machine))


def _disable(model: Model, life: Life, act: Act) -> Paths:  # noqa: ARG001 - one form for all.
    mine = life.asked.machine == act.machine and life.state in WAITING | HOLDING
    return [_over(life, "policyRemoved")] if mine else [()]


_FOLLOWING = {
    Kind.ASK: _look,
    Kind.LOOK: _look,
    Kind.APPROVE: _approve,
    Kind.DENY: _deny,
    Kind.CANCEL: _cancel,
    Kind.REVOKE: _revoke,
    Kind.EXTEND: _same,
    Kind.SWEEP: _sweep,
    Kind.START: _start,
    Kind.REMIND: _remind,
    Kind.REPAIR: _repair,
    Kind.EDIT: _edit,
    Kind.DISABLE: _disable,
    Kind.OTHER: _same,
}


def reachable(paths: Paths, clean: bool) -> Iterator[str]:  # noqa: FBT001 - a plain question.
    """Where an act may leave a grant: at the end of a way, or anywhere on it when something failed."""
    for path in paths:
        yield from path[-1:] if clean else path
