"""Ingress rules of security groups as values, read from EC2's JSON and written into its calls.

Source: Amazon EC2 API Reference, "SecurityGroupRule", "IpPermission", "AuthorizeSecurityGroupIngress".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.domain.rules import KEEP_MARK, OPEN_MARK

type Json = Mapping[str, Any]

INSTANCE_TAG: Final = "postern-instance"
"""On everything that Postern makes: the instance that it is for."""

ALL: Final = "-1"
_NUMBERED: Final = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_WITH_NUMBERS: Final = frozenset({"tcp", "udp", "icmp", "icmpv6"})  # Ports, or type and code.
_UNWRITABLE: Final = re.compile(r"[^ \w.\-:/()#,@\[\]+=&;{}!$*]", re.ASCII)
_LONGEST: Final = 255
_SIGNED: Final = re.compile(rf"{OPEN_MARK}(?P<grant>[0-9a-z]{{24}})-\d+ Postern grant (?P=grant) until ")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Where traffic comes from: `kind` is the name that EC2 has for it."""

    kind: str  # CidrIpv4, CidrIpv6, PrefixListId or GroupId.
    name: str
    owner: str = ""  # The account of a group.
    peering: str = ""  # The connection to the network of a group, when it is in another.


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """What an ingress rule lets in. A group has no two rules with the same one."""

    protocol: str  # As EC2 writes it: tcp, udp, icmp, icmpv6, another's number, or -1 for all.
    first: int  # A port, or the type of ICMP; -1 for all.
    last: int  # A port, or the code of ICMP; -1 for all.
    source: Source


@dataclass(frozen=True, slots=True)
class Ingress:
    """An ingress rule as it stands in a group."""

    id: str
    group: str
    permission: Permission
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> str | None:
        """Which of our marks its description begins with; None for a rule of somebody else's."""
        text = self.description.lower()
        return next((mark for mark in (OPEN_MARK, KEEP_MARK) if text.startswith(mark)), None)

    @property
    def is_signed(self) -> bool:
        """Whether its description is word for word one that Postern writes for a grant."""
        return _SIGNED.match(self.description) is not None

    @property
    def instance(self) -> str:
        """The instance that Postern made it for, by its tag; empty when there is none."""
        return dict(self.tags).get(INSTANCE_TAG, "")


def read_ingress(document: Json) -> Ingress:
    """A rule from EC2's JSON. Raises KeyError, ValueError where it is described in an unknown way."""
    protocol = _NUMBERED.get(str(document["IpProtocol"]), str(document["IpProtocol"]))
    numbered = protocol in _WITH_NUMBERS
    first, last = (int(document[name]) if numbered else -1 for name in ("FromPort", "ToPort"))
    return Ingress(
        str(document["SecurityGroupRuleId"]),
        str(document["GroupId"]),
        Permission(protocol, first, last, _source(document)),
        str(document.get("Description") or ""),
        read_tags(document),
    )


def read_tags(document: Json) -> tuple[tuple[str, str], ...]:
    """The tags of a resource, by name."""
    return tuple(sorted((str(one["Key"]), str(one.get("Value") or "")) for one in document.get("Tags") or ()))


def _source(document: Json) -> Source:
    for kind in ("CidrIpv4", "CidrIpv6", "PrefixListId"):
        if name := document.get(kind):
            return Source(kind, str(name))
    group = document["ReferencedGroupInfo"]
    return Source(
        "GroupId",
        str(group["GroupId"]),
        str(group.get("UserId") or ""),
        str(group.get("VpcPeeringConnectionId") or ""),
    )


def write_permission(permission: Permission, description: str) -> dict[str, object]:
    """What is to be authorized, as EC2 wants it."""
    source, told = permission.source, {"Description": description} if description else {}
    ports = {} if permission.protocol == ALL else {"FromPort": permission.first, "ToPort": permission.last}
    group = {"GroupId": source.name, "UserId": source.owner, "VpcPeeringConnectionId": source.peering}
    name, value = {
        "CidrIpv4": ("IpRanges", {"CidrIp": source.name}),
        "CidrIpv6": ("Ipv6Ranges", {"CidrIpv6": source.name}),
        "PrefixListId": ("PrefixListIds", {"PrefixListId": source.name}),
        "GroupId": ("UserIdGroupPairs", {key: text for key, text in group.items() if text}),
    }[source.kind]
    return {"IpProtocol": permission.protocol, **ports, name: [{**value, **told}]}


def write_tags(tags: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Tags as EC2 wants them. Those that AWS has put there itself nobody else may write."""
    return [{"Key": name, "Value": value} for name, value in tags if not name.lower().startswith("aws:")]


def describe(text: str) -> str:
    """A text as a description of a rule may be."""
    return _UNWRITABLE.sub("_", text)[:_LONGEST]
