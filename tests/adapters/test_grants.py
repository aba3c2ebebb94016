"""What every `Grants` port promises, held against the one in memory and the one on Table Storage."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from shared.adapters.storage import Tables, read_all
from shared.adapters.table_audit import TableAudit
from shared.adapters.table_grants import TableGrants
from shared.domain.grants import GrantFilter, Occurrence, PlacedRule
from shared.domain.lifecycle import Reason, State
from shared.domain.people import Person
from shared.ports import Conflict, Grants
from tests.adapters.conftest import ANN, BOB, fresh_grant, fresh_machine
from tests.domain.values import NOW
from tests.services.clock import Clock
from tests.services.memory import MemoryGrants, Shelf
from tests.services.process import Process

LATER = NOW + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Subject:
    """The port, and a look at the audit behind it: what states of a grant are on record, in order."""

    grants: Grants
    recorded: Callable[[str], Awaitable[list[str]]]


class GrantsContract:
    """The promises."""

    async def test_what_was_added_is_got_whole(self, subject: Subject) -> None:
        stored = await subject.grants.add(fresh_grant())
        assert stored == await subject.grants.get(stored.value.id)

    async def test_every_field_survives(self, subject: Subject) -> None:
        grant = replace(fresh_grant(), nsgs=("/a", "/b"), justification="Ä <&> 'x'", duration=None)
        opened = replace(grant.opened(LATER, (PlacedRule("/a", "rule", 100),)), detail="x", reason=Reason.BLOCKED)
        stored = await subject.grants.add(opened)
        found = await subject.grants.get(grant.id)
        assert found == stored
        assert found is not None
        assert found.value == opened

    async def test_an_unknown_id_is_none(self, subject: Subject) -> None:
        assert await subject.grants.get(fresh_grant().id) is None

    async def test_an_id_is_taken_once(self, subject: Subject) -> None:
        stored = await subject.grants.add(fresh_grant())
        with pytest.raises(Conflict):
            await subject.grants.add(stored.value)

    async def test_a_change_needs_the_present_etag(self, subject: Subject) -> None:
        stored = await subject.grants.add(fresh_grant())
        opened = await subject.grants.save(stored, stored.value.opened(LATER, ()))
        with pytest.raises(Conflict):
            await subject.grants.save(stored, stored.value.ended(LATER, Reason.REVOKED))
        assert opened == await subject.grants.get(stored.value.id)

    async def test_each_change_is_on_record_exactly_once(self, subject: Subject) -> None:
        stored = await subject.grants.add(fresh_grant())
        opened = await subject.grants.save(stored, stored.value.opened(LATER, ()))
        ended = await subject.grants.save(opened, opened.value.ended(LATER, Reason.DEADLINE))
        gone = await subject.grants.save(ended, ended.value.gone(LATER))
        await subject.grants.record(gone.value)
        expected = ["opening", "active", "closing", "expired"]
        assert expected == await subject.recorded(stored.value.id)

    async def test_a_change_that_met_a_conflict_is_not_on_record(self, subject: Subject) -> None:
        stored = await subject.grants.add(fresh_grant())
        await subject.grants.save(stored, stored.value.opened(LATER, ()))
        with pytest.raises(Conflict):
            await subject.grants.save(stored, stored.value.ended(LATER, Reason.REVOKED))
        assert ["opening", "active"] == await subject.recorded(stored.value.id)

    async def test_unfinished_are_those_of_one_machine_that_are_not_over(self, subject: Subject) -> None:
        machine = fresh_machine()
        living = await subject.grants.add(fresh_grant(machine))
        await subject.grants.add(replace(fresh_grant(machine), state=State.EXPIRED))
        await subject.grants.add(fresh_grant())
        assert [living] == list(await subject.grants.unfinished(machine))

    async def test_pages_show_the_newest_first_and_each_grant_once(self, subject: Subject) -> None:
        machine = fresh_machine()
        ids = [(await subject.grants.add(fresh_grant(machine, after=number))).value.id for number in range(5)]
        seen: list[str] = []
        token: str | None = None
        for _ in range(4):
            page, token = await subject.grants.page(GrantFilter(machine=machine), 2, token)
            seen += [grant.id for grant in page]
            if token is None:
                break
        assert ids[::-1] == seen
        assert token is None

    async def test_a_list_shows_one_requestor_s_grants(self, subject: Subject) -> None:
        ann, bob = Person(f"{fresh_machine().name}/#?", "Ann"), Person(fresh_machine().name, "Bob")
        mine = await subject.grants.add(fresh_grant(requestor=ann))
        await subject.grants.add(fresh_grant(requestor=bob))
        page, token = await subject.grants.page(GrantFilter(requestor=ann.id), 10, None)
        assert ([mine.value], None) == (list(page), token)

    async def test_filters_narrow_together(self, subject: Subject) -> None:
        machine = fresh_machine()
        mine = await subject.grants.add(fresh_grant(machine, ANN))
        await subject.grants.add(fresh_grant(machine, BOB))
        await subject.grants.add(replace(fresh_grant(machine, ANN), state=State.FAILED))
        wanted = GrantFilter(machine, ANN.id, frozenset({"opening", "active"}))
        page, _ = await subject.grants.page(wanted, 10, None)
        assert [mine.value] == list(page)

    async def test_the_grants_of_a_machine_since_a_time_are_found_and_no_others(self, subject: Subject) -> None:
        machine = fresh_machine()
        kept = [await subject.grants.add(fresh_grant(machine, after=seconds)) for seconds in (0, 60, 120)]
        await subject.grants.add(fresh_grant(after=90))
        found = await subject.grants.since(machine, kept[1].value.requested_at)
        assert [kept[1].value, kept[2].value] == list(found)

    async def test_what_a_caller_has_waiting_is_found_on_all_machines_until_it_no_longer_waits(
        self, subject: Subject
    ) -> None:
        eve = Person(f"{fresh_machine().name}/#?", "Eve")
        first = Occurrence(0, State.PENDING, NOW, eve)
        kept = [
            await subject.grants.add(replace(fresh_grant(requestor=eve), state=state, occurrence=first))
            for state in (State.PENDING, State.SCHEDULED, State.OPENING)
        ]
        await subject.grants.add(fresh_grant(requestor=BOB))
        assert {kept[0].value.id, kept[1].value.id} == {grant.id for grant in await subject.grants.waiting(eve.id)}
        await subject.grants.save(kept[0], kept[0].value.ended(NOW, Reason.CANCELLED, eve))
        assert [kept[1].value] == list(await subject.grants.waiting(eve.id))

    async def test_a_token_of_somebody_else_s_making_is_refused(self, subject: Subject) -> None:
        with pytest.raises(ValueError, match="token"):
            await subject.grants.page(GrantFilter(), 10, "' or 1 eq 1")


class TestMemoryGrants(GrantsContract):
    """In memory."""

    @pytest.fixture
    def subject(self) -> Subject:
        shelf = Shelf()

        async def recorded(id_: str) -> list[str]:
            return [str(shelf.records[key].occurrence.state) for key in sorted(shelf.records) if key[1] == id_]

        return Subject(MemoryGrants(shelf, Process(), Clock()), recorded)


class TestTableGrants(GrantsContract):
    """On Table Storage."""

    @pytest.fixture
    def subject(self, tables: Tables) -> Subject:
        async def recorded(id_: str) -> list[str]:
            table = await tables.table("audit")
            rows = [row async for row in read_all(table, "grant eq @id", id=id_)]
            return [str(row["kind"]).removeprefix("grant").lower() for row in rows]

        return Subject(TableGrants(tables, TableAudit(tables)), recorded)
