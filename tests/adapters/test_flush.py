"""The switch `flushConnection` on ARM: what is sent, what stays, and what is told when it cannot be switched."""

import pytest

from shared.adapters.arm_rules import FLUSH
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import Flush, Rule
from shared.ports import Conflict
from tests.adapters.conftest import Arm
from tests.adapters.test_arm import last_call, leaves, odd_group, writes
from tests.adapters.test_network import LOCK, OPEN, OURS, WEB_NSG, creating

SWITCH_ON = Plan((), flush=OURS)
WHOLE = {"method": "PUT", "path": "web-01-nsg$"}


async def test_everything_else_in_the_group_survives_the_switch(arm: Arm) -> None:
    document = await odd_group(arm)
    document["properties"]["flushConnection"] = False
    await arm.call("PUT", WEB_NSG, document)
    before = await arm.call("GET", WEB_NSG)
    on = await arm.network.apply(await arm.network.group(WEB_NSG), SWITCH_ON)
    switch = {".properties.flushConnection=true", ".properties.flushConnection=false"}
    changed = leaves(before) ^ leaves(await arm.call("GET", WEB_NSG))
    assert switch == {leaf for leaf in changed if not leaf.startswith(f".tags.{FLUSH}")}
    await arm.network.apply(on, Plan((), flush=Flush()))
    assert set() == leaves(before) ^ leaves(await arm.call("GET", WEB_NSG))


async def test_a_switch_is_one_write_of_the_group_whatever_else_is_changed(arm: Arm) -> None:
    observed, since = await arm.network.group(WEB_NSG), await last_call(arm)
    await arm.network.apply(observed, Plan(creating(LOCK).changes, flush=OURS))
    assert ["PUT"] == [call["method"] for call in await writes(arm, since)]


@pytest.mark.parametrize("kind", ["403", "400", "locked", "429"])
@pytest.mark.parametrize("rules", [(), (OPEN,), (LOCK, OPEN)])
async def test_where_the_group_may_not_be_written_rules_are_and_the_switch_is_told_as_refused(
    arm: Arm, kind: str, rules: tuple[Rule, ...]
) -> None:
    await arm.fault(kind, match=WHOLE, times=3)
    after = await arm.network.apply(await arm.network.group(WEB_NSG), Plan(creating(*rules).changes, flush=OURS))
    assert sorted(one.name for one in rules) == sorted(one.name for one in after.nsg.ours)
    assert (Flush(), True) == (after.nsg.flush, WEB_NSG.lower() in after.unflushable.lower())


async def test_a_permission_that_comes_later_is_noticed(arm: Arm) -> None:
    await arm.fault("403", match=WHOLE, times=1)
    refused = await arm.network.apply(await arm.network.group(WEB_NSG), SWITCH_ON)
    assert "permission" in refused.unflushable
    after = await arm.network.apply(await arm.network.group(WEB_NSG), SWITCH_ON)
    assert (OURS, "") == (after.nsg.flush, after.unflushable)


async def test_a_broken_answer_is_a_conflict_and_switches_nothing(arm: Arm) -> None:
    await arm.fault("503", match=WHOLE, times=9)
    with pytest.raises(Conflict):
        await arm.network.apply(await arm.network.group(WEB_NSG), SWITCH_ON)
    assert Flush() == (await arm.network.group(WEB_NSG)).nsg.flush


async def test_a_switch_does_not_keep_a_rule_from_being_deleted(arm: Arm) -> None:
    before = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK, OPEN))
    await arm.fault("403", match=WHOLE, times=1)
    after = await arm.network.apply(before, Plan((Change(Kind.DELETE, OPEN),), flush=OURS))
    assert [LOCK.name] == [one.name for one in after.nsg.ours]
