"""Just-in-time policies of Defender for Cloud: `Microsoft.Security/locations/jitNetworkAccessPolicies`.

It knows the paths and the documents of version 2020-01-01 ("Jit Network Access Policies" in the REST reference; the
recorded exchanges of Az.Security's tests). It refuses to know network security groups: the rules that Defender writes
there are put by whoever tells a story of it, and stay when a policy is deleted, which is the worst that Azure may do.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from emulator.arm import paths, reads
from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError, Json, refuse, unparsable
from emulator.arm.exchange import Answer, Call

NAMESPACE = "microsoft.security"
PAGE = 50
_NAME = "jitnetworkaccesspolicies"
_TYPE = "Microsoft.Security/locations/jitNetworkAccessPolicies"


def handlers(call: Call) -> Mapping[str, Callable[[Cloud, Call], Answer]]:
    """Who answers a call of this namespace, by method."""
    match [step.lower() for step in call.place.steps]:
        case [name] if name == _NAME:
            return {"GET": _listing}
        case ["locations", _, name] if name == _NAME:
            return {"GET": _listing}
        case ["locations", _, name, _] if name == _NAME and call.place.group:
            return {"GET": _get, "PUT": _put, "DELETE": _delete}
    return {}


def _listing(cloud: Cloud, call: Call) -> Answer:
    """GET of all policies of a subscription, a group or a location, page by page."""
    reads.check_subscription(cloud, call.place.subscription)
    group = f"/resourcegroups/{call.place.group}/".lower() if call.place.group else "/"
    location = f"/locations/{call.place.steps[1]}/".lower() if len(call.place.steps) > 1 else "/"
    mine = f"/subscriptions/{call.place.subscription}/".lower()
    keys = sorted(key for key in cloud.jit if key.startswith(mine) and group in key and location in key)
    start = int(call.query.get("$skiptoken", "0"))
    body: Json = {"value": [cloud.jit[key] for key in keys[start : start + PAGE]]}
    if start + PAGE < len(keys):
        query = {"api-version": call.query["api-version"], "$skiptoken": str(start + PAGE)}
        body["nextLink"] = f"{call.base}{call.path}?{urlencode(query, safe='$')}"
    return Answer(HTTPStatus.OK, body)


def _get(cloud: Cloud, call: Call) -> Answer:
    """GET of a policy."""
    found = cloud.jit.get(paths.key(call.path))
    if found is None:
        name = call.place.steps[3]
        raise ArmError(HTTPStatus.NOT_FOUND, "PolicyNotFound", f"The JIT policy '{name}' could not be found.")
    return Answer(HTTPStatus.OK, found)


def _put(cloud: Cloud, call: Call) -> Answer:
    """PUT of a policy, which replaces all its machines."""
    group = reads.group(cloud, call)
    given = call.json()
    properties = given.get("properties")
    if not isinstance(properties, dict) or not isinstance(properties.get("virtualMachines"), list):
        raise unparsable("InvalidJson", "properties.virtualMachines is not a list.")
    if not all(isinstance(one, dict) and one.get("id") for one in properties["virtualMachines"]):
        raise refuse("InvalidInput", "Each machine has an id.")
    _, location, _, name = call.place.steps
    id_ = f"{group}/providers/Microsoft.Security/locations/{location}/jitNetworkAccessPolicies/{name}"
    head = {"id": id_, "name": name, "type": _TYPE, "kind": given.get("kind", "Basic"), "location": location}
    known = {"requests": properties.get("requests", []), "provisioningState": "Succeeded"}
    cloud.jit[paths.key(id_)] = {**head, "properties": {**properties, **known}}
    return Answer(HTTPStatus.OK, cloud.jit[paths.key(id_)])


def _delete(cloud: Cloud, call: Call) -> Answer:
    """DELETE of a policy; 204 where there is none."""
    gone = cloud.jit.pop(paths.key(call.path), None)
    return Answer(HTTPStatus.NO_CONTENT if gone is None else HTTPStatus.OK)
