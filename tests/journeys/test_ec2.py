"""An instance of Amazon EC2 over HTTP: listed, locked, opened for one address, closed, and as it was before."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.aws import NAME, connect
from emulator.box import Box, Site
from emulator.environment import AWS_ACCOUNT, AWS_REGION
from emulator.ports import Ports
from tests.journeys.client import RESOURCE_GROUPS, USER, Json, Postern, read

ANYBODY = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Account:
    """The AWS account as its owner sees it, and the app."""

    postern: Postern
    ec2: Any
    instance: str
    group: str
    subnet: str

    @property
    def id(self) -> str:
        """The instance's id in the app."""
        scope = f"{RESOURCE_GROUPS}/aws-{AWS_ACCOUNT}-{AWS_REGION}"
        return f"{scope}/providers/Amazon.EC2/instances/{self.instance}"

    async def open_to(self) -> dict[int, list[str]]:
        """The ports that are let in, and whence."""
        filters = [{"Name": "group-id", "Values": [self.group]}]
        found = await asyncio.to_thread(self.ec2.describe_security_group_rules, Filters=filters)
        every: dict[int, list[str]] = {}
        for one in found["SecurityGroupRules"]:
            if not one["IsEgress"]:
                every.setdefault(one["FromPort"], []).append(one["CidrIpv4"])
        return every

    async def policy(self, method: str, **policy: object) -> Json:
        """Put the instance under a policy, or take it away."""
        answer = await self.postern.call("administrator", method, f"/api/policies{self.id}", policy or None)
        return read(answer, 200, 201)


@pytest.fixture(scope="module")
async def account(tmp_path_factory: pytest.TempPathFactory, site: Site) -> AsyncIterator[Account]:
    """A box with an AWS beside it, in which one instance runs."""
    ports = Ports.find(start=site.ports.azurite + 11)
    aws = Ports.find(start=site.ports.azurite + 17).postern
    async with Box(Site(ports, tmp_path_factory.mktemp("aws"), machine=site.machine, aws=aws)) as box:
        ec2 = connect(aws)
        [found] = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [NAME]}])["Reservations"]
        [instance] = found["Instances"]
        group = instance["SecurityGroups"][0]["GroupId"]
        yield Account(Postern(box), ec2, instance["InstanceId"], group, instance["SubnetId"])


async def test_an_instance_stands_in_the_list_with_what_is_open(account: Account) -> None:
    shown = await account.postern.row(account.instance)
    assert (account.id, "notConfigured", "openToInternet") == (shown["id"], shown["state"], shown["reasons"][0]["code"])


async def test_an_instance_is_locked_opened_for_one_address_closed_and_set_free(account: Account) -> None:
    before = await account.open_to()
    assert {22: [ANYBODY], 443: [ANYBODY]} == before
    told = await account.policy("PUT", ports=[{"number": 22}], lock={"keepOpen": [443]})
    assert ("holds", {443: [ANYBODY]}) == (told["lock"]["state"], await account.open_to())
    ports = [{"number": 22, "allowedSourceAddressPrefix": USER}]
    grant = await account.postern.ask({"machine": account.id, "ports": ports, "duration": "PT10M"})
    assert ("active", {22: [f"{USER}/32"], 443: [ANYBODY]}) == (grant["state"], await account.open_to())
    await account.postern.revoke(grant["id"])
    assert "revoked" == (await account.postern.until(grant["id"], "revoked"))["state"]
    assert {443: [ANYBODY]} == await account.open_to()
    await account.policy("DELETE")
    assert before == await account.open_to()


async def test_a_grant_ends_by_itself(account: Account) -> None:
    await account.policy("PUT", ports=[{"number": 22}])
    ports = [{"number": 22, "allowedSourceAddressPrefix": USER}]
    grant = await account.postern.ask({"machine": account.id, "ports": ports, "duration": "PT5S"})
    assert "expired" == (await account.postern.until(grant["id"], "expired", patience=20))["state"]
    assert {} == await account.open_to()
    await account.policy("DELETE")


async def test_a_preview_of_a_lock_writes_nothing(account: Account) -> None:
    before = await account.open_to()
    path = f"/api/policies{account.id}?preview=true"
    told = read(await account.postern.call("administrator", "PUT", path, {"ports": [{"number": 22}]}), 200)
    assert before == await account.open_to()
    assert "postern-lock-all" in str(told)


async def test_what_security_groups_cannot_do_is_refused_by_name(account: Account) -> None:
    policy = {"ports": [{"number": 22}], "endSessions": True}
    answer = await account.postern.call("administrator", "PUT", f"/api/policies{account.id}", policy)
    assert ["endSessionsNotSupported"] == [issue["code"] for issue in read(answer, 422)["issues"]]


async def test_an_instance_that_shares_its_group_is_refused_and_the_answer_says_with_whom(account: Account) -> None:
    nic = account.ec2.create_network_interface(SubnetId=account.subnet, Groups=[account.group])
    id_ = nic["NetworkInterface"]["NetworkInterfaceId"]
    answer = await account.postern.call(
        "administrator", "PUT", f"/api/policies{account.id}", {"ports": [{"number": 22}]}
    )
    account.ec2.delete_network_interface(NetworkInterfaceId=id_)
    [issue] = read(answer, 422)["issues"]
    assert ("groupUnfit", True) == (issue["code"], id_ in issue["message"])
