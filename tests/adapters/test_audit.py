"""The record: who did what, when, why and from where, in words of a closed set, and nothing is written twice."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from shared.adapters.storage import Tables, read_all
from shared.adapters.table_audit import TableAudit
from shared.domain.approvals import Decision, Extension, Verdict
from shared.domain.grants import Grant
from shared.domain.lifecycle import State
from shared.domain.people import Person
from tests.adapters.conftest import fresh_grant
from tests.domain.values import NOW, OFFICE

CAROL = Person("carol", "Carol", OFFICE)
PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


async def recorded(tables: Tables, grant: Grant) -> list[dict[str, object]]:
    """What is on record of a grant after its latest change was recorded twice."""
    audit = TableAudit(tables)
    for _ in range(2):
        await audit.grant_changed(grant)
    table = await tables.table("audit")
    return [dict(row) async for row in read_all(table, "grant eq @id", id=grant.id)]


def pending() -> Grant:
    return replace(fresh_grant(), state=State.PENDING, ticket="INC7", break_glass=True, lapses_at=NOW)


def asked() -> Grant:
    return fresh_grant().opened(NOW, ()).extension_asked(Extension(NOW, NOW, timedelta(hours=1)), CAROL)


async def test_a_record_tells_who_from_where_and_why(tables: Tables) -> None:
    [row] = await recorded(tables, pending().approved(Decision(CAROL, Verdict.APPROVED, NOW, "go ahead")))
    expected = {"kind": "grantApproved", "byId": "carol", "byName": "Carol", "byAddress": OFFICE, "detail": "go ahead"}
    assert expected.items() <= row.items()
    assert ("INC7", "yes", NOW) == (row["ticket"], row["breakGlass"], row["at"])


async def test_what_postern_does_itself_comes_from_nowhere(tables: Tables) -> None:
    [row] = await recorded(tables, fresh_grant().opened(NOW, ()))
    assert ("grantActive", "", "Postern", "") == (row["kind"], row["byId"], row["byName"], row["byAddress"])


async def test_every_kind_that_can_be_recorded_is_in_the_docs(tables: Tables) -> None:
    denial = Decision(CAROL, Verdict.DENIED, NOW)
    first = fresh_grant().occurrence
    changes = [
        *(replace(fresh_grant(), occurrence=replace(first, state=state)) for state in State),
        *(asked(), asked().extension_denied(denial), asked().extension_cancelled(NOW, CAROL, "")),
        *(pending().approved(denial), asked().extended(NOW, NOW, CAROL)),
    ]
    kinds = {str(row["kind"]) for change in changes for row in await recorded(tables, change)}
    assert 16 == len(kinds)
    assert set() == {kind for kind in kinds if f"`{kind}`" not in PAGE}
