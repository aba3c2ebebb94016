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
from itertools import batched
from typing import Any, Final

from shared.adapters.ec2_asides import names_for, read_moved
from shared.adapters.ec2_client import Calls, Forbidden, Refusal
from shared.adapters.ec2_gate import Aside, Gate, Interface
from shared.adapters.ec2_rules import INSTANCE_TAG, Ingress, Source, read_ingress, read_tags
from shared.adapters.ec2_views import EVERYBODY, Members
from shared.aws_settings import Place
from shared.domain.machines import MachineId
from shared.ports import NotFound, Unavailable

type Json = Mapping[str, Any]

type Listing = tuple[str, str]
"""A list by its name in the API, and what the answer holds it under."""

_GROUPS: Final = ("DescribeSecurityGroups", "SecurityGroups")
_INTERFACES: Final = ("DescribeNetworkInterfaces", "NetworkInterfaces")
_RULES: Final = ("DescribeSecurityGroupRules", "SecurityGroupRules")
_MOST_VALUES: Final = 200  # In one filter.
_OVER: Final = frozenset({"shutting-down", "terminated"})


@dataclass(frozen=True)
class Evidence:
    """What EC2 told, of one instance or of a region, at one time."""

    account: str
    instances: Sequence[Json]
    rules: Sequence[Ingress]
    groups: Sequence[Json]  # Security groups: those of the instances, ours, and those that ours are for.
    interfaces: Sequence[Json]
    lists: Mapping[str, tuple[str, ...]]  # Those prefix lists that could be read.

    @cached_property
    def by_id(self) -> Mapping[str, Json]:
        """The instances that are not over, by id."""
        return {str(one["InstanceId"]): one for one in self.instances if one["State"]["Name"] not in _OVER}

    @cached_property
    def left_over(self) -> frozenset[str]:
        """The instances of which something of ours is left, whether they are there or not."""
        return frozenset({*self._asides, *(one.instance for one in self.rules if one.mark and one.instance)})

    def gate(self, id_: MachineId) -> Gate:
        """The gate of an instance; an empty one, where there is no such instance and nothing of ours is left of it."""
        instance = self.by_id.get(id_.name, {})
        interfaces = tuple(_interfaces(instance))
        groups = {group for nic in interfaces for group in nic.groups}
        asides = self._asides.get(id_.name, ())
        hidden = {aside.group for aside in asides}
        mine = [one for one in self.rules if one.group in groups or (one.mark and one.instance == id_.name)]
        standing = tuple(sorted((one for one in mine if one.group not in hidden), key=lambda one: one.id))
        return Gate(
            id_,
            interfaces,
            standing,
            asides,
            self._others(id_.name, groups),
            {str(group["GroupId"]): str(group["GroupName"]) for nic in _nics(instance) for group in nic["Groups"]},
            {one: self._vpcs[one] for one in groups | {aside.origin for aside in asides} if one in self._vpcs},
            self._members_of((*standing, *(one for aside in asides for one in aside.rules))),
        )

    @cached_property
    def _vpcs(self) -> Mapping[str, str]:
        return {str(group["GroupId"]): str(group.get("VpcId") or "") for group in self.groups}

    @cached_property
    def _asides(self) -> Mapping[str, tuple[Aside, ...]]:
        """The groups of ours, by instance. One that is used, or lies elsewhere, is a group like any other."""
        found: dict[str, tuple[Aside, ...]] = {}
        for group in sorted(self.groups, key=lambda one: str(one["GroupId"])):
            id_, moved = str(group["GroupId"]), read_moved(group)
            if moved is None or id_ in self._users or group.get("OwnerId") != self.account:
                continue
            if self._vpcs.get(moved.origin, self._vpcs[id_]) == self._vpcs[id_]:
                rules = tuple(sorted((one for one in self.rules if one.group == id_), key=lambda one: one.id))
                aside = Aside(id_, moved.origin, rules, read_tags(group))
                found[moved.instance] = (*found.get(moved.instance, ()), aside)
        return found

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
        _by(calls, place, _GROUPS, "group-name", [names_for(instance)]),
        _by(calls, place, _RULES, f"tag:{INSTANCE_TAG}", [instance]),
    )
    instances = [one for some in reservations for one in some["Instances"]]
    attached = {group for one in instances for nic in _interfaces(one) for group in nic.groups}
    groups = attached | {str(one["GroupId"]) for one in own}
    origins = {moved.origin for one in own if (moved := read_moved(one))}
    rules, others = await asyncio.gather(
        _by(calls, place, _RULES, "group-id", groups), _by(calls, place, _GROUPS, "group-id", attached | origins)
    )
    every = list({one.id: one for one in _read([*ours, *rules])}.values())
    sources = {one.permission.source for one in every}
    used = groups | {one.name for one in sources if one.kind == "GroupId"}
    nics = await _by(calls, place, _INTERFACES, "group-id", used)
    known = list({str(one["GroupId"]): one for one in (*own, *others)}.values())
    return Evidence(place.account, instances, every, known, nics, await _lists(calls, place, sources))


async def look_at_all(calls: Calls, place: Place) -> Evidence:
    """What EC2 tells of all instances of a region. Raises Unavailable."""
    reservations, groups, documents, nics = await asyncio.gather(
        calls.every(place, "DescribeInstances", "Reservations"),
        calls.every(place, *_GROUPS),
        calls.every(place, *_RULES),
        calls.every(place, *_INTERFACES),
    )
    instances = [one for some in reservations for one in some["Instances"]]
    rules = _read(documents)
    lists = await _lists(calls, place, {one.permission.source for one in rules})
    return Evidence(place.account, instances, rules, groups, nics, lists)


def _filter(name: str, values: Iterable[str]) -> list[dict[str, object]]:
    return [{"Name": name, "Values": list(values)}]


async def _by(calls: Calls, place: Place, listing: Listing, name: str, values: Iterable[str]) -> list[Json]:
    """What a filter lets through, in as many calls as it takes; nothing, where it names nothing."""
    batches = batched(sorted(values), _MOST_VALUES, strict=False)
    found = await asyncio.gather(*(calls.every(place, *listing, Filters=_filter(name, some)) for some in batches))
    return [one for some in found for one in some]


def _read(documents: Iterable[Json]) -> list[Ingress]:
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
    return bool(_read(await _by(calls, place, _RULES, "group-id", [group])))


async def still_stands(calls: Calls, place: Place, group: str) -> bool:
    """Whether there is such a security group, looked at anew."""
    return bool(await _by(calls, place, _GROUPS, "group-id", [group]))
