"""Subscribing to events, ending that, and looking at who has: what the trigger of a Power Platform connector calls."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

import azure.functions as func

from shared.bootstrap import Postern
from shared.documents.notifications import read_subscription, write_subscription
from shared.domain.issues import Invalid, Refused
from shared.ports import NotFound
from shared.services import subscribing
from shared.triggers.callers import Role
from shared.triggers.http import Answer, Call, reply

_ID: Final = re.compile(r"[0-9a-z]{16}", re.ASCII)


async def subscribe(app: Postern, call: Call) -> Answer:
    """Have events sent to a callback: 201 with the place where that is ended. The callback is never shown again."""
    wanted = read_subscription(call.body(), app.webhooks.receivers)
    if isinstance(wanted, Invalid):
        return wanted
    made = await subscribing.subscribe(app.post(), call.person, wanted)
    if isinstance(made, Refused):
        return made
    # Whoever calls through a gateway needs the whole address.
    place = f"{app.webhooks.address}/api/subscriptions/{made.id}"
    return reply(HTTPStatus.CREATED, write_subscription(made), Location=place)


async def list_(app: Postern, call: Call) -> Answer:  # noqa: ARG001 - the form of a handler.
    """Every subscription, without its callback."""
    found = await subscribing.subscriptions(app.post())
    return reply(HTTPStatus.OK, {"value": [write_subscription(one) for one in found]})


async def unsubscribe(app: Postern, call: Call) -> Answer:
    """End a subscription: an administrator anybody's, others their own."""
    id_ = str(call.request.route_params.get("id", ""))
    if not _ID.fullmatch(id_):
        raise NotFound("There is no such subscription, or it is not yours.")
    owner = None if call.caller.has_any((Role.ADMINISTRATOR,)) else call.person
    await subscribing.unsubscribe(app.post(), id_, owner)
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT, mimetype="application/json")
