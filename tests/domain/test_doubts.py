"""What may stand in a gate that nobody has heard of: everything, and nothing for sure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from shared.domain.claims import Wanted
from shared.domain.doubts import doubtful, remembering
from shared.domain.everywhere import TARGETS, widened, write_targets
from shared.domain.firewalls import System, write
from shared.domain.planning import Kind, plan
from shared.domain.rules import HOST_DEFAULTS, Nsg, Rule
from tests.domain.test_firewalls import LOCK, granted, hosted
from tests.domain.values import GROUP, LATER, NOW, rule
from tests.domain.values import lock as lock_claim

OTHER = granted(f"151 postern-open-{'1' * 24}-1 Allow Tcp 3389 from 203.0.113.8")


def ordered(*rules: Rule, before: tuple[Rule, ...] = ()) -> dict[str, str]:
    order = {**write(widened(rules), System.LINUX, NOW, 7), TARGETS: write_targets(rules)}
    return dict(remembering(order, before))


def names(rules: Iterable[Rule]) -> list[str]:
    return sorted(rule.name for rule in rules)


def test_what_was_ordered_may_stand_or_not() -> None:
    found = doubtful(ordered(LOCK, granted()), NOW)
    assert ([LOCK.name, granted().name], {False}) == (names(found), {rule.settled for rule in found})


def test_what_stood_before_may_stand_still() -> None:
    every = [LOCK, granted(), OTHER]
    assert names(every) == names(doubtful(ordered(OTHER, before=(LOCK, granted())), NOW))


def test_a_lock_in_doubt_keeps_nobody_out_and_an_access_in_doubt_lets_somebody_in() -> None:
    gate = Nsg(GROUP, "1", doubtful(ordered(LOCK, granted()), NOW), HOST_DEFAULTS, timed=True)
    assert [granted().name, "LeftToTheHost"] == [rule.name for rule in gate.every]


def test_a_lock_in_doubt_is_ordered_anew_while_it_is_wanted_and_taken_away_when_it_is_not() -> None:
    lock = rule("200 postern-lock-all Deny * * from * to 10.0.0.4")
    gate = Nsg(GROUP, "1", doubtful(ordered(lock), NOW), HOST_DEFAULTS, timed=True)
    for wanted, kind in ((Wanted.PRESENT, Kind.UPDATE), (Wanted.ABSENT, Kind.DELETE)):
        made = plan(gate, [replace(lock_claim(), wanted=wanted)], NOW)
        assert [(kind, lock.name)] == [(change.kind, change.rule.name) for change in made.changes]


def test_what_was_ordered_for_longer_may_be_open_for_longer() -> None:
    longer = granted(end=LATER + timedelta(hours=1))
    for first, second in ((granted(), longer), (longer, granted())):
        (rule,) = doubtful(ordered(second, before=(first,)), NOW)
        assert longer.description == rule.description


def test_what_is_over_is_not_open_whatever_was_heard() -> None:
    assert [LOCK.name] == names(doubtful(ordered(LOCK, granted(), before=(OTHER,)), LATER))


@given(hosted(), hosted())
def test_nothing_that_may_stand_is_forgotten(rules: tuple[Rule, ...], before: tuple[Rule, ...]) -> None:
    assert sorted({rule.name for rule in (*rules, *before)}) == names(doubtful(ordered(*rules, before=before), NOW))


@pytest.mark.parametrize("gone", ["POSTERN_BEFORE", "POSTERN_WISH", "POSTERN_NOTES"])
def test_parameters_of_somebody_else_are_not_guessed_at(gone: str) -> None:
    parameters = ordered(LOCK)
    del parameters[gone]
    with pytest.raises(ValueError, match=gone):
        doubtful(parameters, NOW)
