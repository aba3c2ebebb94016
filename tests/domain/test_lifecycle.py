"""The life of a grant: every state with every event, and what each change leaves behind."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from shared.domain.grants import Grant, GrantPort, Occurrence, PlacedRule
from shared.domain.lifecycle import (
    ENDS,
    HOLDING,
    TRANSITIONS,
    UNFINISHED,
    WAITING,
    Event,
    IllegalTransition,
    Reason,
    State,
    advance,
)
from shared.domain.people import Person
from tests.domain.values import GRANT, LATER, NOW, OFFICE, TCP, machine_id

ANN = Person("ann", "Ann")
LEGAL = {
    (State.PENDING, Event.APPROVED): {State.PENDING},
    (State.PENDING, Event.POSTPONED): {State.SCHEDULED},
    (State.PENDING, Event.ADMITTED): {State.OPENING},
    (State.PENDING, Event.DROPPED): {State.DENIED, State.CANCELLED, State.LAPSED, State.REVOKED},
    (State.SCHEDULED, Event.ADMITTED): {State.OPENING},
    (State.SCHEDULED, Event.DROPPED): {State.CANCELLED, State.REVOKED, State.FAILED},
    (State.OPENING, Event.OPENED): {State.ACTIVE},
    (State.OPENING, Event.ENDED): {State.CLOSING},
    (State.ACTIVE, Event.EXTENSION_ASKED): {State.ACTIVE},
    (State.ACTIVE, Event.APPROVED): {State.ACTIVE},
    (State.ACTIVE, Event.EXTENSION_DENIED): {State.ACTIVE},
    (State.ACTIVE, Event.EXTENSION_CANCELLED): {State.ACTIVE},
    (State.ACTIVE, Event.EXTENDED): {State.ACTIVE},
    (State.ACTIVE, Event.ENDED): {State.CLOSING},
    (State.ACTIVE, Event.GONE): {State.EXPIRED},
    (State.CLOSING, Event.GONE): {State.EXPIRED, State.REVOKED, State.FAILED},
}
ENDINGS = [
    (Reason.DEADLINE, State.EXPIRED),
    (Reason.REVOKED, State.REVOKED),
    (Reason.POLICY_REMOVED, State.REVOKED),
    (Reason.PORT_REMOVED, State.REVOKED),
    (Reason.REMOVED_OUTSIDE, State.REVOKED),
    (Reason.BLOCKED, State.FAILED),
    (Reason.INTERRUPTED, State.FAILED),
]
# Reasons of which only what waits can end, and no rule ever stood.
EARLY_ENDINGS = [
    (State.PENDING, Reason.DENIED, State.DENIED),
    (State.PENDING, Reason.CANCELLED, State.CANCELLED),
    (State.PENDING, Reason.UNANSWERED, State.LAPSED),
    (State.PENDING, Reason.POLICY_REMOVED, State.REVOKED),
    (State.SCHEDULED, Reason.CANCELLED, State.CANCELLED),
    (State.SCHEDULED, Reason.POLICY_CHANGED, State.REVOKED),
    (State.SCHEDULED, Reason.INTERRUPTED, State.FAILED),
]


def opening(duration: timedelta | None = timedelta(hours=1)) -> Grant:
    first = Occurrence(0, State.OPENING, NOW, ANN)
    asked = (GrantPort((22, 22), TCP, (OFFICE,)),)
    return Grant(GRANT, machine_id(), State.OPENING, ANN, asked, NOW, LATER, first, duration)


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_each_event_in_each_state_leads_where_it_may_or_nowhere(state: State, event: Event) -> None:
    expected = LEGAL.get((state, event), set())
    assert expected == TRANSITIONS.get((state, event), frozenset())
    if not expected:
        with pytest.raises(IllegalTransition):
            advance(state, event, Reason.REVOKED)


@pytest.mark.parametrize(("reason", "end"), ENDINGS)
def test_the_reason_decides_the_end(reason: Reason, end: State) -> None:
    assert end is advance(State.CLOSING, Event.GONE, reason)


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.DEADLINE}))
def test_what_is_open_is_over_at_once_only_when_its_time_is_up(reason: Reason) -> None:
    with pytest.raises(IllegalTransition):
        advance(State.ACTIVE, Event.GONE, reason)


def test_what_was_seen_gone_when_its_time_was_up_needs_no_closing() -> None:
    over = opening().opened(LATER, ()).expired(LATER)
    assert (State.EXPIRED, Occurrence(2, State.EXPIRED, LATER, None, Reason.DEADLINE)) == (over.state, over.occurrence)


@pytest.mark.parametrize(("state", "reason", "end"), EARLY_ENDINGS)
def test_what_waits_ends_at_once(state: State, reason: Reason, end: State) -> None:
    grant = replace(opening(), state=state).ended(LATER, reason, ANN, "why")
    assert (end, Occurrence(1, end, LATER, ANN, reason, "why")) == (grant.state, grant.occurrence)


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.CANCELLED, Reason.UNANSWERED])
@pytest.mark.parametrize("state", [State.OPENING, State.ACTIVE])
def test_what_may_be_open_never_ends_for_a_reason_of_what_waits(state: State, reason: Reason) -> None:
    with pytest.raises(IllegalTransition):
        replace(opening(), state=state).ended(LATER, reason)


def test_every_reason_has_an_end_and_every_end_is_an_end() -> None:
    assert set(Reason) == set(ENDS)
    assert set(ENDS.values()) & UNFINISHED == set()


def test_without_a_reason_no_end_is_reached() -> None:
    with pytest.raises(IllegalTransition):
        advance(State.CLOSING, Event.GONE)


def test_what_is_not_over_waits_or_may_hold_something_open() -> None:
    assert {State.PENDING, State.SCHEDULED} == WAITING
    assert {State.OPENING, State.ACTIVE, State.CLOSING} == HOLDING
    assert UNFINISHED == WAITING | HOLDING


@pytest.mark.parametrize("state", sorted(set(State) - {State.OPENING}))
def test_an_illegal_opening_changes_nothing(state: State) -> None:
    grant = replace(opening(), state=state)
    with pytest.raises(IllegalTransition):
        grant.opened(LATER, ())
    assert replace(opening(), state=state) == grant


def test_the_clock_of_a_duration_starts_when_the_hole_opens() -> None:
    late = NOW + timedelta(minutes=7)
    opened = opening().opened(late, (PlacedRule("nsg", "rule", 100),))
    assert (late, late + timedelta(hours=1)) == (opened.started_at, opened.ends_at)


def test_an_end_that_was_asked_for_as_a_time_stays() -> None:
    assert opening(None).opened(NOW + timedelta(minutes=7), ()).ends_at == LATER


def test_each_change_leaves_exactly_one_occurrence_with_the_next_number() -> None:
    opened = opening().opened(NOW, ())
    ended = opened.ended(LATER, Reason.REVOKED, ANN, "no longer needed")
    gone = ended.gone(LATER)
    assert [0, 1, 2, 3] == [one.occurrence.number for one in (opening(), opened, ended, gone)]
    assert Occurrence(2, State.CLOSING, LATER, ANN, Reason.REVOKED, "no longer needed") == ended.occurrence
    assert Occurrence(3, State.REVOKED, LATER, None, Reason.REVOKED, "no longer needed") == gone.occurrence


def test_rules_are_forgotten_only_when_they_were_seen_gone() -> None:
    rules = (PlacedRule("nsg", "rule", 100),)
    ended = opening().opened(NOW, rules).ended(LATER, Reason.DEADLINE)
    assert (rules, ()) == (ended.rules, ended.gone(LATER).rules)
