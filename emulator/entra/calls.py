"""Which handler answers which call: one table by the collections of the path and the method.

It knows what is created where a PATCH finds nothing (`Prefer: create-if-missing`, pages "Upsert …"). It refuses to know
tokens and sockets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from emulator.entra import applications, credentials, errors, paths, queries, services
from emulator.entra.directory import Scene
from emulator.entra.errors import GraphError, Json
from emulator.entra.paths import Key

_NONE = Key("", "")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may pass. `address` is its own, without the query; `upserts`: it creates what is missing."""

    method: str
    path: str
    address: str
    query: Mapping[str, str]
    body: Json
    upserts: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; None is an empty one."""

    status: HTTPStatus
    body: Json | None = None


type Handler = Callable[[Scene, Call, tuple[Key, ...]], Answer]

_DONE = Answer(HTTPStatus.NO_CONTENT)


def answer(scene: Scene, call: Call) -> Answer:
    """The answer to a call; raises GraphError for a refusal."""
    steps = paths.parse(call.path)
    shape = "/".join(step.name + ("/*" if step.key else "") for step in steps)
    handlers = _HANDLERS.get(shape)
    if handlers is None:
        raise errors.nowhere(steps[-1].name)
    if call.method not in handlers:
        raise errors.method_refused()
    return handlers[call.method](scene, call, tuple(step.key or _NONE for step in steps))


def _found(body: Json) -> Answer:
    return Answer(HTTPStatus.OK, body)


def _made(body: Json) -> Answer:
    return Answer(HTTPStatus.CREATED, body)


def _list_applications(scene: Scene, call: Call, _keys: tuple[Key, ...]) -> Answer:
    rows = [applications.show(one) for one in scene.seen.applications.values()]
    return _found(queries.answer(rows, call.query, call.address, ("id", "appId", "displayName")))


def _post_application(scene: Scene, call: Call, _keys: tuple[Key, ...]) -> Answer:
    return _made(applications.show(applications.create(scene, call.body)))


def _get_application(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    return _found(queries.one(applications.show(_application(scene, keys)), call.query))


def _patch_application(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    try:
        application = _application(scene, keys)
    except GraphError:
        if not call.upserts or keys[0].name != "uniqueName":
            raise
        return _made(applications.show(applications.create(scene, call.body, keys[0].value)))
    applications.change(scene, application, call.body)
    return _DONE


def _delete_application(scene: Scene, _call: Call, keys: tuple[Key, ...]) -> Answer:
    applications.delete(scene, _application(scene, keys))
    return _DONE


def _application(scene: Scene, keys: tuple[Key, ...]) -> Json:
    return scene.seen.application(keys[0].name, keys[0].value)


def _add_password(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    return _found(applications.add_password(scene, _application(scene, keys), call.body))


def _list_credentials(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    rows = scene.seen.credentials.get(_application(scene, keys)["id"], [])
    return _found(queries.answer(rows, call.query, call.address, ("name", "subject")))


def _post_credential(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    return _made(credentials.create(scene, _application(scene, keys)["id"], call.body))


def _get_credential(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    application = _application(scene, keys)["id"]
    return _found(queries.one(scene.seen.credential(application, keys[1].name, keys[1].value), call.query))


def _patch_credential(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    application = _application(scene, keys)["id"]
    try:
        credential = scene.seen.credential(application, keys[1].name, keys[1].value)
    except GraphError:
        if not call.upserts or keys[1].name != "name":
            raise
        return _made(credentials.create(scene, application, {**call.body, "name": keys[1].value}))
    credentials.change(scene, application, credential, call.body)
    return _DONE


def _list_services(scene: Scene, call: Call, _keys: tuple[Key, ...]) -> Answer:
    rows = [services.show(scene.seen, one) for one in scene.seen.services.values()]
    return _found(queries.answer(rows, call.query, call.address, ("id", "appId", "displayName")))


def _post_service(scene: Scene, call: Call, _keys: tuple[Key, ...]) -> Answer:
    rest = {name: value for name, value in call.body.items() if name != "appId"}
    return _made(services.show(scene.now, services.create(scene, str(call.body.get("appId")), rest)))


def _get_service(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    return _found(queries.one(services.show(scene.seen, _service(scene, keys)), call.query))


def _patch_service(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    try:
        service = _service(scene, keys)
    except GraphError:
        if not call.upserts or keys[0].name != "appId":
            raise
        return _made(services.show(scene.now, services.create(scene, keys[0].value, call.body)))
    services.change(scene, service, call.body)
    return _DONE


def _service(scene: Scene, keys: tuple[Key, ...]) -> Json:
    return scene.seen.service(keys[0].name, keys[0].value)


def _list_assignments(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    rows = services.assignments(scene.seen, _service(scene, keys))
    return _found(queries.answer(rows, call.query, call.address, ()))


def _post_assignment(scene: Scene, call: Call, keys: tuple[Key, ...]) -> Answer:
    return _made(services.assign(scene, _service(scene, keys), call.body))


def _delete_assignment(scene: Scene, _call: Call, keys: tuple[Key, ...]) -> Answer:
    services.withdraw(scene, _service(scene, keys), keys[1].value)
    return _DONE


_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "applications": {"GET": _list_applications, "POST": _post_application},
    "applications/*": {"GET": _get_application, "PATCH": _patch_application, "DELETE": _delete_application},
    "applications/*/addPassword": {"POST": _add_password},
    "applications/*/federatedIdentityCredentials": {"GET": _list_credentials, "POST": _post_credential},
    "applications/*/federatedIdentityCredentials/*": {"GET": _get_credential, "PATCH": _patch_credential},
    "servicePrincipals": {"GET": _list_services, "POST": _post_service},
    "servicePrincipals/*": {"GET": _get_service, "PATCH": _patch_service},
    "servicePrincipals/*/appRoleAssignedTo": {"GET": _list_assignments, "POST": _post_assignment},
    "servicePrincipals/*/appRoleAssignedTo/*": {"DELETE": _delete_assignment},
}
