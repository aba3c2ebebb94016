"""Which security groups are taken for ours: those that bear a name of ours, whatever tags say."""

from dataclasses import dataclass, field
from itertools import count
from typing import cast

import pytest

from shared.adapters.ec2_asides import Moved, name_of, read_moved, words_of
from shared.adapters.ec2_client import Json
from shared.adapters.ec2_reading import Evidence, look
from shared.aws_settings import Place
from shared.domain.exposure import leaks
from tests.adapters.aws import PLACE, Aws, Instance, permission
from tests.adapters.driving import closed, drive, granted, locked

_NUMBERS = count(1)
SSH = permission("tcp", "22", "0.0.0.0/0", "for a while")
TAGS = ("postern-instance", "postern-from")
MOVED = Moved("i-1", "sg-1")


def fresh(aws: Aws, *permissions: dict[str, object]) -> Instance:
    return aws.launch(f"apart-{next(_NUMBERS)}", *permissions)


def tag(aws: Aws, group: str, *values: str) -> None:
    tags = [{"Key": key, "Value": value} for key, value in zip(TAGS, values, strict=False)]
    if tags:
        aws.ec2.create_tags(Resources=[group], Tags=tags)


def make(aws: Aws, name: str, text: str, *values: str) -> str:
    made = str(aws.ec2.create_security_group(GroupName=name, Description=text)["GroupId"])
    aws.authorize(made, SSH)
    tag(aws, made, *values)
    return made


def aside(aws: Aws, one: Instance) -> str:
    [found] = [group for group in aws.ec2.describe_security_groups()["SecurityGroups"] if is_for(group, one)]
    return str(found["GroupId"])


def is_for(group: dict[str, str], one: Instance) -> bool:
    return group["GroupName"] == f"postern-aside-{one.id.name}-{one.group}"


async def test_a_group_of_an_instance_that_is_tagged_as_ours_counts_as_before(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    lock = locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    aws.authorize(one.group, SSH)
    tag(aws, one.group, one.id.name, "sg-00000000")
    assert 1 == len(leaks(lock, {one.gate.lower(): (await network.group(one.gate)).nsg}))
    await drive(network, one.gate, [lock])
    assert ([], 1) == (aws.rules(one.group), len(aws.rules(aside(aws, one))))


@pytest.mark.parametrize("as_ours", [False, True])
async def test_nothing_is_put_into_the_group_of_another_that_somebody_names(aws: Aws, *, as_ours: bool) -> None:
    victim, one, network = fresh(aws), fresh(aws, SSH), aws.network()
    lock = locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    moved = Moved(one.id.name, victim.group)
    if as_ours:
        planted = make(aws, name_of(moved), words_of(moved))
    else:
        planted = make(aws, f"harmless-{victim.group}", "x", one.id.name, victim.group)
    await drive(network, one.gate, [lock, granted(await network.machine(one.id))])
    assert ([], 1) == (aws.rules(victim.group), len(aws.rules(planted)))


@pytest.mark.parametrize("tags", [[], ["i-0123456789abcdef0", "sg-0123456789abcdef0"]])
async def test_whatever_becomes_of_its_tags_what_is_aside_comes_back(aws: Aws, tags: list[str]) -> None:
    one, network = fresh(aws, SSH), aws.network()
    before, lock = aws.rules(one.group), locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    group = aside(aws, one)
    aws.ec2.delete_tags(Resources=[group], Tags=[{"Key": key} for key in TAGS])
    tag(aws, group, *tags)
    await drive(network, one.gate, [lock, granted(await network.machine(one.id))])
    assert 1 == len(aws.rules(group))
    await drive(network, one.gate, [closed(lock)])
    assert before == aws.rules(one.group)


async def test_a_group_of_ours_that_an_interface_uses_is_a_group_like_any_other(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    lock = locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    aws.ec2.modify_instance_attribute(InstanceId=one.id.name, Groups=[one.group, aside(aws, one)])
    [leak] = leaks(lock, {one.gate.lower(): (await network.group(one.gate)).nsg})
    assert leak.rule in {found.name for found in (await network.group(one.gate)).nsg.foreign}


async def test_a_group_of_ours_is_made_in_the_network_of_the_group_that_it_is_for(aws: Aws) -> None:
    vpc = aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    one, network = fresh(aws), aws.network()
    lock = locked(await network.machine(one.id))
    there = aws.ec2.create_security_group(GroupName="there", Description="x", VpcId=vpc)["GroupId"]
    aws.authorize(there, SSH)
    aws.ec2.modify_instance_attribute(InstanceId=one.id.name, Groups=[there])
    await drive(network, one.gate, [lock])
    every = aws.ec2.describe_security_groups()["SecurityGroups"]
    assert [vpc] == [group["VpcId"] for group in every if group["GroupName"].endswith(there)]


@dataclass
class Crowded:
    """An EC2 with an instance in very many groups, which counts the values of each filter."""

    groups: int
    asked: dict[str, list[int]] = field(default_factory=dict)

    async def call(self, _place: Place, operation: str, /, **_parameters: object) -> Json:
        raise AssertionError(operation)

    async def every(self, _place: Place, operation: str, _key: str, /, **parameters: object) -> list[Json]:
        [filter_] = cast("list[dict[str, list[str]]]", parameters["Filters"])
        self.asked.setdefault(operation, []).append(len(filter_["Values"]))
        groups = [{"GroupId": f"sg-{number}", "GroupName": "x"} for number in range(self.groups)]
        nic = {"NetworkInterfaceId": "eni-1", "Groups": groups}
        instance = {"InstanceId": "i-1", "State": {"Name": "running"}, "NetworkInterfaces": [nic]}
        return [{"Instances": [instance]}] if operation == "DescribeInstances" else []


async def test_more_groups_than_one_filter_holds_are_asked_for_in_turns() -> None:
    calls = Crowded(450)
    await look(calls, PLACE, "i-1")
    turns = {operation: sizes for operation, sizes in calls.asked.items() if len(sizes) > 1}
    assert {"DescribeSecurityGroups", "DescribeSecurityGroupRules", "DescribeNetworkInterfaces"} == turns.keys()
    assert all([50, 200, 200] == sorted(sizes)[-3:] for sizes in turns.values())


def document(**other: str) -> Json:
    named = {"GroupName": name_of(MOVED), "Description": words_of(MOVED)}
    return {"GroupId": "sg-2", "OwnerId": "123456789012", "VpcId": "vpc-1", **named, **other}


@pytest.mark.parametrize(
    ("other", "expected"),
    [({}, {"i-1"}), ({"OwnerId": "210987654321"}, set()), ({"VpcId": "vpc-2"}, set())],
)
def test_a_group_of_ours_lies_in_the_account_and_in_the_network_of_what_it_is_for(
    other: dict[str, str], expected: set[str]
) -> None:
    origin = {"GroupId": "sg-1", "GroupName": "web", "VpcId": "vpc-1"}
    assert expected == Evidence("123456789012", [], [], [origin, document(**other)], [], {}).left_over


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("postern-aside-i-1-sg-1", words_of(MOVED), MOVED),
        ("postern-aside-i-1-sg-1", "another", None),
        ("postern-aside-i-1-sg-2", words_of(MOVED), None),
        ("postern-aside-i-1-sg-1-more", words_of(MOVED), None),
        ("Postern-aside-i-1-sg-1", words_of(MOVED), None),
    ],
)
def test_a_group_is_ours_by_its_name_and_its_description(name: str, text: str, expected: Moved | None) -> None:
    assert expected == read_moved({"GroupName": name, "Description": text})
