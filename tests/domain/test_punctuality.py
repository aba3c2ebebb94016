"""Which deadlines are served by one write."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.claims import Claim, OpenClaim, Wanted
from shared.domain.punctuality import worth_waiting
from tests.domain.values import NOW, lock

WRITE = timedelta(seconds=2.5)


def ends(seconds: float, wanted: Wanted = Wanted.PRESENT) -> OpenClaim:
    """A grant that ends so many seconds from now."""
    return OpenClaim(f"grant-{seconds}", "Ann", (), (), NOW + timedelta(seconds=seconds), wanted)


@pytest.mark.parametrize(
    ("claims", "seconds"),
    [
        pytest.param([], 0, id="nothing is due"),
        pytest.param([ends(0)], 0, id="nothing comes"),
        pytest.param([ends(1)], 0, id="what comes is not waited for where nothing is due"),
        pytest.param([ends(0), ends(1)], 1, id="the next one would have to wait longer than this one"),
        pytest.param([ends(0), ends(1), ends(0.5)], 0.5, id="first for the nearest"),
        pytest.param([ends(0), ends(1.25)], 0, id="the next one is too far away"),
        pytest.param([ends(-0.6), ends(1)], 0, id="this one has waited too long for that"),
        pytest.param([ends(-0.4), ends(1)], 1, id="this one can still wait"),
        pytest.param([ends(0, Wanted.ABSENT), ends(1)], 1, id="its closing is asked for already"),
        pytest.param([ends(0), ends(1, Wanted.ABSENT)], 0, id="the next one is given up and no reason to wait"),
        pytest.param([ends(0), lock()], 0, id="a lock has no end"),
    ],
)
def test_due_grants_wait_for_the_next_where_that_helps(claims: list[Claim], seconds: float) -> None:
    assert timedelta(seconds=seconds) == worth_waiting(claims, NOW, WRITE)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8))
def test_nobody_waits_longer_than_a_write_takes_for_a_write_to_begin(moments: list[float]) -> None:
    claims, now = [ends(moment) for moment in moments], NOW
    while gap := worth_waiting(claims, now, WRITE):
        now += gap
    due = [claim.ends_at for claim in claims if claim.ends_at <= now]
    assert now == NOW or now - min(due) < WRITE
