"""What a GET finds: resources, children, lists and operations.

It knows how ARM pages and how an operation is asked after. It changes nothing.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from emulator.arm import errors, kinds, paths, rendering
from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError, Json
from emulator.arm.exchange import Answer, Call, address, pace
from emulator.arm.kinds import Kind
from emulator.arm.operations import Operation
from emulator.arm.store import Resource

PAGE = 200


def kind(call: Call) -> Kind:
    """The type that a call addresses."""
    found = kinds.find(call.place.namespace, call.place.steps[0])
    if found is None:
        message = (
            f"The resource type '{call.place.steps[0]}' could not be found in the namespace '{call.place.namespace}' "
            f"for api version '{call.query.get('api-version', '')}'."
        )
        raise ArmError(HTTPStatus.NOT_FOUND, "InvalidResourceType", message)
    return found


def group(cloud: Cloud, call: Call) -> str:
    """The id of the resource group that a call addresses, as it was first written, or 404."""
    check_subscription(cloud, call.place.subscription)
    found = cloud.store.groups.get(paths.key(paths.group_id(call.place.subscription, call.place.group)))
    if found is None:
        message = f"Resource group '{call.place.group}' could not be found."
        raise ArmError(HTTPStatus.NOT_FOUND, "ResourceGroupNotFound", message)
    return str(found["id"])


def check_subscription(cloud: Cloud, subscription: str) -> None:
    """404 for a subscription that nobody has."""
    if subscription.lower() not in cloud.store.subscriptions:
        message = f"The subscription '{subscription}' could not be found."
        raise ArmError(HTTPStatus.NOT_FOUND, "SubscriptionNotFound", message)


def identifier(cloud: Cloud, call: Call) -> str:
    """The id of the top-level resource that a call addresses, with the case of what stands."""
    wanted = f"{group(cloud, call)}/providers/{kind(call).type}/{call.place.steps[1]}"
    standing = cloud.store.get(wanted)
    return standing.id if standing else wanted


def standing(cloud: Cloud, call: Call) -> Resource:
    """The top-level resource that a call addresses, or 404."""
    found = cloud.store.get(identifier(cloud, call))
    if found is None:
        raise errors.resource_missing(kind(call).type, call.place.steps[1], call.place.group)
    return found


def collection(call: Call) -> str:
    """The child collection that a call addresses, or 404."""
    found = kind(call).collection(call.place.steps[2])
    if found is None:
        message = (
            f"The resource type '{'/'.join(call.place.steps[::2])}' could not be found in '{call.place.namespace}'."
        )
        raise ArmError(HTTPStatus.NOT_FOUND, "InvalidResourceType", message)
    return found


def item(cloud: Cloud, call: Call) -> Answer:
    """GET of a resource."""
    found = standing(cloud, call)
    body = rendering.resource(cloud.store, found, expand=call.query.get("$expand", ""))
    return Answer(HTTPStatus.OK, body, {"ETag": found.etag})


def child(cloud: Cloud, call: Call) -> Answer:
    """GET of a child, or of a machine's instance view."""
    owner = standing(cloud, call)
    name = call.place.steps[3]
    members = rendering.children(cloud.store, owner, collection(call))
    found = next((one for one in members if one["name"].lower() == name.lower()), None)
    if found is None:
        raise errors.child_missing(f"{owner.id}/{collection(call)}/{name}")
    return Answer(HTTPStatus.OK, found, {"ETag": owner.etag})


def children(cloud: Cloud, call: Call) -> Answer:
    """GET of a collection inside a resource; `instanceView` of a machine is one of its own kind."""
    owner = standing(cloud, call)
    if call.place.steps[2].lower() == "instanceview" and "instanceView" in owner.document["properties"]:
        return Answer(HTTPStatus.OK, owner.document["properties"]["instanceView"])
    return Answer(HTTPStatus.OK, {"value": rendering.children(cloud.store, owner, collection(call))})


def listing(cloud: Cloud, call: Call) -> Answer:
    """GET of all resources of a type in a group or a subscription, page by page."""
    check_subscription(cloud, call.place.subscription)
    scope = group(cloud, call) if call.place.group else f"/subscriptions/{call.place.subscription}"
    scope = f"{paths.key(scope)}/"
    found = [one for one in cloud.store.of_kind(kind(call)) if paths.key(one.id).startswith(scope)]
    start = int(call.query.get("$skiptoken", "0"))
    expand = call.query.get("$expand", "")
    body: Json = {"value": [rendering.resource(cloud.store, one, expand=expand) for one in found[start : start + PAGE]]}
    if start + PAGE < len(found):
        query = {"api-version": call.query["api-version"], "$skiptoken": str(start + PAGE)}
        query |= {"$expand": expand} if expand else {}
        body["nextLink"] = f"{call.base}{call.path}?{urlencode(query, safe='$')}"
    return Answer(HTTPStatus.OK, body)


def operation(cloud: Cloud, call: Call) -> Answer:
    """GET of an operation's status."""
    found = _operation(cloud, call)
    body: Json = {"status": found.status}
    if found.done and found.error:
        body["error"] = found.error
    return Answer(HTTPStatus.OK, body, {} if found.done else pace(cloud))


def result(cloud: Cloud, call: Call) -> Answer:
    """GET of an operation's result: 202 while it runs, then 204, or the error."""
    found = _operation(cloud, call)
    if not found.done:
        return Answer(HTTPStatus.ACCEPTED, None, {"Location": address(call, found, "operationResults")} | pace(cloud))
    if found.error:
        return Answer(HTTPStatus.BAD_REQUEST, {"error": found.error})
    return Answer(HTTPStatus.NO_CONTENT)


def _operation(cloud: Cloud, call: Call) -> Operation:
    found = cloud.operations.find(call.place.steps[3])
    if found is None or found.secret != call.query.get("s"):
        message = f"Operation {call.place.steps[3]} not found, or its address is not the one that was given."
        raise ArmError(HTTPStatus.NOT_FOUND, "OperationNotFound", message)
    return found
