"""The order of single steps, where what stands is such as only a process that died can leave it."""

from dataclasses import dataclass, field, replace

import pytest

from shared.adapters.ec2_bench import Bench
from shared.adapters.ec2_client import Json, Refusal
from shared.adapters.ec2_gate import Aside, Gate, Interface
from shared.adapters.ec2_moves import carry_out
from shared.adapters.ec2_records import write_record
from shared.adapters.ec2_rules import Ingress, Permission, Source
from shared.aws_settings import Place
from shared.domain.machines import MachineId
from shared.domain.planning import Change, Kind, Plan
from shared.domain.rules import Rule
from shared.ports import Conflict
from tests.adapters.aws import PLACE, SCOPE
from tests.domain.values import rule

ID = MachineId(f"{SCOPE}/i-1")
PERMISSION = Permission("tcp", 20, 21, Source("CidrIpv4", "0.0.0.0/0"))
COPY = Ingress("sgr-copy", "sg-aside", PERMISSION, "theirs", (("team", "green"),))
THEIRS = Ingress("sgr-theirs", "sg-web", PERMISSION, "theirs", (("team", "green"),))
OWN = ("postern-instance", "i-1")
STANDS = "InvalidPermission.Duplicate"
LOCK = rule("3999 postern-lock-all Deny * * from * to 10.0.0.4")
LOCK_OF_ANOTHER = rule("3998 postern-lock-ports-2 Deny Tcp 443 from * to 10.0.0.4")
LOCK_OF_SOME = rule("3999 postern-lock-ports-1 Deny Tcp 20-22 from * to 10.0.0.4")
OPENED = write_record(rule("3998 postern-open-000000000000000000000000-1 Allow Tcp 20-21 from * to 10.0.0.4"))


@dataclass
class Written:
    """An EC2 that writes down what it is told; some of it, it refuses."""

    refuses: dict[str, str] = field(default_factory=dict)
    holds: bool = False
    shown: tuple[str, ...] = ()  # Security groups.
    told: list[str] = field(default_factory=list)

    async def call(self, _place: Place, operation: str, /, **parameters: object) -> Json:
        ids = parameters.get("SecurityGroupRuleIds") or parameters.get("Resources") or [parameters.get("GroupId")]
        assert isinstance(ids, list)
        self.told.append(f"{operation} {ids[0]}")
        if operation in self.refuses:
            raise Refusal(operation, self.refuses[operation])
        return {"SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-new"}]}

    async def every(self, _place: Place, operation: str, _key: str, /, **_parameters: object) -> list[Json]:
        if operation == "DescribeSecurityGroups":
            return [{"GroupId": group} for group in self.shown]
        left = {"SecurityGroupRuleId": "x", "GroupId": "y", "IpProtocol": "-1", "FromPort": -1, "ToPort": -1}
        return [{**left, "CidrIpv4": "0.0.0.0/0"}] if self.holds else []


def gate(*standing: Ingress, copies: tuple[Ingress, ...] = (COPY,), lock: Rule | None = None) -> Gate:
    nics = (Interface("eni-1", ("10.0.0.4",), ("sg-web",)),)
    noted = write_record(lock) if lock else {}
    aside = Aside("sg-aside", "sg-web", copies, (OWN, ("postern-from", "sg-web"), *noted.items()))
    return Gate(ID, nics, standing, (aside,), {}, {}, {"sg-web": "vpc-1"}, {})


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


async def test_a_copy_stays_where_the_group_that_it_is_from_is_only_hidden() -> None:
    calls = Written({"AuthorizeSecurityGroupIngress": "InvalidGroup.NotFound"}, shown=("sg-web",))
    with pytest.raises(Refusal):
        await steps(calls)
    assert ["AuthorizeSecurityGroupIngress sg-web"] == calls.told


async def test_a_rule_that_somebody_has_put_back_is_no_error() -> None:
    told = await steps(Written({"AuthorizeSecurityGroupIngress": STANDS}), THEIRS)
    assert "DeleteSecurityGroup sg-aside" == told[-1]


async def test_a_copy_stays_while_what_stands_in_its_place_may_be_ours() -> None:
    calls = Written({"AuthorizeSecurityGroupIngress": STANDS})
    with pytest.raises(Conflict, match="does not show yet"):
        await steps(calls)
    assert ["AuthorizeSecurityGroupIngress sg-web"] == calls.told


async def test_a_rule_that_ec2_shows_is_put_back_all_the_same_as_it_may_be_gone() -> None:
    assert ["AuthorizeSecurityGroupIngress sg-web", "RevokeSecurityGroupIngress sgr-copy"] == (
        await steps(Written(), THEIRS)
    )[:2]


@pytest.mark.parametrize("refuses", [{}, {"AuthorizeSecurityGroupIngress": STANDS}])
async def test_a_copy_that_ec2_shows_is_made_all_the_same_before_a_rule_goes(refuses: dict[str, str]) -> None:
    calls = Written(refuses)
    await carry_out(Bench(calls, PLACE, gate(THEIRS)), Plan((Change(Kind.CREATE, LOCK),)))
    assert [
        "CreateTags sg-aside",
        "AuthorizeSecurityGroupIngress sg-aside",
        "RevokeSecurityGroupIngress sgr-theirs",
    ] == calls.told


async def test_a_copy_that_ec2_does_not_show_yet_keeps_its_rests_and_its_group() -> None:
    calls = Written({"AuthorizeSecurityGroupIngress": STANDS})
    wide = Ingress("sgr-wide", "sg-web", replace(PERMISSION, last=25), "theirs")
    await carry_out(Bench(calls, PLACE, gate(wide)), Plan((Change(Kind.CREATE, LOCK_OF_SOME),)))
    assert [
        "CreateTags sg-aside",
        "AuthorizeSecurityGroupIngress sg-aside",
        "AuthorizeSecurityGroupIngress sg-web",
        "RevokeSecurityGroupIngress sgr-wide",
    ] == [told for number, told in enumerate(calls.told) if told not in calls.told[:number]]


async def test_a_copy_that_ec2_does_not_show_yet_is_not_put_back_until_it_does() -> None:
    calls = Written({"AuthorizeSecurityGroupIngress": STANDS})
    plan = Plan((Change(Kind.DELETE, LOCK), Change(Kind.CREATE, LOCK_OF_ANOTHER)))
    await carry_out(Bench(calls, PLACE, gate(THEIRS, copies=(), lock=LOCK)), plan)
    assert [
        "CreateTags sg-aside",
        "AuthorizeSecurityGroupIngress sg-aside",
        "RevokeSecurityGroupIngress sgr-theirs",
        "DeleteTags sg-aside",
    ] == calls.told


async def test_a_group_in_which_ec2_still_shows_rules_is_not_deleted() -> None:
    calls = Written(holds=True)
    with pytest.raises(Conflict, match="sg-aside still holds rules"):
        await steps(calls)
    assert "DeleteSecurityGroup sg-aside" not in calls.told


async def test_what_else_ec2_refuses_is_told() -> None:
    with pytest.raises(Refusal):
        await steps(Written({"RevokeSecurityGroupIngress": "InvalidParameterValue"}))
