"""Which handler answers which call: one table by the depth of the path and the method.

It knows the depths (a collection, a resource, a child collection, a child, an operation), the two kinds of path that
are no resource's (locks, Resource Graph), and that locks are looked at before any change. It refuses to know what the
handlers do.
"""

from collections.abc import Callable, Mapping

from emulator.arm import directory, errors, locks, paths, reads, writes
from emulator.arm.cloud import Cloud
from emulator.arm.exchange import Answer, Call
from emulator.security import policies

type Handler = Callable[[Cloud, Call], Answer]

_BY_DEPTH: Mapping[int, Mapping[str, Handler]] = {
    1: {"GET": reads.listing},
    2: {"GET": reads.item, "PUT": writes.put_item, "PATCH": writes.patch_item, "DELETE": writes.delete_item},
    3: {"GET": reads.children},
    4: {"GET": reads.child, "PUT": writes.put_child, "DELETE": writes.delete_child},
}
_LOCK: Mapping[str, Handler] = {"GET": locks.get, "PUT": locks.put, "DELETE": locks.delete}


def answer(cloud: Cloud, call: Call) -> Answer:
    """The answer to a call that may pass; raises ArmError for a refusal."""
    cloud.settle()
    handler = _handlers(call).get(call.method)
    if handler is None or (call.method != "GET" and _is_read_only(call)):
        raise errors.method_refused(call.method)
    if not paths.lock(call.path):
        locks.check(cloud.store, call.method, call.path)
    found = handler(cloud, call)
    cloud.note()
    return found


def _handlers(call: Call) -> Mapping[str, Handler]:
    if paths.is_query(call.path):
        return {"POST": _query}
    if lock := paths.lock(call.path):
        return _LOCK if lock[1] else {"GET": locks.listing}
    match [step.lower() for step in call.place.steps]:
        case []:
            # It answers whatever the method is: with 404 for all but GET.
            return {call.method: directory.answer}
        case ["locations", _, "operations", _]:
            return {"GET": reads.operation}
        case ["locations", _, "operationresults", _]:
            return {"GET": reads.result}
        case steps:
            defender = call.place.namespace.lower() == policies.NAMESPACE
            return policies.handlers(call) if defender else _BY_DEPTH.get(len(steps), {})


def _is_read_only(call: Call) -> bool:
    special = paths.is_query(call.path) or paths.lock(call.path) or not call.place.steps
    special = special or call.place.namespace.lower() == policies.NAMESPACE
    return not special and reads.kind(call).read_only


def _query(cloud: Cloud, call: Call) -> Answer:
    from emulator.graph import queries  # noqa: PLC0415  # DuckDB is loaded with the first query.

    return queries.answer(cloud, call)
