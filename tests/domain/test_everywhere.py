"""Locks at all addresses of a computer: what is ordered is wider than what was planned, and read back as planned."""

import pytest
from hypothesis import given

from shared.domain.everywhere import TARGETS, as_planned, widened, write_targets
from shared.domain.firewalls import fits
from shared.domain.rules import Rule
from tests.domain.test_firewalls import SAFE, granted, hosted
from tests.domain.values import rule

LOCK = rule("200 postern-lock-all Deny * * from * to 10.0.0.4")


def test_a_lock_is_ordered_for_every_address_and_a_grant_for_its_own() -> None:
    access = granted(f"150 postern-open-{'0' * 24}-1 Allow Tcp 22 from 203.0.113.7 to 10.0.0.4")
    wide = {one.name: (one.priority, one.destinations) for one in widened((LOCK, access))}
    assert {
        LOCK.name: (200, ("0.0.0.0/0",)),
        access.name: (150, ("10.0.0.4",)),
        f"{LOCK.name}-other": (4096, ("::/0",)),
    } == wide


def test_locks_of_both_families_leave_each_others_grants_alone() -> None:
    other = rule("180 postern-lock-all-ipv6 Deny * * from * to fd00::4")
    assert [("0.0.0.0/0",), ("::/0",)] == [one.destinations for one in widened((LOCK, other))]


@given(hosted())
def test_what_is_read_back_is_what_was_planned(rules: tuple[Rule, ...]) -> None:
    assert rules == as_planned(widened(rules), {TARGETS: write_targets(rules)})
    assert SAFE.fullmatch(write_targets(rules))


@given(hosted())
def test_what_fits_fits_when_it_is_widened(rules: tuple[Rule, ...]) -> None:
    assert () == fits(widened(rules))


@pytest.mark.parametrize("text", ["", "bm90IGpzb24", "WzFd", "!"])
def test_what_is_not_ours_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it.
        as_planned((LOCK,), {TARGETS: text})
