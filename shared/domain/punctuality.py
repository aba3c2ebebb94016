"""When to write a group whose grants end one after another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.domain.claims import Claim, OpenClaim, Wanted


def worth_waiting(claims: Iterable[Claim], now: datetime, write: timedelta) -> timedelta:
    """How long grants that are due should wait for the next of their group, so that one write closes them all.

    A grant that ends when a write has just begun waits for that one and its own, each of length `write`. When the next
    end is so near that it would wait longer for its turn than those who are due by then, all are closed together:
    the one that waits longest waits less, and Azure is asked less often. Nobody waits where nothing is due.
    """
    opens = [claim for claim in claims if isinstance(claim, OpenClaim)]
    due = [claim.ends_at for claim in opens if claim.ends_at <= now]
    coming = [claim.ends_at for claim in opens if claim.ends_at > now and claim.wanted is Wanted.PRESENT]
    if not due or not coming:
        return timedelta()
    waited, gap = now - min(due), min(coming) - now
    return gap if waited + 2 * gap < write else timedelta()
