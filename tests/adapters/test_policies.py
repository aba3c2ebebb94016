"""What every `Policies` port promises, held against the one in memory and the one on Table Storage."""

from dataclasses import replace

import pytest

from shared.adapters.storage import Tables
from shared.adapters.table_policies import TablePolicies
from shared.domain.guarding import Guarded
from shared.domain.machines import Machine, MachineId
from shared.domain.people import Person
from shared.ports import Conflict, Policies
from tests.adapters.conftest import fresh_machine
from tests.domain.values import NOW, SUBSCRIPTION, endpoint
from tests.services.clock import Clock
from tests.services.memory import MemoryPolicies, Shelf
from tests.services.process import Process
from tests.services.town import POLICY


def guarded(id_: MachineId | None = None) -> Guarded:
    machine = Machine(id_ or fresh_machine(), "westeurope", "Linux", (endpoint(),), ("198.51.100.4",))
    return Guarded(machine, POLICY, 0, NOW, Person("bob", "Bob"))


class PoliciesContract:
    """The promises."""

    async def test_what_was_put_is_got_whole(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        assert stored == await policies.get(stored.value.machine.id)

    async def test_a_machine_is_found_whatever_the_case_of_its_id(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        shouted = MachineId(str(stored.value.machine.id).upper())
        found = await policies.get(shouted)
        assert found == stored
        assert found is not None
        assert str(stored.value.machine.id) == str(found.value.machine.id)

    async def test_what_was_never_put_is_none(self, policies: Policies) -> None:
        assert await policies.get(fresh_machine()) is None

    async def test_a_policy_is_not_created_twice(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        with pytest.raises(Conflict):
            await policies.put(stored.value, None)

    async def test_a_policy_is_replaced_with_its_etag(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        again = await policies.put(replace(stored.value, revision=1), stored.etag)
        assert again == await policies.get(stored.value.machine.id)
        assert again.etag != stored.etag

    async def test_an_old_etag_replaces_nothing(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        newer = await policies.put(replace(stored.value, revision=1), stored.etag)
        with pytest.raises(Conflict):
            await policies.put(replace(stored.value, revision=9), stored.etag)
        assert newer == await policies.get(stored.value.machine.id)

    async def test_a_policy_is_removed_with_its_etag_only(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        newer = await policies.put(replace(stored.value, revision=1), stored.etag)
        with pytest.raises(Conflict):
            await policies.remove(stored)
        await policies.remove(newer)
        assert await policies.get(stored.value.machine.id) is None

    async def test_a_policy_that_was_removed_meanwhile_is_not_replaced(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        await policies.remove(stored)
        with pytest.raises(Conflict):
            await policies.put(replace(stored.value, revision=1), stored.etag)

    async def test_removing_what_is_gone_is_no_error(self, policies: Policies) -> None:
        stored = await policies.put(guarded(), None)
        await policies.remove(stored)
        await policies.remove(stored)

    async def test_all_are_listed_by_subscription_in_any_case(self, policies: Policies) -> None:
        mine = [(await policies.put(guarded(), None)).value.machine.id for _ in range(3)]
        listed = [stored.value.machine.id async for stored in policies.all(SUBSCRIPTION.upper())]
        assert set(mine) <= set(listed)
        assert [] == [stored async for stored in policies.all("99999999-1111-1111-1111-111111111111")]


class TestMemoryPolicies(PoliciesContract):
    """In memory."""

    @pytest.fixture
    def policies(self) -> Policies:
        return MemoryPolicies(Shelf(), Process(), Clock())


class TestTablePolicies(PoliciesContract):
    """On Table Storage."""

    @pytest.fixture
    def policies(self, tables: Tables) -> Policies:
        return TablePolicies(tables)
