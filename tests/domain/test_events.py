"""Which change gives which events: total tables, ids that repeat, and messages that fit."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.approvals import Decision, Question, Verdict
from shared.domain.events import (
    BY_EVENT,
    BY_FINDING,
    BY_STATE,
    EndingSoon,
    id_of,
    in_brief,
    in_full,
    is_told,
    kinds_of,
    warns_at,
)
from shared.domain.findings import Found, What
from shared.domain.grants import Grant, GrantPort, Occurrence
from shared.domain.lifecycle import Event, Reason, State
from shared.domain.messages import PAUSES, Delivery, Happened
from shared.domain.people import Person
from shared.domain.subscriptions import Kind
from tests.domain.values import GRANT, LATER, NOW, OFFICE, TCP, machine_id

ANN, CAROL = Person("ann", "Ann"), Person("carol", "Carol")
TEN_MINUTES = timedelta(minutes=10)
FOUND = Found(What.EXPOSED, "/a/machine", NOW, "through 310", 3)


def grant(state: State = State.OPENING, number: int = 0, event: Event | None = None, **more: object) -> Grant:
    """A grant that has just come to this state, by this event where the state does not tell it."""
    ports = (GrantPort((22, 22), TCP, (OFFICE,)),)
    last = Occurrence(number, state, NOW, ANN, event=event)
    plain = Grant(GRANT, machine_id(), state, ANN, ports, NOW, LATER, last, justification="because")
    return replace(plain, **more)  # type: ignore[arg-type]  # Each test names fields of a grant.


def test_the_tables_are_total() -> None:
    assert (set(State), set(Event), set(What)) == (set(BY_STATE), set(BY_EVENT), set(BY_FINDING))


def test_every_kind_comes_from_somewhere() -> None:
    made = {kind for kinds in (*BY_STATE.values(), *BY_EVENT.values()) for kind in kinds}
    assert set(Kind) == made | set(BY_FINDING.values()) | {Kind.ENDING_SOON, Kind.BROKEN_GLASS}


TOLD = [
    (grant(State.PENDING), ["approvalNeeded"]),
    (grant(State.PENDING, 1, Event.APPROVED), ["decided"]),
    (grant(State.SCHEDULED), []),
    (grant(State.SCHEDULED, 1, Event.APPROVED), ["decided"]),
    (grant(State.OPENING), []),
    (grant(State.OPENING, 1, Event.APPROVED), ["decided"]),
    (grant(State.ACTIVE, 1), ["opened"]),
    (grant(State.ACTIVE, 2, Event.EXTENSION_ASKED), ["approvalNeeded"]),
    (grant(State.ACTIVE, 3, Event.APPROVED), ["decided"]),
    (grant(State.ACTIVE, 3, Event.EXTENSION_DENIED), ["decided"]),
    (grant(State.ACTIVE, 3, Event.EXTENSION_CANCELLED), []),
    (grant(State.ACTIVE, 3, Event.EXTENDED), []),
    (grant(State.CLOSING, 4), []),
    (grant(State.EXPIRED, 5), ["ended"]),
    (grant(State.REVOKED, 5), ["ended"]),
    (grant(State.FAILED, 5), ["ended"]),
    (grant(State.CANCELLED, 1), ["ended"]),
    (grant(State.LAPSED, 1), ["ended"]),
    (grant(State.DENIED, 1), ["decided", "ended"]),
    (grant(State.OPENING, break_glass=True), ["brokenGlass"]),
    (grant(State.SCHEDULED, break_glass=True), ["brokenGlass"]),
    (grant(State.OPENING, 1, break_glass=True), []),
]


@pytest.mark.parametrize(("changed", "told"), TOLD)
def test_a_change_of_a_grant_is_told_as(changed: Grant, told: list[str]) -> None:
    assert told == [kind.word for kind in kinds_of(changed)]


def test_a_longer_stay_is_a_decision_where_somebody_had_to_decide() -> None:
    said = Decision(CAROL, Verdict.APPROVED, NOW, about=Question.EXTENSION)
    assert (Kind.DECIDED,) == kinds_of(grant(State.ACTIVE, 3, Event.EXTENDED, decisions=(said,)))


@pytest.mark.parametrize("what", What)
def test_a_finding_is_told_as_exposed_or_found(what: What) -> None:
    expected = "exposed" if what is What.EXPOSED else "found"
    assert [expected] == [kind.word for kind in kinds_of(replace(FOUND, what=what))]


def test_an_id_follows_from_what_happened_and_from_nothing_else() -> None:
    assert f"{GRANT}-1-opened" == id_of(grant(State.ACTIVE, 1), Kind.OPENED)
    assert id_of(FOUND, Kind.EXPOSED) == id_of(replace(FOUND, detail="otherwise", subject="/A/machine"), Kind.EXPOSED)
    assert id_of(FOUND, Kind.EXPOSED) != id_of(replace(FOUND, number=4), Kind.EXPOSED)
    assert id_of(EndingSoon(grant(), LATER), Kind.ENDING_SOON) != id_of(EndingSoon(grant(), NOW), Kind.ENDING_SOON)


@pytest.mark.parametrize(("minutes", "warned"), [(20, False), (21, True)])
def test_an_end_is_told_of_only_where_there_is_time_enough(minutes: int, warned: bool) -> None:  # noqa: FBT001 - a column of the table.
    ends_at = NOW + timedelta(minutes=minutes)
    expected = ends_at - TEN_MINUTES if warned else None
    assert expected == warns_at(grant(State.ACTIVE, 1, ends_at=ends_at), TEN_MINUTES)


def test_only_what_sets_an_end_gives_a_warning() -> None:
    events = [event for event in Event if warns_at(grant(State.ACTIVE, 2, event), TEN_MINUTES)]
    states = [state for state in State if warns_at(grant(state, 2), TEN_MINUTES)]
    assert ([Event.EXTENDED], [State.ACTIVE]) == (events, states)


def test_what_is_told_only_later_is_said_as_well() -> None:
    extended = grant(State.ACTIVE, 3, Event.EXTENDED)
    assert (True, False) == (is_told(extended, TEN_MINUTES), is_told(extended, timedelta(hours=1)))
    assert not is_told(grant(State.CLOSING, 4), TEN_MINUTES)


def test_what_was_put_in_brief_is_whole_again_and_as_it_was_then() -> None:
    then = grant(State.ACTIVE, 1)
    said = Decision(CAROL, Verdict.DENIED, LATER)
    kept = replace(then.ended(LATER, Reason.REVOKED), decisions=(said,))
    assert then == in_full(in_brief(then), kept)


def test_a_grant_in_brief_is_small_however_much_was_written() -> None:
    last = Occurrence(1, State.ACTIVE, NOW, ANN, detail="x" * 100_000)
    ports = tuple(GrantPort((n, n), TCP, (OFFICE,) * 50) for n in range(20))
    assert 5_000 > len(repr(in_brief(grant(ports=ports, justification="x" * 100_000, occurrence=last))))


def test_what_does_not_come_true_is_looked_for_ever_more_seldom_and_then_no_more() -> None:
    message = Happened(grant(), NOW)
    ages = [timedelta(), timedelta(seconds=10), timedelta(minutes=9), timedelta(minutes=10)]
    pauses = [message.look_again_in(NOW + age) for age in ages]
    assert [timedelta(seconds=1), timedelta(seconds=5), timedelta(minutes=1), None] == pauses


def test_a_delivery_pauses_ever_longer_and_then_ends() -> None:
    delivery, pauses = Delivery(grant(), Kind.OPENED, "a"), []
    while delivery.pause:
        pauses.append(delivery.pause)
        delivery = delivery.failed()
    assert (list(PAUSES), sorted(PAUSES)) == (pauses, pauses)
