"""Every call as every role, on what is one's own and on what is somebody else's, held against the table in the docs."""

import re
from pathlib import Path

import pytest

from emulator.environment import SUBSCRIPTION
from tests.journeys.client import Postern, machine, wish

PAGE = (Path(__file__).parents[2] / "docs" / "roles.md").read_text("utf-8")
USERS = {
    "Requestor": "requestor",
    "Approver": "approver",
    "Administrator": "administrator",
    "Auditor": "auditor",
    "Relay": "relay",
    "none": "outsider",
}
GHOST, NOBODYS = machine("ghost-01"), "0" * 24


def table() -> list[tuple[str, str, str]]:
    """Call, role and what the docs promise, for each cell whose role has a demo account."""
    header, _, *rows = (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("|"))
    cells = [(row[0].strip("`"), role, promise) for row in rows for role, promise in zip(header, row, strict=True)]
    return [cell for cell in cells if cell[1] in USERS]


def path(call: str, grant: str) -> tuple[str, str]:
    method, template = call.split(maxsplit=1)
    where = template.replace("/<machine id>", GHOST).replace("<id>", grant)
    where = where.replace("<subscription>", SUBSCRIPTION).replace("<group>", "demo").replace("<location>", "westeurope")
    return method, where.replace("<name>", "ghost") + (
        "?api-version=2020-01-01" if "Microsoft.Security" in where else ""
    )


def test_the_table_names_every_call_that_the_api_page_names() -> None:
    docs = Path(__file__).parents[2] / "docs"
    pages = "".join((docs / name).read_text("utf-8") for name in ("http-api.md", "defender.md"))
    documented = set(re.findall(r"^\| `([A-Z]+ /[^`]+)` \|", pages, re.MULTILINE)) - {"GET /api/health"}
    assert documented == {call for call, _, _ in table()}


@pytest.mark.parametrize(("call", "role", "promise"), table())
async def test_a_role_is_let_through_where_the_table_says_so_and_nowhere_else(
    accounts: Postern, call: str, role: str, promise: str
) -> None:
    method, where = path(call, NOBODYS)
    answer = await accounts.call(USERS[role], method, where, {} if method in {"PUT", "POST"} else None)
    assert (promise == "no") is (answer.status_code == 403)


@pytest.mark.parametrize("call", ["GET /api/grants/<id>", "POST /api/grants/<id>/revoke"])
async def test_a_grant_of_somebody_else_looks_like_one_that_is_not_there(postern: Postern, call: str) -> None:
    await postern.enable("web-01")
    theirs = (await postern.ask(wish("web-01"), user="pipeline"))["id"]
    told = [await postern.call("requestor", *path(call, id_)) for id_ in (theirs, NOBODYS)]
    assert [404, 404] == [answer.status_code for answer in told]
    assert told[0].json() == told[1].json()


@pytest.mark.parametrize(("role", "promise"), [("Requestor", 1), ("Approver", 2), ("Administrator", 2), ("Auditor", 2)])
async def test_lists_show_ones_own_grants_or_all(postern: Postern, role: str, promise: int) -> None:
    await postern.enable("web-01")
    for user in ("requestor", "pipeline"):
        await postern.ask(wish("web-01"), user=user)
    listed = (await postern.call(USERS[role], "GET", "/api/grants")).json()["value"]
    shown = (await postern.call(USERS[role], "GET", f"/api/machines{machine('web-01')}")).json()["grants"]
    assert (promise, promise) == (len(listed), len(shown))
