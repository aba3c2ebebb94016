"""The list of machines, and one machine."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.documents.machines import write_details, write_page
from shared.domain.grants import GrantFilter
from shared.domain.inventory import State
from shared.domain.issues import Invalid, Issue
from shared.domain.listing import Filter, Rank
from shared.services.machines import details, page
from shared.triggers.callers import WHO_SEE_ALL
from shared.triggers.http import Answer, Call, machine_of, page_size, reply

_LONGEST_TEXT: Final = 200
_GRANTS_SHOWN: Final = 20


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the machines, the worst first."""
    size, wanted, after = page_size(call), _filter(call), _place(call)
    wrong = [one for one in (wanted, after) if isinstance(one, Invalid)]
    if isinstance(wanted, Invalid) or isinstance(after, Invalid):
        return Invalid(tuple(issue for one in wrong for issue in one.issues))
    found = await page(app.world(), wanted, size, after)
    return reply(HTTPStatus.OK, write_page(found, _token(found.next) if found.next else None))


async def get(app: Postern, call: Call) -> Answer:
    """One machine with everything about it; grants of others only for those who may see them."""
    world = app.world()
    found = await details(world, machine_of(call))
    requestor = None if call.caller.has_any(WHO_SEE_ALL) else call.caller.person.id
    mine = GrantFilter(machine=found.machine.id, requestor=requestor)
    grants, _ = await world.grants.page(mine, _GRANTS_SHOWN, None)
    return reply(HTTPStatus.OK, write_details(found, grants))


def _filter(call: Call) -> Filter | Invalid:
    params, issues = call.request.params, []
    states = frozenset(part.strip() for part in params.get("state", "").split(",") if part.strip())
    issues += [Issue("unknownValue", "state", f"{one} is no tab of the list.") for one in sorted(states - set(State))]
    text = params.get("q", "").strip().lower()
    if len(text) > _LONGEST_TEXT:
        issues.append(Issue("tooLong", "q", f"A search text has at most {_LONGEST_TEXT} characters."))
    subscription = params.get("subscription", "").strip().lower() or None
    return Invalid(tuple(issues)) if issues else Filter(frozenset(map(State, states)), text, subscription)


def _token(rank: Rank) -> str:
    return base64.urlsafe_b64encode(json.dumps(rank, separators=(",", ":")).encode()).decode()


def _place(call: Call) -> Rank | Invalid | None:
    token = call.request.params.get("pageToken")
    if token is None:
        return None
    try:
        rank, ports, name, id_ = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if [type(part) for part in (rank, ports, name, id_)] == [int, int, str, str]:
            return (rank, ports, name, id_)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    return Invalid((Issue("invalidPageToken", "pageToken", "This is no page token of this list."),))
