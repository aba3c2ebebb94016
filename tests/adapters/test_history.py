"""The record as it is read back: a contract for Table Storage and for its stand-in in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shared.adapters.storage import Tables
from shared.adapters.table_audit import TableAudit
from shared.adapters.table_history import TableHistory
from shared.domain.evidence import Scope
from shared.domain.findings import Found, What
from shared.domain.grants import Grant, GrantPort
from shared.domain.guarding import Guarded, Stage
from shared.domain.lifecycle import Reason, State
from shared.domain.machines import Machine, MachineId
from shared.domain.people import Person
from shared.domain.policies import Policy
from shared.domain.records import Record
from shared.history import History, Recorded
from shared.ports import Audit
from tests.adapters.conftest import ANN, BOB, fresh_grant, fresh_machine
from tests.domain.values import GROUP, NOW, OFFICE, SUBSCRIPTION, TCP, UDP, machine_id
from tests.services.clock import Clock
from tests.services.memory import MemoryAudit, Shelf
from tests.services.past import MemoryHistory
from tests.services.process import Process

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST = 100
_DAYS = count(1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A record to write to and to read from."""

    audit: Audit
    history: History
    shelf: Shelf | None = None

    async def changes(self, *grants: Grant) -> None:
        """Record the latest change of each grant."""
        for grant in grants:
            if self.shelf is not None:
                self.shelf.records[grant.occurrence.at, grant.id, grant.occurrence.number] = grant
            elif isinstance(self.audit, TableAudit):
                await self.audit.grant_changed(grant)

    async def read(
        self, machines: Iterable[MachineId] | None, since: datetime = NOW, until: datetime = NOW + DAY, most: int = MOST
    ) -> Recorded:
        """What is on record about machines."""
        wanted = None if machines is None else frozenset(machines)
        return await self.history.between(Scope((SUBSCRIPTION,), since, until, wanted), most)


@pytest.fixture(params=["tables", "memory"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "memory":
        shelf = Shelf()
        ports = (shelf, Process(), Clock())
        return Kept(MemoryAudit(*ports), MemoryHistory(*ports), shelf)
    tables: Tables = request.getfixturevalue("tables")
    return Kept(TableAudit(tables), TableHistory(tables))


def changed(machine: MachineId, after: timedelta = timedelta(), requestor: Person = ANN) -> Grant:
    """A grant that has just been asked for, some time after noon."""
    grant = fresh_grant(machine, requestor)
    return replace(grant, occurrence=replace(grant.occurrence, at=NOW + after))


def guarded(machine: MachineId, stage: Stage = Stage.GUARDED) -> Guarded:
    return Guarded(Machine(machine, "westeurope", "Linux", ()), Policy(()), 3, NOW + HOUR, BOB, stage)


def ids(found: Recorded) -> list[str]:
    return [record.grant for record in found.records]


async def test_a_change_of_a_grant_comes_back_with_all_that_was_recorded(kept: Kept) -> None:
    machine, by = fresh_machine(), Person("carol", "Carol", OFFICE, "relay")
    ports = (GrantPort((22, 22), TCP, (OFFICE, "10.0.0.0/24")), GrantPort((5000, 5010), UDP, ("*",)))
    grant = replace(changed(machine, HOUR), ports=ports, justification="Why", ticket="INC7", break_glass=True)
    last = replace(grant.occurrence, state=State.REVOKED, by=by, reason=Reason.REVOKED, detail="At once", number=2)
    await kept.changes(replace(grant, occurrence=last))
    [found] = (await kept.read([machine])).records
    expected = Record(
        found.key, NOW + HOUR, "grantRevoked", str(machine), by, grant.id, "ann",
        f"22-22/Tcp {OFFICE} 10.0.0.0/24, 5000-5010/Udp *", "Why", "INC7", break_glass=True, reason="revoked",
        detail="At once",
    )  # fmt: skip
    assert expected == found
    assert UTC is found.at.tzinfo


async def test_what_postern_did_itself_is_by_nobody(kept: Kept) -> None:
    machine = fresh_machine()
    await kept.changes(changed(machine).opened(NOW, ()))
    [found] = (await kept.read([machine])).records
    assert ("grantActive", None, "", False, "ann") == (
        found.kind, found.by, found.reason, found.break_glass, found.requestor
    )  # fmt: skip


@pytest.mark.parametrize(("stage", "kind"), [(Stage.GUARDED, "policySet"), (Stage.REMOVING, "policyRemoved")])
async def test_changes_of_policies_come_back(kept: Kept, stage: Stage, kind: str) -> None:
    machine = fresh_machine()
    await kept.audit.policy_changed(guarded(machine, stage))
    [found] = (await kept.read([machine])).records
    assert Record(found.key, NOW + HOUR, kind, str(machine), BOB) == found


async def test_findings_about_a_group_are_told_to_whoever_asks_about_it(kept: Kept) -> None:
    machine = fresh_machine()
    group = f"{GROUP}-Of-{machine.name}"
    await kept.audit.found(Found(What.LOCK_MISSING, group, NOW, "It was gone."))
    await kept.changes(changed(machine, HOUR))
    scope = Scope((SUBSCRIPTION,), NOW, NOW + DAY, frozenset({machine}), frozenset({group.lower()}))
    opening, finding = (await kept.history.between(scope, MOST)).records
    assert Record(finding.key, NOW, "lockMissing", group, detail="It was gone.") == finding
    assert "grantOpening" == opening.kind
    assert ["grantOpening"] == [one.kind for one in (await kept.read([machine])).records]


async def test_the_newest_is_the_first_across_days(kept: Kept) -> None:
    machine = fresh_machine()
    grants = [changed(machine, number * 7 * HOUR) for number in range(30)]
    await kept.changes(*grants[::2], *grants[1::2])
    found = await kept.read([machine], until=NOW + 30 * DAY)
    assert ([grant.id for grant in reversed(grants)], False) == (ids(found), found.capped)


async def test_of_one_moment_the_latest_change_is_the_first(kept: Kept) -> None:
    machine = fresh_machine()
    grant = changed(machine)
    await kept.changes(grant, grant.opened(NOW, ()))
    assert ["grantActive", "grantOpening"] == [one.kind for one in (await kept.read([machine])).records]


async def test_records_of_one_moment_are_told_apart_by_their_keys(kept: Kept) -> None:
    machine = fresh_machine()
    await kept.changes(changed(machine), changed(machine), changed(machine))
    assert 3 == len({one.key for one in (await kept.read([machine])).records})


WINDOWS = [
    (timedelta(), timedelta(hours=3), [2, 1, 0]),
    (timedelta(hours=1), timedelta(hours=2), [1]),
    (timedelta(hours=1), timedelta(hours=2, microseconds=1), [2, 1]),
    (timedelta(hours=1, microseconds=1), timedelta(hours=2), []),
    (timedelta(hours=3), timedelta(hours=1), []),
    (timedelta(days=-3), timedelta(hours=1), [0]),
    (timedelta(hours=2), timedelta(days=3), [2]),
]


@pytest.mark.parametrize(("since", "until", "expected"), WINDOWS)
async def test_only_the_window_is_told_with_its_beginning_and_without_its_end(
    kept: Kept, since: timedelta, until: timedelta, expected: list[int]
) -> None:
    machine = fresh_machine()
    grants = [changed(machine, number * HOUR) for number in range(3)]
    await kept.changes(*grants)
    found = await kept.read([machine], NOW + since, NOW + until)
    assert [grants[number].id for number in expected] == ids(found)


@pytest.mark.parametrize(("hours", "expected"), [(12, 1), (11, 0)])
async def test_a_window_may_begin_or_end_at_midnight(kept: Kept, hours: int, expected: int) -> None:
    machine, midnight = fresh_machine(), NOW + timedelta(hours=12)
    await kept.changes(changed(machine, timedelta(hours=hours)))
    assert expected == len((await kept.read([machine], midnight, midnight + DAY)).records)
    assert 1 - expected == len((await kept.read([machine], midnight - DAY, midnight)).records)


async def test_only_the_machines_that_are_asked_about_are_told_whatever_the_case(kept: Kept) -> None:
    mine, other = fresh_machine(), fresh_machine()
    grants = [changed(mine), changed(MachineId(str(mine).upper())), changed(other)]
    await kept.changes(*grants)
    assert {grant.id for grant in grants[:2]} == set(ids(await kept.read([MachineId(str(mine).lower())])))
    assert [] == ids(await kept.read([]))


@pytest.mark.parametrize("number", [9, 10, 11, 25])
async def test_many_machines_can_be_asked_about(kept: Kept, number: int) -> None:
    machines = [fresh_machine() for _ in range(number + 1)]
    grants = [changed(machine) for machine in machines]
    await kept.changes(*grants)
    found = await kept.history.between(
        Scope((SUBSCRIPTION,), NOW, NOW + HOUR, frozenset(machines[:number])), MOST, requestor="ann"
    )
    assert {grant.id for grant in grants[:number]} == set(ids(found))


async def test_only_what_is_about_a_requestor_s_own_grants_is_told_where_that_is_wanted(kept: Kept) -> None:
    machine = fresh_machine()
    mine, theirs = changed(machine), changed(machine, requestor=BOB)
    revoked = replace(mine.occurrence, by=BOB, number=1, at=NOW + HOUR, state=State.CLOSING)
    await kept.changes(mine, theirs, replace(mine, occurrence=revoked))
    await kept.audit.policy_changed(guarded(machine))
    scope = Scope((SUBSCRIPTION,), NOW, NOW + DAY, frozenset({machine}))
    found = await kept.history.between(scope, MOST, requestor="ann")
    assert [(mine.id, "grantClosing"), (mine.id, "grantOpening")] == [(one.grant, one.kind) for one in found.records]


@pytest.mark.parametrize(("most", "capped"), [(1, True), (4, True), (5, False), (6, False)])
async def test_never_more_than_is_wanted_is_told_and_that_there_was_more(
    kept: Kept, most: int, *, capped: bool
) -> None:
    machine = fresh_machine()
    grants = [changed(machine, number * DAY) for number in range(5)]
    await kept.changes(*grants)
    found = await kept.read([machine], until=NOW + 30 * DAY, most=most)
    assert ([grant.id for grant in grants[::-1]][:most], capped) == (ids(found), found.capped)


async def test_without_machines_all_of_the_subscriptions_is_told_and_nothing_of_others(kept: Kept) -> None:
    since = NOW + 400 * next(_DAYS) * DAY
    machine = fresh_machine()
    other = MachineId(str(machine).replace(SUBSCRIPTION, "22222222-2222-2222-2222-222222222222"))
    mine, theirs = (changed(one, since - NOW) for one in (machine, other))
    await kept.changes(mine, theirs)
    await kept.audit.found(Found(What.GROUP_MISSING, GROUP, since + HOUR, "It is gone."))
    found = await kept.read(None, since, since + DAY)
    assert [("groupMissing", GROUP), ("grantOpening", str(machine))] == [
        (one.kind, one.subject) for one in found.records
    ]


async def test_a_machine_in_a_group_with_brackets_in_its_name_is_found(kept: Kept) -> None:
    odd = MachineId(str(machine_id()).replace("demo", "demo.(1)"))
    grant = changed(odd)
    await kept.changes(grant)
    assert [grant.id] == ids(await kept.read([odd]))


async def test_a_record_of_before_there_was_a_column_for_its_subject_is_told_in_a_look_at_everything(
    tables: Tables,
) -> None:
    day, machine = NOW - timedelta(days=400), fresh_machine()
    keys = {"PartitionKey": f"{day:%Y-%m-%d}", "RowKey": "12:00:00.000000|old", "at": day}
    table = await tables.table("audit")
    await table.upsert_entity({**keys, "kind": "policySet", "machine": str(machine), "byId": "", "byName": "Postern"})
    scope = Scope((machine.subscription,), day - timedelta(hours=13), day + timedelta(hours=1))
    assert [str(machine)] == [one.subject for one in (await TableHistory(tables).between(scope, 10)).records]
