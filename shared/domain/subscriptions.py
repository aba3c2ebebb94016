"""Who is told of what: kinds of events, the forms in which they are told, and where to.

The address that somebody is told at is a secret: whoever knows it can speak in our name. It is kept, and never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from shared.domain.issues import Issue, Refused
from shared.domain.keys import short_hash
from shared.domain.people import Person

_NAME_LENGTH, _KEPT_LENGTH = 16, 10
_KEPT: Final = "kept-"


class Kind(StrEnum):
    """What is told. The set is closed; the values are the types of CloudEvents."""

    APPROVAL_NEEDED = "io.postern.grant.approvalNeeded"
    DECIDED = "io.postern.grant.decided"
    OPENED = "io.postern.grant.opened"
    ENDING_SOON = "io.postern.grant.endingSoon"
    ENDED = "io.postern.grant.ended"
    BROKEN_GLASS = "io.postern.grant.brokenGlass"
    EXPOSED = "io.postern.machine.exposed"
    FOUND = "io.postern.machine.found"

    @property
    def word(self) -> str:
        """The last part of the value."""
        return self.value.rpartition(".")[2]


class Format(StrEnum):
    """How it is told."""

    CLOUD_EVENTS = "cloudEvents"
    TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Notification:
    """Where something is told, how, and what; no kinds mean all of them."""

    url: str = field(repr=False)
    format: Format = Format.CLOUD_EVENTS
    kinds: tuple[Kind, ...] = ()

    @property
    def name(self) -> str:
        """Tells this address and form from others without telling the address."""
        return short_hash(f"{self.format}|{self.url}", _NAME_LENGTH)

    @property
    def host(self) -> str:
        """Where it is, which is no secret."""
        return urlsplit(self.url).netloc

    @property
    def shown(self) -> str:
        """What may be shown of the address: its host, and a mark that stands for the rest."""
        return f"https://{self.host}/#{_KEPT}{short_hash(self.url, _KEPT_LENGTH)}"

    @property
    def is_kept(self) -> bool:
        """Whether the address is only what was shown of one that is kept."""
        return urlsplit(self.url).fragment.startswith(_KEPT)

    def wants(self, kind: Kind) -> bool:
        """Whether this kind of event is told here."""
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Subscription:
    """A notification that somebody asked for over the API, and may end again."""

    id: str
    owner: Person
    made_at: datetime
    notification: Notification

    @staticmethod
    def of(owner: Person, notification: Notification, now: datetime) -> Subscription:
        """A subscription. Subscribing the same address again gives the same one, with what is now wanted."""
        return Subscription(short_hash(f"{owner.id}|{notification.url}", _NAME_LENGTH), owner, now, notification)


def restored(wanted: Sequence[Notification], present: Sequence[Notification]) -> tuple[Notification, ...] | Refused:
    """Notifications with the addresses that were only shown put back, from those that are kept now."""
    known = {one.shown: one.url for one in present}
    issues = tuple(_unknown(wanted, known))
    if issues:
        return Refused(issues)
    return tuple(replace(one, url=known[one.url]) if one.is_kept else one for one in wanted)


def _unknown(wanted: Sequence[Notification], known: dict[str, str]) -> Iterator[Issue]:
    for index, one in enumerate(wanted):
        if one.is_kept and one.url not in known:
            text = "This stands for an address that is not kept here: give the whole address."
            yield Issue("unknownUrl", f"notifications[{index}].url", text)
