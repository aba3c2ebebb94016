"""Policies: of one machine, of many at once, and what setting or removing one would do."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from shared.bootstrap import Postern
from shared.documents.answers.policies import CreatedNsgAnswer, PoliciesAnswer, RemovedAnswer, ResultAnswer
from shared.documents.guarded import write_guarded, write_lock
from shared.documents.policies import read_many, read_policy
from shared.documents.previews import write_preview
from shared.domain.forecasts import Preview
from shared.domain.issues import Invalid, Refused
from shared.domain.machines import MachineId
from shared.services.enabling import Assignment, Result, enable, enable_all, foretell
from shared.services.locking import Standing
from shared.services.policies import Removal, disable, foretell_removal, look
from shared.triggers.http import Answer, Call, flag, machine_of, reply
from shared.triggers.problems import document_of


async def put(app: Postern, call: Call) -> Answer:
    """Enable, or change the policy: 201 or 200 with the lock as measured. With `preview` only tell what would be."""
    world, only_tell = app.world(), flag(call, "preview")
    policy = read_policy(call.body(), world.times.shortest_grant, app.webhooks.receivers)
    if isinstance(policy, Invalid):
        return policy
    change = Assignment(policy, call.person, call.etag)
    if only_tell:
        [told] = await foretell(world, [machine_of(call)], change)
        if isinstance(told, Exception):
            raise told
        return told if isinstance(told, Refused) else reply(HTTPStatus.OK, write_preview(told))
    standing = await enable(world, machine_of(call), change)
    if isinstance(standing, Refused):
        return standing
    guarded = standing.stored.value
    status = HTTPStatus.OK if guarded.revision else HTTPStatus.CREATED
    return reply(status, write_guarded(guarded, standing.leaks, standing.sessions), ETag=guarded.version)


async def put_many(app: Postern, call: Call) -> Answer:
    """Enable many machines: one result each; 200 when all went well, 207 when some did not."""
    world, only_tell = app.world(), flag(call, "preview")
    wanted = read_many(call.body(), world.times.shortest_grant, app.webhooks.receivers)
    if isinstance(wanted, Invalid):
        return wanted
    machines, change = wanted[0], Assignment(wanted[1], call.person)
    found: Sequence[Result | Preview] = (
        await foretell(world, machines, change) if only_tell else await enable_all(world, machines, change)
    )
    results: list[ResultAnswer] = [_result(id_, one) for id_, one in zip(machines, found, strict=True)]
    went_well = all(one["status"] < HTTPStatus.BAD_REQUEST for one in results)
    return reply(HTTPStatus.OK if went_well else HTTPStatus.MULTI_STATUS, {"results": results})


def _result(id_: MachineId, result: Result | Preview) -> ResultAnswer:
    """One machine's part of the answer: a status as if it had been asked for alone, and the document with it."""
    if isinstance(result, Preview):
        return {"machine": str(id_), "status": HTTPStatus.OK, "preview": write_preview(result)}
    if isinstance(result, Standing):
        guarded = result.stored.value
        status = HTTPStatus.OK if guarded.revision else HTTPStatus.CREATED
        document = write_guarded(guarded, result.leaks, result.sessions)
        return {
            "machine": document["machine"],
            "status": status,
            "policy": document["policy"],
            "lock": document["lock"],
            "sessions": document["sessions"],
            "changedAt": document["changedAt"],
            "changedBy": document["changedBy"],
            "etag": guarded.version,
        }
    problem = document_of(result)
    return {"machine": str(id_), "status": problem["status"], "problem": problem}


async def list_(app: Postern, call: Call) -> Answer:
    """Every policy, as it is kept; whether the locks hold is told by the list of machines."""
    world = app.world()
    wanted = call.request.params.get("subscription", "").lower()
    chosen = [one for one in world.subscriptions if wanted in {"", one}]
    kept = [stored.value for one in chosen async for stored in world.policies.all(one)]
    document: PoliciesAnswer = {"value": [write_guarded(guarded, None) for guarded in kept]}
    return reply(HTTPStatus.OK, document)


async def get(app: Postern, call: Call) -> Answer:
    """The policy, and its lock as measured now."""
    standing = await look(app.world(), machine_of(call))
    guarded = standing.stored.value
    return reply(HTTPStatus.OK, write_guarded(guarded, standing.leaks, standing.sessions), ETag=guarded.version)


async def delete(app: Postern, call: Call) -> Answer:
    """Take the policy and its lock away, and tell what is open afterwards. With `preview` only tell."""
    removal = Removal(call.person, call.etag, flag(call, "deleteCreatedNsg"))
    if flag(call, "preview"):
        return reply(HTTPStatus.OK, write_preview(await foretell_removal(app.world(), machine_of(call), removal)))
    removed = await disable(app.world(), machine_of(call), removal)
    afterwards = None if removed.leaks is None else write_lock(removed.leaks)["because"]
    own = removed.guarded.own_group
    deleted = removal.discards_group and not removed.kept_because
    group: CreatedNsgAnswer = {"id": own, "deleted": deleted, "why": removed.kept_because}
    document: RemovedAnswer = {
        "machine": str(removed.guarded.machine.id),
        "openAfterwards": afterwards,
        "createdNsg": group if own or removal.discards_group else None,
    }
    return reply(HTTPStatus.OK, document)
