"""PUT, GET and DELETE of one machine's policy."""

from __future__ import annotations

from http import HTTPStatus

import azure.functions as func

from shared.bootstrap import Postern
from shared.domain.issues import Invalid, Refused
from shared.domain.machines import MachineId
from shared.ports import NotFound
from shared.triggers.callers import Role
from shared.triggers.http import EVERYBODY, Answer, Call, answers, reply

_ROUTE = "api/policies/{*id}"


def blueprint(app: Postern) -> func.Blueprint:
    """The functions of this module."""
    policies = func.Blueprint()

    @policies.function_name("putPolicy")
    @policies.route(_ROUTE, methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers(app, Role.ADMINISTRATOR)
    async def put(call: Call) -> Answer:
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

    @policies.function_name("getPolicy")
    @policies.route(_ROUTE, methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers(app, *EVERYBODY)
    async def get(call: Call) -> Answer:
        from shared.documents.policies import write_guarded
        from shared.services.policies import look

        standing = await look(app.world(), _machine(call))
        return reply(HTTPStatus.OK, write_guarded(standing.stored.value, standing.leaks), ETag=standing.stored.etag)

    @policies.function_name("deletePolicy")
    @policies.route(_ROUTE, methods=["DELETE"], auth_level=func.AuthLevel.ANONYMOUS)
    @answers(app, Role.ADMINISTRATOR)
    async def delete(call: Call) -> Answer:
        from shared.documents.policies import write_lock
        from shared.services.policies import disable

        standing = await disable(app.world(), _machine(call), call.caller.person, call.etag)
        afterwards = write_lock(standing.leaks)["because"]
        return reply(HTTPStatus.OK, {"machine": str(standing.stored.value.machine.id), "openAfterwards": afterwards})

    return policies


def _machine(call: Call) -> MachineId:
    try:
        return MachineId.parse(str(call.request.route_params.get("id", "")))
    except ValueError as error:
        raise NotFound(f"There is no such machine, or you may not see it: {error}.") from error
