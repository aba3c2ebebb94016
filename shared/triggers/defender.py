"""The paths of Microsoft.Security/locations/jitNetworkAccessPolicies, so that existing scripts change only the host."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import azure.functions as func

from shared.bootstrap import Postern
from shared.documents.collections import write_collection, write_request
from shared.documents.defender import read_collection, read_initiation
from shared.domain.collections import Place, named_location
from shared.domain.decisions import Asker
from shared.domain.issues import Invalid
from shared.domain.machines import MachineId
from shared.services import collections
from shared.services.collections import Rejection, Request
from shared.services.extending import Who
from shared.triggers.callers import WHO_SEE_ALL
from shared.triggers.grants import key_of, patient
from shared.triggers.http import Answer, Call, reply
from shared.triggers.problems import Wrong, arm_code, cloud_error, document_of

_VERSION: Final = "2020-01-01"
# Scripts read a policy, change it and put it back: with all its machines, and the history of requests besides.
_LARGEST_POLICY: Final = 512 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9_][\w.()-]{0,79}", re.ASCII)


async def list_(app: Postern, call: Call) -> Answer:
    """Every policy of a subscription, of a resource group, of a location, or of a resource group in a location."""
    found = await collections.look_at_all(app.world(), _place(app, call), _whose(call))
    return reply(HTTPStatus.OK, {"value": [write_collection(one) for one in found]})


async def get(app: Postern, call: Call) -> Answer:
    """One policy with its machines and their latest requests."""
    return reply(HTTPStatus.OK, write_collection(await collections.look(app.world(), _place(app, call), _whose(call))))


async def put(app: Postern, call: Call) -> Answer:
    """Make a policy of exactly these machines; the header names those whose lock does not hold."""
    place, name = _place(app, call), str(call.request.route_params.get("name"))
    if not _NAME.fullmatch(name):
        raise Wrong(HTTPStatus.BAD_REQUEST, "invalidPolicyName", "A name has letters, digits, and _ . ( ) - in it.")
    wanted = read_collection(call.body(_LARGEST_POLICY), app.world().times.shortest_grant)
    if isinstance(wanted, Invalid):
        return wanted
    done = await collections.put(app.world(), place, name, wanted, call.person)
    if isinstance(done, Rejection):
        return _rejected(done)
    exposed = ", ".join(id_.name for id_ in done.exposed)
    headers = {"Postern_Exposed": exposed} if exposed else {}
    return reply(HTTPStatus.OK, write_collection(done.collection), **headers)


async def delete(app: Postern, call: Call) -> Answer:
    """Disable every machine of a policy: 200, or 204 when there is no such policy."""
    done = await collections.remove(app.world(), _place(app, call), call.person)
    if isinstance(done, Rejection):
        return _rejected(done)
    status = HTTPStatus.OK if done else HTTPStatus.NO_CONTENT
    return func.HttpResponse(status_code=status, mimetype="application/json")


async def initiate(app: Postern, call: Call) -> Answer:
    """Ask for access: 202 with the request; the header names the grants that came of it."""
    place, body = _place(app, call), call.body()
    wanted = read_initiation(body)
    if isinstance(wanted, Invalid):
        return cloud_error(
            HTTPStatus.BAD_REQUEST, "InvalidInitiateInput", "The request is not well formed.", list(_told(wanted))
        )
    who = Who(call.person, Asker(call.caller.ids, call.address))
    request = Request(wanted, who, key_of(call), hashlib.sha256(body).hexdigest())
    done = await collections.initiate(patient(app.world(), call), place, request)
    if isinstance(done, Rejection):
        return _rejected(done)
    ids = ", ".join(grant.id for grant in done)
    return reply(HTTPStatus.ACCEPTED, write_request(done), Postern_Grants=ids)


def _place(app: Postern, call: Call) -> Place:
    """Where the call looks, once it says which version of the API it speaks. Raises Wrong."""
    versions = [value for name, value in call.request.params.items() if name.lower() == "api-version"]
    if not versions:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise Wrong(HTTPStatus.BAD_REQUEST, "missingApiVersionParameter", text)
    if versions != [_VERSION]:
        text = f"The api-version '{versions[0]}' is invalid. The supported versions are '{_VERSION}'."
        raise Wrong(HTTPStatus.BAD_REQUEST, "invalidApiVersionParameter", text)
    parts = {name: str(value).lower() for name, value in call.request.route_params.items()}
    if parts["subscription"] not in app.world().subscriptions:
        text = "The subscription is none of those that this app guards."
        raise Wrong(HTTPStatus.NOT_FOUND, "subscriptionNotFound", text)
    location = named_location(parts["location"]) if "location" in parts else None
    return Place(parts["subscription"], parts.get("group"), location, parts.get("name"))


def _whose(call: Call) -> str | None:
    """Whose requests the caller sees: all, or nobody's but their own."""
    return None if call.caller.has_any(WHO_SEE_ALL) else call.caller.person.id


def _rejected(rejection: Rejection) -> func.HttpResponse:
    """Everything that speaks against a call, by machine; the status is that of the worst."""
    documents = {id_: document_of(one) for id_, one in rejection.problems.items()}
    worst = max(documents.values(), key=lambda one: int(one["status"]))
    details = [detail for id_, one in documents.items() for detail in _details(id_, one)]
    response = cloud_error(worst["status"], worst["code"], _summary(len(documents)), details)
    if waits := [int(one["retryAfter"]) for one in documents.values() if "retryAfter" in one]:
        response.headers["Retry-After"] = str(max(waits))
    return response


def _summary(number: int) -> str:
    return f"It cannot be done for {number} {'machine' if number == 1 else 'machines'}; the details tell why."


def _details(id_: MachineId, document: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    code, text = str(document["code"]), str(document["detail"])
    for issue in document.get("issues") or [{"code": code, "path": "", "message": text}]:
        target = issue["path"] or str(id_)
        yield {"code": arm_code(issue["code"]), "target": target, "message": f"{id_.name}: {issue['message']}"}


def _told(invalid: Invalid) -> Iterator[dict[str, str]]:
    for issue in invalid.issues:
        yield {"code": arm_code(issue.code), "target": issue.path, "message": issue.message}
