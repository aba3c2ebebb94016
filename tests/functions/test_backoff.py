"""A queue's listener looks less and less often at an empty queue."""

from datetime import timedelta

from emulator.functions.backoff import Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next().total_seconds() for _ in range(count)]


def test_waits_grow_up_to_the_longest() -> None:
    backoff = Backoff(timedelta(seconds=2), lambda: 1.0)
    assert waits(backoff, 8) == [0.1, 0.2, 0.3, 0.5, 0.9, 1.7, 2.0, 2.0]


def test_a_find_begins_again_with_the_shortest() -> None:
    backoff = Backoff(timedelta(seconds=2), lambda: 1.0)
    waits(backoff, 5)
    backoff.reset()
    assert waits(backoff, 2) == [0.1, 0.2]


def test_jitter_spreads_the_waits() -> None:
    assert waits(Backoff(timedelta(minutes=1), lambda: 1.2), 2) == [0.1, 0.22]


def test_a_queue_that_is_empty_for_days_is_still_looked_at() -> None:
    assert waits(Backoff(timedelta(minutes=1), lambda: 1.0), 5000)[-1] == 60
