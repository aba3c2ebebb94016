"""Sets of whole numbers as sorted inclusive spans.

Ports and addresses are both such sets, and the NSG engine asks the same few questions of either:
what do two sets share, and what is left of one without the other. This module knows numbers only.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

type Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """A set of whole numbers; `spans` are inclusive, sorted, and neither overlap nor touch."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, *spans: Span) -> Ranges:
        """The set that holds every number of every span."""
        return cls(tuple(_merge(sorted(spans))))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __contains__(self, number: int) -> bool:
        place = bisect(self.spans, number, key=itemgetter(0)) - 1
        return place >= 0 and number <= self.spans[place][1]

    def __or__(self, other: Ranges) -> Ranges:
        return Ranges.of(*self.spans, *other.spans)

    def __and__(self, other: Ranges) -> Ranges:
        return Ranges(tuple(_shared(self.spans, other.spans)))

    def __sub__(self, other: Ranges) -> Ranges:
        left: Iterable[Span] = self.spans
        for hole in other.spans:
            left = [piece for span in left for piece in _without(span, hole)]
        return Ranges(tuple(left))

    def __le__(self, other: Ranges) -> bool:
        return not self - other

    def __len__(self) -> int:
        return self.size

    @property
    def size(self) -> int:
        """How many numbers it holds; more than `len` may return, where they are addresses."""
        return sum(high - low + 1 for low, high in self.spans)


def _merge(spans: Iterable[Span]) -> Iterator[Span]:
    current: Span | None = None
    for low, high in spans:
        if low > high:
            raise ValueError(f"a span runs upwards, got {low}-{high}")
        if current is None:
            current = (low, high)
        elif low <= current[1] + 1:
            current = (current[0], max(current[1], high))
        else:
            yield current
            current = (low, high)
    if current is not None:
        yield current


def _shared(ours: tuple[Span, ...], theirs: tuple[Span, ...]) -> Iterator[Span]:
    """Walk both sorted lists at once; the span that ends first is used up first."""
    i = j = 0
    while i < len(ours) and j < len(theirs):
        low, high = max(ours[i][0], theirs[j][0]), min(ours[i][1], theirs[j][1])
        if low <= high:
            yield (low, high)
        if ours[i][1] < theirs[j][1]:
            i += 1
        else:
            j += 1


def _without(span: Span, hole: Span) -> Iterator[Span]:
    if hole[1] < span[0] or span[1] < hole[0]:
        yield span
        return
    if span[0] < hole[0]:
        yield (span[0], hole[0] - 1)
    if hole[1] < span[1]:
        yield (hole[1] + 1, span[1])
