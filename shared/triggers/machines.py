"""The list of machines, and one machine."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.documents.machines import write_details, write_page
from shared.domain.grants import GrantFilter
from shared.domain.inventory import State
from shared.domain.issues import Invalid, Issue
from shared.domain.listing import Condition, Urgency
from shared.domain.selecting import By, Filter, Order
from shared.services.machines import details, page
from shared.triggers.callers import WHO_SEE_ALL
from shared.triggers.http import Answer, Call, flag, machine_of, page_size, reply
from shared.triggers.lists import chosen, parts, read_place, search_text, write_place

_GRANTS_SHOWN: Final = 20


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the machines, the worst first unless another order is asked for."""
    size, wanted, order = page_size(call), _filter(call), _order(call)
    # A place means something in its own order only.
    after = None if isinstance(order, Invalid) else read_place(call, order.shape)
    wrong = [one for one in (wanted, order, after) if isinstance(one, Invalid)]
    if isinstance(wanted, Invalid) or isinstance(order, Invalid) or isinstance(after, Invalid):
        return Invalid(tuple(issue for one in wrong for issue in one.issues))
    found = await page(app.world(), wanted, order, size, after)
    return reply(HTTPStatus.OK, write_page(found, write_place(found.next) if found.next else None))


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
    states = chosen(call, "state", State, issues)
    text = search_text(call, issues)
    subscription = call.request.params.get("subscription", "").strip().lower() or None
    systems = frozenset(one.lower() for one in parts(call, "os"))
    urgencies = chosen(call, "urgency", Urgency, issues)
    conditions = chosen(call, "condition", Condition, issues)
    if issues:
        return Invalid(tuple(issues))
    return Filter(states, text, subscription, systems, urgencies, conditions)


def _order(call: Call) -> Order | Invalid:
    by = call.request.params.get("orderBy", By.URGENCY)
    if by not in set(By):
        return Invalid((Issue("unknownValue", "orderBy", f"{by} is none of {', '.join(By)}."),))
    return Order(By(by), flag(call, "descending"))
