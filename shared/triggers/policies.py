"""PUT, GET and DELETE of one machine's policy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.domain.issues import Invalid, Refused
from shared.domain.machines import MachineId
from shared.ports import NotFound
from shared.triggers.callers import Role
from shared.triggers.http import EVERYBODY, Answer, Call, Endpoint, reply

_ROUTE: Final = "api/policies/{*id}"


async def _put(app: Postern, call: Call) -> Answer:
    from shared.documents.policies import read_policy, write_guarded
    from shared.services.policies import enable

    world = app.world()
    policy = read_policy(call.body(), world.times.shortest_grant)
    if isinstance(policy, Invalid):
        return policy
    standing = await enable(world, _machine(call), policy, call.caller.person, call.etag)
    if isinstance(standing, Refused):
        return standing
    guarded = standing.stored.value
    status = HTTPStatus.OK if guarded.revision else HTTPStatus.CREATED
    return reply(status, write_guarded(guarded, standing.leaks), ETag=standing.stored.etag)


async def _get(app: Postern, call: Call) -> Answer:
    from shared.documents.policies import write_guarded
    from shared.services.policies import look

    standing = await look(app.world(), _machine(call))
    return reply(HTTPStatus.OK, write_guarded(standing.stored.value, standing.leaks), ETag=standing.stored.etag)


async def _delete(app: Postern, call: Call) -> Answer:
    from shared.documents.policies import write_lock
    from shared.services.policies import disable

    standing = await disable(app.world(), _machine(call), call.caller.person, call.etag)
    afterwards = None if standing.leaks is None else write_lock(standing.leaks)["because"]
    return reply(HTTPStatus.OK, {"machine": str(standing.stored.value.machine.id), "openAfterwards": afterwards})


def _machine(call: Call) -> MachineId:
    try:
        return MachineId.parse(str(call.request.route_params.get("id", "")))
    except ValueError as error:
        raise NotFound(f"There is no such machine, or you may not see it: {error}.") from error


ENDPOINTS: Final = (
    Endpoint("putPolicy", "PUT", _ROUTE, (Role.ADMINISTRATOR,), _put),
    Endpoint("getPolicy", "GET", _ROUTE, EVERYBODY, _get),
    Endpoint("deletePolicy", "DELETE", _ROUTE, (Role.ADMINISTRATOR,), _delete),
)
