"""Asking for access, deciding about it, looking at grants, and ending one early."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from shared.bootstrap import Postern
from shared.documents.answers.grants import GrantAnswer, GrantPreviewAnswer
from shared.documents.cards import write_standing
from shared.documents.grants import (
    read_comment,
    read_decision,
    read_extension,
    read_grant_request,
    write_grant,
)
from shared.documents.previews import write_grant_preview
from shared.domain.decisions import Asker
from shared.domain.forecasts import Foretold
from shared.domain.grants import Grant, GrantFilter
from shared.domain.issues import Invalid, Issue, Refused
from shared.domain.keys import is_grant_id
from shared.domain.lifecycle import State
from shared.domain.machines import MachineId
from shared.domain.people import Person
from shared.domain.sessions import CONTINUING
from shared.ports import NotFound, Stored
from shared.services import approving, extending
from shared.services import grants as access
from shared.services.grants import Ask
from shared.services.keeping import NO_GRANT
from shared.services.measuring import sessions_now
from shared.services.opening import Progress, resume
from shared.services.world import World
from shared.triggers.callers import WHO_SEE_ALL, Caller, Role
from shared.triggers.http import Answer, Call, flag, page_size, reply
from shared.triggers.problems import Wrong, problem

_LONGEST_WAIT: Final = 60
_LONGEST_KEY: Final = 200
# In how many seconds it makes sense to look again: Azure takes a few, people take longer.
_AGAIN_IN: Final = {State.PENDING: 30, State.SCHEDULED: 30, State.OPENING: 2, State.CLOSING: 2}


async def ask(app: Postern, call: Call) -> Answer:
    """Ask for access: 201 open, 202 not yet, 409 it cannot be opened, 422 refused. With `preview` only tell."""
    body, only_tell = call.body(), flag(call, "preview")
    wanted = read_grant_request(body)
    if isinstance(wanted, Invalid):
        return wanted
    asker = Asker(call.caller.ids, call.address)
    digest = hashlib.sha256(body).hexdigest()
    request = Ask(wanted.machine, wanted.wish, call.person, asker, key_of(call), digest)
    world = patient(app.world(), call)
    if only_tell:
        told = await access.foretell(world, request)
        return told if isinstance(told, Refused) else reply(HTTPStatus.OK, await _preview(world, told))
    progress = await access.ask(world, request)
    return progress if isinstance(progress, Refused) else await _tell(world, progress, HTTPStatus.CREATED)


async def get(app: Postern, call: Call) -> Answer:
    """One grant; asking about one that is opening goes on with it."""
    world = patient(app.world(), call)
    stored = await _visible(world, call, WHO_SEE_ALL)
    progress = await resume(world, stored)
    return reply(HTTPStatus.OK, await _document(world, progress.grant), **_when(progress))


async def show(app: Postern, call: Call) -> Answer:
    """How one grant stands, as an Adaptive Card for those who ask approvers."""
    world = app.world()
    grant = (await _visible(world, call, (Role.APPROVER, Role.RELAY))).value
    waits = approving.waiting(world, grant) is not None
    return reply(HTTPStatus.OK, write_standing(grant, app.webhooks.address, waits=waits))


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the grants that the caller may see, the newest first."""
    size = page_size(call)
    wanted = _filter(call)
    if isinstance(wanted, Invalid):
        return wanted
    try:
        found, token = await app.world().grants.page(wanted, size, call.request.params.get("pageToken"))
    except ValueError as error:
        return Invalid((Issue("invalidPageToken", "pageToken", str(error)),))
    return reply(HTTPStatus.OK, {"value": [write_grant(grant) for grant in found], "nextPageToken": token})


async def extend(app: Postern, call: Call) -> Answer:
    """Let one's own active grant stay open for longer, if the policy allows that: 202 if it needs approval."""
    wanted = read_extension(call.body())
    if isinstance(wanted, Invalid):
        return wanted
    world = app.world()
    stored = await _visible(world, call, ())
    asker = Asker(call.caller.ids, call.address)
    extended = await extending.extend(world, stored, wanted, extending.Who(call.person, asker))
    if isinstance(extended, Refused):
        return extended
    status = HTTPStatus.ACCEPTED if extended.extension else HTTPStatus.OK
    return reply(status, await _document(world, extended))


async def approve(app: Postern, call: Call) -> Answer:
    """Agree to what waits for approval, and open it if this was the last approval that it needed."""
    voice = _voice(call)
    if isinstance(voice, Invalid):
        return voice
    world = patient(app.world(), call)
    stored = await _visible(world, call, (Role.APPROVER, Role.RELAY))
    progress = await approving.approve(world, stored.value.id, voice)
    return progress if isinstance(progress, Refused) else await _tell(world, progress, HTTPStatus.OK)


async def deny(app: Postern, call: Call) -> Answer:
    """Say no to what waits for approval."""
    voice = _voice(call)
    if isinstance(voice, Invalid):
        return voice
    world = app.world()
    stored = await _visible(world, call, (Role.APPROVER, Role.RELAY))
    denied = await approving.deny(world, stored.value.id, voice)
    return denied if isinstance(denied, Refused) else reply(HTTPStatus.OK, await _document(world, denied))


async def cancel(app: Postern, call: Call) -> Answer:
    """Take back one's own request while it waits, or the wish for a longer stay."""
    comment = read_comment(call.body_if_any())
    if isinstance(comment, Invalid):
        return comment
    world = app.world()
    stored = await _visible(world, call, ())
    grant = await approving.cancel(world, stored.value.id, call.person, comment)
    return reply(HTTPStatus.OK, await _document(world, grant))


async def revoke(app: Postern, call: Call) -> Answer:
    """End a grant before its time."""
    comment = read_comment(call.body_if_any())
    if isinstance(comment, Invalid):
        return comment
    world = app.world()
    stored = await _visible(world, call, (Role.APPROVER, Role.ADMINISTRATOR))
    grant = await access.revoke(world, stored.value.id, call.person, comment)
    status = HTTPStatus.ACCEPTED if grant.unfinished else HTTPStatus.OK
    return reply(status, await _document(world, grant), Location=f"/api/grants/{grant.id}")


def key_of(call: Call) -> str | None:
    """The Idempotency-Key that came with a request. Raises Wrong."""
    key: str | None = call.request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        text = f"An Idempotency-Key has between 1 and {_LONGEST_KEY} characters."
        raise Wrong(HTTPStatus.BAD_REQUEST, "invalidIdempotencyKey", text)
    return key


def patient(world: World, call: Call) -> World:
    """The world as seen by a caller who says how long to wait."""
    seconds = call.patience()
    if seconds is None:
        return world
    return replace(world, times=replace(world.times, patience=timedelta(seconds=min(seconds, _LONGEST_WAIT))))


def _voice(call: Call) -> approving.Voice | Invalid:
    """Who decides: the caller, or the one whose answer it brings; that one is held against the policy all the same."""
    said = read_decision(call.body_if_any())
    if isinstance(said, Invalid):
        return said
    if said.on_behalf_of is None and not call.caller.has_any((Role.APPROVER,)):
        return Invalid((Issue("required", "onBehalfOf", "Whoever brings an answer has to say whose it is."),))
    if said.on_behalf_of is None:
        return approving.Voice(call.person, call.caller.ids, said.comment)
    if not call.caller.has_any((Role.RELAY,)):
        text = f"Only the role {Role.RELAY} brings the answers of others."
        raise Wrong(HTTPStatus.FORBIDDEN, "notRelay", text)
    id_ = said.on_behalf_of.id.lower()
    person = Person(id_, said.on_behalf_of.name, call.address, call.caller.person.id)
    return approving.Voice(person, frozenset({id_}), said.comment)


async def _tell(world: World, progress: Progress, opened: HTTPStatus) -> Answer:
    """What came of a request: it is open, it waits, it is on its way, or it failed."""
    grant = progress.grant
    document = await _document(world, grant)
    place = f"/api/grants/{grant.id}"
    match grant.state:
        case State.ACTIVE:
            return reply(opened, document, Location=place)
        case State.FAILED | State.CLOSING if grant.reason and grant.started_at is None:
            text = f"The access could not be opened: {grant.detail or grant.reason}."
            return problem(HTTPStatus.CONFLICT, str(grant.reason), text, grant=document)
        case State.PENDING | State.SCHEDULED | State.OPENING:
            return reply(HTTPStatus.ACCEPTED, document, Location=place, **_when(progress))
    return reply(HTTPStatus.OK, document, Location=place)


def _when(progress: Progress) -> dict[str, str]:
    """When it makes sense to ask again about a grant that is on its way."""
    if progress.grant.state not in _AGAIN_IN:
        return {}
    usual = _AGAIN_IN[progress.grant.state]
    seconds = progress.held_up.retry_after.total_seconds() if progress.held_up else usual
    return {"Retry_After": str(max(1, round(seconds)))}


async def _document(world: World, grant: Grant) -> GrantAnswer:
    guarded = await world.policies.get(grant.machine) if grant.unfinished else None
    if guarded is None:
        return write_grant(grant)
    machine = guarded.value.machine if grant.state is State.ACTIVE else None
    return write_grant(grant, machine, await sessions_now(world, guarded.value))


async def _preview(world: World, told: Foretold) -> GrantPreviewAnswer:
    guarded = await world.policies.get(told.grant.machine)
    return write_grant_preview(told, await sessions_now(world, guarded.value) if guarded else CONTINUING)


async def _visible(world: World, call: Call, who_see_all: tuple[Role, ...]) -> Stored[Grant]:
    """The grant that is named, if the caller may see it; what is not there and what is not theirs look the same."""
    id_ = str(call.request.route_params.get("id", "")).lower()
    stored = await world.grants.get(id_) if is_grant_id(id_) else None
    if stored is None or not _may_see(call.caller, stored.value, who_see_all):
        raise NotFound(NO_GRANT)
    return stored


def _may_see(caller: Caller, grant: Grant, who_see_all: tuple[Role, ...]) -> bool:
    return grant.requestor.id == caller.person.id or caller.has_any(who_see_all)


def _filter(call: Call) -> GrantFilter | Invalid:
    params, issues = call.request.params, []
    states = frozenset(part for part in params.get("state", "").split(",") if part)
    issues += [Issue("unknownValue", "state", f"{s} is no state of a grant.") for s in sorted(states - set(State))]
    machine = None
    try:
        machine = MachineId.parse(params["machine"]) if "machine" in params else None
    except ValueError as error:
        issues.append(Issue("invalidMachine", "machine", f"{error}."))
    sees_all = call.caller.has_any(WHO_SEE_ALL)
    requestor = params.get("requestor") if sees_all else call.caller.person.id
    return Invalid(tuple(issues)) if issues else GrantFilter(machine, requestor, states or None)
