"""What every `Network` port promises, where it is an instance's gate that is read and written."""

from datetime import timedelta
from itertools import count

import pytest

from emulator.aws import IMAGE
from shared.domain.claims import Claim
from shared.domain.exposure import leaks
from shared.domain.machines import MachineId
from shared.domain.planning import Plan, plan
from shared.domain.policies import Origin
from shared.domain.ranges import Ranges
from shared.domain.rules import Access, Flush
from shared.ports import Conflict, NotFound, Rejected, Unavailable
from tests.adapters.aws import SCOPE, Aws, Instance, permission
from tests.adapters.driving import closed, drive, granted, locked
from tests.domain.values import NOW, OFFICE, rule

_NUMBERS = count(1)
WEB = permission("tcp", "443", "0.0.0.0/0", "everybody")
SSH = permission("tcp", "22", "0.0.0.0/0", "for a while")


def fresh(aws: Aws, *permissions: dict[str, object]) -> Instance:
    return aws.launch(f"machine-{next(_NUMBERS)}", *permissions)


async def address_of(aws: Aws, one: Instance) -> str:
    [place] = (await aws.network().machine(one.id)).endpoints
    return place.address


async def test_an_instance_is_a_machine_with_its_gate_before_each_address(aws: Aws) -> None:
    one = fresh(aws)
    machine = await aws.network().machine(one.id)
    [place] = machine.endpoints
    assert (one.id, "eu-west-1", "Linux") == (machine.id, machine.location, machine.system)
    assert ((one.gate,), True) == (place.path, place.nic.startswith(f"{one.id}/networkInterfaces/eni-"))
    assert 1 == len(machine.public_addresses)


async def test_an_instance_is_found_in_any_case(aws: Aws) -> None:
    one = fresh(aws)
    assert one.id == (await aws.network().machine(MachineId(str(one.id).upper()))).id


@pytest.mark.parametrize("name", ["i-00000000000000000", "nobody"])
async def test_an_instance_that_is_not_there_is_not_found(aws: Aws, name: str) -> None:
    id_ = MachineId(f"{SCOPE}/{name}")
    for look in (aws.network().machine(id_), aws.network().group(id_.gate)):
        with pytest.raises(NotFound):
            await look


@pytest.mark.parametrize("wrong", [("aws-123456789012", "aws-210987654321"), ("1111-1111", "1111-2222")])
async def test_an_instance_in_a_place_that_postern_was_not_told_of_is_not_taken_for_gone(
    aws: Aws, wrong: tuple[str, str]
) -> None:
    id_ = MachineId(str(fresh(aws).id).replace(*wrong))
    for look in (aws.network().machine(id_), aws.network().group(id_.gate)):
        with pytest.raises(Unavailable, match="not told to guard") as told:
            await look
        assert timedelta(minutes=5) == told.value.retry_after


async def test_a_terminated_instance_is_not_found(aws: Aws) -> None:
    one = fresh(aws, SSH)
    aws.ec2.terminate_instances(InstanceIds=[one.id.name])
    with pytest.raises(NotFound):
        await aws.network().group(one.gate)


async def test_a_gate_shows_the_rules_of_its_groups_and_denies_all_else(aws: Aws) -> None:
    one = fresh(aws, SSH)
    nsg = (await aws.network().group(one.gate)).nsg
    [shown], [default] = nsg.rules, nsg.defaults
    [stands] = aws.documents(one.group)
    assert shown.does_the_same_as(rule(f"4000 any Allow Tcp 22 from 0.0.0.0/0 to {await address_of(aws, one)}"))
    assert (True, "for a while", 65500, Access.DENY) == (
        shown.name.startswith(stands["SecurityGroupRuleId"]),
        shown.description,
        default.priority,
        default.access,
    )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (permission("-1", "*", "10.0.0.0/8"), "* *"),
        (permission("udp", "500-4500", "10.0.0.0/8"), "Udp 500-4500"),
        (permission("icmp", "*", "10.0.0.0/8"), "Icmp *"),
        (permission("icmp", "8-0", "10.0.0.0/8"), "Icmp *"),
        (permission("50", "*", "10.0.0.0/8"), "Esp *"),
        (permission("47", "*", "10.0.0.0/8"), "Esp *"),
    ],
)
async def test_protocols_and_ports_are_shown_as_the_engine_knows_them(
    aws: Aws, written: dict[str, object], shown: str
) -> None:
    one = fresh(aws, written)
    [found] = (await aws.network().group(one.gate)).nsg.rules
    assert found.does_the_same_as(rule(f"4000 x Allow {shown} from 10.0.0.0/8 to {await address_of(aws, one)}"))


async def test_a_rule_that_is_locked_is_moved_aside_with_everything_and_comes_back(aws: Aws) -> None:
    one, network = fresh(aws, WEB), aws.network()
    aws.authorize(one.group, SSH, team="green")
    before = aws.rules(one.group)
    machine = await network.machine(one.id)
    lock = locked(machine, Ranges.of((22, 22)))
    nsg = await drive(network, one.gate, [lock])
    assert (["postern-lock"], ["tcp 443-443 from 0.0.0.0/0 everybody"]) == (
        [found.name[:12] for found in nsg.ours],
        aws.rules(one.group),
    )
    assert ["tcp 22-22 from 0.0.0.0/0 for a while team=green"] == aws.rules(aside(aws, one))
    await drive(network, one.gate, [closed(lock)])
    assert (before, []) == (aws.rules(one.group), asides(aws, one))


async def test_what_a_lock_leaves_of_a_rule_goes_on_being_let_in(aws: Aws) -> None:
    one, network = fresh(aws, permission("tcp", "20-25", "10.0.0.0/8")), aws.network()
    machine = await network.machine(one.id)
    await drive(network, one.gate, [locked(machine, Ranges.of((22, 22)))])
    lines = [line.split(" postern-keep-")[0] for line in aws.rules(one.group)]
    assert ["tcp 20-21 from 10.0.0.0/8", "tcp 23-25 from 10.0.0.0/8"] == lines


async def test_a_lock_from_the_internet_leaves_the_inside_of_a_rule(aws: Aws) -> None:
    one, network = fresh(aws, SSH, permission("tcp", "22", "10.1.0.0/16")), aws.network()
    machine = await network.machine(one.id)
    await drive(network, one.gate, [locked(machine, origin=Origin.INTERNET)])
    inside = {line.split(" ")[3] for line in aws.rules(one.group)}
    assert {"10.0.0.0/8", "10.1.0.0/16", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"} == inside


async def test_a_grant_opens_for_its_sources_and_closes_again(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    machine = await network.machine(one.id)
    lock, grant = locked(machine), granted(machine, "22", OFFICE, "198.51.100.0/24")
    await drive(network, one.gate, [lock, grant])
    assert ["tcp 22-22 from 198.51.100.0/24", "tcp 22-22 from 203.0.113.7/32"] == sources_in(aws, one)
    [rule_] = [found for found in aws.rules(one.group) if f"from {OFFICE}/32" in found]
    assert f"postern-open-{grant.grant}-1 Postern grant {grant.grant} until 2026-11-22T13:00:00Z for Ann" in rule_
    await drive(network, one.gate, [lock, closed(grant)])
    assert [] == aws.rules(one.group)


async def test_of_two_grants_for_the_same_the_end_of_one_leaves_the_other(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    machine = await network.machine(one.id)
    lock, ann, bob = locked(machine), granted(machine), granted(machine, grant="1" * 24)
    await drive(network, one.gate, [lock, ann, bob])
    [shared] = aws.documents(one.group)
    nsg = await drive(network, one.gate, [lock, closed(ann), bob])
    assert [shared["SecurityGroupRuleId"]] == [found["SecurityGroupRuleId"] for found in aws.documents(one.group)]
    assert ["postern-open-" + "1" * 24 + "-1"] == [found.name for found in nsg.ours if "open" in found.name]
    [left] = aws.rules(one.group)
    assert ("postern-open-" + "1" * 24 in left, ann.grant in left) == (True, False)
    await drive(network, one.gate, [lock, closed(bob)])
    assert [] == aws.rules(one.group)


async def test_a_rule_that_somebody_adds_outranks_the_lock_until_the_next_repair(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    machine = await network.machine(one.id)
    lock = locked(machine)
    held = await drive(network, one.gate, [lock])
    aws.authorize(one.group, SSH)
    torn = (await network.group(one.gate)).nsg
    through = [leak.rule for leak in leaks(lock, {one.gate.lower(): torn})]
    assert ((), [torn.foreign[0].name]) == (leaks(lock, {one.gate.lower(): held}), through)
    again = await drive(network, one.gate, [lock])
    assert ((), []) == (leaks(lock, {one.gate.lower(): again}), aws.rules(one.group))


async def test_a_grant_whose_rule_somebody_widened_is_put_right(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    machine = await network.machine(one.id)
    claims: list[Claim] = [locked(machine), granted(machine)]
    await drive(network, one.gate, claims)
    [rule_] = aws.documents(one.group)
    wide = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    change = {"SecurityGroupRuleId": rule_["SecurityGroupRuleId"], "SecurityGroupRule": wide}
    aws.ec2.modify_security_group_rules(GroupId=one.group, SecurityGroupRules=[change])
    assert "*" != (await network.group(one.gate)).nsg.foreign[0].sources[0]
    await drive(network, one.gate, claims)
    assert ["tcp 22-22 from 203.0.113.7/32"] == sources_in(aws, one)


async def test_a_plan_for_an_older_gate_is_a_conflict(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    machine = await network.machine(one.id)
    old = await network.group(one.gate)
    aws.authorize(one.group, WEB)
    with pytest.raises(Conflict):
        await network.apply(old, plan(old.nsg, [locked(machine)], NOW))
    assert 2 == len(aws.rules(one.group))


async def test_sessions_cannot_be_ended(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    after = await network.apply(await network.group(one.gate), Plan((), flush=Flush(on=True, ours=True)))
    assert (Flush(), "security groups of Amazon EC2 cannot end sessions") == (after.nsg.flush, after.unflushable)


async def test_nothing_is_attached_taken_off_or_deleted(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    await network.attach("nic", one.gate)
    await network.detach("nic", one.gate)
    assert (None, 1) == (await network.discard(one.gate), len(aws.rules(one.group)))


async def test_a_group_that_others_use_too_is_not_locked_and_says_who(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    made = aws.ec2.run_instances(ImageId=IMAGE, MinCount=1, MaxCount=1, SecurityGroupIds=[one.group])
    other = made["Instances"][0]["InstanceId"]
    nsg = (await network.group(one.gate)).nsg
    assert all(part in nsg.hurdle for part in (one.group, other, "give", "a group of its own"))
    with pytest.raises(Rejected, match=other):
        await drive(network, one.gate, [locked(await network.machine(one.id))])
    assert 1 == len(aws.rules(one.group))


async def test_a_source_group_means_its_members_and_one_elsewhere_everybody(aws: Aws) -> None:
    member = fresh(aws)
    one = fresh(aws, permission("tcp", "22", member.group))
    [found] = (await aws.network().group(one.gate)).nsg.rules
    assert (await address_of(aws, member),) == found.sources


async def test_a_prefix_list_means_its_prefixes(aws: Aws) -> None:
    made = aws.ec2.create_managed_prefix_list(
        PrefixListName="offices", MaxEntries=5, AddressFamily="IPv4", Entries=[{"Cidr": "198.51.100.0/24"}]
    )
    one = fresh(aws, permission("tcp", "22", made["PrefixList"]["PrefixListId"]))
    [found] = (await aws.network().group(one.gate)).nsg.rules
    assert ("198.51.100.0/24",) == found.sources


async def test_when_the_instance_is_gone_its_rules_go_back_to_their_group(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    lock = locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    aws.ec2.terminate_instances(InstanceIds=[one.id.name])
    with pytest.raises(NotFound):
        await drive(network, one.gate, [closed(lock)])
    assert (["tcp 22-22 from 0.0.0.0/0 for a while"], []) == (aws.rules(one.group), asides(aws, one))


async def test_rules_of_two_groups_come_back_each_to_its_own(aws: Aws) -> None:
    one, network = fresh(aws, SSH), aws.network()
    second = aws.ec2.create_security_group(GroupName=f"{one.group}-2", Description="two")["GroupId"]
    aws.authorize(second, SSH)
    aws.ec2.modify_instance_attribute(InstanceId=one.id.name, Groups=[one.group, second])
    lock = locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    assert ([], [], 2) == (aws.rules(one.group), aws.rules(second), len(asides(aws, one)))
    await drive(network, one.gate, [closed(lock)])
    assert (1, 1, []) == (len(aws.rules(one.group)), len(aws.rules(second)), asides(aws, one))


async def test_when_a_group_has_no_room_for_a_grant_it_is_refused_by_name(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    many = [permission("tcp", "80", f"10.0.{number}.0/24") for number in range(60)]
    aws.authorize(one.group, *many)
    machine = await network.machine(one.id)
    with pytest.raises(Rejected, match="RulesPerSecurityGroupLimitExceeded") as refused:
        await drive(network, one.gate, [locked(machine, Ranges.of((22, 22))), granted(machine)])
    assert f"postern-open-{granted(machine).grant}-1" == refused.value.rule


async def test_when_a_group_has_no_room_what_a_lock_left_makes_room_for_the_rule_itself(aws: Aws) -> None:
    one, network = fresh(aws, permission("tcp", "20-25", "0.0.0.0/0")), aws.network()
    lock = locked(await network.machine(one.id), Ranges.of((22, 22)))
    await drive(network, one.gate, [lock])
    aws.authorize(one.group, *[permission("tcp", "80", f"10.0.{number}.0/24") for number in range(58)])
    await drive(network, one.gate, [closed(lock)])
    assert (59, ["tcp 20-25 from 0.0.0.0/0"], []) == (
        len(aws.rules(one.group)),
        [line for line in aws.rules(one.group) if "80-80" not in line],
        asides(aws, one),
    )


def asides(aws: Aws, one: Instance) -> list[str]:
    return [name for name in aws.groups() if name.startswith(f"postern-aside-{one.id.name}")]


def aside(aws: Aws, one: Instance) -> str:
    [name] = asides(aws, one)
    found = aws.ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])
    return str(found["SecurityGroups"][0]["GroupId"])


def sources_in(aws: Aws, one: Instance) -> list[str]:
    return [" ".join(line.split(" ")[:4]) for line in aws.rules(one.group)]
