"""What every index of deadlines and every memory of attempts promises."""

from datetime import datetime, timedelta

import pytest

from shared.adapters.storage import Tables
from shared.adapters.table_dues import TableAttempts, TableDues
from shared.domain.grants import Attempt
from shared.ports import Attempts, Due, Dues
from tests.adapters.conftest import fresh_grant, fresh_machine
from tests.domain.values import NOW
from tests.services.clock import Clock
from tests.services.memory import MemoryAttempts, MemoryDues, Shelf
from tests.services.process import Process


def due(after: timedelta = timedelta()) -> Due:
    return Due(NOW + after, fresh_grant().id)


async def mine(dues: Dues, at: datetime, *noted: Due) -> list[Due]:
    return [found async for found in dues.until(at) if found in noted]


class DuesContract:
    """The promises of deadlines."""

    async def test_what_is_due_is_found_and_what_is_not_is_not(self, dues: Dues) -> None:
        noted = [due(timedelta(seconds=second)) for second in (-1, 0, 1)]
        for item in noted:
            await dues.add(item)
        assert noted[:2] == await mine(dues, NOW, *noted)

    async def test_the_earliest_comes_first_over_hours_and_days(self, dues: Dues) -> None:
        noted = [due(timedelta(hours=hours)) for hours in (-30, -1, 0)]
        for item in reversed(noted):
            await dues.add(item)
        assert noted == await mine(dues, NOW, *noted)

    async def test_a_deadline_holds_to_the_microsecond(self, dues: Dues) -> None:
        item = due(timedelta(microseconds=1))
        await dues.add(item)
        assert [] == await mine(dues, NOW, item)
        assert [item] == await mine(dues, item.at, item)

    async def test_noting_twice_is_noting_once(self, dues: Dues) -> None:
        item = due()
        await dues.add(item)
        await dues.add(item)
        assert [item] == await mine(dues, NOW, item)

    async def test_two_grants_may_be_due_at_once(self, dues: Dues) -> None:
        both = [due(), due()]
        for item in both:
            await dues.add(item)
        assert sorted(both) == sorted(await mine(dues, NOW, *both))

    async def test_what_was_struck_off_is_gone_and_striking_it_off_again_is_no_error(self, dues: Dues) -> None:
        item, other = due(), due()
        await dues.add(item)
        await dues.add(other)
        await dues.remove(item)
        await dues.remove(item)
        assert [other] == await mine(dues, NOW, item, other)


class AttemptsContract:
    """The promises of attempts."""

    async def test_the_first_attempt_under_a_key_stands(self, attempts: Attempts) -> None:
        person = fresh_machine().name
        first = await attempts.first(person, "key", Attempt("digest", "grant"))
        again = await attempts.first(person, "key", Attempt("other", "other"))
        assert [Attempt("digest", "grant")] * 2 == [first, again]

    async def test_keys_belong_to_those_who_send_them(self, attempts: Attempts) -> None:
        first, second = fresh_machine().name, fresh_machine().name
        await attempts.first(first, "key", Attempt("digest", "grant"))
        assert Attempt("other", "other") == await attempts.first(second, "key", Attempt("other", "other"))

    @pytest.mark.parametrize("key", ["/\\#?%", "ключ", "x" * 5000, " ", "a|b"])
    async def test_any_text_is_a_key(self, attempts: Attempts, key: str) -> None:
        person = fresh_machine().name
        await attempts.first(person, key, Attempt("digest", "grant"))
        assert "grant" == (await attempts.first(person, key, Attempt("digest", "other"))).grant

    async def test_keys_that_differ_in_case_differ(self, attempts: Attempts) -> None:
        person = fresh_machine().name
        await attempts.first(person, "key", Attempt("digest", "grant"))
        assert "other" == (await attempts.first(person, "KEY", Attempt("digest", "other"))).grant


class TestMemoryDues(DuesContract):
    """In memory."""

    @pytest.fixture
    def dues(self) -> Dues:
        return MemoryDues(Shelf(), Process(), Clock())


class TestTableDues(DuesContract):
    """On Table Storage."""

    @pytest.fixture
    def dues(self, tables: Tables) -> Dues:
        return TableDues(tables)


class TestMemoryAttempts(AttemptsContract):
    """In memory."""

    @pytest.fixture
    def attempts(self) -> Attempts:
        return MemoryAttempts(Shelf(), Process(), Clock())


class TestTableAttempts(AttemptsContract):
    """On Table Storage."""

    @pytest.fixture
    def attempts(self, tables: Tables) -> Attempts:
        return TableAttempts(tables)
