"""The activity: a page of it, all of it as a table, and its numbers."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

import azure.functions as func

from shared.bootstrap import Postern
from shared.documents.activity import write_entry, write_looking_back, write_summary
from shared.documents.answers.activity import ActivityAnswer, GapAnswer
from shared.documents.fields import read_time
from shared.documents.sheets import write_sheet
from shared.domain.activity import Kind, Place, Wanted
from shared.domain.evidence import Lack
from shared.domain.issues import Invalid, Issue
from shared.domain.machines import MachineId
from shared.services import activity
from shared.services.activity import Asked, Page
from shared.services.glancing import whole_minute
from shared.services.world import World
from shared.triggers.callers import WHO_AUDIT
from shared.triggers.http import Answer, Call, page_size, reply

_USUAL: Final = timedelta(days=1)
_LONGEST: Final = timedelta(days=90)
_LONGEST_TEXT: Final = 200
_MOST_MACHINES: Final = 50
_MOST_EXPORTED: Final = 20_000
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Token:
    """Where a page begins, and which time it is a page of, so that later pages are of the same."""

    since: datetime
    until: datetime
    after: Place

    def __str__(self) -> str:
        at, id_ = self.after
        parts = [self.since.isoformat(), self.until.isoformat(), at.isoformat(), id_]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()

    @classmethod
    def read(cls, text: str) -> _Token:
        """Raises ValueError for a token that is none of ours."""
        try:
            since, until, at, id_ = map(str, json.loads(base64.b64decode(text, altchars=b"-_", validate=True)))
        except (binascii.Error, TypeError, RecursionError) as error:
            raise ValueError("this is no page token") from error
        times = [datetime.fromisoformat(one) for one in (since, until, at)]
        if any(one.utcoffset() != timedelta() or not _EARLIEST <= one < _LATEST for one in times):
            raise ValueError("this is no page token")
        return cls(times[0], times[1], (times[2], id_))


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the activity that the caller may see, the newest first."""
    size, token = page_size(call), _token(call)
    asked = _asked(app.world(), call, None if isinstance(token, Invalid) else token)
    if isinstance(token, Invalid) or isinstance(asked, Invalid):
        return Invalid(tuple(issue for one in (asked, token) if isinstance(one, Invalid) for issue in one.issues))
    found = await activity.timeline(app.world(), asked, size, token.after if token else None)
    return reply(HTTPStatus.OK, _written(found))


async def export(app: Postern, call: Call) -> Answer:
    """All of the activity that the caller may see, as a table."""
    asked = _asked(app.world(), call, None)
    if isinstance(asked, Invalid):
        return asked
    found = await activity.timeline(app.world(), asked, _MOST_EXPORTED)
    # With a mark of its encoding, without which Excel takes it for another.
    body = write_sheet(_whole(_written(found))).encode("utf-8-sig")
    name = f'attachment; filename="activity-{asked.until:%Y-%m-%d}.csv"'
    return func.HttpResponse(body, mimetype="text/csv", charset="utf-8", headers={"Content-Disposition": name})


async def summary(app: Postern, call: Call) -> Answer:
    """The activity in numbers."""
    asked = _asked(app.world(), call, None)
    if isinstance(asked, Invalid):
        return asked
    told, seen = await activity.summary(app.world(), asked)
    times = write_looking_back(asked.since, asked.until, seen.evidence, seen.gaps)
    return reply(HTTPStatus.OK, write_summary(told, seen.names, times))


def _written(found: Page) -> ActivityAnswer:
    seen = found.seen
    token = str(_Token(seen.asked.since, seen.asked.until, found.next)) if found.next else None
    return {
        **write_looking_back(seen.asked.since, seen.asked.until, seen.evidence, seen.gaps),
        "value": [write_entry(entry, seen.names, found.usage) for entry in found.entries],
        "nextPageToken": token,
    }


def _whole(written: ActivityAnswer) -> ActivityAnswer:
    """With a gap where the table ends before the activity does."""
    if written["nextPageToken"] is None:
        return written
    text = f"A table has at most {_MOST_EXPORTED} entries: ask about a shorter time."
    gap: GapAnswer = {"code": Lack.CAPPED, "subject": "entries", "message": text}
    return {**written, "gaps": [*written["gaps"], gap]}


def _token(call: Call) -> _Token | Invalid | None:
    text = call.request.params.get("pageToken")
    if text is None:
        return None
    try:
        return _Token.read(text)
    except ValueError:
        return Invalid((Issue("invalidPageToken", "pageToken", "This is no page token of this list."),))


def _asked(world: World, call: Call, token: _Token | None) -> Asked | Invalid:
    """What is asked about, or all that is wrong with it at once."""
    params = call.request.params
    issues: list[Issue] = []
    until = token.until if token else _time(params, "to", whole_minute(world.clock.now()), issues)
    since = token.since if token else _time(params, "from", until - _USUAL, issues)
    if not timedelta() < until - since <= _LONGEST:
        text = f"from is earlier than to, by {_LONGEST.days} days at most."
        issues.append(Issue("invalidTimes", "from", text))
    kinds = _listed(params, "kind")
    issues += [Issue("unknownValue", "kind", f"{one} is no kind of entry.") for one in sorted(kinds - set(Kind))]
    machines = _machines(params, issues)
    text = params.get("q", "").strip().lower()
    if len(text) > _LONGEST_TEXT:
        issues.append(Issue("tooLong", "q", f"A search text has at most {_LONGEST_TEXT} characters."))
    if issues:
        return Invalid(tuple(issues))
    requestor = None if call.caller.has_any(WHO_AUDIT) else call.caller.person.id
    return Asked(since, until, machines, requestor, Wanted(frozenset(map(Kind, kinds)), text))


def _time(params: Mapping[str, str], name: str, otherwise: datetime, issues: list[Issue]) -> datetime:
    """A time of the query string."""
    if name not in params:
        return otherwise
    try:
        found = read_time(params[name])
    except ValueError as error:
        issues.append(Issue("invalidTime", name, str(error)))
        return otherwise
    if _EARLIEST <= found < _LATEST:
        return found
    issues.append(Issue("invalidTime", name, f"{name} lies in the years from {_EARLIEST.year} to {_LATEST.year - 1}."))
    return otherwise


def _machines(params: Mapping[str, str], issues: list[Issue]) -> frozenset[MachineId] | None:
    names = _listed(params, "machine")
    if len(names) > _MOST_MACHINES:
        issues.append(Issue("tooMany", "machine", f"At most {_MOST_MACHINES} machines can be named."))
    found: set[MachineId] = set()
    for name in sorted(names):
        try:
            found.add(MachineId.parse(name))
        except ValueError as error:
            issues.append(Issue("invalidMachine", "machine", f"{error}."))
    return frozenset(found) if "machine" in params else None


def _listed(params: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in params.get(name, "").split(",") if part.strip())
