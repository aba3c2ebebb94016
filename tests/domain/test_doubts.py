"""What may stand in a gate that nobody has heard of: every access that may be open, and no lock."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given

from shared.domain.doubts import doubtful, remembering
from shared.domain.firewalls import System, write
from shared.domain.rules import Access, Rule
from tests.domain.test_firewalls import LOCK, granted, hosted
from tests.domain.values import LATER, NOW

OTHER = granted(f"151 postern-open-{'1' * 24}-1 Allow Tcp 3389 from 203.0.113.8")


def ordered(*rules: Rule, before: tuple[Rule, ...] = ()) -> dict[str, str]:
    return dict(remembering(write(rules, System.LINUX, NOW, 7), before))


def names(rules: Iterable[Rule]) -> list[str]:
    return sorted(rule.name for rule in rules)


def test_what_was_ordered_may_be_open_and_may_be_locked_or_not() -> None:
    (rule,) = doubtful(ordered(LOCK, granted()), NOW)
    assert (granted().name, False) == (rule.name, rule.settled)


def test_what_was_open_before_may_be_open_still() -> None:
    assert names([granted(), OTHER]) == names(doubtful(ordered(LOCK, OTHER, before=(LOCK, granted())), NOW))


def test_what_was_ordered_for_longer_may_be_open_for_longer() -> None:
    longer = granted(end=LATER + timedelta(hours=1))
    for first, second in ((granted(), longer), (longer, granted())):
        (rule,) = doubtful(ordered(second, before=(first,)), NOW)
        assert longer.description == rule.description


def test_what_is_over_is_not_open_whatever_was_heard() -> None:
    assert () == doubtful(ordered(LOCK, granted(), before=(OTHER,)), LATER)


@given(hosted(), hosted())
def test_nothing_that_may_be_open_is_forgotten(rules: tuple[Rule, ...], before: tuple[Rule, ...]) -> None:
    opened = {rule.name for rule in (*rules, *before) if rule.access is Access.ALLOW}
    found = doubtful(ordered(*rules, before=before), NOW)
    assert (opened, set()) == ({rule.name for rule in found}, {rule.access for rule in found} - {Access.ALLOW})


@pytest.mark.parametrize("gone", ["POSTERN_BEFORE", "POSTERN_WISH", "POSTERN_NOTES"])
def test_parameters_of_somebody_else_are_not_guessed_at(gone: str) -> None:
    parameters = ordered(LOCK)
    del parameters[gone]
    with pytest.raises(ValueError, match=gone):
        doubtful(parameters, NOW)
