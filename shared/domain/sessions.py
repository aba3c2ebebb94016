"""Whether sessions that are open when a grant ends live on, and what a group's `flushConnection` has to be for that.

By itself taking an allow rule away stops new connections only. With `flushConnection` on Azure looks at the open ones
again whenever a rule of the group changes, and ends those that are no longer allowed. The switch is the whole group's,
so it is turned on only where a policy asks for it, and back only when no policy does and Postern had turned it on.

Source: REST reference of Microsoft.Network, "Network Security Groups - Create Or Update".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.claims import Claim, Finding, FlushClaim, Outcome, Wanted
from shared.domain.rules import Flush


class Fate(StrEnum):
    """What becomes of sessions that are open when their grant ends."""

    END = "end"
    CONTINUE = "continue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sessions:
    """What becomes of open sessions, and a sentence about it for whoever asks."""

    fate: Fate
    note: str


ENDING = Sessions(Fate.END, "Sessions that are open when a grant ends are ended with it.")
CONTINUING = Sessions(
    Fate.CONTINUE, "Sessions that are open when a grant ends live on, because the policy does not set endSessions."
)
UNMEASURED = Sessions(Fate.UNKNOWN, "Whether flushConnection is on was not looked at.")


def flush_of(present: Flush, claims: Iterable[Claim]) -> Flush:
    """What a group's `flushConnection` has to be. One that somebody else switched on stays on, whoever claims it."""
    wanted = [claim.wanted for claim in claims if isinstance(claim, FlushClaim)]
    if Wanted.PRESENT in wanted:
        return present if present.on else Flush(on=True, ours=True)
    # As with locks, what nobody claims stays: only a claim that says so switches it off.
    return Flush() if wanted and present.ours else present


def sessions_of(seen: Mapping[str, Outcome | None]) -> Sessions:
    """What becomes of a machine's sessions, by what was last seen of its claim in each group where it is wanted."""
    blocked = [f"{nsg}: {found.detail}" for nsg, found in seen.items() if found and found.finding is Finding.BLOCKED]
    if blocked:
        return Sessions(Fate.CONTINUE, f"Sessions that are open when a grant ends live on. {'; '.join(blocked)}.")
    unseen = [nsg for nsg, found in seen.items() if found is None or found.finding is not Finding.FULFILLED]
    if unseen:
        text = f"flushConnection has not been seen on yet in {', '.join(unseen)}; until it is, open sessions live on."
        return Sessions(Fate.UNKNOWN, text)
    return ENDING
