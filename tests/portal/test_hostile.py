"""Texts that strangers choose do no harm: they are shown as they are, and as no more than text."""

import json
from datetime import UTC, datetime
from typing import Final

import pytest
from playwright.async_api import Route

from tests.adapters.workspace import ssh_line
from tests.journeys.client import Postern, machine, read, wish
from tests.journeys.past import Past
from tests.portal.people import People, Portal

HARM: Final = "window.harmed"
TEXTS: Final = {
    "script": "<script>window.harmed = 1</script>",
    "markup": '"><img src=x onerror="window.harmed = 1"><style>*{display:none}</style>',
    "template": "${window.harmed = 1} {{constructor.constructor('window.harmed = 1')()}}",
    "long": "endless" * 140,
    "right-to-left": "\u202egnissecca si nimda \u2066\u200f",
}
# The API lets no control characters in, so that what turns a sentence around here are letters.
REASONS: Final = {**TEXTS, "right-to-left": "\u05e9\u05dc\u05d5\u05dd \u05dc\u05db\u05d5\u05dc\u05dd"}


async def unharmed(portal: Portal, *texts: str) -> None:
    """The texts are shown in full, nothing of them ran, and the page is no wider for them."""
    await portal.sees(*texts)
    assert (None, 0) == (await portal.page.evaluate(HARM), max(0, await portal.overflow()))


async def test_a_justification_is_no_more_than_text(people: People, postern: Postern) -> None:
    await postern.enable("web-01", approval={"required": True})
    rita = await people.enter("requestor")
    for text in REASONS.values():
        grant = read(await postern.call("requestor", "POST", "/api/grants", wish("web-01", justification=text)), 202)
        await unharmed(await rita.visit(f"grants/{grant['id']}"), text)
    await unharmed(await people.enter("approver", "requests"), *REASONS.values())


async def test_the_name_of_a_machine_or_a_group_is_no_more_than_text(people: People) -> None:
    async def rename(route: Route) -> None:
        answer = await route.fetch()
        document = await answer.json()
        for row, text in zip(document["value"], TEXTS.values(), strict=False):
            row.update(name=text, resourceGroup=text, reasons=[{"code": "odd", "message": text}])
        await route.fulfill(response=answer, body=json.dumps(document))

    ada = await people.enter("administrator")
    await ada.page.route("**/api/machines?*", rename)
    await unharmed(await ada.visit("recommended"), *TEXTS.values())


@pytest.mark.parametrize("name", ["script", "markup"])
async def test_the_user_name_that_an_attacker_tried_is_no_more_than_text(people: People, past: Past, name: str) -> None:
    await past.postern.enable("web-01")
    tried = TEXTS[name].replace(" ", "/")
    line = ssh_line(0, f"Failed password for invalid user {tried} from 198.51.100.77 port 40000 ssh2")
    now = datetime.now(UTC).isoformat()
    await past.rows("Syslog", **{**line, "TimeGenerated": now, "_ResourceId": machine("web-01")})
    await unharmed(await people.enter("auditor", "activity"), tried)


async def test_a_broken_address_is_no_more_than_an_address(people: People) -> None:
    ada = await people.enter("administrator", expects="Failed to load resource")
    for place in ("machines/%E0%A4%A", "grants/..%2F..%2Fhealth", "machines/x?<script>", "%"):
        await ada.page.goto(f"{ada.address}/#/{place}")
        await ada.page.get_by_role("navigation").wait_for()
        assert await ada.page.evaluate(HARM) is None
