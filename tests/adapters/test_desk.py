"""What every desk promises: claims that nobody overwrites unseen, and a lease that one holds at a time."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.adapters.storage import Tables
from shared.adapters.table_desk import TableDesk
from shared.domain.claims import PENDING, Claim, Finding, Outcome, Wanted
from shared.domain.grants import PlacedRule
from shared.ports import Conflict, Desk, Entry, Lease
from tests.adapters.conftest import fresh_machine
from tests.domain.values import LATER, NOW, lock, opening
from tests.services.clock import Clock
from tests.services.memory import MemoryDesk, Shelf
from tests.services.process import Process

SOON = NOW + timedelta(seconds=15)
DONE = Outcome(Finding.FULFILLED, (PlacedRule("nsg", "rule", 100),))


def fresh_group() -> str:
    return str(fresh_machine()).replace("Compute/virtualMachines", "Network/networkSecurityGroups")


async def posted(desk: Desk, nsg: str, claim: Claim | None = None) -> Entry:
    claim = claim or opening()
    await desk.post(nsg, claim)
    return (await desk.entries(nsg))[claim.key]


class DeskContract:
    """The promises of claims."""

    async def test_a_claim_is_pending_and_whole(self, desk: Desk) -> None:
        nsg = fresh_group()
        claims: list[Claim] = [opening(sources=("203.0.113.7", "*")), lock()]
        for claim in claims:
            await desk.post(nsg, claim)
        found = await desk.entries(nsg)
        assert {claim.key: (claim, PENDING) for claim in claims} == {
            key: (entry.claim, entry.outcome) for key, entry in found.items()
        }

    async def test_each_group_has_a_desk_of_its_own_whatever_the_case_of_its_name(self, desk: Desk) -> None:
        nsg, other = fresh_group(), fresh_group()
        await desk.post(nsg, opening())
        assert {} == await desk.entries(other)
        assert list(await desk.entries(nsg)) == list(await desk.entries(nsg.upper()))

    async def test_posting_takes_the_place_of_an_earlier_claim_and_makes_it_pending(self, desk: Desk) -> None:
        nsg = fresh_group()
        entry = await posted(desk, nsg)
        await desk.conclude(nsg, {entry: DONE})
        again = await posted(desk, nsg, replace(opening(), wanted=Wanted.ABSENT))
        assert (PENDING, Wanted.ABSENT) == (again.outcome, again.claim.wanted)

    async def test_offering_leaves_an_earlier_claim_alone(self, desk: Desk) -> None:
        nsg = fresh_group()
        entry = await posted(desk, nsg, replace(opening(), wanted=Wanted.ABSENT))
        await desk.offer(nsg, opening())
        assert {entry.claim.key: entry} == await desk.entries(nsg)

    async def test_offering_a_new_claim_posts_it(self, desk: Desk) -> None:
        nsg = fresh_group()
        await desk.offer(nsg, opening())
        assert [opening()] == [entry.claim for entry in (await desk.entries(nsg)).values()]

    async def test_amending_keeps_what_was_seen(self, desk: Desk) -> None:
        nsg, longer = fresh_group(), replace(opening(), ends_at=LATER + timedelta(hours=1))
        entry = await posted(desk, nsg)
        await desk.conclude(nsg, {entry: DONE})
        await desk.amend(nsg, (await desk.entries(nsg))[entry.claim.key], longer)
        found = (await desk.entries(nsg))[entry.claim.key]
        assert (longer, DONE) == (found.claim, found.outcome)

    async def test_amending_what_has_changed_or_gone_is_a_conflict(self, desk: Desk) -> None:
        nsg = fresh_group()
        old = await posted(desk, nsg)
        new = await posted(desk, nsg)
        with pytest.raises(Conflict):
            await desk.amend(nsg, old, opening())
        await desk.conclude(nsg, {new: None})
        with pytest.raises(Conflict):
            await desk.amend(nsg, new, opening())

    async def test_concluding_records_and_takes_off(self, desk: Desk) -> None:
        nsg = fresh_group()
        gone, kept = await posted(desk, nsg), await posted(desk, nsg, lock())
        await desk.conclude(nsg, {gone: None, kept: DONE})
        assert {kept.claim.key: DONE} == {key: entry.outcome for key, entry in (await desk.entries(nsg)).items()}

    async def test_concluding_is_all_or_nothing_when_a_claim_has_changed(self, desk: Desk) -> None:
        nsg = fresh_group()
        old, other = await posted(desk, nsg), await posted(desk, nsg, lock())
        new = await posted(desk, nsg)
        with pytest.raises(Conflict):
            await desk.conclude(nsg, {other: DONE, old: DONE})
        assert {new.claim.key: new, other.claim.key: other} == await desk.entries(nsg)

    async def test_concluding_what_is_off_the_desk_is_a_conflict(self, desk: Desk) -> None:
        nsg = fresh_group()
        entry = await posted(desk, nsg)
        await desk.conclude(nsg, {entry: None})
        with pytest.raises(Conflict):
            await desk.conclude(nsg, {entry: None})

    async def test_many_claims_are_concluded_together(self, desk: Desk) -> None:
        nsg = fresh_group()
        claims = [opening(grant=f"{number:024}") for number in range(130)]
        await asyncio.gather(*(desk.post(nsg, claim) for claim in claims))
        await desk.conclude(nsg, dict.fromkeys((await desk.entries(nsg)).values(), DONE))
        assert [DONE] * 130 == [entry.outcome for entry in (await desk.entries(nsg)).values()]


class LeaseContract:
    """The promises of the lease."""

    async def test_one_holds_it_at_a_time(self, desk: Desk) -> None:
        nsg = fresh_group()
        held = await asyncio.gather(*(desk.acquire(nsg, f"holder-{number}", SOON, NOW) for number in range(5)))
        assert 1 == len([lease for lease in held if lease])

    async def test_what_was_given_back_is_free(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert lease
        await desk.release(lease)
        assert await desk.acquire(nsg, "two", SOON, NOW)

    async def test_what_has_run_out_is_free_and_not_before(self, desk: Desk) -> None:
        nsg = fresh_group()
        await desk.acquire(nsg, "one", SOON, NOW)
        almost = SOON - timedelta(microseconds=1)
        assert await desk.acquire(nsg, "two", LATER, almost) is None
        assert await desk.acquire(nsg, "two", LATER, SOON)

    async def test_a_renewed_lease_lasts_longer(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert lease
        await desk.renew(lease, LATER)
        assert await desk.acquire(nsg, "two", LATER, SOON) is None

    async def test_a_lost_lease_is_not_renewed(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert lease
        await desk.acquire(nsg, "two", LATER, SOON)
        with pytest.raises(Conflict):
            await desk.renew(lease, LATER)

    async def test_giving_back_a_lost_lease_takes_nothing_from_the_next_holder(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert lease
        await desk.acquire(nsg, "two", LATER, SOON)
        await desk.release(lease)
        assert await desk.acquire(nsg, "three", LATER, SOON) is None

    async def test_giving_back_after_renewing_frees_it(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert lease
        await desk.release(await desk.renew(lease, LATER))
        assert await desk.acquire(nsg, "two", SOON, NOW)

    async def test_renewing_a_lease_that_was_given_back_is_a_conflict(self, desk: Desk) -> None:
        nsg = fresh_group()
        lease = await desk.acquire(nsg, "one", SOON, NOW)
        assert isinstance(lease, Lease)
        await desk.release(lease)
        with pytest.raises(Conflict):
            await desk.renew(lease, LATER)

    async def test_the_lease_is_no_claim(self, desk: Desk) -> None:
        nsg = fresh_group()
        await desk.acquire(nsg, "one", SOON, NOW)
        assert {} == await desk.entries(nsg)


class TestMemoryDesk(DeskContract, LeaseContract):
    """In memory."""

    @pytest.fixture
    def desk(self) -> Desk:
        return MemoryDesk(Shelf(), Process(), Clock())


class TestTableDesk(DeskContract, LeaseContract):
    """On Table Storage."""

    @pytest.fixture
    def desk(self, tables: Tables) -> Desk:
        return TableDesk(tables)
