"""The IAM policy that is shipped allows what is called, and nothing else."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from shared.domain.claims import Claim
from shared.domain.ranges import Ranges
from tests.adapters.aws import Aws, Recorded, permission
from tests.adapters.driving import closed, drive, granted, locked
from tests.domain.values import SUBSCRIPTION

_AWS = Path(__file__).parents[2] / "infra" / "aws"
_NUMBERS = count(1)


async def test_the_policy_has_exactly_the_actions_that_are_called(aws: Aws) -> None:
    calls = Recorded(aws.calls)
    offices = aws.ec2.create_managed_prefix_list(PrefixListName="some", MaxEntries=1, AddressFamily="IPv4")
    rules = [permission("tcp", "22", "0.0.0.0/0"), permission("tcp", "22", offices["PrefixList"]["PrefixListId"])]
    one, network = aws.launch(f"allowed-{next(_NUMBERS)}", *rules), aws.network(calls)
    machine = await network.machine(one.id)
    narrow, whole = locked(machine, Ranges.of((22, 22))), locked(machine)
    ann, bob = granted(machine), granted(machine, grant="1" * 24)
    story: list[list[Claim]] = [[narrow], [whole, ann], [whole, ann, bob], [whole, closed(ann), bob]]
    story.append([closed(whole), closed(bob)])
    for claims in story:
        await drive(network, one.gate, claims)
    await aws.inventory(calls).groups(SUBSCRIPTION)
    assert sorted(f"ec2:{name}" for name in set(calls.made)) == allowed()


def allowed() -> list[str]:
    return sorted({action for statement in statements("policy") for action in listed(statement["Action"])})


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((_AWS / f"{name}.json").read_text("utf-8"))["Statement"]
    return found


def listed(some: str | list[str]) -> list[str]:
    return [some] if isinstance(some, str) else some


def kinds(statement: dict[str, Any]) -> set[str]:
    return {resource.split(":")[-1].removesuffix("/*") for resource in listed(statement["Resource"])}


OURS = {"StringLike": {"aws:ResourceTag/postern-instance": "i-*"}}


@pytest.mark.parametrize(
    ("kind", "made_by"),
    [("security-group", "CreateSecurityGroup"), ("security-group-rule", "AuthorizeSecurityGroupIngress")],
)
def test_tags_are_written_only_on_what_the_app_makes_or_has_made(kind: str, made_by: str) -> None:
    here = [one for one in statements("policy") if "ec2:CreateTags" in listed(one["Action"]) and kind in kinds(one)]
    assert [{"StringEquals": {"ec2:CreateAction": made_by}}, OURS] == [one["Condition"] for one in here]


@pytest.mark.parametrize("action", ["ec2:DeleteTags", "ec2:DeleteSecurityGroup"])
def test_tags_and_groups_are_taken_away_only_where_the_app_made_them(action: str) -> None:
    assert [OURS] == [one["Condition"] for one in statements("policy") if action in listed(one["Action"])]


def test_what_is_reserved_for_the_app_is_denied_to_all_others_only() -> None:
    reserved = statements("reserve")
    role = {"aws:PrincipalArn": "arn:aws:iam::*:role/postern"}
    assert [("Deny", role)] * 3 == [(one["Effect"], one["Condition"]["ArnNotLike"]) for one in reserved]
