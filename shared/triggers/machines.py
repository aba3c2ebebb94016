"""The list of machines, and one machine."""

from __future__ import annotations

import base64
import binascii
import json
from enum import StrEnum
from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.documents.machines import write_details, write_page
from shared.domain.grants import GrantFilter
from shared.domain.inventory import State
from shared.domain.issues import Invalid, Issue
from shared.domain.listing import Condition, Urgency
from shared.domain.selecting import By, Filter, Order, Place
from shared.services.machines import details, page
from shared.triggers.callers import WHO_SEE_ALL
from shared.triggers.http import Answer, Call, flag, machine_of, page_size, reply

_LONGEST_TEXT: Final = 200
_GRANTS_SHOWN: Final = 20


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the machines, the worst first unless another order is asked for."""
    size, wanted, order = page_size(call), _filter(call), _order(call)
    # A place means something in its own order only.
    after = None if isinstance(order, Invalid) else _place(call, order)
    wrong = [one for one in (wanted, order, after) if isinstance(one, Invalid)]
    if isinstance(wanted, Invalid) or isinstance(order, Invalid) or isinstance(after, Invalid):
        return Invalid(tuple(issue for one in wrong for issue in one.issues))
    found = await page(app.world(), wanted, order, size, after)
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
    issues: list[Issue] = []
    states = _chosen(call, "state", State, issues)
    text = call.request.params.get("q", "").strip().lower()
    if len(text) > _LONGEST_TEXT:
        issues.append(Issue("tooLong", "q", f"A search text has at most {_LONGEST_TEXT} characters."))
    subscription = call.request.params.get("subscription", "").strip().lower() or None
    systems = frozenset(one.lower() for one in _parts(call, "os"))
    urgencies = _chosen(call, "urgency", Urgency, issues)
    conditions = _chosen(call, "condition", Condition, issues)
    if issues:
        return Invalid(tuple(issues))
    return Filter(states, text, subscription, systems, urgencies, conditions)


def _chosen[T: StrEnum](call: Call, name: str, kind: type[T], issues: list[Issue]) -> frozenset[T]:
    """The values that a parameter lists; what is none of them becomes an issue."""
    parts, known = _parts(call, name), frozenset(map(str, kind))
    text = f"is none of {', '.join(kind)}."
    issues += [Issue("unknownValue", name, f"{one} {text}") for one in sorted(parts - known)]
    return frozenset(map(kind, parts & known))


def _parts(call: Call, name: str) -> frozenset[str]:
    parts = call.request.params.get(name, "").split(",")
    return frozenset(part.strip() for part in parts if part.strip())


def _order(call: Call) -> Order | Invalid:
    by = call.request.params.get("orderBy", By.URGENCY)
    if by not in set(By):
        return Invalid((Issue("unknownValue", "orderBy", f"{by} is none of {', '.join(By)}."),))
    return Order(By(by), flag(call, "descending"))


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


def _place(call: Call, order: Order) -> Place | Invalid | None:
    token = call.request.params.get("pageToken")
    if token is None:
        return None
    try:
        place = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        if isinstance(place, list) and tuple(map(type, place)) == order.shape:
            return tuple(place)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        pass
    return Invalid((Issue("invalidPageToken", "pageToken", "This is no page token of this list."),))
