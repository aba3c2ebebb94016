"""The model's part about longer stays: who may have one, and what becomes of the wish for it."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.stateful.acts import Act, Kind
from tests.stateful.model import Life, Model, Wait, speaks, waits

type Stay = tuple[datetime, Wait | None]


def stay(model: Model, life: Life, act: Act) -> Stay:
    """When an active grant ends after an act, and what waits then to make that later."""
    now = (life.ends_at, life.wait)
    if life.id != act.grant or life.state != "active" or act.before >= life.ends_at:
        return (life.ends_at, None) if _is_taken_back(life, act) else now
    match act.kind:
        case Kind.EXTEND:
            return _extended(model, life, act)
        case Kind.APPROVE if life.wait and speaks(model, life, act):
            return _approved(model, life, life.wait, act)
        case Kind.DENY if speaks(model, life, act):
            return (life.ends_at, None)
        case Kind.CANCEL:
            return (life.ends_at, None)
    return now


def _is_taken_back(life: Life, act: Act) -> bool:
    return life.id == act.grant and life.state == "active" and act.kind is Kind.CANCEL


def _until(wanted: timedelta | datetime, now: datetime) -> datetime:
    return now + wanted if isinstance(wanted, timedelta) else wanted


def _may_stay(model: Model, life: Life, wanted: timedelta | datetime, act: Act) -> bool:
    """Whether the same access would be given from now until then, and that is later."""
    until, terms = _until(wanted, act.before), model.terms.get(life.asked.machine)
    first = act.kind is Kind.EXTEND
    by = life.asked if first else life.known
    asked = replace(by, duration=None, ends_at=until, starts_at=None, break_glass=False)
    return terms is not None and terms.allows(asked, act.before, first) and until > life.ends_at


def _extended(model: Model, life: Life, act: Act) -> Stay:
    now, terms = (life.ends_at, life.wait), model.terms.get(life.asked.machine)
    if act.longer is None or terms is None or waits(life, act.before) or not _may_stay(model, life, act.longer, act):
        return now
    if not terms.approval and not life.approved:
        return (_until(act.longer, act.before), None)
    pending_for = terms.approval.pending_for if terms.approval else timedelta(hours=24)
    return (life.ends_at, Wait(act.longer, min(life.ends_at, act.before + pending_for)))


def _approved(model: Model, life: Life, wait: Wait, act: Act) -> Stay:
    agreed, terms = wait.agreed | {act.who.name}, model.terms.get(life.asked.machine)
    if terms is None or act.who.name in wait.agreed or not _may_stay(model, life, wait.wanted, act):
        return (life.ends_at, wait)
    if len(terms.counted(wait.agreed, life.named) | {act.who.name}) < terms.needed:
        return (life.ends_at, replace(wait, agreed=agreed))
    return (_until(wait.wanted, act.before), None)
