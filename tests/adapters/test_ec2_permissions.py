"""The IAM policy that is shipped allows what is called, and nothing else."""

import json
from itertools import count
from pathlib import Path

from shared.domain.claims import Claim
from shared.domain.ranges import Ranges
from tests.adapters.aws import Aws, Recorded, permission
from tests.adapters.driving import closed, drive, granted, locked
from tests.domain.values import SUBSCRIPTION

_POLICY = Path(__file__).parents[2] / "infra" / "aws" / "policy.json"
_NUMBERS = count(1)


async def test_the_policy_has_exactly_the_actions_that_are_called(aws: Aws) -> None:
    calls = Recorded(aws.calls)
    listed = aws.ec2.create_managed_prefix_list(PrefixListName="some", MaxEntries=1, AddressFamily="IPv4")
    rules = [permission("tcp", "22", "0.0.0.0/0"), permission("tcp", "22", listed["PrefixList"]["PrefixListId"])]
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
    every = [statement["Action"] for statement in json.loads(_POLICY.read_text("utf-8"))["Statement"]]
    return sorted(action for some in every for action in ([some] if isinstance(some, str) else some))
