"""What a story's methods say of themselves: how often they happen, when they can, and what is drawn for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.stateful.story import Story


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that may happen: what it does, when it can, and what is drawn for it."""

    do: Callable[..., None]
    can: Callable[["Story"], object]
    drawn: st.SearchStrategy[dict[str, Any]]


HAPPENINGS: list[Happening] = []


def happens[**P](
    often: int, when: Callable[["Story"], object] = lambda _: True, **drawn: st.SearchStrategy[object]
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Let a method of a story happen, so many times as often as others.

    Hypothesis leaves out most rules of a machine in most of its runs; a grant's life needs them all.
    """

    def register(do: Callable[P, None]) -> Callable[P, None]:
        HAPPENINGS.extend([Happening(do, when, st.fixed_dictionaries(drawn))] * often)
        return do

    return register
