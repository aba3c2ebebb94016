"""PUT, GET and DELETE of one machine's policy."""

from __future__ import annotations

from http import HTTPStatus

from shared.bootstrap import Postern
from shared.documents.policies import read_policy, write_guarded, write_lock
from shared.domain.issues import Invalid, Refused
from shared.domain.machines import MachineId
from shared.ports import NotFound
from shared.services.policies import disable, enable, look
from shared.triggers.http import Answer, Call, reply


async def put(app: Postern, call: Call) -> Answer:
    """Enable, or change the policy: 201 or 200 with the lock as measured."""
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


async def get(app: Postern, call: Call) -> Answer:
    """The policy, and its lock as measured now."""
    standing = await look(app.world(), _machine(call))
    return reply(HTTPStatus.OK, write_guarded(standing.stored.value, standing.leaks), ETag=standing.stored.etag)


async def delete(app: Postern, call: Call) -> Answer:
    """Take the policy and its lock away, and tell what is open afterwards."""
    standing = await disable(app.world(), _machine(call), call.caller.person, call.etag)
    afterwards = None if standing.leaks is None else write_lock(standing.leaks)["because"]
    return reply(HTTPStatus.OK, {"machine": str(standing.stored.value.machine.id), "openAfterwards": afterwards})


def _machine(call: Call) -> MachineId:
    try:
        return MachineId.parse(str(call.request.route_params.get("id", "")))
    except ValueError as error:
        raise NotFound(f"There is no such machine, or you may not see it: {error}.") from error
