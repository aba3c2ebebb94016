"""Sets of numbers: the laws of sets, held against Python's own."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ranges import Ranges

_SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=6)
RANGES = _SPANS.map(lambda spans: Ranges.of(*spans))


def members(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges.spans for number in range(low, high + 1)}


@given(RANGES, RANGES)
def test_union_intersection_and_difference_are_those_of_sets(one: Ranges, other: Ranges) -> None:
    assert members(one) | members(other) == members(one | other)
    assert members(one) & members(other) == members(one & other)
    assert members(one) - members(other) == members(one - other)


@given(RANGES, RANGES)
def test_containment_membership_and_size_are_those_of_sets(one: Ranges, other: Ranges) -> None:
    assert (members(one) <= members(other)) is (one <= other)
    assert len(members(one)) == len(one)
    assert bool(members(one)) is bool(one)
    assert all((number in members(one)) is (number in one) for number in range(60))


@given(RANGES, RANGES)
def test_equal_sets_are_equal_values_however_they_were_made(one: Ranges, other: Ranges) -> None:
    assert one == (one - other) | (one & other)
    assert Ranges.of(*one.spans) == one


@given(_SPANS)
def test_spans_are_sorted_and_neither_overlap_nor_touch(spans: list[tuple[int, int]]) -> None:
    kept = Ranges.of(*spans).spans
    assert all(left[1] + 1 < right[0] for left, right in pairwise(kept))


def test_a_span_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="runs upwards"):
        Ranges.of((5, 3))
