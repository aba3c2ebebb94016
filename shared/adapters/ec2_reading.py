"""Instances and their gates, from what EC2 tells: of one instance, or of all in a region in a few calls.

What cannot be resolved counts for everybody: a prefix list that may not be read, a group of another account. Nothing is
ever taken to let in less than it does.

Source: Amazon EC2 API Reference, "DescribeInstances", "DescribeNetworkInterfaces", "GetManagedPrefixListEntries".
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from shared.adapters.ec2_client import Calls, Forbidden, Refusal
from shared.adapters.ec2_gate import Aside, Gate, Interface
from shared.adapters.ec2_rules import INSTANCE_TAG, Ingress, Source, read_ingress, read_tags
from shared.adapters.ec2_views import EVERYBODY, Members
from shared.aws_settings import Place
from shared.domain.machines import MachineId
from shared.ports import NotFound, Unavailable

type Json = Mapping[str, Any]

ORIGIN_TAG: Final = "postern-from"
"""On a group of ours: the group whose rules are put aside in it."""

_OVER: Final = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True)
class Evidence:
    """What EC2 told, of one instance or of a region, at one time."""

    account: str
    instances: Sequence[Json]
    rules: Sequence[Ingress]
    own_groups: Sequence[Json]
    interfaces: Sequence[Json]
    lists: Mapping[str, tuple[str, ...]]  # Those prefix lists that could be read.

    @cached_property
    def by_id(self) -> Mapping[str, Json]:
        """The instances that are not over, by id."""
        return {str(one["InstanceId"]): one for one in self.instances if one["State"]["Name"] not in _OVER}

    @cached_property
    def left_over(self) -> frozenset[str]:
        """The instances of which something of ours is left, whether they are there or not."""
        groups = {dict(read_tags(group)).get(INSTANCE_TAG, "") for group in self.own_groups}
        return frozenset((groups | {one.instance for one in self.rules if one.mark}) - {""})

    def gate(self, id_: MachineId) -> Gate:
        """The gate of an instance; an empty one, where there is no such instance and nothing of ours is left of it."""
        instance = self.by_id.get(id_.name, {})
        interfaces = tuple(_interfaces(instance))
        groups = {group for nic in interfaces for group in nic.groups}
        asides = tuple(self._asides(id_.name))
        hidden = {aside.group for aside in asides}
        mine = [one for one in self.rules if one.group in groups or (one.mark and one.instance == id_.name)]
        standing = tuple(sorted((one for one in mine if one.group not in hidden), key=lambda one: one.id))
        return Gate(
            id_,
            str(instance.get("VpcId") or ""),
            interfaces,
            standing,
            asides,
            self._others(id_.name, groups),
            {str(group["GroupId"]): str(group["GroupName"]) for nic in _nics(instance) for group in nic["Groups"]},
            self._members_of((*standing, *(one for aside in asides for one in aside.rules))),
        )

    def _asides(self, instance: str) -> Iterator[Aside]:
        for group in sorted(self.own_groups, key=lambda one: str(one["GroupId"])):
            tags = read_tags(group)
            if dict(tags).get(INSTANCE_TAG) == instance:
                id_ = str(group["GroupId"])
                rules = tuple(sorted((one for one in self.rules if one.group == id_), key=lambda one: one.id))
                yield Aside(id_, dict(tags).get(ORIGIN_TAG, ""), rules, tags)

    def _others(self, instance: str, groups: Iterable[str]) -> dict[str, tuple[str, ...]]:
        every = {group: tuple(sorted(set(self._users.get(group, ())) - {instance})) for group in groups}
        return {group: others for group, others in every.items() if others}

    @cached_property
    def _users(self) -> Mapping[str, list[str]]:
        """Who uses each group: instances, and interfaces of something else."""
        found: dict[str, list[str]] = {}
        for nic in self.interfaces:
            user = (nic.get("Attachment") or {}).get("InstanceId") or nic["NetworkInterfaceId"]
            for group in nic.get("Groups") or ():
                found.setdefault(str(group["GroupId"]), []).append(str(user))
        return found

    def _members_of(self, rules: Iterable[Ingress]) -> Members:
        return {source: self._members[source] for source in sorted({one.permission.source for one in rules})}

    @cached_property
    def _members(self) -> Members:
        return {source: self._meant_by(source) for source in {one.permission.source for one in self.rules}}

    def _meant_by(self, source: Source) -> tuple[str, ...]:
        if source.kind == "PrefixListId":
            return self.lists.get(source.name, EVERYBODY)
        if source.kind != "GroupId":
            return (source.name,)
        if source.peering or source.owner not in {"", self.account}:
            return EVERYBODY
        nics = [nic for nic in self.interfaces if any(one["GroupId"] == source.name for one in nic.get("Groups") or ())]
        return tuple(sorted({address for nic in nics for address in _addresses(nic)}))


def _nics(instance: Json) -> list[Json]:
    return sorted(
        instance.get("NetworkInterfaces") or (), key=lambda nic: nic.get("Attachment", {}).get("DeviceIndex", 0)
    )


def _interfaces(instance: Json) -> Iterator[Interface]:
    for nic in _nics(instance):
        groups = tuple(str(group["GroupId"]) for group in nic.get("Groups") or ())
        yield Interface(str(nic["NetworkInterfaceId"]), tuple(_addresses(nic)), groups)


def _addresses(nic: Json) -> Iterator[str]:
    yield from (str(one["PrivateIpAddress"]) for one in nic.get("PrivateIpAddresses") or ())
    yield from (str(one["Ipv6Address"]) for one in nic.get("Ipv6Addresses") or ())


def public_addresses(instance: Json) -> tuple[str, ...]:
    """The public IPv4 addresses of an instance; IPv6 addresses are public by themselves."""
    every = (one.get("Association") or {} for nic in _nics(instance) for one in nic.get("PrivateIpAddresses") or ())
    return tuple(sorted({str(one["PublicIp"]) for one in every if one.get("PublicIp")}))


async def look(calls: Calls, place: Place, instance: str) -> Evidence:
    """What EC2 tells of one instance. Raises Unavailable."""
    reservations, own, ours = await asyncio.gather(
        calls.every(place, "DescribeInstances", "Reservations", Filters=_filter("instance-id", [instance])),
        calls.every(
            place, "DescribeSecurityGroups", "SecurityGroups", Filters=_filter(f"tag:{INSTANCE_TAG}", [instance])
        ),
        _rules(calls, place, Filters=_filter(f"tag:{INSTANCE_TAG}", [instance])),
    )
    instances = [one for some in reservations for one in some["Instances"]]
    attached = {group for one in instances for nic in _interfaces(one) for group in nic.groups}
    groups = attached | {str(one["GroupId"]) for one in own}
    rules = await _rules(calls, place, Filters=_filter("group-id", groups)) if groups else []
    every = list({one.id: one for one in (*ours, *rules)}.values())
    sources = {one.permission.source for one in every}
    used = attached | {one.name for one in sources if one.kind == "GroupId"}
    nics = await _interfaces_in(calls, place, used)
    return Evidence(place.account, instances, every, own, nics, await _lists(calls, place, sources))


async def look_at_all(calls: Calls, place: Place) -> Evidence:
    """What EC2 tells of all instances of a region. Raises Unavailable."""
    reservations, own, rules, nics = await asyncio.gather(
        calls.every(place, "DescribeInstances", "Reservations"),
        calls.every(place, "DescribeSecurityGroups", "SecurityGroups", Filters=_filter("tag-key", [INSTANCE_TAG])),
        _rules(calls, place),
        calls.every(place, "DescribeNetworkInterfaces", "NetworkInterfaces"),
    )
    instances = [one for some in reservations for one in some["Instances"]]
    lists = await _lists(calls, place, {one.permission.source for one in rules})
    return Evidence(place.account, instances, rules, own, nics, lists)


def _filter(name: str, values: Iterable[str]) -> list[dict[str, object]]:
    return [{"Name": name, "Values": sorted(values)}]


async def _interfaces_in(calls: Calls, place: Place, groups: Iterable[str]) -> list[Json]:
    wanted = sorted(groups)
    if not wanted:
        return []
    return await calls.every(
        place, "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=_filter("group-id", wanted)
    )


async def _rules(calls: Calls, place: Place, **asked: object) -> list[Ingress]:
    documents = await calls.every(place, "DescribeSecurityGroupRules", "SecurityGroupRules", **asked)
    try:
        return [read_ingress(one) for one in documents if not one.get("IsEgress")]
    except (ValueError, KeyError, TypeError) as error:
        raise Unavailable("a security group rule is described in an unknown way") from error


async def _lists(calls: Calls, place: Place, sources: Iterable[Source]) -> dict[str, tuple[str, ...]]:
    """The prefix lists that may be read."""
    names = sorted({one.name for one in sources if one.kind == "PrefixListId"})
    read = await asyncio.gather(*(_list(calls, place, name) for name in names))
    return {name: prefixes for name, prefixes in zip(names, read, strict=True) if prefixes is not None}


async def _list(calls: Calls, place: Place, name: str) -> tuple[str, ...] | None:
    try:
        entries = await calls.every(place, "GetManagedPrefixListEntries", "Entries", PrefixListId=name)
    except (Forbidden, Refusal, NotFound):
        return None
    return tuple(sorted(str(one["Cidr"]) for one in entries))


async def still_holds_rules(calls: Calls, place: Place, group: str) -> bool:
    """Whether a group has ingress rules, looked at anew."""
    return bool(await _rules(calls, place, Filters=_filter("group-id", [group])))
