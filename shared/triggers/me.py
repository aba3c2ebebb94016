"""Who the caller is, as the app sees it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from shared.bootstrap import Postern
from shared.triggers.callers import Role
from shared.triggers.http import Answer, Call, reply

if TYPE_CHECKING:
    from shared.documents.answers.callers import MeAnswer


async def show(_app: Postern, call: Call) -> Answer:
    """The caller, with those of its roles that mean something here."""
    caller = call.caller
    roles = [str(role) for role in Role if role in caller.roles]
    me: MeAnswer = {
        "id": caller.person.id,
        "name": caller.person.name,
        "roles": roles,
        "tenant": caller.tenant or None,
    }
    return reply(HTTPStatus.OK, me)
