"""The order of single steps, where what stands is such as only a process that died can leave it."""

from dataclasses import dataclass, field

import pytest

from shared.adapters.ec2_bench import Bench
from shared.adapters.ec2_client import Json, Refusal
from shared.adapters.ec2_gate import Aside, Gate, Interface
from shared.adapters.ec2_moves import carry_out
from shared.adapters.ec2_records import write_record
from shared.adapters.ec2_rules import Ingress, Permission, Source
from shared.aws_settings import Place
from shared.domain.machines import MachineId
from shared.domain.planning import Plan
from shared.ports import Conflict
from tests.adapters.aws import PLACE, SCOPE
from tests.domain.values import rule

ID = MachineId(f"{SCOPE}/i-1")
PERMISSION = Permission("tcp", 20, 21, Source("CidrIpv4", "0.0.0.0/0"))
COPY = Ingress("sgr-copy", "sg-aside", PERMISSION, "theirs", (("team", "green"),))
OWN = ("postern-instance", "i-1")
OPENED = write_record(rule("3998 postern-open-000000000000000000000000-1 Allow Tcp 20-21 from * to 10.0.0.4"))


@dataclass
class Written:
    """An EC2 that writes down what it is told; some of it, it refuses."""

    refuses: dict[str, str] = field(default_factory=dict)
    holds: bool = False
    told: list[str] = field(default_factory=list)

    async def call(self, _place: Place, operation: str, /, **parameters: object) -> Json:
        ids = parameters.get("SecurityGroupRuleIds") or [parameters.get("GroupId")]
        assert isinstance(ids, list)
        self.told.append(f"{operation} {ids[0]}")
        if operation in self.refuses:
            raise Refusal(operation, self.refuses[operation])
        return {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-new"}]}

    async def every(self, _place: Place, _operation: str, _key: str, /, **_parameters: object) -> list[Json]:
        left = {"SecurityGroupRuleId": "x", "GroupId": "y", "IpProtocol": "-1", "FromPort": -1, "ToPort": -1}
        return [{**left, "CidrIpv4": "0.0.0.0/0"}] if self.holds else []


def gate(*standing: Ingress) -> Gate:
    nics = (Interface("eni-1", ("10.0.0.4",), ("sg-web",)),)
    aside = Aside("sg-aside", "sg-web", (COPY,), (OWN, ("postern-from", "sg-web")))
    return Gate(ID, "vpc-1", nics, standing, (aside,), {}, {}, {})


async def steps(calls: Written, *standing: Ingress) -> list[str]:
    await carry_out(Bench(calls, PLACE, gate(*standing)), Plan(()))
    return calls.told


async def test_a_rule_is_put_back_before_its_copy_and_the_group_go() -> None:
    wanted = [
        "AuthorizeSecurityGroupIngress sg-web",
        "RevokeSecurityGroupIngress sgr-copy",
        "DeleteSecurityGroup sg-aside",
    ]
    assert wanted == await steps(Written())


async def test_what_a_lock_left_makes_room_for_the_same_rule_of_somebody_else() -> None:
    rest = Ingress("sgr-rest", "sg-web", PERMISSION, "postern-keep-i-1 left", (OWN,))
    assert ["RevokeSecurityGroupIngress sgr-rest", "AuthorizeSecurityGroupIngress sg-web"] == (
        await steps(Written(), rest)
    )[:2]


async def test_where_the_rule_of_a_grant_stands_the_same_of_somebody_else_waits() -> None:
    opened = Ingress("sgr-open", "sg-web", PERMISSION, "postern-open-0", (OWN, *OPENED.items()))
    assert [] == await steps(Written(), opened)


async def test_the_rules_of_a_group_that_is_gone_are_gone() -> None:
    told = await steps(Written({"AuthorizeSecurityGroupIngress": "InvalidGroup.NotFound"}))
    assert ["RevokeSecurityGroupIngress sgr-copy", "DeleteSecurityGroup sg-aside"] == told[1:]


@pytest.mark.parametrize("code", ["InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound"])
async def test_what_is_gone_already_is_no_error(code: str) -> None:
    assert "DeleteSecurityGroup sg-aside" == (await steps(Written({"RevokeSecurityGroupIngress": code})))[-1]


async def test_what_stands_already_is_no_error() -> None:
    told = await steps(Written({"AuthorizeSecurityGroupIngress": "InvalidPermission.Duplicate"}))
    assert "DeleteSecurityGroup sg-aside" == told[-1]


async def test_a_group_in_which_ec2_still_shows_rules_is_not_deleted() -> None:
    calls = Written(holds=True)
    with pytest.raises(Conflict, match="sg-aside still holds rules"):
        await steps(calls)
    assert "DeleteSecurityGroup sg-aside" not in calls.told


async def test_what_else_ec2_refuses_is_told() -> None:
    with pytest.raises(Refusal):
        await steps(Written({"RevokeSecurityGroupIngress": "InvalidParameterValue"}))
