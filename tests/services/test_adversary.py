"""What an adversarial reader tried of locks that machines share: addresses and groups of others, races, dead ends."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from shared.domain.findings import What
from shared.domain.forecasts import Preview
from shared.domain.inventory import State
from shared.domain.selecting import Filter, Order
from shared.ports import Conflict, NotFound, Unavailable
from shared.services.enabling import Assignment, enable, foretell
from shared.services.machines import page
from shared.services.policies import Removal, disable, foretell_removal
from tests.domain.values import GROUP, STRANGER, endpoint, group
from tests.services.clock import Clock
from tests.services.cloud import Trouble
from tests.services.process import Process
from tests.services.test_freeing import move
from tests.services.town import BARE, BOB, POLICY, WEB_01, WEB_02, Town

CHANGE = Assignment(POLICY, BOB)
DISCARD = Removal(BOB, discards_group=True)


async def together(town: Town, delay: int, *acts: Callable[[], object]) -> None:
    first, second = acts

    async def late() -> None:
        for _ in range(delay):
            await asyncio.sleep(0)
        await second()  # type: ignore[misc]

    await asyncio.gather(first(), late(), return_exceptions=True)  # type: ignore[call-overload]
    assert [] == town.cloud.offences


@pytest.mark.parametrize("delay", range(0, 120, 3))
async def test_enabling_while_the_group_is_being_discarded_never_claims_to_hold_what_is_open(delay: int) -> None:
    town = Town()
    await town.enable(BARE)
    answers: list[object] = []

    async def put() -> None:
        answers.append(await enable(town.world(), BARE, CHANGE))

    await together(town, delay, lambda: disable(town.world(), BARE, DISCARD), put)
    guarded = BARE in town.shelf.policies
    holds = bool(answers) and getattr(answers[0], "leaks", None) == ()
    assert not (guarded and holds and town.passes(22, STRANGER, "10.0.0.7"))
    await town.repair()
    assert town.passes(22, STRANGER, "10.0.0.7") is (BARE not in town.shelf.policies)


@pytest.mark.parametrize("delay", range(0, 90, 3))
async def test_a_group_is_never_put_on_a_machine_whose_policy_is_gone(delay: int) -> None:
    town = Town()
    await together(
        town, delay, lambda: enable(town.world(), BARE, CHANGE), lambda: disable(town.world(), BARE, Removal(BOB))
    )
    await town.repair()
    attached = [place.nic_nsg for place in town.cloud.machines[BARE].endpoints]
    locked = any(nsg.ours for nsg in town.cloud.groups.values())
    assert attached == [None] or locked or BARE not in town.shelf.policies


@dataclass(slots=True)
class Overtaken(Process):
    """A process that somebody else overtakes: before one of its calls another act runs from beginning to end."""

    before: tuple[str, int] = ("", 0)  # The call's name, and which one of that name.
    act: Callable[[], Awaitable[object]] | None = None

    async def call(self, name: str, clock: Clock) -> None:
        """Let the other one go first where it is to."""
        if self.act and (name, self.calls.count(name) + 1) == self.before:
            act, self.act = self.act, None
            await act()
        await Process.call(self, name, clock)


async def test_nothing_is_attached_once_the_policy_was_removed() -> None:
    """The removal runs between the moment in which the lock was seen and the one in which the group is attached."""
    town = Town()
    process = Overtaken(before=("network.machine", 2), act=lambda: disable(town.world(), BARE, Removal(BOB)))
    with pytest.raises(Conflict):
        await town.live(lambda world: enable(world, BARE, CHANGE), process)
    assert [None] == [place.nic_nsg for place in town.cloud.machines[BARE].endpoints]


async def test_a_repair_takes_over_no_group_of_somebody_else() -> None:
    town = Town()
    await town.enable()
    theirs = group("300 theirs Allow Tcp 443 from *", id_=WEB_01.own_nsg)
    town.cloud.put(theirs)
    town.cloud.machines[WEB_01] = replace(town.cloud.machines[WEB_01], endpoints=(replace(endpoint(), nic_nsg=None),))
    report = await town.repair()
    assert theirs.rules == town.cloud.groups[WEB_01.own_nsg.lower()].rules
    assert [None] == [place.nic_nsg for place in town.cloud.machines[WEB_01].endpoints]
    assert any("not made by Postern" in str(problem) for problem in report.problems)


async def test_a_group_that_may_not_be_deleted_keeps_no_policy_from_going() -> None:
    town = Town()
    await town.enable(BARE)
    town.cloud.kept.add(BARE.own_nsg)
    removed = await town.live(lambda world: disable(world, BARE, DISCARD))
    assert ("it may not be deleted", False) == (removed.kept_because, BARE in town.shelf.policies)


@pytest.mark.parametrize("error", [KeyError("odd"), NotFound("odd"), Conflict("odd"), Unavailable("odd")])
@pytest.mark.parametrize("call", ["inventory.machines", "inventory.groups"])
async def test_an_odd_answer_of_the_index_keeps_no_lock_from_being_repaired(call: str, error: Exception) -> None:
    town = Town()
    await town.enable()
    town.cloud.put(replace(town.cloud.groups[GROUP.lower()], rules=town.cloud.groups[GROUP.lower()].foreign))
    await town.repair(Process(away={call: error}))
    assert not town.passes(22, STRANGER)


async def test_a_note_of_the_repair_outdates_no_version_of_an_administrator() -> None:
    town = Town()
    await town.enable(WEB_02)
    version = town.shelf.policies[WEB_02].value.version
    move(town, WEB_02, "10.0.0.9")
    await town.repair()
    await town.live(lambda world: enable(world, WEB_02, Assignment(POLICY, BOB, version)))
    assert 1 == town.shelf.policies[WEB_02].value.revision


async def test_a_finding_is_on_record_although_the_answer_of_the_mending_was_lost() -> None:
    town = Town()
    await town.enable()
    town.cloud.put(replace(town.cloud.groups[GROUP.lower()], rules=town.cloud.groups[GROUP.lower()].foreign))
    town.cloud.troubles.append(Trouble.LOST)
    await town.repair()
    assert [What.LOCK_MISSING] == [found.what for found in town.shelf.findings.values()]


async def test_a_group_that_cannot_be_attached_is_not_said_to_have_been() -> None:
    town = Town()
    await town.enable(BARE)
    bare = replace(endpoint("10.0.0.7"), nic_nsg=None)
    town.cloud.machines[BARE] = replace(town.cloud.machines[BARE], endpoints=(bare,))
    for _ in range(3):
        await town.repair(Process(away={"network.attach": Unavailable("busy")}))
    assert [] == list(town.shelf.findings.values())
    await town.repair()
    await town.repair()
    assert [What.GROUP_MISSING] == [found.what for found in town.shelf.findings.values()]


async def test_a_repair_that_finds_everything_as_it_was_writes_nothing_and_takes_no_lease() -> None:
    town = Town()
    for machine in (WEB_01, WEB_02, BARE):
        await town.enable(machine)
    town.cloud.written.clear()
    process = Process()
    assert () == (await town.repair(process)).problems
    assert [] == town.cloud.written
    assert 1 >= process.calls.count("desk.acquire")


async def test_a_preview_of_machines_that_share_a_group_tells_of_each() -> None:
    town = Town()
    told = await town.live(lambda world: foretell(world, [WEB_01, WEB_02], CHANGE))
    assert [True, True] == [isinstance(one, Preview) for one in told]
    assert [()] * 2 == [one.leaks for one in told if isinstance(one, Preview)]


async def test_a_preview_of_discarding_tells_that_everything_will_be_open() -> None:
    town = Town()
    await town.enable(BARE)
    told = await town.live(lambda world: foretell_removal(world, BARE, DISCARD))
    assert [None] == [way.rule for way in told.open]


async def test_a_list_of_a_subscription_that_is_none_of_ours_is_empty_and_asks_nobody() -> None:
    town = Town()
    process = Process()
    found = await town.live(lambda world: page(world, Filter(subscription="other"), Order(), 10, None), process)
    assert ([], []) == (list(found.rows), process.calls)


async def test_the_list_tells_which_tab_each_machine_is_in() -> None:
    town = Town()
    await town.enable(WEB_02)
    found = await town.live(lambda world: page(world, Filter(), Order(), 10, None))
    assert {State.CONFIGURED: 1, State.NOT_CONFIGURED: 3} == dict(found.counts)


async def test_a_group_of_ours_that_lost_its_tag_is_repaired_all_the_same() -> None:
    town = Town()
    await town.enable(BARE)
    town.cloud.put(replace(town.cloud.groups[BARE.own_nsg.lower()], made_for="", rules=()))
    for _ in range(2):
        await town.repair()
    assert not town.passes(22, STRANGER, "10.0.0.7")


async def test_a_group_of_ours_that_its_owner_replaced_is_not_made_again() -> None:
    town = Town()
    await town.enable(BARE)
    town.cloud.put(group("300 theirs Allow Tcp 443 from *", id_=f"{GROUP}-theirs"))
    theirs = (endpoint("10.0.0.7", f"{GROUP}-theirs"),)
    town.cloud.machines[BARE] = replace(town.cloud.machines[BARE], endpoints=theirs)
    del town.cloud.groups[BARE.own_nsg.lower()]
    for _ in range(2):
        await town.repair()
    assert (False, False) == (BARE.own_nsg.lower() in town.cloud.groups, town.passes(22, STRANGER, "10.0.0.7"))


async def test_a_lock_that_cannot_be_set_is_told_to_be_open() -> None:
    town = Town()
    await town.enable()
    town.cloud.put(replace(town.cloud.groups[GROUP.lower()], rules=town.cloud.groups[GROUP.lower()].foreign))
    town.cloud.troubles.extend([Trouble.UNAVAILABLE] * 40)
    await town.repair()
    assert What.EXPOSED in {found.what for found in town.shelf.findings.values()}


async def test_one_drift_is_one_finding_however_often_the_mending_is_tried() -> None:
    town = Town()
    await town.enable()
    town.cloud.put(replace(town.cloud.groups[GROUP.lower()], rules=town.cloud.groups[GROUP.lower()].foreign))
    town.cloud.troubles.extend([Trouble.CONFLICT, Trouble.TAKEN, Trouble.CONFLICT])
    await town.repair()
    assert [What.LOCK_MISSING] == [found.what for found in town.shelf.findings.values()]


async def test_a_removal_that_was_interrupted_can_be_asked_for_again_with_the_same_version() -> None:
    town = Town()
    await town.enable(WEB_02)
    removal = Removal(BOB, town.shelf.policies[WEB_02].value.version)
    with pytest.raises(Unavailable):
        await town.live(
            lambda world: disable(world, WEB_02, removal), Process(away={"inventory.groups": Unavailable("busy")})
        )
    await town.live(lambda world: disable(world, WEB_02, removal))
    assert WEB_02 not in town.shelf.policies
