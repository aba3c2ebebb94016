"""Whose a rule is: its tags say so, and of a rule that has lost them the exact words of its description."""

from itertools import count

import pytest

from tests.adapters.aws import Aws, Instance, permission
from tests.adapters.driving import closed, drive, granted, locked

_NUMBERS = count(1)
SIGNED = "postern-open-{0}-1 Postern grant {0} until 2026-11-22T13:00:00Z for Ann"


def fresh(aws: Aws, *permissions: dict[str, object]) -> Instance:
    return aws.launch(f"marked-{next(_NUMBERS)}", *permissions)


async def test_a_rule_of_a_grant_that_has_lost_its_tags_goes_when_nobody_claims_it(aws: Aws) -> None:
    one, network = fresh(aws, permission("tcp", "22", "0.0.0.0/0", SIGNED.format("1" * 24))), aws.network()
    await drive(network, one.gate, [])
    assert [] == aws.rules(one.group)


async def test_a_rule_of_a_grant_that_has_lost_its_tags_is_made_anew_while_the_grant_lasts(aws: Aws) -> None:
    one, network = fresh(aws), aws.network()
    claims = [granted(await network.machine(one.id))]
    await drive(network, one.gate, claims)
    [rule_] = aws.documents(one.group)
    aws.ec2.delete_tags(Resources=[rule_["SecurityGroupRuleId"]], Tags=[{"Key": tag["Key"]} for tag in rule_["Tags"]])
    await drive(network, one.gate, claims)
    [again] = aws.rules(one.group)
    assert ("tcp 22-22", True) == (again[:9], f"postern-instance={one.id.name}" in again)


@pytest.mark.parametrize(
    "text",
    [
        "Postern-keep-open the shop",
        "postern-keep-i-1 What a lock leaves of: nothing",
        "postern-open-mine forged",
        SIGNED.format("1" * 24).capitalize(),
        SIGNED.format("1" * 23),
        SIGNED.format("1" * 24).replace("grant 1", "grant 2"),
    ],
)
async def test_a_rule_that_only_sounds_like_ours_stays_its_owners(aws: Aws, text: str) -> None:
    one, network = fresh(aws, permission("tcp", "443", "0.0.0.0/0", text)), aws.network()
    before, lock = aws.rules(one.group), locked(await network.machine(one.id))
    await drive(network, one.gate, [lock])
    assert [] == aws.rules(one.group)
    await drive(network, one.gate, [closed(lock)])
    assert before == aws.rules(one.group)
