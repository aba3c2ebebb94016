"""The list of computers outside Azure, the same as a table, and how one gets into it."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final

import azure.functions as func

from shared.bootstrap import Postern
from shared.documents.answers.activity import GapAnswer
from shared.documents.answers.computers import ComputersAnswer
from shared.documents.computers import write_computer, write_computer_sheet, write_computers_page, write_onboarding
from shared.domain import onboarding as commands
from shared.domain.evidence import Lack
from shared.domain.issues import Invalid, Issue
from shared.domain.onboarding import Place
from shared.domain.readiness import State
from shared.services.computers import SEAT, Page, Wanted, page
from shared.triggers.http import Answer, Call, page_size, reply
from shared.triggers.lists import chosen, read_place, search_text, write_place

_MOST_EXPORTED: Final = 20_000


async def list_(app: Postern, call: Call) -> Answer:
    """A page of the computers, those with most to be done first."""
    size, wanted, after = page_size(call), _wanted(call), read_place(call, SEAT)
    wrong = [one for one in (wanted, after) if isinstance(one, Invalid)]
    if isinstance(wanted, Invalid) or isinstance(after, Invalid):
        return Invalid(tuple(issue for one in wrong for issue in one.issues))
    return reply(HTTPStatus.OK, _written(await page(app.world(), wanted, size, after), _here(app, call)))


async def export(app: Postern, call: Call) -> Answer:
    """All of the computers as a table."""
    wanted = _wanted(call)
    if isinstance(wanted, Invalid):
        return wanted
    found = _written(await page(app.world(), wanted, _MOST_EXPORTED, None), _here(app, call))
    return sheet(write_computer_sheet(_whole(found)), "computers", found["asOf"])


async def onboarding(app: Postern, call: Call) -> Answer:
    """The commands by which a computer becomes a server of Azure Arc. Nobody in Azure is asked."""
    named = {name: call.request.params.get(name, "").strip() for name in ("subscription", "resourceGroup", "location")}
    place = Place(named["subscription"], named["resourceGroup"], named["location"])
    system = call.request.params.get("os", "").strip()
    if issues := tuple(commands.faults(place, system, app.world().subscriptions)):
        return Invalid(issues)
    here = _here(app, call)
    step = commands.onboarding(system, replace(place, tenant=here.tenant, cloud=here.cloud))
    return reply(HTTPStatus.OK, write_onboarding(step, here.tenant))


def sheet(text: str, name: str, day: str) -> func.HttpResponse:
    """A table as a file, with a mark of its encoding, without which Excel takes it for another."""
    file = f'attachment; filename="{name}-{day[:10]}.csv"'
    body = text.encode("utf-8-sig")
    return func.HttpResponse(body, mimetype="text/csv", charset="utf-8", headers={"Content-Disposition": file})


def _here(app: Postern, call: Call) -> Place:
    """The tenant, as the operator says or as the caller's own, and the cloud."""
    tenant = commands.tenant_of(app.tenant, call.caller.tenant)
    return Place(tenant=tenant, cloud=commands.cloud_of(app.arm_endpoint))


def _wanted(call: Call) -> Wanted | Invalid:
    issues: list[Issue] = []
    states, text = chosen(call, "state", State, issues), search_text(call, issues)
    return Invalid(tuple(issues)) if issues else Wanted(states, text)


def _written(found: Page, here: Place) -> ComputersAnswer:
    seen = found.seen
    place = replace(seen.place, tenant=here.tenant, cloud=here.cloud)
    value = [write_computer(computer, state, seen.look, place) for computer, state in found.rows]
    token = write_place(found.next) if found.next else None
    return write_computers_page(value, token, found.counts, seen.at, seen.gaps)


def _whole(written: ComputersAnswer) -> ComputersAnswer:
    """With a gap where the table ends before the computers do."""
    if written["nextPageToken"] is None:
        return written
    text = f"A table has at most {_MOST_EXPORTED} computers: choose fewer."
    gap: GapAnswer = {"code": Lack.CAPPED, "subject": "computers", "message": text}
    return {**written, "gaps": [*written["gaps"], gap]}
