"""Which handler answers which call: one table by the depth of the path and the method.

It knows the depths (a collection, a resource, a child collection, a child, an operation). It refuses to know what the
handlers do.
"""

from collections.abc import Callable, Mapping

from emulator.arm import directory, errors, reads, writes
from emulator.arm.cloud import Cloud
from emulator.arm.exchange import Answer, Call

type Handler = Callable[[Cloud, Call], Answer]

_BY_DEPTH: Mapping[int, Mapping[str, Handler]] = {
    1: {"GET": reads.listing},
    2: {"GET": reads.item, "PUT": writes.put_item, "PATCH": writes.patch_item, "DELETE": writes.delete_item},
    3: {"GET": reads.children},
    4: {"GET": reads.child, "PUT": writes.put_child, "DELETE": writes.delete_child},
}


def answer(cloud: Cloud, call: Call) -> Answer:
    """The answer to a call that may pass; raises ArmError for a refusal."""
    cloud.settle()
    if not call.place.steps:
        return directory.answer(cloud, call)
    match [step.lower() for step in call.place.steps]:
        case ["locations", _, "operations", _]:
            handlers: Mapping[str, Handler] = {"GET": reads.operation}
        case ["locations", _, "operationresults", _]:
            handlers = {"GET": reads.result}
        case steps:
            handlers = _BY_DEPTH.get(len(steps), {})
    handler = handlers.get(call.method)
    if handler is None or (call.method != "GET" and reads.kind(call).namespace == "Microsoft.ClassicCompute"):
        raise errors.method_refused(call.method)
    return handler(cloud, call)
