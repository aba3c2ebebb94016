"""Grant ids sort by time, name their machine, and turn around."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.keys import CHANCE_BITS, is_grant_id, machine_key_of, new_grant_id, short_hash, turned_around
from tests.domain.values import NOW, machine_id

KEY = machine_id().key
CHANCES = st.integers(0, 2**CHANCE_BITS - 1)
TIMES = st.integers(0, 10**12).map(lambda milliseconds: NOW + timedelta(milliseconds=milliseconds))


def test_a_grant_id_is_24_safe_characters_and_names_its_machine() -> None:
    id_ = new_grant_id(KEY, NOW, 5)
    assert is_grant_id(id_)
    assert KEY == machine_key_of(id_)


@given(st.integers(0, 10**11), st.integers(1, 10**11), CHANCES, CHANCES)
def test_ids_sort_by_time(start: int, later: int, one: int, other: int) -> None:
    first = new_grant_id(KEY, NOW + timedelta(milliseconds=start), one)
    second = new_grant_id(KEY, NOW + timedelta(milliseconds=start + later), other)
    assert first < second


@given(CHANCES, CHANCES)
def test_chance_tells_ids_of_the_same_moment_apart(one: int, other: int) -> None:
    assert (one == other) is (new_grant_id(KEY, NOW, one) == new_grant_id(KEY, NOW, other))


@given(CHANCES, CHANCES)
def test_turned_around_ids_sort_the_other_way_and_back(one: int, other: int) -> None:
    ids = [new_grant_id(KEY, NOW, chance) for chance in (one, other)]
    assert ids == [turned_around(turned_around(id_)) for id_ in ids]
    assert (ids[0] < ids[1]) is (turned_around(ids[0]) > turned_around(ids[1]))


@pytest.mark.parametrize("text", ["", "0" * 23, "0" * 25, "u" * 24, "O" * 24, f"{'0' * 23}\n", f"{'0' * 23}/"])
def test_what_is_no_grant_id_is_told_apart(text: str) -> None:
    assert not is_grant_id(text)


def test_a_short_hash_is_stable() -> None:
    """Names of rules and keys in storage are made of it: it must never change."""
    assert short_hash("postern", 8) == short_hash("postern", 8)
    assert len(short_hash("", 8)) == 8
    assert KEY == "qq70f4ry"


def test_a_machine_s_key_does_not_depend_on_case() -> None:
    assert machine_id("WEB-01").key == machine_id("web-01").key
