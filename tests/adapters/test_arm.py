"""The port on ARM: what survives a write, what is sent, and what each of ARM's failures means."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import Access, Rule
from shared.ports import Conflict, NotFound, PriorityTaken, Rejected, Unavailable
from tests.adapters.conftest import Arm
from tests.adapters.test_network import LOCK, OPEN, WEB_NSG, creating
from tests.domain.values import RESOURCES, machine_id, rule

DATA_NSG = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/data-nsg"
WRITES = {"PUT", "DELETE", "PATCH"}
# What ARM itself changes with every write.
_OF_ARM = {"etag", "provisioningState"}


def leaves(document: object, path: str = "") -> set[str]:
    """Every value in a document with its place, but for what ARM changes by itself and our rules."""
    if isinstance(document, Mapping):
        inner = {f"{path}.{name}": value for name, value in document.items() if name not in _OF_ARM}
    elif isinstance(document, list):
        inner = {f"{path}[{_name(one) or place}]": one for place, one in enumerate(document) if not _is_ours(one)}
    else:
        return {f"{path}={json.dumps(document)}"}
    return {leaf for place, value in inner.items() for leaf in leaves(value, place)} or {f"{path}={document!r}"}


def _name(one: object) -> str:
    return str(one.get("name", "")) if isinstance(one, Mapping) else ""


def _is_ours(one: object) -> bool:
    return _name(one).startswith("postern-")


async def writes(arm: Arm, since: int) -> list[dict[str, Any]]:
    return [call for call in await arm.calls(since) if call["method"] in WRITES]


def _path(call: Mapping[str, Any]) -> str:
    return str(call["path"]).partition("?")[0].lower()


async def last_call(arm: Arm) -> int:
    return max((int(call["number"]) for call in await arm.calls()), default=0)


async def odd_group(arm: Arm) -> dict[str, Any]:
    """A group with everything in it that Postern does not know."""
    document = await arm.call("GET", WEB_NSG)
    outbound = {**document["properties"]["securityRules"][0]["properties"], "direction": "Outbound", "priority": 299}
    odd = {"name": "to-the-outside", "properties": {**outbound, "description": "Ä\u00a0<&>"}}
    document["tags"] = {"team": "shop", "Hidden": ""}
    document["properties"]["flushConnection"] = True
    document["properties"]["securityRules"].append(odd)
    await arm.call("PUT", WEB_NSG, document)
    return dict(await arm.call("GET", WEB_NSG))


@pytest.mark.parametrize("rules", [(LOCK,), (LOCK, OPEN)])
async def test_everything_that_postern_does_not_know_survives_a_write(arm: Arm, rules: tuple[Rule, ...]) -> None:
    before = await odd_group(arm)
    after = await arm.network.apply(await arm.network.group(WEB_NSG), creating(*rules))
    assert set() == leaves(before) ^ leaves(await arm.call("GET", WEB_NSG))
    await arm.network.apply(after, Plan(tuple(Change(Kind.DELETE, one) for one in rules)))
    assert set() == leaves(before) ^ leaves(await arm.call("GET", WEB_NSG))


async def test_rules_of_application_security_groups_survive_a_whole_write(arm: Arm) -> None:
    before = await arm.call("GET", DATA_NSG)
    await arm.network.apply(await arm.network.group(DATA_NSG), creating(LOCK, OPEN))
    assert set() == leaves(before) ^ leaves(await arm.call("GET", DATA_NSG))


async def test_one_change_is_one_write_of_the_rule_alone(arm: Arm) -> None:
    observed, since = await arm.network.group(WEB_NSG), await last_call(arm)
    await arm.network.apply(observed, creating(LOCK))
    [only] = await writes(arm, since)
    assert f"{WEB_NSG}/securityRules/{LOCK.name}".lower() == _path(only)


async def test_several_changes_are_one_write_of_the_group(arm: Arm) -> None:
    observed, since = await arm.network.group(WEB_NSG), await last_call(arm)
    await arm.network.apply(observed, creating(LOCK, OPEN))
    [only] = await writes(arm, since)
    assert ("PUT", WEB_NSG.lower()) == (only["method"], _path(only))


async def test_where_groups_may_not_be_written_rules_are_one_by_one_and_that_is_remembered(arm: Arm) -> None:
    await arm.fault("403", match={"method": "PUT", "path": "web-01-nsg$"}, times=9)
    after = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK, OPEN))
    assert [LOCK.name, OPEN.name] == sorted(one.name for one in after.nsg.ours)
    since = await last_call(arm)
    await arm.network.apply(after, Plan(tuple(Change(Kind.DELETE, one) for one in (OPEN, LOCK))))
    assert ["DELETE", "DELETE"] == [call["method"] for call in await writes(arm, since)]


async def test_a_rule_that_a_resource_lock_protects_goes_with_a_write_of_the_group(arm: Arm) -> None:
    before = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK, OPEN))
    await arm.fault("locked", match={"method": "DELETE"}, times=9)
    after = await arm.network.apply(before, Plan((Change(Kind.DELETE, OPEN),)))
    assert [LOCK.name] == [one.name for one in after.nsg.ours]


async def test_where_groups_may_not_be_written_either_a_protected_allow_rule_is_turned_into_a_deny(arm: Arm) -> None:
    before = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK, OPEN))
    await arm.fault("locked", match={"method": "DELETE"}, times=9)
    await arm.fault("403", match={"method": "PUT", "path": "web-01-nsg$"}, times=9)
    made = Plan((Change(Kind.DELETE, OPEN),))
    after = await arm.network.apply(before, made)
    assert made.stands_in(after.nsg)
    assert [Access.DENY, Access.DENY] == [one.access for one in after.nsg.ours]


async def test_a_group_that_arm_does_not_take_whole_is_changed_rule_by_rule(arm: Arm) -> None:
    await arm.fault("400", match={"method": "PUT", "path": "web-01-nsg$"}, times=9)
    after = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK, OPEN))
    assert [LOCK.name, OPEN.name] == sorted(one.name for one in after.nsg.ours)


async def test_a_rule_that_arm_does_not_take_is_named(arm: Arm) -> None:
    observed = await arm.network.group(WEB_NSG)
    await arm.fault("400", match={"method": "PUT"}, times=9)
    with pytest.raises(Rejected) as caught:
        await arm.network.apply(observed, creating(OPEN))
    assert OPEN.name == caught.value.rule


MEANINGS = [
    ("locked", Unavailable),
    ("409", Conflict),
    ("412", Conflict),
    ("retryable", Conflict),
    ("conflict", PriorityTaken),
    ("500", Conflict),
    ("503", Conflict),
    ("403", Unavailable),
]


@pytest.mark.parametrize(("kind", "meaning"), MEANINGS)
async def test_what_arm_answers_to_a_write_has_one_meaning(arm: Arm, kind: str, meaning: type[Exception]) -> None:
    observed = await arm.network.group(WEB_NSG)
    await arm.fault(kind, match={"method": "PUT"}, times=9)
    with pytest.raises(meaning):
        await arm.network.apply(observed, creating(LOCK))


@pytest.mark.parametrize(("kind", "times"), [("429", 1), ("429", 2), ("500", 2), ("503", 1)])
async def test_a_read_that_fails_for_a_moment_is_asked_again(arm: Arm, kind: str, times: int) -> None:
    await arm.fault(kind, match={"method": "GET"}, times=times)
    assert (await arm.network.group(WEB_NSG)).nsg.rules


@pytest.mark.parametrize("kind", ["429", "500", "503", "403"])
async def test_a_read_that_goes_on_failing_never_reads_as_nothing(arm: Arm, kind: str) -> None:
    await arm.fault(kind, match={"method": "GET"}, times=99)
    with pytest.raises(Unavailable):
        await arm.network.group(WEB_NSG)
    with pytest.raises(Unavailable):
        await arm.network.machine(machine_id("web-01"))


async def test_a_write_that_is_throttled_for_a_moment_is_done(arm: Arm) -> None:
    await arm.fault("429", match={"method": "PUT"}, times=2)
    after = await arm.network.apply(await arm.network.group(WEB_NSG), creating(LOCK))
    assert [LOCK.name] == [one.name for one in after.nsg.ours]


@pytest.mark.parametrize("rules", [(LOCK,), (LOCK, OPEN)])
async def test_a_lost_answer_is_a_conflict_and_looking_again_tells(arm: Arm, rules: tuple[Rule, ...]) -> None:
    observed = await arm.network.group(WEB_NSG)
    await arm.fault("lost-answer", match={"method": "PUT"})
    with pytest.raises(Conflict):
        await arm.network.apply(observed, creating(*rules))
    found = (await arm.network.group(WEB_NSG)).nsg.ours
    assert sorted(one.name for one in rules) == sorted(one.name for one in found)


async def test_an_operation_that_ends_in_failure_is_never_taken_for_done(arm: Arm) -> None:
    observed = await arm.network.group(WEB_NSG)
    await arm.fault("failed-operation", match={"method": "PUT"})
    try:
        after = await arm.network.apply(observed, creating(LOCK))
    except (Conflict, Unavailable):
        return
    assert [one.name for one in after.nsg.ours if one.settled] == []


async def test_a_slow_operation_is_waited_for(arm: Arm) -> None:
    observed = await arm.network.group(WEB_NSG)
    await arm.box.post(f"{arm.box.site.emulator}/_box/latency", {"operation": 0.3})
    after = await arm.network.apply(observed, creating(LOCK, OPEN))
    assert after.nsg.settled
    assert all(one.settled for one in after.nsg.rules)


async def test_a_priority_that_an_unseen_rule_has_is_told_as_taken(arm: Arm) -> None:
    observed = await arm.network.group(WEB_NSG)
    with pytest.raises((PriorityTaken, Conflict)):
        await arm.network.apply(observed, creating(rule("310 postern-lock-web-01-1 Deny * * from * to 10.0.0.4")))


async def test_deleting_a_rule_that_is_gone_is_no_harm(arm: Arm) -> None:
    observed = await arm.network.group(WEB_NSG)
    after = await arm.network.apply(observed, Plan((Change(Kind.DELETE, LOCK),)))
    assert () == after.nsg.ours


async def test_a_group_that_was_deleted_meanwhile_is_not_found(arm: Arm) -> None:
    gone = f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/none"
    with pytest.raises(NotFound):
        await arm.network.group(gone)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("multi-01", ["10.0.0.20", "10.0.0.21", "10.0.0.22"]),
        ("router-01", ["10.0.1.10", "10.0.3.10"]),
        ("dual-01", ["10.0.7.4", "fd00:db8:7::4"]),
    ],
)
async def test_every_address_of_a_machine_is_an_endpoint(arm: Arm, name: str, addresses: list[str]) -> None:
    machine = await arm.network.machine(machine_id(name))
    assert addresses == sorted(place.address for place in machine.endpoints)


async def test_the_way_to_a_machine_is_read_as_it_is(arm: Arm) -> None:
    both, bare, balanced = [await arm.network.machine(machine_id(name)) for name in ("both-01", "bare-01", "lb-01")]
    assert ["both-subnet-nsg", "both-01-nsg"] == [nsg.rsplit("/", 1)[1] for nsg in both.endpoints[0].path]
    assert () == bare.endpoints[0].path
    assert [True, False] == [machine.endpoints[0].probed for machine in (balanced, both)]
    assert ("198.51.100.8",) == bare.public_addresses


async def test_every_rule_of_the_demo_world_can_be_read(arm: Arm) -> None:
    names = ("data-nsg", "crowded-01-nsg", "dual-nsg", "voip-01-nsg", "ftp-01-nsg", "build-01-nsg", "router-front-nsg")
    groups = [await arm.network.group(f"{RESOURCES}/Microsoft.Network/networkSecurityGroups/{name}") for name in names]
    assert [2, 60, 2, 2, 1, 1, 1] == [len(observed.nsg.rules) for observed in groups]
