"""Amazon EC2 as moto plays it: the ports under test, and its owner's view of what stands in the security groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from emulator.aws import launch
from emulator.environment import AWS_ACCOUNT, AWS_REGION
from shared.adapters.ec2_client import Calls, Ec2, Json
from shared.adapters.ec2_inventory import Ec2Inventory
from shared.adapters.ec2_network import Ec2Network
from shared.aws_settings import AwsSettings, Place
from shared.domain.machines import MachineId
from shared.ports import Clock
from tests.domain.values import SUBSCRIPTION
from tests.services.process import Crash

PLACE = Place(AWS_ACCOUNT, AWS_REGION)
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/aws-{AWS_ACCOUNT}-{AWS_REGION}/providers/Amazon.EC2/instances"


@dataclass(slots=True)
class Recorded:
    """Calls of EC2 that are written down; the process dies before one of its writes, when it is told to."""

    calls: Calls
    dies_at: int | None = None
    made: list[str] = field(default_factory=list)
    writes: int = 0

    async def call(self, place: Place, operation: str, /, **parameters: object) -> Json:
        """One call."""
        self.writes += 1
        if self.writes == self.dies_at:
            raise Crash(operation)
        self.made.append(operation)
        return await self.calls.call(place, operation, **parameters)

    async def every(self, place: Place, operation: str, key: str, /, **parameters: object) -> list[Json]:
        """All pages of a list."""
        self.made.append(operation)
        return await self.calls.every(place, operation, key, **parameters)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance and its own security group."""

    id: MachineId
    group: str

    @property
    def gate(self) -> str:
        """What stands for a network security group of it."""
        return self.id.gate


def sign_in(port: int, clock: Clock) -> Ec2:
    """EC2 as Postern sees it, with the role that its token gives."""
    settings = AwsSettings((PLACE,), "api://aws", endpoint=f"http://127.0.0.1:{port}")
    return Ec2(settings, lambda: "a token of Entra ID", clock)


@dataclass(frozen=True, slots=True)
class Aws:
    """A region of an account."""

    ec2: Any
    calls: Ec2
    clock: Clock

    def network(self, calls: Calls | None = None) -> Ec2Network:
        """The port."""
        return Ec2Network(calls or self.calls, [PLACE], SUBSCRIPTION, self.clock)

    def inventory(self, calls: Calls | None = None, age: timedelta = timedelta()) -> Ec2Inventory:
        """The other port."""
        return Ec2Inventory(calls or self.calls, PLACE, SUBSCRIPTION, age=age, clock=self.clock)

    def launch(self, name: str, *permissions: Mapping[str, Any]) -> Instance:
        """An instance whose own group lets this in."""
        instance, group = launch(self.ec2, name, *map(dict, permissions))
        return Instance(MachineId(f"{SCOPE}/{instance}"), group)

    def authorize(self, group: str, *permissions: Mapping[str, Any], **tags: str) -> None:
        """Somebody adds rules."""
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        more = {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": listed}]} if listed else {}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions), **more)

    def rules(self, group: str) -> list[str]:
        """What stands in a group, line by line, without the ids, which are new each time."""
        return sorted(map(_line, self.documents(group)))

    def documents(self, group: str) -> list[Json]:
        """The ingress rules of a group."""
        every = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
        return [one for one in every["SecurityGroupRules"] if not one["IsEgress"]]

    def groups(self) -> list[str]:
        """The names of all groups, sorted."""
        return sorted(one["GroupName"] for one in self.ec2.describe_security_groups()["SecurityGroups"])


def _line(rule: Json) -> str:
    group = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
    source = rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or group
    tags = " ".join(f"{tag['Key']}={tag['Value']}" for tag in sorted(rule["Tags"], key=lambda tag: str(tag["Key"])))
    ports = f"{rule['IpProtocol']} {rule['FromPort']}-{rule['ToPort']}"
    return f"{ports} from {source} {rule.get('Description') or ''} {tags}".strip()


def permission(protocol: str, ports: str, source: str, text: str = "") -> dict[str, Any]:
    """What somebody authorizes: a CIDR prefix, a group or a prefix list, by what the source looks like."""
    low, _, high = ("-1", "", "-1") if ports == "*" else ports.partition("-")
    numbers = {} if protocol == "-1" else {"FromPort": int(low), "ToPort": int(high or low)}
    told = {"Description": text} if text else {}
    if source.startswith("sg-"):
        where: dict[str, Any] = {"UserIdGroupPairs": [{"GroupId": source, **told}]}
    elif source.startswith("pl-"):
        where = {"PrefixListIds": [{"PrefixListId": source, **told}]}
    elif ":" in source:
        where = {"Ipv6Ranges": [{"CidrIpv6": source, **told}]}
    else:
        where = {"IpRanges": [{"CidrIp": source, **told}]}
    return {"IpProtocol": protocol, **numbers, **where}
