"""Patterns for tickets: the whole text has to match, and no pattern can make anybody wait."""

import time

import pytest

from shared.domain.patterns import matches, why_not


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"INC\d{7}", "INC0012345", True),
        (r"INC\d{7}", "see INC0012345", False),
        (r"INC\d+", "INC1\n", False),
        (r"INC\d+|CHG\d+", "CHG12", True),
        (r"INC\d+|CHG\d+", "INC1CHG", False),
        (r"(?i)inc-\d+", "INC-4", True),
        ("", "", True),
    ],
)
def test_a_text_matches_as_a_whole_or_not_at_all(pattern: str, text: str, *, expected: bool) -> None:
    assert expected is matches(pattern, text)


@pytest.mark.parametrize("pattern", ["(", "[a", "(?=look)", r"a)(b", "(?x) a # a comment", r"\w{1000}{1000}"])
def test_what_is_no_pattern_is_told_why(pattern: str) -> None:
    assert why_not(pattern)
    with pytest.raises(ValueError, match=r"."):
        matches(pattern, "a")


def test_a_pattern_that_makes_others_backtrack_does_not() -> None:
    before = time.process_time()
    assert not matches(r"(a+)+", "a" * 20_000 + "b")
    assert time.process_time() - before < 1
