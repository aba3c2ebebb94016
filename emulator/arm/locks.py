"""Resource locks: `Microsoft.Authorization/locks` at a subscription, a resource group, a resource or its child.

It knows the two levels and that a lock holds for everything below its scope ("Lock your Azure resources to protect your
infrastructure"; REST reference, "Management Locks"). It refuses to know roles: whoever may call may lock.
"""

from http import HTTPStatus
from urllib.parse import urlencode

from emulator.arm import errors, paths, reads
from emulator.arm.cloud import Cloud
from emulator.arm.errors import ArmError, Json, refuse, unparsable
from emulator.arm.exchange import Answer, Call
from emulator.arm.store import Store

LEVELS = ("CanNotDelete", "ReadOnly")
MOST_NOTES = 512
MOST_NAME = 260
_TYPE = "Microsoft.Authorization/locks"
_FORBIDDEN = frozenset("<>%&:\\?/")
# What each level refuses, and what ARM calls it.
_ACTIONS = {"PUT": "write", "PATCH": "write", "DELETE": "delete"}
_REFUSED = {"CanNotDelete": ("delete",), "ReadOnly": ("write", "delete")}


def check(store: Store, method: str, path: str) -> None:
    """Raise 409 ScopeLocked for a change that a lock at the path's scope or above refuses; or below, for a DELETE."""
    action = _ACTIONS.get(method)
    if action is None or not store.locks:
        return
    scopes = paths.scopes(path)
    if action == "delete":
        scopes += [one for one in store.locks if one.startswith(f"{paths.key(path)}/")]
    locks = [one for scope in scopes for one in store.locks.get(scope, {}).values()]
    refusing = [one["id"] for one in locks if action in _REFUSED[one["properties"]["level"]]]
    if refusing:
        locked = (identifier.rpartition(f"/providers/{_TYPE}/")[0] for identifier in refusing)
        raise errors.scope_locked(path, action, tuple(dict.fromkeys(locked)))


def lock(store: Store, scope: str, name: str, body: Json) -> Json:
    """Put a lock at a scope; what is wrong with it is refused."""
    if len(name) > MOST_NAME or _FORBIDDEN & {*name}:
        raise refuse("InvalidLockName", f"The lock name '{name}' is invalid.")
    given = body.get("properties")
    if not isinstance(given, dict):
        raise unparsable("InvalidJson", "properties is not an object.")
    if given.get("level") not in LEVELS:
        raise refuse("InvalidLockLevel", f"The lock level is one of {', '.join(LEVELS)}, not {given.get('level')!r}.")
    notes = given.get("notes")
    if notes is not None and (not isinstance(notes, str) or len(notes) > MOST_NOTES):
        raise refuse("InvalidLockNotes", f"The notes of a lock are a text of at most {MOST_NOTES} characters.")
    properties = {"level": given["level"], **({"notes": notes} if notes is not None else {})}
    document = {"properties": properties, "id": f"{scope}/providers/{_TYPE}/{name}", "type": _TYPE, "name": name}
    store.locks.setdefault(paths.key(scope), {})[name.lower()] = document
    return document


def put(cloud: Cloud, call: Call) -> Answer:
    """PUT of a lock, in force at once."""
    scope, name = _place(cloud, call)
    existed = name.lower() in cloud.store.locks.get(paths.key(scope), {})
    return Answer(HTTPStatus.OK if existed else HTTPStatus.CREATED, lock(cloud.store, scope, name, call.json()))


def get(cloud: Cloud, call: Call) -> Answer:
    """GET of a lock."""
    scope, name = _place(cloud, call)
    found = cloud.store.locks.get(paths.key(scope), {}).get(name.lower())
    if found is None:
        raise ArmError(HTTPStatus.NOT_FOUND, "LockNotFound", f"The lock '{name}' could not be found.")
    return Answer(HTTPStatus.OK, found)


def delete(cloud: Cloud, call: Call) -> Answer:
    """DELETE of a lock; 204 where there is none."""
    scope, name = _place(cloud, call)
    gone = cloud.store.locks.get(paths.key(scope), {}).pop(name.lower(), None)
    return Answer(HTTPStatus.NO_CONTENT if gone is None else HTTPStatus.OK)


def listing(cloud: Cloud, call: Call) -> Answer:
    """GET of all locks at and below a scope, page by page."""
    scope = paths.key(_place(cloud, call)[0])
    places = sorted(one for one in cloud.store.locks if f"{one}/".startswith(f"{scope}/"))
    found = [one for place in places for _, one in sorted(cloud.store.locks[place].items())]
    start = int(call.query.get("$skiptoken", "0"))
    body: Json = {"value": found[start : start + reads.PAGE]}
    if start + reads.PAGE < len(found):
        query = {"api-version": call.query["api-version"], "$skiptoken": str(start + reads.PAGE)}
        body["nextLink"] = f"{call.base}{call.path}?{urlencode(query, safe='$')}"
    return Answer(HTTPStatus.OK, body)


def _place(cloud: Cloud, call: Call) -> tuple[str, str]:
    """The scope, which must stand, and the lock's name."""
    scope, name = paths.lock(call.path) or ("", "")
    reads.check_subscription(cloud, call.place.subscription)
    if call.place.group:
        reads.group(cloud, call)
    if (place := paths.parse(scope)) and not cloud.store.exists(scope):
        raise errors.resource_missing(f"{place.namespace}/{place.steps[0]}", place.steps[-1], place.group)
    return scope, name
